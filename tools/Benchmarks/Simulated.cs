using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;

namespace Bsp.Benchmarks;

/// <summary>A message that the simulator received from the API.</summary>
/// <param name="Body">As it was posted.</param>
internal sealed record Received(string Wamid, string Callback, string To, byte[] Body);

/// <summary>The simulator's control API.</summary>
internal sealed class Simulated(string url) : IDisposable
{
    private const int PageSize = 1_000;
    private const double SlowestPerSecond = 40; // on a machine that others load, too
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private readonly HttpClient http = new() { BaseAddress = new(url), Timeout = System.Threading.Timeout.InfiniteTimeSpan };

    /// <summary>Webhooks are kept back until <see cref="ResetAsync"/> throws them away.</summary>
    public Task PauseAsync(CancellationToken ct) => PostAsync("pause", ct);

    public Task ResumeAsync(CancellationToken ct) => PostAsync("resume", ct);

    public Task ResetAsync(CancellationToken ct) => PostAsync("reset", ct);

    /// <summary>Waits until every webhook was answered 200.</summary>
    public async Task IdleAsync(CancellationToken ct)
    {
        using var answer = await http.PostAsync("/_control/idle?timeout_ms=1200000", null, ct);
        answer.EnsureSuccessStatusCode();
    }

    public async Task AcceptedAsync(int count, CancellationToken ct)
    {
        var patience = Patience + TimeSpan.FromSeconds(count / SlowestPerSecond);
        if (!await Until.TrueAsync(async token => (await GetAsync("counters", token))["accepted"]!.GetValue<long>() >= count, patience, ct))
        {
            throw new Obstacle($"The simulator did not receive {count} messages in {patience.TotalSeconds:0} s.");
        }
    }

    public async Task<List<Received>> MessagesAsync(CancellationToken ct)
    {
        var all = new List<Received>();
        for (long? after = 0; after is not null;)
        {
            var page = await GetAsync($"messages?accepted=true&limit={PageSize}&after={after}", ct);
            all.AddRange(page["data"]!.AsArray()
                .Select(m =>
                    new Received(Text(m, "wamid"), Text(m, "callback_data"), Text(m, "to"),
                        Encoding.UTF8.GetBytes(m!["body"]!.ToJsonString()))));
            after = page["next_after"]?.GetValue<long>();
        }

        return all;
    }

    public void Dispose() => http.Dispose();

    private static string Text(JsonNode? node, string name) => node![name]!.GetValue<string>();

    private async Task<JsonNode> GetAsync(string path, CancellationToken ct) =>
        JsonNode.Parse(await http.GetStringAsync("/_control/" + path, ct))!;

    private async Task PostAsync(string path, CancellationToken ct)
    {
        using var answer = await http.PostAsync("/_control/" + path, null, ct);
        answer.EnsureSuccessStatusCode();
    }
}
