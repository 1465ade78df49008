using System.Text.Json;
using Bsp.Application.Contacts;
using Bsp.Infrastructure.Sharding;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// News of persons whom nobody here knows by what they were reached by (<c>bsp.waiting_identity_news</c>): when news came in the wrong
/// order, the one before it is still on its way.
/// </summary>
internal static class WaitingIdentityNews
{
    /// <summary>Kept once.</summary>
    public static async Task ParkAsync(Shard shard, ChangeContactIdentity news, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(news.OrganizationId, ct);
        await transaction.ExecuteAsync("""
            INSERT INTO bsp.waiting_identity_news (organization_id, source, proof, phone_number, wa_user_id, news, said_at) VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING
            """, ct, news.OrganizationId, news.Source, news.Proof, ContactRows.Nullable(NpgsqlDbType.Text, news.Before.PhoneNumber), ContactRows.Nullable(NpgsqlDbType.Text, news.Before.WaUserId),
            ContactRows.Jsonb(JsonSerializer.SerializeToElement(news)), news.SaidAt.UtcDateTime);
        await transaction.CommitAsync(ct);
    }

    /// <summary>All that waits for whoever is so reached, oldest first.</summary>
    public static Task<List<ChangeContactIdentity>> OfAsync(
        Shard shard, Guid organizationId, IReadOnlyCollection<ContactIdentity> reached, CancellationToken ct) =>
        shard.QueryAsync(organizationId, """
            SELECT w.news FROM (
              SELECT n.id, n.said_at, n.news FROM bsp.waiting_identity_news n WHERE n.organization_id = $1 AND n.phone_number = ANY ($2)
              UNION
              SELECT n.id, n.said_at, n.news FROM bsp.waiting_identity_news n WHERE n.organization_id = $1 AND n.wa_user_id = ANY ($3)) w
             ORDER BY w.said_at, w.id
            """, r => JsonSerializer.Deserialize<ChangeContactIdentity>(r.GetString(0))!, ct, organizationId,
            reached.Select(r => r.PhoneNumber).OfType<string>().Distinct().ToArray(),
            reached.Select(r => r.WaUserId).OfType<string>().Distinct().ToArray());

    /// <summary>The oldest of whoever is so reached, told at that time or later; null: there is none.</summary>
    public static Task<ChangeContactIdentity?> NextAsync(Shard shard, Guid organizationId, ContactIdentity reached, DateTimeOffset since,
        CancellationToken ct) => shard.FirstAsync(organizationId, """
        SELECT news FROM bsp.waiting_identity_news WHERE organization_id = $1 AND (phone_number = $2 OR wa_user_id = $3) AND said_at >= $4 ORDER BY said_at, id LIMIT 1
        """, r => JsonSerializer.Deserialize<ChangeContactIdentity>(r.GetString(0)), ct, organizationId, ContactRows.Nullable(NpgsqlDbType.Text, reached.PhoneNumber),
        ContactRows.Nullable(NpgsqlDbType.Text, reached.WaUserId), since.UtcDateTime);

    /// <summary>It was carried out.</summary>
    public static async Task DropAsync(Shard shard, ChangeContactIdentity news, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(news.OrganizationId, ct);
        await transaction.ExecuteAsync("DELETE FROM bsp.waiting_identity_news WHERE organization_id = $1 AND source = $2 AND proof = $3",
            ct, news.OrganizationId, news.Source, news.Proof);
        await transaction.CommitAsync(ct);
    }
}
