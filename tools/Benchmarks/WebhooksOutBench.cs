using System.Diagnostics;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Up;

namespace Bsp.Benchmarks;

/// <summary>
/// Telling customers' systems: deliveries a second beside a bare loop that signs and posts, from the log to the customer at 1,000 events a
/// second, idle endpoints, endpoints that hang.
/// </summary>
internal static class WebhooksOutBench
{
    private const int Endpoints = 4;
    private const int EventsPerRun = 5_000;
    private const int Conversations = 500;
    private const int AtOnce = 32;
    private const int PerSecond = 1_000;
    private const int SecondsAtPace = 10;
    private const int Idle = 10_000;
    private const int Hanging = 1_000;
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        Report.Say("starting stores, simulator and API");
        await using var installation = await Installation.StartAsync(ct);
        await using var target = await HookTarget.StartAsync();
        using var platform = new BspClient(installation.ApiUrl, installation.PlatformKey);
        var organization =
            (await platform.PostAsync("/v1/organizations", new JsonObject { ["name"] = "Bench", ["slug"] = "bench-hooks" },
                ct))["id"]!.GetValue<string>();
        using var api = new BspClient(installation.ApiUrl, installation.PlatformKey, organization);

        await DeliveriesAsync(report, installation, target, api, organization, ct);
        var timed = await HookAsync(api, target.Url + "/time", ct);
        await LagAsync(report, installation, target, organization, ct);
        await IdleAsync(report, installation, timed, ct);
        await HangingAsync(report, installation, target, timed, organization, ct);
    }

    private static async Task DeliveriesAsync(Report report, Installation installation, HookTarget target, BspClient api,
        string organization, CancellationToken ct)
    {
        var hooks = new List<string>();
        for (var i = 0; i < Endpoints; i++)
        {
            hooks.Add(await HookAsync(api, target.Url + "/count", ct));
        }

        var (own, bare) = (new List<double>(), new List<double>());
        for (var run = 0; run <= Medians.Runs; run++)
        {
            // nobody looks while the events are written
            await installation.ExecuteAsync("UPDATE bsp.webhook_cursors SET owner = NULL, term = term + 1, due_at = NULL, blocked = true",
                ct);
            target.Reset();
            await HookEvents.WriteAsync(installation, organization, EventsPerRun, Conversations, ct);
            await Task.Delay(1_000, ct);
            await installation.ExecuteAsync("UPDATE bsp.webhook_cursors SET due_at = now(), blocked = false", ct);
            var rate = await RateAsync(target, Endpoints * EventsPerRun, ct);
            var plain = await BareAsync(target, Endpoints * EventsPerRun, ct);
            if (run > 0)
            {
                own.Add(rate);
                bare.Add(plain);
            }
        }

        report.Add(new($"deliveries, {Endpoints} endpoints, {AtOnce} at once each", own.Median(), "deliveries/s", bare.Median(),
            $"bare loop: sign and post, {AtOnce} at once"));
        foreach (var hook in hooks)
        {
            await installation.ExecuteAsync($"DELETE FROM webhooks WHERE id = '{hook}'", ct);
        }
    }

    // At 1,000 events a second, as a hundredth of a second's worth at a time.
    private static async Task LagAsync(Report report, Installation installation, HookTarget target, string organization,
        CancellationToken ct)
    {
        await HookEvents.ShownAsync(installation, ct); // of the 20,000 events before
        target.Reset();
        var began = Stopwatch.GetTimestamp();
        for (var tick = 0; tick < SecondsAtPace * 20; tick++)
        {
            await HookEvents.WriteAsync(installation, organization, PerSecond / 20, Conversations, ct);
            var ahead = TimeSpan.FromMilliseconds((tick + 1) * 50) - Stopwatch.GetElapsedTime(began);
            await Task.Delay(ahead > TimeSpan.Zero ? ahead : TimeSpan.Zero, ct);
        }

        await UntilAsync(() => target.Counted >= PerSecond * SecondsAtPace, "all are told", ct);
        List<double> all = [.. target.Milliseconds];
        report.Add(new($"log to customer at {PerSecond}/s, p50", all.Percentile(0.5), "ms"));
        report.Add(new($"log to customer at {PerSecond}/s, p99", all.Percentile(0.99), "ms"));
    }

    private static async Task IdleAsync(Report report, Installation installation, string hook, CancellationToken ct)
    {
        async Task<(double Share, double Statements)> LookAsync()
        {
            await HookEvents.ShownAsync(installation, ct);
            await Task.Delay(TimeSpan.FromSeconds(5), ct);
            var (shares, statements) = (new List<double>(), new List<double>());
            for (var run = 0; run < Medians.Runs; run++)
            {
                var (before, calls, from) = (installation.Api().Processor + await installation.ProcessorOfPostgresAsync(ct),
                    await CallsAsync(installation, ct), Stopwatch.GetTimestamp());
                await Task.Delay(TimeSpan.FromSeconds(20), ct);
                var took = Stopwatch.GetElapsedTime(from);
                shares.Add(100 * (installation.Api().Processor + await installation.ProcessorOfPostgresAsync(ct) - before) / took);
                statements.Add((await CallsAsync(installation, ct) - calls) / took.TotalSeconds);
            }

            return (shares.Median(), statements.Median());
        }

        await installation.ExecuteAsync("CREATE EXTENSION IF NOT EXISTS pg_stat_statements", ct);
        var without = await LookAsync();
        await HookEvents.CopyAsync(installation, hook, Idle, "http://127.0.0.1:9/idle", "idle", ct);

        // What making them costs once (statistics, the first vacuum, the journal) is not what they cost idle.
        await installation.ExecuteAsync("VACUUM ANALYZE webhooks", ct);
        await installation.ExecuteAsync("VACUUM ANALYZE bsp.webhook_cursors", ct);
        await installation.ExecuteAsync("VACUUM ANALYZE organizations", ct);
        await installation.ExecuteAsync("CHECKPOINT", ct);
        var with = await LookAsync();
        report.Add(new($"{Idle:N0} idle endpoints: API and PostgreSQL", with.Share, "% of a core", without.Share, "without them"));
        report.Add(new($"{Idle:N0} idle endpoints add", with.Share - without.Share, "% of a core"));
        report.Add(new($"{Idle:N0} idle endpoints: statements, inner ones included", with.Statements, "/s", without.Statements,
            "without them"));
    }

    private static Task<long> CallsAsync(Installation installation, CancellationToken ct) =>
        installation.NumberAsync("SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements", ct);

    private static async Task HangingAsync(Report report, Installation installation, HookTarget target, string hook, string organization,
        CancellationToken ct)
    {
        var before = installation.Api().MemoryMb;
        await HookEvents.CopyAsync(installation, hook, Hanging, target.Url + "/hang", "hang", ct);
        await HookEvents.WriteToCopiesAsync(installation, Hanging / 50, "hang", ct);
        await Task.Delay(TimeSpan.FromSeconds(3), ct);
        target.Reset();
        await HookEvents.WriteAsync(installation, organization, PerSecond, Conversations, ct);
        await UntilAsync(() => target.Counted >= PerSecond, "the one that works is told", ct);
        report.Add(new($"RSS of the API while {Hanging:N0} endpoints hang", installation.Api().MemoryMb, "MB", before, "before"));
        report.Add(new($"log to customer while {Hanging:N0} endpoints hang, p99 of {PerSecond:N0} at once",
            ((List<double>)[.. target.Milliseconds]).Percentile(0.99), "ms"));
    }

    private static async Task<string> HookAsync(BspClient api, string url, CancellationToken ct) =>
        (await api.PostAsync("/v1/webhooks",
            new JsonObject { ["name"] = "bench", ["url"] = url, ["events"] = new JsonArray("message.*"), ["concurrency"] = AtOnce },
            ct))["id"]!.GetValue<string>();

    private static async Task<double> RateAsync(HookTarget target, int wanted, CancellationToken ct)
    {
        await UntilAsync(() => target.Counted >= wanted, "all are told", ct);
        return wanted / target.Since.TotalSeconds;
    }

    private static async Task<double> BareAsync(HookTarget target, int wanted, CancellationToken ct)
    {
        target.Reset();
        var (key, body) = (RandomNumberGenerator.GetBytes(32), Encoding.UTF8.GetBytes(new string('x', 560)));
        using var http = new HttpClient(new SocketsHttpHandler { UseProxy = false, MaxConnectionsPerServer = AtOnce });
        var url = target.Url + "/count";
        var left = wanted;
        await Task.WhenAll(Enumerable.Range(0, AtOnce).Select(async _ =>
        {
            while (Interlocked.Decrement(ref left) >= 0)
            {
                using var request = new HttpRequestMessage(HttpMethod.Post, url) { Content = new ByteArrayContent(body) };
                var at = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);
                request.Headers.TryAddWithoutValidation("webhook-id", "evt_1");
                request.Headers.TryAddWithoutValidation("webhook-timestamp", at);
                request.Headers.TryAddWithoutValidation("webhook-signature",
                    "v1," + Convert.ToBase64String(HMACSHA256.HashData(key, (byte[])[.. Encoding.UTF8.GetBytes($"evt_1.{at}."), .. body])));
                using var answer = await http.SendAsync(request, ct);
                answer.EnsureSuccessStatusCode();
            }
        }));
        return wanted / target.Since.TotalSeconds;
    }

    private static async Task UntilAsync(Func<bool> done, string what, CancellationToken ct)
    {
        for (var began = Stopwatch.GetTimestamp(); !done(); await Task.Delay(10, ct))
        {
            if (Stopwatch.GetElapsedTime(began) > Patience)
            {
                throw new Obstacle($"Not within {Patience.TotalMinutes:0} min: {what}.");
            }
        }
    }
}
