using Bsp.Application.Messages;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Users;

/// <inheritdoc cref="IUserNames"/>
public sealed class UserNames(Shards shards) : IUserNames
{
    public async Task<IReadOnlyDictionary<Guid, string>> OfAsync(Guid organizationId, IReadOnlyCollection<Guid> userIds,
        CancellationToken ct) =>
        (await (await shards.OfAsync(organizationId, ct)).QueryAsync(organizationId,
            "SELECT id, coalesce(nullif(concat_ws(' ', first_name, last_name), ''), email) FROM users WHERE id = ANY ($2) AND (organization_id = $1) IS TRUE",
            r => (Id: r.GetGuid(0), Name: r.GetString(1)), ct, organizationId, userIds.ToArray())).ToDictionary(u => u.Id, u => u.Name);
}
