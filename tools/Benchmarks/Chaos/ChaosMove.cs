using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Up;

namespace Bsp.Benchmarks.Chaos;

/// <summary>What a run came to.</summary>
/// <param name="Moves">That were finished.</param>
/// <param name="LongestMs">Longest that commands were refused by a move that nobody killed in the middle of it.</param>
/// <param name="Faults">Every promise that was broken; empty: none.</param>
internal sealed record ChaosMoveResult(int Seed, int Recipients, int Moves, int Kills, int LongestMs, string States,
    IReadOnlyList<string> Faults)
{
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"seed {Seed}: {Moves} moves between shards and {Kills} kills -9 of the API while {Recipients} recipients ended as {States}; ")
        + string.Create(CultureInfo.InvariantCulture, $"commands refused for {LongestMs} ms at most; ")
        + (Faults.Count == 0 ? "no fault"
            : $"{Faults.Count} FAULTS (./bench chaos-move --seed {Seed} runs it again): {string.Join("; ", Faults.Take(10))}");
}

/// <summary>
/// An organization with two campaigns on their way is moved from shard to shard, again and again, while one of two API processes is killed
/// (-9) every few seconds. Judged by the simulator's own books and by what the API shows at the end.
/// </summary>
internal static class ChaosMove
{
    // No hyphen: the processes are started by a shell, which passes no such name on. Two processes, each with its pools to every
    // database: more shards than these and one server has not the connections.
    private static readonly string[] Shards = ["east", "west"];
    private static readonly string[] Over = ["living", "dropped", "cancelled"];
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private static readonly string[] Ends =
        ["delivered", "read", "failed", "rejected", "skipped", "cancelled", "expired", "outcome_unknown", "unknown_closed"];

    /// <summary>Two API processes, a directory and the shards on stores of their own.</summary>
    public static Task<Installation> StartAsync(CancellationToken ct) => Installation.StartAsync(ct, more: new()
    {
        ["Bsp__Meta__TimeoutSeconds"] = "2", ["Bsp__Moves__KeepLogSeconds"] = "3", ["Bsp__EventStore__LoadConnectionsMax"] = "3",
        ["Bsp__Pools__Webhooks"] = "3", ["Bsp__Pools__Sending"] = "3", ["Bsp__Pools__People"] = "4", ["Bsp__Pools__Background"] = "4",
        ["Bsp__Pools__Bulk"] = "3",
    }, processes: 2, shards: Shards);

    /// <param name="seed">Decides where it moves and when who is killed; what the system makes of it in time no seed decides.</param>
    public static async Task<ChaosMoveResult> RunAsync(Installation installation, int seed, int recipients, TimeSpan duration,
        CancellationToken ct)
    {
        var random = new Random(seed);
        using var simulator = new Simulated(installation.SimulatorUrl);
        await simulator.SettingsAsync(
            new() { ["seed"] = seed, ["latency_ms"] = 20, ["duplicate_rate"] = 0.05, ["reorder_rate"] = 0.1 }, ct);
        using var tenant = await SendingTenant.CreateAsync(installation, simulator, "acme-moves", 2, recipients / 2, 100, null, ct);
        using var platform = new BspClient(installation.ApiUrl, installation.PlatformKey);
        await tenant.LaunchAsync([0, 1], ct);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var killing = KillAsync(installation, new Random(seed + 1), over.Token);
        var (moves, longest, home, faults) = (0, 0, "east", new List<string>());
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < duration || moves < 3;)
        {
            var to = Shards.Where(s => s != home).ElementAt(random.Next(Shards.Length - 1));
            var path = $"/v1/organizations/{tenant.Organization}/move";
            await AgainAsync(() => platform.PostAsync(path, new JsonObject { ["to"] = to }, ct), ct);
            var (asked, last) = (Stopwatch.GetTimestamp(), (JsonNode?)null);
            while (last is null || (string?)last["target"] != to || !Over.Contains((string?)last["state"]))
            {
                if (Stopwatch.GetElapsedTime(asked) > Patience)
                {
                    faults.Add($"the move to {to} did not end: {last?.ToJsonString()}");
                    break;
                }

                await Task.Delay(100, ct);
                last = await AgainAsync(() => platform.GetAsync(path, ct), ct);
            }

            if (faults.Count > 0)
            {
                break;
            }

            (home, moves) = (to, moves + 1);
            longest = Math.Max(longest, (int?)last!["refused_ms"] ?? 0);
            Report.Say($"move {moves} to {to}: {last["events"]} events, refused {last["refused_ms"]} ms, {last["freezes"]} attempt(s)");
        }

