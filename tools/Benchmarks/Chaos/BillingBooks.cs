using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Domain.Subscriptions;
using Bsp.Infrastructure.LedgerAudits;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Benchmarks.Chaos;

/// <summary>The database of a run of <see cref="ChaosBilling"/>: its beginning, its rest, and whether its books are right.</summary>
internal sealed class BillingBooks(NpgsqlDataSource admin, BillingProcess own, ChaosTime time,
    IReadOnlyList<BilledOrganization> organizations)
{
    private const decimal Rich = 1_000m;
    private const decimal Poor = 12m;
    private const decimal Price = 5m;

    /// <summary>Organizations with a wallet, a plan and a subscription; a clock for everybody.</summary>
    public async Task OpenAsync(CancellationToken ct)
    {
        await ExecuteAsync("CREATE TABLE public.chaos_clock (seconds double precision NOT NULL); "
            + "INSERT INTO public.chaos_clock VALUES (0); GRANT SELECT ON public.chaos_clock TO bsp_app", ct);
        foreach (var organization in organizations)
        {
            await ExecuteAsync("INSERT INTO organizations (id, name, slug) VALUES ($1, 'Acme', $1::text)", ct, organization.Id);
            await ExecuteAsync("""
                INSERT INTO billing_plans (id, name, code, monthly_price, per_message_price, included_messages, features, currency)
                VALUES ($1, $1::text, $1::text, $2, 0, $3, '{}', 'USD')
                """, ct, organization.Plan, Price, organization.Included);
            await using var tx = await own.Shard.BeginAsync(organization.Id, ct);
            var paid = new Credit(organization.IsPoor ? Poor : Rich, EntryCategories.Topup, new(Uuid.Of("topup/pay_0"), "topup"), "pay_0");
            await own.Ledger.PostAsync(tx, own.Shard, organization.Id, "USD", [paid], ct);
            await tx.CommitAsync(ct);
            await own.SubscribeAsync(organization.Id, organization.Subscription, organization.Plan, ct);
        }
    }

    /// <summary>One more audit of everybody who has none under way.</summary>
    public Task AskForAuditsAsync(CancellationToken ct) => WhenReachedAsync("""
        INSERT INTO bsp.ledger_audits (id, organization_id) SELECT gen_random_uuid(), o.id FROM organizations o
         WHERE NOT EXISTS (SELECT FROM bsp.ledger_audits a WHERE a.organization_id = o.id AND a.status = 'running') ON CONFLICT DO NOTHING
        """, ct);

    /// <summary>Leases of the dead end at once.</summary>
    public Task HurryAuditsAsync(CancellationToken ct) => WhenReachedAsync(
        "UPDATE bsp.ledger_audits SET leased_until = now() - interval '1 second', attempts = 0 WHERE status = 'running'", ct);

    /// <summary>What is still to be done; null: nothing.</summary>
    public async Task<string?> UnrestAsync(CancellationToken ct)
    {
        try
        {
            await using var command = admin.CreateCommand("""
                SELECT concat_ws(', ',
                  (SELECT 'charging is at ' || p.sequence FROM bsp.projections p
                    WHERE p.name = 'charging.v1' AND p.sequence < (SELECT max(seq_id) FROM mt_events)),
                  (SELECT 'stopped: ' || max(c.stop_reason) FROM bsp.charging c WHERE c.stopped_after IS NOT NULL HAVING count(*) > 0),
                  (SELECT 'subscriptions due: ' || count(*) FROM bsp.subscription_clock s WHERE s.due_at <= $1 HAVING count(*) > 0),
                  (SELECT 'nudges: ' || count(*) FROM bsp.subscription_nudges HAVING count(*) > 0),
                  (SELECT 'open months: ' || count(*) FROM bsp.ledger_heads h WHERE h.month < $2 HAVING count(*) > 0),
                  (SELECT 'open holds: ' || count(*) FROM bsp.ledger_holds h WHERE h.state = 'open' HAVING count(*) > 0),
                  (SELECT 'audits: ' || count(*) FROM bsp.ledger_audits a WHERE a.status = 'running' HAVING count(*) > 0))
                """);
            command.Parameters.Add(new() { Value = time.GetUtcNow().UtcDateTime });
            command.Parameters.Add(new() { Value = LedgerTime.Month(time.GetUtcNow()) });
            return await command.ExecuteScalarAsync(ct) is string { Length: > 0 } left ? left : null;
        }
        catch (NpgsqlException away)
        {
            return away.Message;
        }
    }

    /// <summary>Every promise that was broken.</summary>
    public async Task<List<string>> FaultsAsync(BillingWork work, CancellationToken ct)
    {
        var faults = new List<string>();
        foreach (var organization in organizations)
        {
            faults.AddRange(await MessagesAsync(organization, work, ct));
            faults.AddRange(await MoneyAsync(organization, work, ct));
            faults.AddRange(await PeriodsAsync(organization, ct));
            var audit = await new LedgerAudit(own.Shard, organization.Id, null, null, workers: 2, time).RunAsync(null, ct);
            if (audit.FirstFault is { } fault)
            {
                faults.Add($"the audit of {organization.Id} finds {fault.Code} {fault.Month} {fault.Sequence}: {fault.Detail}");
            }

            faults.AddRange(audit.Checks.Where(c => c.Result is "failed" or "behind").Select(c => $"{c.Name}: {c.Result} {c.Detail}"));
        }

        faults.AddRange(await RowsAsync(
            "SELECT concat_ws(' ', status, first_fault::text, error) FROM bsp.ledger_audits WHERE status <> 'passed'",
            r => $"an audit meanwhile: {r.GetString(0)}", ct));
        return faults;
    }

    // Each delivered message has one bill; what it stands charged with is the card's price of Meta's last word, or it is the plan's.
    private async Task<IEnumerable<string>> MessagesAsync(BilledOrganization organization, BillingWork work, CancellationToken ct)
    {
        var found = (await RowsAsync("""
            SELECT b.message_id, b.outcome, b.delivered_at, coalesce((SELECT sum(CASE t.type WHEN 'debit' THEN t.amount ELSE -t.amount END)
                     FROM transactions t WHERE t.organization_id = $1 AND t.category = 'message'
                      AND t.metadata ->> 'message_id' = b.message_id::text), 0)
              FROM bsp.message_bills b WHERE b.organization_id = $1
            """, r => (Id: r.GetGuid(0), Outcome: r.GetString(1), At: r.GetFieldValue<DateTimeOffset>(2), Net: r.GetDecimal(3)), ct,
            organization.Id)).ToDictionary(f => f.Id);
        var expected = work.Delivered.Where(d => d.Value.Organization == organization.Id).ToDictionary(d => d.Key, d => d.Value.Price);
        var faults = expected.Keys.Except(found.Keys).Select(id => $"message {id} was delivered and has no bill")
            .Concat(found.Keys.Except(expected.Keys).Select(id => $"message {id} has a bill and was never delivered"))
            .Concat(found.Values.Where(f => expected.TryGetValue(f.Id, out var price)
                && f.Net != (f.Outcome == "included" ? 0 : price))
                .Select(f => $"message {f.Id} is {f.Outcome} and charged {f.Net}")).ToList();
        foreach (var period in await RowsAsync("""
            SELECT min(from_at), max(until_at), max(included_messages), period FROM bsp.subscription_terms WHERE organization_id = $1
             GROUP BY period ORDER BY period
            """, r => (From: r.GetFieldValue<DateTimeOffset>(0), Until: r.GetFieldValue<DateTimeOffset>(1), Included: r.GetInt32(2),
                Number: r.GetInt32(3)), ct, organization.Id))
        {
            var of = found.Values.Where(f => f.At >= period.From && f.At < period.Until).ToList();
            var (included, all) = (of.Count(f => f.Outcome == "included"), Math.Min(period.Included, of.Count));
            // Fewer may be: a biller whose clock has not heard of a jump yet charges what was delivered in a period that it has not begun.
            if (included > all)
            {
                faults.Add($"period {period.Number} of {organization.Id}: {included} messages are included, and {all} may be");
            }
        }

        return faults;
    }

    private async Task<IEnumerable<string>> MoneyAsync(BilledOrganization organization, BillingWork work, CancellationToken ct)
    {
        var paid = work.TopUps.Where(t => t.Value.Organization == organization.Id).ToDictionary(t => t.Key, t => t.Value.Amount);
        var there = await RowsAsync("SELECT reference_id, amount FROM transactions WHERE organization_id = $1 AND category = 'topup'",
            r => (r.GetString(0), r.GetDecimal(1)), ct, organization.Id);
        var doubled = there.GroupBy(t => t.Item1).Where(g => g.Count() > 1).Select(g => $"top-up {g.Key} is there {g.Count()} times");
        var missing = paid.Where(p => !there.Contains((p.Key, p.Value))).Select(p => $"top-up {p.Key} was acknowledged and is not there");
        var head = (await RowsAsync("""
            SELECT h.balance, h.held, h.reserved,
                   (SELECT sum(CASE WHEN t.type = 'debit' THEN -t.amount ELSE t.amount END) FROM transactions t
                     WHERE t.organization_id = $1)
              FROM bsp.ledger_heads h WHERE h.organization_id = $1
            """, r => (Balance: r.GetDecimal(0), Held: r.GetDecimal(1), Reserved: r.GetDecimal(2), Sum: r.GetDecimal(3)), ct,
            organization.Id))[0];
        return doubled.Concat(missing).Concat(head.Balance == head.Sum && head is { Held: 0, Reserved: 0 } ? []
            : [$"the wallet of {organization.Id} has {head}"]);
    }

    // Every period from the first to the current one was debited once, in order; the poor one's as far as the money went.
    private async Task<IEnumerable<string>> PeriodsAsync(BilledOrganization organization, CancellationToken ct)
    {
        var debited = await RowsAsync(
            "SELECT reference_id FROM transactions WHERE organization_id = $1 AND category = 'subscription' ORDER BY id",
            r => r.GetString(0), ct, organization.Id);
        var current = (await RowsAsync("SELECT period, status FROM subscriptions WHERE organization_id = $1",
            r => (Period: r.GetInt32(0), Status: r.GetString(1)), ct, organization.Id))[0];
        var all = Enumerable.Range(0, debited.Count).Select(n => SubscriptionReference.Of(organization.Subscription, n));
        if (!debited.SequenceEqual(all))
        {
            return [$"the periods of {organization.Id} are debited as {string.Join(", ", debited)}"];
        }

        return organization.IsPoor || debited.Count == current.Period + 1 ? []
            : [$"{organization.Id} is in period {current.Period} ({current.Status}), and {debited.Count} are debited"];
    }

    /// <summary>One number, as who owns the server; 0 while it is away.</summary>
    public async Task<long> NumberAsync(string sql, CancellationToken ct)
    {
        try
        {
            return (await RowsAsync(sql, r => r.GetInt64(0), ct))[0];
        }
        catch (NpgsqlException)
        {
            return 0;
        }
    }

    // Nothing depends on it: another time will do.
    private async Task WhenReachedAsync(string sql, CancellationToken ct)
    {
        try
        {
            await ExecuteAsync(sql, ct);
        }
        catch (NpgsqlException)
        {
            await Task.Delay(20, ct);
        }
    }

    private async Task ExecuteAsync(string sql, CancellationToken ct, params object[] arguments)
    {
        await using var command = admin.CreateCommand(sql);
        Array.ForEach(arguments, argument => command.Parameters.Add(new() { Value = argument }));
        await command.ExecuteNonQueryAsync(ct);
    }

    private async Task<List<T>> RowsAsync<T>(string sql, Func<NpgsqlDataReader, T> map, CancellationToken ct, params object[] arguments)
    {
        await using var command = admin.CreateCommand(sql);
        Array.ForEach(arguments, argument => command.Parameters.Add(new() { Value = argument }));
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(map(reader));
        }

        return rows;
    }
}
