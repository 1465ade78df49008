using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Statements;

/// <summary>The lines of a statement, out of the sums that are kept.</summary>
internal static class StatementSums
{
    private const string Sums = """
        SELECT kind, category, market, account_id, effective_month, sum(count)::bigint, sum(amount), min(first_effective),
          max(last_effective), min(first_recorded), max(last_recorded)
          FROM bsp.statement_days WHERE organization_id = $1 AND currency = $2 AND day >= $3 AND day < $4 GROUP BY kind, category,
            market, account_id, effective_month
        """;

    private const string PartSums = """
        SELECT kind, category, market, account_id, effective_month, count, amount, first_effective, last_effective, first_recorded,
          last_recorded
          FROM bsp.statement_days WHERE organization_id = $1 AND currency = $2 AND day = $3 AND part = $4
        """;

    /// <summary>Of whole days.</summary>
    /// <param name="to">The day after the last one.</param>
    public static async Task<List<Line>> OfAsync(TenantTransaction transaction, Guid organizationId, string currency, DateOnly from,
        DateOnly to, CancellationToken ct) =>
        await transaction.QueryAsync(Sums, Line.Read, ct, organizationId, currency, from, to);

    /// <summary>
    /// Whole days from their sums, of the last one the parts that were full by then; of the part that the moment cuts through the entries.
    /// </summary>
    public static async Task<List<Line>> UpToAsync(TenantTransaction transaction, Guid organizationId, string currency,
        DateOnly first, DateTimeOffset asOf, CancellationToken ct)
    {
        var day = DateOnly.FromDateTime(asOf.UtcDateTime);
        var lines = await OfAsync(transaction, organizationId, currency, first, day, ct);
        foreach (var part in await PartsAsync(transaction, organizationId, currency, day, asOf, ct))
        {
            lines.AddRange(part.Last <= asOf
                ? await transaction.QueryAsync(PartSums, Line.Read, ct, organizationId, currency, day, part.Number)
                : await DayEntries.SumAsync(transaction, organizationId, currency, part.Number, part.First, asOf, ct));
        }

        return [.. lines.GroupBy(l => (l.Kind, l.Category, l.Market, l.AccountId, l.EffectiveMonth))
            .Select(g => g.Aggregate((a, b) => a.Plus(b)))];
    }

    // Those that had begun. Recorded time never decreases, so at most one of them is not over.
    private static Task<List<(int Number, DateTimeOffset First, DateTimeOffset Last)>> PartsAsync(TenantTransaction transaction,
        Guid organizationId, string currency, DateOnly day, DateTimeOffset asOf, CancellationToken ct) =>
        transaction.QueryAsync("""
            SELECT part, min(first_recorded), max(last_recorded) FROM bsp.statement_days
             WHERE organization_id = $1 AND currency = $2 AND day = $3 GROUP BY part HAVING min(first_recorded) <= $4 ORDER BY part
            """, r => (r.GetInt32(0), r.GetFieldValue<DateTimeOffset>(1), r.GetFieldValue<DateTimeOffset>(2)), ct, organizationId, currency,
            day, asOf.UtcDateTime);
}
