using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Statements;

/// <summary>Entries summed up as <see cref="StatementGroup"/> groups them, out of <c>transactions</c>: of one day up to a moment, and all
/// of them beside the sums that are kept.</summary>
internal static class DayEntries
{
    private const string Grouped = """
        SELECT t.organization_id, t.currency, (t.created_at AT TIME ZONE 'UTC')::date AS day,
               CASE WHEN t.metadata ->> 'kind' = 'adjustment' THEN 'adjustment' WHEN t.type = 'refund' AND t.category = 'refund' THEN
                 'topup_refund' WHEN t.type = 'refund' THEN 'refund'
                    WHEN t.type = 'credit' AND t.category = 'topup' THEN 'topup' WHEN t.type = 'debit' AND t.category = 'message' THEN
                      'usage' WHEN t.category = 'subscription' THEN 'subscription'
                    ELSE 'adjustment' END AS kind,
               CASE WHEN t.category = 'message' THEN coalesce(nullif(t.metadata ->> 'pricing_category', ''), t.metadata ->> 'category',
                 '') ELSE '' END AS category,
               coalesce(t.metadata ->> 'market', '') AS market, coalesce(t.metadata ->> 'account_id', '') AS account_id,
               to_char(coalesce((t.metadata ->> 'effective_at')::timestamptz, t.created_at) AT TIME ZONE 'UTC', 'YYYY-MM') AS
                 effective_month,
               coalesce((t.metadata ->> 'effective_at')::timestamptz, t.created_at) AS effective_at, t.created_at,
               CASE WHEN t.type = 'debit' OR (t.type = 'refund' AND t.category = 'refund') THEN -t.amount ELSE t.amount END AS change
          FROM public.transactions t WHERE t.organization_id = $1
        """;

    private const string Sums = $"""
        SELECT e.kind, e.category, e.market, e.account_id, e.effective_month, count(*), sum(e.change), min(e.effective_at),
          max(e.effective_at), min(e.created_at), max(e.created_at)
          FROM ({Grouped} AND t.currency = $2 AND t.id >= $3 AND t.id < $4 AND t.created_at <= $5) e GROUP BY 1, 2, 3, 4, 5
        """;

    /// <summary>Makes the sums of an organization anew out of its entries; there must be none.</summary>
    public const string Fill = $"""
        INSERT INTO bsp.statement_days (organization_id, currency, day, kind, category, market, account_id, effective_month, count,
          amount, first_effective, last_effective, first_recorded, last_recorded)
        SELECT organization_id, currency, day, kind, category, market, account_id, effective_month, count(*), sum(change),
          min(effective_at), max(effective_at), min(created_at), max(created_at)
          FROM ({Grouped}) e GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
        """;

    /// <summary>The first day of which the kept sums are not those of its entries: null, currency, month, null. For an audit: it reads
    /// every row.</summary>
    public const string Differing = $"""
        SELECT NULL::uuid, currency, to_char(day, 'YYYY-MM'), NULL::bigint
          FROM (SELECT currency, day, kind, category, market, account_id, effective_month, count(*) AS count, sum(change) AS amount,
            min(effective_at) AS first_effective, max(effective_at) AS last_effective,
                       min(created_at) AS first_recorded, max(created_at) AS last_recorded FROM ({Grouped}) e GROUP BY 1, 2, 3, 4, 5, 6,
                         7) s
          FULL JOIN (SELECT * FROM bsp.statement_days WHERE organization_id = $1) d USING (currency, day, kind, category, market,
            account_id, effective_month)
         WHERE (d.count, d.amount, d.first_effective, d.last_effective, d.first_recorded, d.last_recorded)
               IS DISTINCT FROM (s.count, s.amount, s.first_effective, s.last_effective, s.first_recorded, s.last_recorded) ORDER BY 3, 2
                 LIMIT 1
        """;
    /// <param name="asOf">Inclusive; of that day or later.</param>
    public static Task<List<Line>> SumAsync(TenantTransaction transaction, Guid organizationId, string currency, DateOnly day,
        DateTimeOffset asOf, CancellationToken ct) =>
        transaction.QueryAsync(Sums, Line.Read, ct, organizationId, currency, Bound(day), Bound(day.AddDays(1)), asOf.UtcDateTime);

    /// <summary>No UUIDv7 of the day or later is smaller.</summary>
    public static Guid Bound(DateOnly day)
    {
        var milliseconds = new DateTimeOffset(day.ToDateTime(TimeOnly.MinValue), TimeSpan.Zero).ToUnixTimeMilliseconds();
        return new((int)(milliseconds >> 16), (short)milliseconds, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    }
}
