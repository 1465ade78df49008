using Bsp.Application.Ledger;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Ledger;

/// <inheritdoc cref="IChargedDays"/>
public sealed class ChargedDays(Shards shards) : IChargedDays
{
    // Charges and what was given back of them bear the delivery's time, so a message is on one day. Of a group all participants count as
    // their message.
    private const string Sql = """
        SELECT m.day, m.currency, count(*), sum(m.net),
               bit_xor(('x' || left(md5(m.id || ':' || m.currency || ':' || m.net::text), 16))::bit(64)::bigint)
          FROM (SELECT ((t.metadata ->> 'effective_at')::timestamptz AT TIME ZONE 'UTC')::date AS day, t.currency,
                       t.metadata ->> 'message_id' AS id, sum(CASE t.type WHEN 'debit' THEN t.amount ELSE -t.amount END) AS net
                  FROM public.transactions t
                 WHERE t.organization_id = $1 AND t.id >= $2 AND t.category = 'message' AND t.type IN ('debit', 'refund')
                   AND (t.metadata ->> 'message_id' = ANY ($5)) IS NOT TRUE
                 GROUP BY 1, 2, 3) m
         WHERE m.net <> 0 AND m.day >= $3 AND m.day < $4 GROUP BY 1, 2 ORDER BY 1, 2
        """;

    public async Task<IReadOnlyList<ChargedDay>> OfAsync(Guid organizationId, DateOnly from, DateOnly to, CancellationToken ct)
    {
        await using var snapshot = await (await shards.OfAsync(organizationId, ct)).BeginSnapshotAsync(organizationId, ct);
        return await OfAsync(snapshot, organizationId, from, to, [], ct);
    }

    /// <summary>The same within somebody's transaction, without some messages.</summary>
    internal static async Task<IReadOnlyList<ChargedDay>> OfAsync(TenantTransaction tx, Guid organizationId, DateOnly from, DateOnly to,
        string[] without, CancellationToken ct)
    {
        // Nothing is charged before it was delivered, by clocks that differ by less than a day.
        var recorded = new DateTimeOffset(from.AddDays(-1).ToDateTime(TimeOnly.MinValue), TimeSpan.Zero);
        return await tx.QueryLongAsync(Sql, r => new ChargedDay(r.GetFieldValue<DateOnly>(0), r.GetString(1), r.GetInt64(2),
            r.GetDecimal(3), r.GetInt64(4)), ct, organizationId, Uuid.Least(recorded), from, to, without);
    }
}
