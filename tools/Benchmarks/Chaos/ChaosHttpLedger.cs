using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Bsp.LocalStores.Common;
using Npgsql;

namespace Bsp.Benchmarks.Chaos;

/// <summary>
/// What the callers were told, against what the log, the simulator of Meta and the views hold once everything has come to rest.
/// </summary>
internal sealed class ChaosHttpLedger(Installation installation, ChaosCallers callers, ChaosCaller caller, string campaign)
{
    // What a store that was away for longer than a page has patience set aside comes back within a minute.
    internal const string WebhooksLeft = """
        SELECT (SELECT count(*) FROM bsp.webhook_inbox) + (SELECT count(*) FROM bsp.webhook_set_aside WHERE next_at IS NOT NULL)
        """;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(150);

    // Messages that were queued and of which nothing final is known. An unknown outcome is final until Meta says otherwise.
    private const string Open = """
        SELECT count(*) FROM (SELECT stream_id FROM mt_events WHERE type LIKE 'message\_%' GROUP BY 1
          HAVING bool_or(type = 'message_queued') AND NOT bool_or(type IN ('message_read', 'message_failed', 'message_rejected', 'message_skipped', 'message_cancelled', 'message_outcome_unknown'))) open
        """;

    private const string Behind = """
        SELECT count(*) FROM bsp.projections WHERE state <> 'running' OR error IS NOT NULL OR sequence < (SELECT max(seq_id) FROM mt_events)
        """;

    private readonly List<string> faults = [];

    /// <summary>Messages whose outcome stayed unknown.</summary>
    public int Unknown { get; private set; }

    /// <summary>Every promise that was broken; none: they are all kept.</summary>
    public async Task<IReadOnlyList<string>> FaultsAsync(CancellationToken ct)
    {
        await RestAsync("the campaign was sent", async token =>
            (await caller.GetAsync($"/v1/campaigns/{campaign}", token))?.Text("status") == "COMPLETED", ct);
        await RestAsync("every message came to an end", token => NoneAsync(Open, token), ct);
        using var simulator = new Simulated(installation.SimulatorUrl);
        await simulator.IdleAsync(ct);
        await RestAsync("every webhook was carried out", token => NoneAsync(WebhooksLeft, token), ct,
            "SELECT id::text, concat_ws(' ', reason, error, attempts, next_at) FROM bsp.webhook_set_aside");
        await RestAsync("every projection reached the end of the log", token => NoneAsync(Behind, token), ct,
            "SELECT name, concat_ws(' ', state, sequence, error, updated_at, (SELECT max(seq_id) FROM mt_events)) FROM bsp.projections");
        await OnceAsync("parked events", "SELECT count(*)::text FROM bsp.parked_events", "0", ct);
        await OnceAsync("notes on webhooks",
            "SELECT coalesce(string_agg(DISTINCT reason || ' ' || coalesce(detail, ''), '; '), '') FROM bsp.webhook_notes", "", ct);
        await ContactsAsync(ct);
        await MessagesAsync(await simulator.MessagesAsync(ct), ct);
        await CampaignsAsync(ct);
        await WebhooksAsync(ct);
        return faults;
    }

    private async Task ContactsAsync(CancellationToken ct)
    {
        var there = await RowsAsync(
            "SELECT phone_number, string_agg(id::text, ',') FROM contacts WHERE phone_number LIKE '+91991%' GROUP BY 1", ct);
        Same("contact", callers.Contacts, there);
    }

    private async Task MessagesAsync(List<Received> received, CancellationToken ct)
    {
        foreach (var twice in received.GroupBy(r => r.Callback).Where(g => g.Count() > 1))
        {
            faults.Add($"message {twice.Key} was sent {twice.Count()} times");
        }

        var queued =
            await RowsAsync(
                "SELECT stream_id::text, coalesce(data->'ref'->>'campaign_id', '') FROM mt_events WHERE type = 'message_queued'", ct);
        var unknown =
            (await RowsAsync(
                "SELECT stream_id::text, '' FROM mt_events WHERE type LIKE 'message\\_%' GROUP BY 1 HAVING bool_or(type = 'message_outcome_unknown') AND NOT bool_or(type = 'message_read')", ct)).Keys.ToHashSet();
        Unknown = unknown.Count;
        var sent = received.Select(r => r.Callback).ToHashSet();
        faults.AddRange(queued.Keys.Where(id => !sent.Contains(id) && !unknown.Contains(id))
            .Select(id => $"message {id} was queued and never sent"));
        faults.AddRange(sent.Where(id => !queued.ContainsKey(id)).Select(id => $"message {id} was sent and is not in the log"));
        faults.AddRange(unknown.Where(sent.Contains).Select(id => $"message {id} reached Meta, and its outcome stayed unknown"));
        var single = queued.Where(q => q.Value.Length == 0).Select(q => q.Key).ToHashSet();
        faults.AddRange(callers.Messages.Where(m => !single.Remove(m.Value))
            .Select(m => $"message {m.Key} was acknowledged as {m.Value} and is not in the log"));
        faults.AddRange(single.Select(id => $"message {id} is in the log and nobody was told of it: a command had two effects"));
        foreach (var message in received.Where(r => queued.GetValueOrDefault(r.Callback) == ""))
        {
            var token = JsonNode.Parse(message.Body)!["template"]!["components"]![0]!["parameters"]![0]!["text"]!.GetValue<string>();
            if (!callers.Messages.TryGetValue(token, out var told) || told != message.Callback)
            {
                faults.Add($"message {token} was acknowledged as {told} and sent as {message.Callback}");
            }
        }
    }

