using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Up;

namespace Bsp.Benchmarks;

/// <summary>
/// What it costs to find out who calls: requests one after the other on one connection, anonymous, with an API key and with a session in
/// turn, so that all three meet the same machine. They ask for a method that the
/// address does not have: the routing answers 405 and no handler adds anything, and below /v1 only after the caller was found, allowed and
/// counted.
/// </summary>
internal static class AuthenticationBench
{
    private const int Blocks = 60;
    private const int BlockRequests = 100;
    private const int WarmUpBlocks = 20;
    private const string Password = "correct horse battery";

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        await using var installation = await Installation.StartAsync(ct);
        var (key, session) = await CallersAsync(installation, ct);
        using var anonymous = new Asking(installation, "/health/live", null);
        using var withKey = new Asking(installation, "/v1/plans", key);
        using var withSession = new Asking(installation, "/v1/plans", session);
        Asking[] all = [anonymous, withKey, withSession];
        for (var block = -WarmUpBlocks; block < Blocks; block++)
        {
            foreach (var asking in all)
            {
                await asking.BlockAsync(BlockRequests, keep: block >= 0, ct);
            }
        }

        Tell(report, "API key", withKey, anonymous);
        Tell(report, "session", withSession, anonymous);
    }

    private static void Tell(Report report, string who, Asking asking, Asking anonymous)
    {
        report.Add(new($"authentication: request with {who}, p50", asking.Times.Median(), "ms", anonymous.Times.Median(),
            "the same without: anonymous 405"));
        report.Add(new($"authentication: added by {who}, p50 (mark: 0.2 ms)", asking.Times.Median() - anonymous.Times.Median(), "ms"));
        report.Add(new($"authentication: request with {who}, p99", asking.Times.Percentile(0.99), "ms", anonymous.Times.Percentile(0.99),
            "anonymous 405"));
        report.Add(new($"authentication: processor time of the API a request with {who}", asking.ProcessorMs, "ms", anonymous.ProcessorMs,
            "anonymous 405"));
    }

    private static async Task<(string Key, string Session)> CallersAsync(Installation installation, CancellationToken ct)
    {
        using var platform = new BspClient(installation.ApiUrl, installation.PlatformKey);
        var organization =
            Text(await platform.PostAsync("/v1/organizations", new JsonObject { ["name"] = "Bench", ["slug"] = "bench" }, ct), "id");
        using var acting = new BspClient(installation.ApiUrl, installation.PlatformKey, organization);
        var key = Text(await acting.PostAsync("/v1/api-keys", new JsonObject { ["name"] = "bench", ["permissions"] = "read" }, ct), "key");
        await acting.PostAsync("/v1/users",
            new JsonObject { ["email"] = "bench@example.com", ["role"] = "agent", ["password"] = Password }, ct);
        return (key,
            Text(await platform.PostAsync("/v1/auth/login", new JsonObject { ["email"] = "bench@example.com", ["password"] = Password },
                ct), "token"));
    }

    private static string Text(JsonNode answer, string field) =>
        answer[field]?.GetValue<string>() ?? throw new Obstacle($"The API answered without {field}.");

    // One kind of caller with a connection of its own.
    private sealed class Asking : IDisposable
    {
        private readonly HttpClient client;
        private readonly ChildProcess api;
        private readonly string path;
        private TimeSpan processor;

        public Asking(Installation installation, string path, string? token)
        {
            this.path = path;
            api = installation.Api();
            client = new() { BaseAddress = new(installation.ApiUrl) };
            client.DefaultRequestHeaders.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        }

        /// <summary>Milliseconds of each request.</summary>
        public List<double> Times { get; } = [];

        public double ProcessorMs => processor.TotalMilliseconds / Times.Count;

        public async Task BlockAsync(int requests, bool keep, CancellationToken ct)
        {
            var before = api.Processor;
            for (var i = 0; i < requests; i++)
            {
                var began = Stopwatch.GetTimestamp();
                using var answer = await client.PutAsync(path, null, ct);
                var took = Stopwatch.GetElapsedTime(began).TotalMilliseconds;
                if (answer.StatusCode != HttpStatusCode.MethodNotAllowed)
                {
                    throw new Obstacle($"{path} answered {(int)answer.StatusCode}, not 405.");
                }

                if (keep)
                {
                    Times.Add(took);
                }
            }

            processor += keep ? api.Processor - before : TimeSpan.Zero;
        }

        public void Dispose() => client.Dispose();
    }
}
