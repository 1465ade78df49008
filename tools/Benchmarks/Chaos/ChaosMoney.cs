using System.Collections.Concurrent;
using System.Globalization;
using Bsp.Domain.Common;
using Bsp.LocalStores.Common;
using Npgsql;

namespace Bsp.Benchmarks.Chaos;

/// <summary>
/// The wallet of a run of <c>chaos-http --billing</c>: top-ups come in while PostgreSQL is killed, and afterwards every delivered message
/// is charged once by the card, every payment is there once, nothing is held or reserved, and an audit over HTTP passes.
/// </summary>
internal sealed class ChaosMoney(Installation installation, Customer customer) : IDisposable
{
    private const decimal Begin = 100_000m;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(150);
    private static readonly TimeSpan Between = TimeSpan.FromMilliseconds(60);
    private readonly ChaosCaller platform = new(installation.ApiUrl, installation.PlatformKey, installation.AppSecret,
        customer.Organization);
    private readonly ChaosCaller reader = new(installation.ApiUrl, customer.Key, installation.AppSecret);
    private readonly ConcurrentDictionary<string, decimal> topUps = new();

    public Task BeginAsync(CancellationToken ct) => customer.TopUpAsync(installation, Begin, ct);

    /// <param name="enough">No further payment is begun.</param>
    public Task RunAsync(CancellationToken enough, CancellationToken ct) => Task.Run(async () =>
    {
        for (var n = 1; !enough.IsCancellationRequested; n++)
        {
            var (reference, amount) = ($"pay_{n}", n * 0.010001m);
            var body = new { amount = amount.ToString("F6", CultureInfo.InvariantCulture), currency = "USD", reference };
            if (await platform.CommandAsync("/v1/wallet/topups", body, ct) is not null)
            {
                topUps[reference] = amount;
            }

            await Task.Delay(Between, ct);
        }
    }, ct);

    /// <summary>Every promise that was broken.</summary>
    public async Task<List<string>> FaultsAsync(CancellationToken ct)
    {
        var faults = new List<string>(platform.Faults);
        if (!await Until.TrueAsync(async token => await installation.NumberAsync("""
            SELECT (SELECT count(*) FROM mt_events e WHERE e.type = 'message_delivered' AND NOT EXISTS
                     (SELECT FROM bsp.message_bills b WHERE b.message_id = e.stream_id))
                 + (SELECT count(*) FROM bsp.ledger_heads h WHERE h.held + h.reserved > 0.0016 * (SELECT count(*) FROM (
                     SELECT stream_id FROM mt_events WHERE type LIKE 'message\_%' GROUP BY 1
                      HAVING bool_or(type = 'message_outcome_unknown')
                         AND NOT bool_or(type IN ('message_delivered', 'message_failed'))) unknown))
            """, token) == 0, Patience, ct))
        {
            faults.Add("not every delivered message has a bill, or something is held or reserved for ever");
        }

        await ChargesAsync(faults, ct);
        var there = await RowsAsync("SELECT reference_id, amount FROM transactions WHERE category = 'topup'", ct);
        faults.AddRange(topUps.Where(t => there.Count(r => r == (t.Key, t.Value)) != 1)
            .Select(t => $"top-up {t.Key} was acknowledged and is there {there.Count(r => r.Item1 == t.Key)} times"));
        await AuditAsync(faults, ct);
        return faults;
    }

    // Of a number in India as utility: 0.0016 each to the thousandth, then 0.0015, then 0.0014.
    private async Task ChargesAsync(List<string> faults, CancellationToken ct)
    {
        var messages = await RowsAsync("""
            SELECT coalesce(t.metadata ->> 'message_id', ''), sum(CASE t.type WHEN 'debit' THEN t.amount ELSE -t.amount END)
              FROM transactions t WHERE t.category = 'message' GROUP BY 1
            """, ct);
        var delivered = await installation.NumberAsync(
            "SELECT count(DISTINCT stream_id) FROM mt_events WHERE type = 'message_delivered'", ct);
        decimal Tier(int number) => number <= 1_000 ? 0.0016m : number <= 5_000 ? 0.0015m : 0.0014m;
        var expected = Enumerable.Range(1, (int)delivered).Sum(Tier);
        if (messages.Count != delivered || messages.Sum(m => m.Item2) != expected)
        {
            faults.Add($"{delivered} messages were delivered for {Money.Text(expected)}, and {messages.Count} are charged with "
                + Money.Text(messages.Sum(m => m.Item2)));
        }
    }

    private async Task AuditAsync(List<string> faults, CancellationToken ct)
    {
        if (await reader.CommandAsync("/v1/ledger/audits", new { }, ct) is not { } begun)
        {
            faults.Add("no audit could be begun");
            return;
        }

        ChaosAnswer? ended = null;
        await Until.TrueAsync(async token =>
        {
            ended = await reader.GetAsync($"/v1/ledger/audits/{begun.Text("id")}", token);
            return ended?.Text("status") != "running";
        }, Patience, ct);
        if (ended?.Text("status") != "passed")
        {
            faults.Add($"the audit: {ended?.Json.GetRawText()}");
        }
    }

    public void Dispose()
    {
        platform.Dispose();
        reader.Dispose();
    }

    private async Task<List<(string, decimal)>> RowsAsync(string sql, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(installation.Database);
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<(string, decimal)>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add((reader.GetString(0), reader.GetDecimal(1)));
        }

        return rows;
    }
}
