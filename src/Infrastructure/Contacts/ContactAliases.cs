using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Contacts;

/// <summary>Who a contact's id means today: an absorbed contact's id goes on as the surviving one's.</summary>
internal static class ContactAliases
{
    private const string Aliases =
        "SELECT contact_id, into_id FROM bsp.contact_aliases WHERE organization_id = $1 AND contact_id = ANY ($2)";

    /// <summary>Each id as it is meant today, in the order given.</summary>
    public static async Task<IReadOnlyList<Guid>> ResolveAliasesAsync(this Shard shard, Guid organizationId, IReadOnlyCollection<Guid> ids,
        CancellationToken ct) =>
        Meant(ids, await shard.QueryAsync(organizationId, Aliases, Row, ct, organizationId, ids.ToArray()));

    /// <inheritdoc cref="ResolveAliasesAsync(Shard, Guid, IReadOnlyCollection{Guid}, CancellationToken)"/>
    public static async Task<IReadOnlyList<Guid>> ResolveAliasesAsync(this TenantTransaction transaction, Guid organizationId,
        IReadOnlyCollection<Guid> ids, CancellationToken ct) =>
        Meant(ids, await transaction.QueryAsync(Aliases, Row, ct, organizationId, ids.ToArray()));

    /// <summary>
    /// The row of whoever the id means, locked by a query on <c>$1</c>; who became part of another contact while the lock was waited for is
    /// that one. None: there is no such contact.
    /// </summary>
    public static async Task<List<T>> LockedAsync<T>(this TenantTransaction transaction, Guid organizationId, Guid contactId, string sql,
        Func<NpgsqlDataReader, T> map, CancellationToken ct)
    {
        for (var meant = Guid.Empty; ;)
        {
            var now = (await transaction.ResolveAliasesAsync(organizationId, [contactId], ct))[0];
            if (now == meant)
            {
                return [];
            }

            meant = now;
            if (await transaction.QueryAsync(sql, map, ct, meant) is { Count: > 0 } row)
            {
                return row;
            }
        }
    }

    /// <summary>
    /// The contact that the id means today, and first of all ids that ever meant it: every event and document of the person carries one of
    /// them.
    /// </summary>
    public static async Task<IReadOnlyList<Guid>> AllIdsAsync(this Shard shard, Guid organizationId, Guid contactId, CancellationToken ct)
    {
        var meant = (await shard.ResolveAliasesAsync(organizationId, [contactId], ct))[0];
        return [meant,
            .. await shard.QueryAsync(organizationId,
                "SELECT contact_id FROM bsp.contact_aliases WHERE organization_id = $1 AND into_id = $2 ORDER BY contact_id", r =>
                    r.GetGuid(0), ct, organizationId, meant)];
    }

    private static (Guid From, Guid Into) Row(NpgsqlDataReader row) => (row.GetGuid(0), row.GetGuid(1));

    private static List<Guid> Meant(IEnumerable<Guid> ids, List<(Guid From, Guid Into)> aliases)
    {
        var moved = aliases.ToDictionary(a => a.From, a => a.Into);
        return [.. ids.Select(id => moved.GetValueOrDefault(id, id))];
    }
}