        await over.CancelAsync();
        var kills = await killing;
        var states = await JudgeAsync(tenant, simulator, recipients / 2, faults, ct);
        return new(seed, recipients, moves, kills, longest, states, faults);
    }

    private static async Task<int> KillAsync(Installation installation, Random random, CancellationToken ct)
    {
        for (var kills = 0; ; kills++)
        {
            try
            {
                await Task.Delay(TimeSpan.FromMilliseconds(random.Next(1_500, 5_000)), ct);
                await installation.KillApiAsync(random.Next(2), CancellationToken.None);
            }
            catch (OperationCanceledException)
            {
                return kills;
            }
        }
    }

    private static async Task<string> JudgeAsync(SendingTenant tenant, Simulated simulator, int each, List<string> faults,
        CancellationToken ct)
    {
        var states = new SortedDictionary<string, int>(StringComparer.Ordinal);
        foreach (var campaign in tenant.Running)
        {
            if (!await Until.TrueAsync(async _ => (string?)(await AgainAsync(() =>
                tenant.Api.GetAsync($"/v1/campaigns/{campaign}", ct), ct))["status"] == "COMPLETED", Patience, ct))
            {
                faults.Add($"campaign {campaign} is not completed");
            }

            await simulator.IdleAsync(ct);
            List<JsonNode> members = [];
            if (!await Until.TrueAsync(async _ =>
            {
                members = await MembersAsync(tenant, campaign, ct);
                return members.TrueForAll(m => Ends.Contains((string?)m["status"]));
            }, Patience, ct))
            {
                faults.Add($"{members.Count(m => !Ends.Contains((string?)m["status"]))} members of {campaign} have no end");
            }

            var people = members.Select(m => (string)m["contact_id"]!).Distinct().Count();
            if (people != each || members.Count != each)
            {
                faults.Add($"{people} members of {campaign}, listed {members.Count} times, of {each}");
            }

            foreach (var group in members.GroupBy(m => (string)m["status"]!))
            {
                states[group.Key] = states.GetValueOrDefault(group.Key) + group.Count();
            }

            var delivered = members.Count(m => (string?)m["status"] is "delivered" or "read");
            if (!await Until.TrueAsync(async _ => (int)(await tenant.Api.GetAsync($"/v1/campaigns/{campaign}/progress", ct))["delivered"]!
                == delivered, TimeSpan.FromMinutes(1), ct))
            {
                faults.Add($"the progress of {campaign} does not show its {delivered} delivered messages");
            }
        }

        var (untracked, repeated) = await simulator.RepeatedAsync(ct);
        faults.AddRange(repeated.Where(r => r.Accepted > 1).Select(r => $"message {r.Callback} was accepted {r.Accepted} times"));
        if (untracked > 0)
        {
            faults.Add("the simulator did not count everybody");
        }

        return string.Join(", ", states.Select(s => $"{s.Value} {s.Key}"));
    }

    private static async Task<List<JsonNode>> MembersAsync(SendingTenant tenant, string campaign, CancellationToken ct)
    {
        var members = new List<JsonNode>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await AgainAsync(() => tenant.Api.GetAsync($"/v1/campaigns/{campaign}/recipients?limit=200"
                + (cursor.Length == 0 ? "" : $"&cursor={Uri.EscapeDataString(cursor)}"), ct), ct);
            members.AddRange(page["data"]!.AsArray().Select(m => m!));
            cursor = (string?)page["next_cursor"];
        }

        return members;
    }

    // A process that was just killed answers nobody, and an organization between two shards gets 503: whoever asks asks again.
    private static async Task<JsonNode> AgainAsync(Func<Task<JsonNode>> ask, CancellationToken ct)
    {
        for (var began = Stopwatch.GetTimestamp(); ;)
        {
            try
            {
                return await ask();
            }
            catch (Exception away) when (away is Obstacle or HttpRequestException or IOException or TaskCanceledException
                && !ct.IsCancellationRequested && Stopwatch.GetElapsedTime(began) < TimeSpan.FromMinutes(2))
            {
                await Task.Delay(200, ct);
            }
        }
    }
}
