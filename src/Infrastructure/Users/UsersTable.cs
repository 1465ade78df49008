using Bsp.Application.Common;
using Bsp.Application.Users;
using Bsp.Domain.Plans;
using Bsp.Domain.Users;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Auth;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Plans;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Users;

/// <summary><c>users</c> in the shard: adding and showing people.</summary>
public sealed class UsersTable(Shards shards, Passwords passwords, Entitlements entitlements, AuditLog audit)
    : IRequestHandler<CreateUser, Done>, IRequestHandler<GetUser, UserView?>, IRequestHandler<ListUsers, Page<UserView>>
{
    public async Task<Done> Handle(CreateUser request, CancellationToken cancellationToken)
    {
        Roles.RequireReach(request.ActorRole, request.Role);
        var home = await shards.OfAsync(request.OrganizationId, cancellationToken);
        var hash = request.Password is null ? null : await passwords.HashAsync(request.Password, cancellationToken);
        return await shards.InBothAsync(home, [request.OrganizationId, Guid.Empty], async (directory, own) =>
        {
            if (request.Status == "active")
            {
                await entitlements.RequireRoomAsync(own, request.OrganizationId, PlanFeatures.Users, cancellationToken);
            }

            await UserRows.InsertAsync(directory, own, request, hash, cancellationToken);
            await audit.NoteAsync(own, home, request.OrganizationId, "user.created", "user", request.UserId, ["role"], cancellationToken);
            return new Done(request.UserId, 1);
        }, cancellationToken);
    }

    public async Task<UserView?> Handle(GetUser request, CancellationToken cancellationToken) =>
        await (await shards.OfAsync(request.OrganizationId, cancellationToken))
            .FirstAsync(request.OrganizationId, $"SELECT {UserRows.Columns} FROM users WHERE organization_id = $1 AND id = $2",
                UserRows.Row, cancellationToken, request.OrganizationId, request.Id);

    public async Task<Page<UserView>> Handle(ListUsers request, CancellationToken cancellationToken) =>
        Keyset.Of(await (await shards.OfAsync(request.OrganizationId, cancellationToken)).QueryAsync(request.OrganizationId, $"""
            SELECT {UserRows.Columns} FROM users WHERE organization_id = $1 AND id > $2 AND ($3::text IS NULL OR role = $3) AND ($4::text IS NULL OR status = $4) ORDER BY id LIMIT $5
            """, UserRows.Row, cancellationToken, request.OrganizationId, Keyset.After(request.Cursor), request.Role, request.Status, request.Limit + 1), request.Limit, user => user.Id);
}
