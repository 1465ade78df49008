using Bsp.Application.Subscriptions;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Subscriptions;

/// <inheritdoc cref="ISubscriptionTerms"/>
public sealed class SubscriptionTerms(Shards shards, SubscriptionDesk desk, TimeProvider clock) : ISubscriptionTerms
{
    // The row that began last before the moment, if it still holds then; the period's ends are those of all its rows.
    private const string Sql = """
        SELECT t.subscription_id, t.plan_id, t.plan_code, t.plan_version, t.currency, t.per_message_price, t.period, p.from_at, p.until_at, t.included_messages
          FROM (SELECT * FROM bsp.subscription_terms r WHERE r.organization_id = $1 AND r.from_at <= $2 ORDER BY r.from_at DESC LIMIT 1) t
          CROSS JOIN LATERAL (SELECT min(r.from_at) AS from_at, max(r.until_at) AS until_at FROM bsp.subscription_terms r
             WHERE r.organization_id = $1 AND r.subscription_id = t.subscription_id AND r.period = t.period) p
         WHERE t.until_at > $2
        """;

    public async Task<TermsInForce?> AtAsync(Guid organizationId, DateTimeOffset at, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        if (at <= clock.GetUtcNow() && await IsBehindAsync(shard, organizationId, at, ct))
        {
            await desk.SettleAsync(shard, organizationId, ct);
        }

        return await shard.FirstAsync(organizationId, Sql, Read, ct, organizationId, at.UtcDateTime);
    }

    /// <summary>
    /// The same within a transaction, as the tables stand: what has fallen due and was not carried out yet is not made up for.
    /// </summary>
    public static async Task<TermsInForce?> AtAsync(TenantTransaction tx, Guid organizationId, DateTimeOffset at, CancellationToken ct) =>
        (await tx.QueryAsync(Sql, Read, ct, organizationId, at.UtcDateTime)).FirstOrDefault();

    private static async Task<bool> IsBehindAsync(Shard shard, Guid organizationId, DateTimeOffset at, CancellationToken ct) =>
        (await shard.QueryAsync(organizationId, "SELECT 1 FROM bsp.subscription_clock WHERE organization_id = $1 AND due_at <= $2", r =>
            r.GetInt32(0), ct, organizationId, at.UtcDateTime)).Count > 0;

    private static TermsInForce Read(NpgsqlDataReader r) =>
        new(r.GetGuid(0), r.GetGuid(1), r.GetString(2), r.GetInt64(3), r.GetString(4), r.GetDecimal(5), r.GetInt32(6),
        r.GetFieldValue<DateTimeOffset>(7), r.GetFieldValue<DateTimeOffset>(8), r.GetInt32(9));
}
