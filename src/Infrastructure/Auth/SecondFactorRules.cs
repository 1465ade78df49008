using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Domain.Users;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Auth;

/// <summary>What administrators say about second factors: of whom one is required, and who lost theirs.</summary>
public sealed class SecondFactorRules(Shards shards, SessionDirectory sessions, AuditLog audit, BspOptions options)
    : IRequestHandler<GetSecondFactorPolicy, SecondFactorPolicy>, IRequestHandler<SetSecondFactorPolicy, Done>,
    IRequestHandler<RemoveSecondFactor, Done>
{
    public async Task<SecondFactorPolicy> Handle(GetSecondFactorPolicy request, CancellationToken cancellationToken)
    {
        await using var command = shards.Directory.CreateCommand(
            "SELECT second_factor_roles FROM bsp.directory_organizations WHERE organization_id = $1");
        Tenancy.Bind(command.Parameters, [request.OrganizationId]);
        return new(await command.ExecuteScalarAsync(cancellationToken) as string[] ?? [], options.SecondFactorRoles);
    }

    public async Task<Done> Handle(SetSecondFactorPolicy request, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(request.OrganizationId, cancellationToken);
        string[] roles = [.. Roles.All.Where(request.RequiredRoles.Contains)];
        await shards.InBothAsync(home, [request.OrganizationId, Guid.Empty], async (directory, own) =>
        {
            var changed = await directory.ExecuteAsync("""
                UPDATE bsp.directory_organizations SET second_factor_roles = $2
                 WHERE organization_id = $1 AND second_factor_roles IS DISTINCT FROM $2
                """, cancellationToken, request.OrganizationId, roles);
            if (changed > 0)
            {
                await audit.NoteAsync(own, home, request.OrganizationId, "organization.second_factor_required", "organization",
                    request.OrganizationId, roles.Length > 0 ? roles : ["none"], cancellationToken);
            }

            return changed;
        }, cancellationToken);
        sessions.Forget();
        return new(request.OrganizationId, 0);
    }

    public async Task<Done> Handle(RemoveSecondFactor request, CancellationToken cancellationToken)
    {
        if (request.Id == request.ActorId)
        {
            throw new Refusal("auth.second_factor_own", "Your own you disable with your password.");
        }

        var home = await shards.OfAsync(request.OrganizationId, cancellationToken);
        var ended = await shards.InBothAsync(home, [request.OrganizationId, Guid.Empty], async (directory, own) =>
        {
            var roles = await own.QueryAsync("SELECT role FROM users WHERE organization_id = $1 AND id = $2 FOR UPDATE",
                r => r.GetString(0), cancellationToken, request.OrganizationId, request.Id);
            if (roles is not [var role])
            {
                throw new Refusal("user.unknown", "There is no such user.");
            }

            Roles.RequireReach(request.ActorRole, role);
            if (await SecondFactorRows.DropAsync(directory, request.Id, cancellationToken) == 0)
            {
                return [];
            }

            var tokens = await SessionDirectory.EndAsync(directory, request.Id, null, null, cancellationToken);
            await audit.NoteAsync(own, home, request.OrganizationId, "user.second_factor_removed", "user", request.Id, null,
                cancellationToken);
            return tokens;
        }, cancellationToken);
        await sessions.ForgetAsync(ended, cancellationToken);
        return new(request.Id, 0);
    }
}
