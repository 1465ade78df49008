using Bsp.Domain.Common;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Statements;

/// <summary>Entries summed up as <see cref="StatementGroup"/> groups them, out of <c>transactions</c>: of one day up to a moment, and all
/// of them beside the sums that are kept.</summary>
internal static class DayEntries
{
    private const string Grouped = $"""
        SELECT t.organization_id, t.currency, (t.created_at AT TIME ZONE 'UTC')::date AS day,
               ((t.sequence - 1) >> 15)::int AS part,
               {StatementLineSql.Kind} AS kind, {StatementLineSql.PricingCategory} AS category, {StatementLineSql.Market} AS market,
               {StatementLineSql.AccountId} AS account_id, {StatementLineSql.EffectiveMonth} AS effective_month,
               {StatementLineSql.EffectiveAt} AS effective_at, t.created_at,
               CASE WHEN t.type = 'debit' OR (t.type = 'refund' AND t.category = 'refund') THEN -t.amount ELSE t.amount END AS change
          FROM public.transactions t WHERE t.organization_id = $1
        """;

    private const string Sums = $"""
        SELECT e.kind, e.category, e.market, e.account_id, e.effective_month, count(*), sum(e.change), min(e.effective_at),
          max(e.effective_at), min(e.created_at), max(e.created_at)
          FROM ({Grouped} AND t.currency = $2 AND t.id >= $3 AND t.id < $4 AND t.created_at <= $5
                 AND (t.sequence - 1) >> 15 = $6) e GROUP BY 1, 2, 3, 4, 5
        """;

    /// <summary>Makes the sums of an organization anew out of its entries; there must be none.</summary>
    public const string Fill = $"""
        INSERT INTO bsp.statement_days (organization_id, currency, day, part, kind, category, market, account_id, effective_month, count,
          amount, first_effective, last_effective, first_recorded, last_recorded)
        SELECT organization_id, currency, day, part, kind, category, market, account_id, effective_month, count(*), sum(change),
          min(effective_at), max(effective_at), min(created_at), max(created_at)
          FROM ({Grouped}) e GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
        """;

    /// <summary>The first day of which the kept sums are not those of its entries: null, currency, month, null. For an audit: it reads
    /// every row.</summary>
    public const string Differing = $"""
        SELECT NULL::uuid, currency, to_char(day, 'YYYY-MM'), NULL::bigint
          FROM (SELECT currency, day, part, kind, category, market, account_id, effective_month, count(*) AS count, sum(change) AS amount,
            min(effective_at) AS first_effective, max(effective_at) AS last_effective,
                       min(created_at) AS first_recorded, max(created_at) AS last_recorded FROM ({Grouped}) e GROUP BY 1, 2, 3, 4, 5, 6,
                         7, 8) s
          FULL JOIN (SELECT * FROM bsp.statement_days WHERE organization_id = $1) d USING (currency, day, part, kind, category, market,
            account_id, effective_month)
         WHERE (d.count, d.amount, d.first_effective, d.last_effective, d.first_recorded, d.last_recorded)
               IS DISTINCT FROM (s.count, s.amount, s.first_effective, s.last_effective, s.first_recorded, s.last_recorded) ORDER BY 3, 2
                 LIMIT 1
        """;

    /// <summary>Of one part of the chain, from a moment of a day on: at most 2^15 entries, however many the day has.</summary>
    /// <param name="from">When the part's first entry of that day was recorded.</param>
    /// <param name="asOf">Inclusive; of that day.</param>
    public static Task<List<Line>> SumAsync(TenantTransaction transaction, Guid organizationId, string currency, int part,
        DateTimeOffset from, DateTimeOffset asOf, CancellationToken ct) =>
        transaction.QueryAsync(Sums, Line.Read, ct, organizationId, currency, Uuid.Least(from), Uuid.Least(asOf.AddMilliseconds(1)),
            asOf.UtcDateTime, part);
}
