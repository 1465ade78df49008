using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Contacts;

/// <summary>Cached copies of contacts after a change that was committed.</summary>
internal static class ContactCopies
{
    /// <summary>
    /// Removes the copies under all numbers by which the contact is found now; asked after the commit, for the number may have changed
    /// while the change was under way.
    /// </summary>
    public static async Task ForgetAsync(this ContactCache cache, Shard shard, Guid organizationId, Guid contactId,
        CancellationToken ct) => await cache.RemoveAsync(organizationId, await shard.QueryAsync(organizationId, """
        SELECT c.phone_number FROM contacts c WHERE c.organization_id = $1 AND c.id = $2 AND c.phone_number IS NOT NULL
        UNION SELECT x.phone_number FROM bsp.contact_aliases x WHERE x.organization_id = $1 AND x.into_id = $2 AND x.phone_number IS NOT NULL
        """, r => r.GetString(0), ct, organizationId, contactId), ct);
}
