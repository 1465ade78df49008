using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Reconciliations;

/// <summary>
/// The ledger's events beside <c>transactions</c>, and what was charged beside what was debited. All of one moment: the rows are written in
/// the events' own transaction.
/// </summary>
internal sealed class LedgerSide(Shard shard, Guid organizationId)
{
    private static readonly string[] Types = ["ledger_credited", "ledger_debited", "ledger_refunded"];

    // Months from the wallet's first one on: a stream each.
    private const string Events = """
        (SELECT (x.data #>> '{entry,id}')::uuid AS id, (x.data #>> '{entry,amount}')::numeric AS amount, x.data #>> '{entry,type}' AS type,
                (x.data #>> '{entry,balance_after}')::numeric AS balance, (x.data #>> '{entry,created_at}')::timestamptz AS at, x.seq_id
           FROM unnest($2::uuid[]) AS s (id)
          CROSS JOIN LATERAL (SELECT y.data, y.seq_id FROM public.mt_events y WHERE y.tenant_id = $1::text AND y.stream_id = s.id
                                AND y.type = ANY ($3) OFFSET 0) x)
        """;

    private const string Rows =
        "(SELECT t.id, t.amount, t.type, t.balance_after AS balance, t.created_at AS at FROM public.transactions t WHERE "
            + "t.organization_id = $1)";

    private static readonly string Hash = RowHash.InPostgres(
        "concat(r.id, '|', r.type, '|', trunc(r.amount * 1000000)::text, '|', trunc(r.balance * 1000000)::text, '|', (extract(epoch "
            + "FROM r.at) * 1000)::bigint)");

    public async Task<(DayDigests Expected, DayDigests Found, LedgerFault? First)> CompareAsync(DateTimeOffset now, CancellationToken ct)
    {
        await using var snapshot = await shard.BeginSnapshotAsync(organizationId, ct);
        var streams = await StreamsAsync(snapshot, now, ct);
        var expected = await DaysAsync(snapshot, Events, ct, organizationId, streams, Types);
        var found = await DaysAsync(snapshot, Rows, ct, organizationId);
        return (expected, found, expected.Differing(found) is [var day, ..] ? await FirstAsync(snapshot, streams, day, ct) : null);
    }

    /// <summary>
    /// What the charges in the log say was debited and given back, beside the entries of category <c>message</c>, all currencies together.
    /// </summary>
    public async Task<(DayDigest Expected, DayDigest Found)> ChargesAsync(IReadOnlyCollection<Guid> charging, CancellationToken ct)
    {
        await using var snapshot = await shard.BeginSnapshotAsync(organizationId, ct);
        var expected = (await snapshot.QueryAsync("""
            SELECT count(*) FILTER (WHERE c ->> 'reference' IS NOT NULL), count(*) FILTER (WHERE c ->> 'refunded' IS NOT NULL),
                   coalesce(sum((c ->> 'amount')::numeric) FILTER (WHERE c ->> 'reference' IS NOT NULL), 0)
              FROM unnest($2::uuid[]) AS s (id)
             CROSS JOIN LATERAL (SELECT x.data FROM public.mt_events x WHERE x.tenant_id = $1 AND x.stream_id = s.id
                                   AND x.type = 'messages_charged' OFFSET 0) e
             CROSS JOIN LATERAL jsonb_array_elements(e.data -> 'charges') AS c
            """, row => Digest(row.GetInt64(0), row.GetInt64(1), row.GetDecimal(2)), ct, organizationId.ToString(), charging.ToArray()))[0];
        var found = (await snapshot.QueryAsync("""
            SELECT count(*) FILTER (WHERE t.type = 'debit'), count(*) FILTER (WHERE t.type = 'refund'),
                   coalesce(sum(t.amount) FILTER (WHERE t.type = 'debit'), 0)
              FROM public.transactions t WHERE t.organization_id = $1 AND t.category = 'message'
            """, row => Digest(row.GetInt64(0), row.GetInt64(1), row.GetDecimal(2)), ct, organizationId))[0];
        return (expected, found);
    }

    private static DayDigest Digest(long debits, long refunds, decimal sum)
    {
        var digest = new DayDigest();
        digest.Add([("debits", debits), ("refunds", refunds)], debits + refunds, sum, 0);
        return digest;
    }

    private async Task<Guid[]> StreamsAsync(TenantTransaction snapshot, DateTimeOffset now, CancellationToken ct)
    {
        var since = await snapshot.QueryAsync("SELECT created_at FROM organizations WHERE id = $1", row =>
            row.GetFieldValue<DateTimeOffset>(0), ct, organizationId);
        var currencies = await snapshot.QueryAsync("SELECT currency FROM bsp.ledger_heads WHERE organization_id = $1", row =>
            row.GetString(0), ct, organizationId);
        var first = since is [var at] ? at.UtcDateTime.AddMonths(-1) : now.UtcDateTime;
        var months = Enumerable.Range(0, 12 * 50).Select(n => new DateTime(first.Year, first.Month, 1).AddMonths(n))
            .TakeWhile(month => month <= now.UtcDateTime.AddMonths(1)).ToList();
        return [.. currencies.SelectMany(currency => months.Select(month =>
            LedgerMonthStream(currency, month.ToString("yyyy-MM", System.Globalization.CultureInfo.InvariantCulture))))];
    }

    private Guid LedgerMonthStream(string currency, string month) => Domain.Common.Uuid.Ledger(organizationId, currency, month);

    private static async Task<DayDigests> DaysAsync(TenantTransaction snapshot, string source, CancellationToken ct,
        params object[] arguments)
    {
        var days = new DayDigests();
        await snapshot.QueryAsync($"""
            SELECT (r.at AT TIME ZONE 'UTC')::date, r.type, count(*), sum(r.amount), bit_xor({Hash}) FROM {source} r GROUP BY 1, 2
            """, row =>
        {
            days[row.GetFieldValue<DateOnly>(0)].Add([(row.GetString(1), row.GetInt64(2))], row.GetInt64(2), row.GetDecimal(3),
                unchecked((ulong)row.GetInt64(4)));
            return 0;
        }, ct, arguments);
        return days;
    }

    private async Task<LedgerFault?> FirstAsync(TenantTransaction snapshot, Guid[] streams, DateOnly day, CancellationToken ct) =>
        (await snapshot.QueryAsync($"""
            SELECT coalesce(l.id, t.id), l.seq_id, l.text, t.text
              FROM (SELECT r.id, r.seq_id, {Text} AS text FROM {Events} r WHERE (r.at AT TIME ZONE 'UTC')::date = $4) l
              FULL JOIN (SELECT r.id, {Text} AS text FROM {Rows} r WHERE (r.at AT TIME ZONE 'UTC')::date = $4) t ON t.id = l.id
             WHERE l.text IS DISTINCT FROM t.text ORDER BY l.seq_id NULLS LAST LIMIT 1
            """, row => new LedgerFault(day, row.GetGuid(0), row.IsDBNull(1) ? null : row.GetInt64(1),
                row.IsDBNull(2) ? null : row.GetString(2), row.IsDBNull(3) ? null : row.GetString(3)),
            ct, organizationId, streams, Types, day)).FirstOrDefault();

    private const string Text = "concat(r.type, ' of ', r.amount, ', balance ', r.balance, ', ', r.at)";

    /// <summary>The first entry that differs.</summary>
    /// <param name="Expected">What the log says; null: nothing.</param>
    /// <param name="Found">What stands in the table; null: nothing.</param>
    internal sealed record LedgerFault(DateOnly Day, Guid Entry, long? Sequence, string? Expected, string? Found);
}