    private async Task CampaignsAsync(CancellationToken ct)
    {
        var there = await RowsAsync(
            "SELECT e.stream_id::text, string_agg(e.type, ',' ORDER BY e.version) FROM mt_events e JOIN mt_streams s ON s.tenant_id = e.tenant_id AND s.id = e.stream_id WHERE s.type = 'campaign' GROUP BY 1", ct);
        there.Remove(campaign);
        Same("campaign", callers.Campaigns.ToDictionary(c => c.Key, c => string.Join(',', c.Value)), there);
        var steps = await RowsAsync(
            $"SELECT version::text, type || ' ' || coalesce(data->>'reason', '') FROM mt_events WHERE stream_id = '{campaign}' AND type IN ('campaign_paused', 'campaign_resumed') ORDER BY mt_events.version", ct);
        var pauses = steps.Values.Where(s => s.StartsWith("campaign_paused", StringComparison.Ordinal)).ToList();
        if (!pauses.SequenceEqual(callers.Pauses.Select(p => $"campaign_paused {p}")) || steps.Count - pauses.Count != callers.Resumes)
        {
            faults.Add($"the campaign was acknowledged to be paused {callers.Pauses.Count} and resumed {callers.Resumes} times, and its log says {pauses.Count} and {steps.Count - pauses.Count}");
        }

        // Everybody of the frozen audience, once.
        await OnceAsync("campaign messages by member",
            $"SELECT (count(DISTINCT data->'ref'->>'contact_id') = count(*) AND count(*) = (SELECT total_recipients FROM campaigns WHERE id = '{campaign}'))::text FROM mt_events WHERE type = 'message_queued' AND data->'ref'->>'campaign_id' = '{campaign}'", "true", ct);
    }

    private async Task WebhooksAsync(CancellationToken ct)
    {
        var received =
            await RowsAsync("SELECT data->>'wamid', count(*)::text FROM mt_events WHERE type = 'message_received' GROUP BY 1", ct);
        Same("webhook", callers.Webhooks.ToDictionary(w => w.Key, _ => "1"), received);
        var kept = (await RowsAsync("SELECT DISTINCT body_sha256, '' FROM bsp.webhook_journal", ct)).Keys.ToHashSet();
        faults.AddRange(callers.Webhooks.Where(w => !kept.Contains(Convert.ToHexStringLower(SHA256.HashData(w.Value))))
            .Select(w => $"webhook {w.Key} was answered 200 and is not in the journal"));
    }

    private void Same(string what, IReadOnlyDictionary<string, string> told, Dictionary<string, string> there)
    {
        foreach (var (key, value) in told)
        {
            if (!there.Remove(key, out var found) || found != value)
            {
                faults.Add($"{what} {key} was acknowledged as {value} and is there as {found ?? "nothing"}");
            }
        }

        faults.AddRange(there.Select(extra => $"{what} {extra.Key} is there as {extra.Value} and nobody was told of it"));
    }

    // state: SQL that shows how things stand; null: nothing to show.
    private async Task RestAsync(string what, Func<CancellationToken, Task<bool>> condition, CancellationToken ct, string? state = null)
    {
        if (!await Until.TrueAsync(condition, Patience, ct))
        {
            var shown = state is null ? "" : ": " + string.Join(", ", (await RowsAsync(state, ct)).Select(row => $"{row.Key} {row.Value}"));
            faults.Add($"in {Patience.TotalSeconds:0} s it did not come about that {what}{shown}");
        }
    }

    private async Task<bool> NoneAsync(string sql, CancellationToken ct) => await installation.NumberAsync(sql, ct) == 0;

    private async Task OnceAsync(string what, string sql, string expected, CancellationToken ct)
    {
        var found = (await RowsAsync($"SELECT 'it', ({sql})", ct))["it"];
        if (found != expected)
        {
            faults.Add($"{what}: {found}, expected {expected}");
        }
    }

    private async Task<Dictionary<string, string>> RowsAsync(string sql, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(installation.Database);
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new Dictionary<string, string>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(reader.GetString(0), reader.GetString(1));
        }

        return rows;
    }
}
