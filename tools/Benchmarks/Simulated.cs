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

    /// <summary>Messages taken so far.</summary>
    public async Task<long> AcceptedNowAsync(CancellationToken ct) => (await GetAsync("counters", ct))["accepted"]!.GetValue<long>();

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

    public async Task SettingsAsync(JsonObject changes, CancellationToken ct) => await PutAsync("settings", changes, ct);

    /// <summary>A number of a WABA in a portfolio, and who may act for it.</summary>
    public Task AccountAsync(string waba, string number, string business, string token, CancellationToken ct, int? mpsLimit = null) =>
        PutAsync("accounts", new()
        {
            ["waba_id"] = waba, ["phone_number_id"] = number, ["business_id"] = business, ["access_tokens"] = new JsonArray(token),
            ["mps_limit"] = mpsLimit,
        }, ct);

    /// <summary>Any change, told by webhook.</summary>
    public async Task WebhookAsync(string waba, string field, JsonObject value, CancellationToken ct)
    {
        using var content = Json(new() { ["waba_id"] = waba, ["field"] = field, ["value"] = value });
        using var answer = await http.PostAsync("/_control/webhook", content, ct);
        answer.EnsureSuccessStatusCode();
    }

    /// <summary>Most users that a portfolio reached in any window of this length.</summary>
    public async Task<int> ReachedAsync(string portfolio, TimeSpan window, CancellationToken ct) =>
        (await GetAsync($"reached?window_ms={(long)window.TotalMilliseconds}", ct)).AsArray()
            .Where(r => Text(r, "portfolio") == portfolio).Select(r => r!["most"]!.GetValue<int>()).FirstOrDefault();

    /// <summary>Callback ids that were accepted more than once, and how many keys were not counted.</summary>
    public async Task<(long Untracked, IReadOnlyList<(string Callback, int Accepted)> Repeated)> RepeatedAsync(CancellationToken ct)
    {
        var all = await GetAsync("duplicates", ct);
        return (all["untracked"]!.GetValue<long>(),
            [.. all["callbacks"]!.AsArray().Select(c => (Text(c, "key"), c!["accepted"]!.GetValue<int>()))]);
    }

    /// <summary>Refusals by code so far.</summary>
    public async Task<long> RefusedAsync(int code, CancellationToken ct) =>
        (await GetAsync("counters", ct))["refused"]?[code.ToString(System.Globalization.CultureInfo.InvariantCulture)]
            ?.GetValue<long>() ?? 0;

    public void Dispose() => http.Dispose();

    private static StringContent Json(JsonObject body) => new(body.ToJsonString(), Encoding.UTF8, "application/json");

    private async Task PutAsync(string path, JsonObject body, CancellationToken ct)
    {
        using var content = Json(body);
        using var answer = await http.PutAsync("/_control/" + path, content, ct);
        if (!answer.IsSuccessStatusCode)
        {
            throw new Obstacle($"The simulator refused {path}: {await answer.Content.ReadAsStringAsync(ct)}");
        }
    }

    private static string Text(JsonNode? node, string name) => node![name]!.GetValue<string>();

    private async Task<JsonNode> GetAsync(string path, CancellationToken ct) =>
        JsonNode.Parse(await http.GetStringAsync("/_control/" + path, ct))!;

    private async Task PostAsync(string path, CancellationToken ct)
    {
        using var answer = await http.PostAsync("/_control/" + path, null, ct);
        answer.EnsureSuccessStatusCode();
    }
}
