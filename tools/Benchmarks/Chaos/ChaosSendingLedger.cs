using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;

namespace Bsp.Benchmarks.Chaos;

/// <summary>Whom the simulator heard of and how often, against what the API says of each recipient, once everything is at rest.</summary>
internal sealed class ChaosSendingLedger(Installation installation, Simulated simulator, ChaosSenders sender, int limit, TimeSpan day)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(10);

    private static readonly string[] Ends =
        ["delivered", "read", "failed", "rejected", "skipped", "cancelled", "expired", "outcome_unknown", "unknown_closed"];

    private readonly List<string> faults = [];
    private readonly SortedDictionary<string, int> states = new(StringComparer.Ordinal);

    public string States => string.Join(", ", states.Select(s => $"{s.Value} {s.Key}"));

    /// <summary>Most users in any day, by the simulator's books.</summary>
    public int Most { get; private set; }

    /// <summary>Every promise that was broken; none: they are all kept.</summary>
    public async Task<IReadOnlyList<string>> FaultsAsync(CancellationToken ct)
    {
        foreach (var campaign in sender.Campaigns)
        {
            await RestAsync($"campaign {campaign} is completed", async () =>
                (string?)(await sender.GetAsync($"/v1/campaigns/{campaign}", ct))["status"] == "COMPLETED", ct);
        }

        await RestAsync("nobody waits or is on the way", async () => await installation.NumberAsync(
            "SELECT count(*) FROM bsp.send_queue WHERE state < 2", ct) == 0, ct);
        await simulator.IdleAsync(ct);
        await RestAsync("every webhook was carried out", async () =>
            await installation.NumberAsync(ChaosHttpLedger.WebhooksLeft, ct) == 0, ct);
        await RestAsync("every accepted message is heard of", async () => await installation.NumberAsync(
            "SELECT count(*) FROM bsp.send_queue WHERE state = 3", ct) == 0, ct);
        await RestAsync("every view is at the end of the log", async () => await installation.NumberAsync(
            "SELECT count(*) FROM bsp.projections WHERE state <> 'running' OR sequence < (SELECT max(seq_id) FROM mt_events)",
            ct) == 0, ct);
        foreach (var campaign in sender.Campaigns)
        {
            await JudgeAsync(campaign, ct);
        }

        await NobodyTwiceAsync(ct);
        Most = await simulator.ReachedAsync(ChaosSenders.Portfolio, day, ct);
        Check(Most <= limit, $"{Most} users within a day, and the limit is {limit}");
        return faults;
    }

    private async Task JudgeAsync(string campaign, CancellationToken ct)
    {
        var members = new List<JsonNode>();
        for (string? cursor = ""; cursor is not null;)
        {
            var page = await sender.GetAsync($"/v1/campaigns/{campaign}/recipients?limit=200"
                + (cursor.Length == 0 ? "" : $"&cursor={Uri.EscapeDataString(cursor)}"), ct);
            members.AddRange(page["data"]!.AsArray().Select(m => m!));
            cursor = (string?)page["next_cursor"];
        }

        var by = members.GroupBy(m => (string)m["status"]!).ToDictionary(g => g.Key, g => g.Count());
        foreach (var (state, count) in by)
        {
            states[state] = states.GetValueOrDefault(state) + count;
            Check(Ends.Contains(state), $"{count} members of {campaign} are left {state}");
        }

        var people = members.Select(m => (string)m["contact_id"]!).Distinct().Count();
        Check(people == sender.Each && members.Count == people, $"{people} members of {campaign}, listed {members.Count} times");
        int Of(params string[] words) => words.Sum(w => by.GetValueOrDefault(w));
        var (delivered, read, failed) = (Of("delivered", "read"), Of("read"), Of("failed", "rejected"));
        var progress = await sender.GetAsync($"/v1/campaigns/{campaign}/progress", ct);
        var row = await sender.GetAsync($"/v1/campaigns/{campaign}", ct);
        var documents = await installation.NumberAsync(
            $"SELECT count(*) FROM documents.messages WHERE campaign_id = '{campaign}' AND doc ? 'delivered_at'", ct);
        Same($"{campaign}: delivered", delivered, (int)progress["delivered"]!, (int)row["delivered_count"]!, documents);
        Same($"{campaign}: read", read, (int)progress["read"]!, (int)row["read_count"]!, read);
        Same($"{campaign}: failed", failed, (int)progress["failed"]!, (int)row["failed_count"]!, failed);
        Same($"{campaign}: unknown", Of("outcome_unknown"), (int)progress["unknown"]!, Of("outcome_unknown"), Of("outcome_unknown"));
    }

    // A second call that Meta took is right only for whom its cap had kept from the first.
    private async Task NobodyTwiceAsync(CancellationToken ct)
    {
        var (untracked, repeated) = await simulator.RepeatedAsync(ct);
        Check(untracked == 0, "the simulator did not count everybody");
        foreach (var (callback, accepted) in repeated)
        {
            var capped = await installation.NumberAsync(
                $"SELECT count(*) FROM mt_events WHERE stream_id = '{Guid.Parse(callback)}' AND type = 'message_deferred'"
                + " AND data ->> 'code' = '131049'", ct);
            Check(accepted <= 1 + capped, $"message {callback} was accepted {accepted} times, of which {capped} were undone by Meta");
        }
    }

    private void Same(string what, long members, long progress, long row, long view) =>
        Check(members == progress && progress == row && row == view,
            $"{what}: {members} by the members, {progress} by progress, {row} by the row, {view} by the documents");

    private void Check(bool holds, string fault)
    {
        if (!holds)
        {
            faults.Add(fault);
        }
    }

    private async Task RestAsync(string what, Func<Task<bool>> condition, CancellationToken ct)
    {
        if (!await Until.TrueAsync(_ => condition(), Patience, ct))
        {
            faults.Add($"in {Patience.TotalSeconds:0} s it did not come about that {what}");
        }
    }
}
