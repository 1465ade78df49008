using Bsp.Application.Common;
using Bsp.Application.Messages;
using Bsp.Application.Users;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Users;

/// <inheritdoc cref="IUserNames"/>
public sealed class UserNames(Shards shards) : IUserNames, IRequestHandler<ListColleagues, Page<Colleague>>
{
    public async Task<Page<Colleague>> Handle(ListColleagues request, CancellationToken cancellationToken) =>
        Keyset.Of(await (await shards.OfAsync(request.OrganizationId, cancellationToken)).QueryAsync(request.OrganizationId, """
            SELECT id, first_name, last_name, role, avatar_url FROM users
             WHERE organization_id = $1 AND id > $2 AND status = 'active' ORDER BY id LIMIT $3
            """, r => new Colleague(r.GetGuid(0), r.TextOrNull(1), r.TextOrNull(2), r.GetString(3), r.TextOrNull(4)), cancellationToken,
            request.OrganizationId, Keyset.After(request.Cursor), request.Limit + 1), request.Limit, colleague => colleague.Id);

    public async Task<IReadOnlyDictionary<Guid, string>> OfAsync(Guid organizationId, IReadOnlyCollection<Guid> userIds,
        CancellationToken ct) =>
        (await (await shards.OfAsync(organizationId, ct)).QueryAsync(organizationId,
            "SELECT id, coalesce(nullif(concat_ws(' ', first_name, last_name), ''), email) FROM users WHERE id = ANY ($2) AND (organization_id = $1) IS TRUE",
            r => (Id: r.GetGuid(0), Name: r.GetString(1)), ct, organizationId, userIds.ToArray())).ToDictionary(u => u.Id, u => u.Name);
}
