using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Application.Users;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Auth;

/// <summary>What somebody signed in does about their own sessions and password.</summary>
public sealed class SessionHandlers(Shards shards, SessionDirectory sessions, OwnPassword ownPassword, Passwords passwords,
    AuditLog audit) : IRequestHandler<Logout, Done>, IRequestHandler<ChangePassword, Done>
{
    public async Task<Done> Handle(Logout request, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(request.OrganizationId, cancellationToken);
        var ended = await shards.InBothAsync(home, [request.OrganizationId, Guid.Empty], async (directory, own) =>
        {
            var tokens = await SessionDirectory.EndAsync(directory, request.Id, request.TokenHash, null, cancellationToken);
            await audit.NoteAsync(own, home, request.OrganizationId, request.TokenHash is null ? "session.ended_all"
                : "session.ended", "user", request.Id, null, cancellationToken);
            return tokens;
        }, cancellationToken);
        await sessions.ForgetAsync(ended, cancellationToken);
        return new(request.Id, 0);
    }

    public async Task<Done> Handle(ChangePassword request, CancellationToken cancellationToken)
    {
        var home = await shards.OfAsync(request.OrganizationId, cancellationToken);
        var (_, hash) = await ownPassword.RequireAsync(home, request.OrganizationId, request.Id, request.CurrentPassword,
            cancellationToken);
        var fresh = await passwords.HashAsync(request.NewPassword, cancellationToken);
        var ended = await shards.InBothAsync(home, [request.OrganizationId, Guid.Empty], async (directory, own) =>
        {
            if (await own.ExecuteAsync(
                "UPDATE users SET password_hash = $2, updated_at = now(), row_version = row_version + 1 WHERE id = $1 AND password_hash = $3", cancellationToken, request.Id, fresh, hash) == 0)
            {
                throw new VersionConflict(request.Id, named: false); // changed by somebody else since it was verified
            }

            await OneTimeTokens.DropAllAsync(directory, request.Id, cancellationToken);
            await OneTimeTokens.DropAskedByAsync(directory, request.Id, cancellationToken);
            await SecondFactorRows.DropChallengesAsync(directory, request.Id, cancellationToken);
            var tokens = await SessionDirectory.EndAsync(directory, request.Id, null, request.TokenHash, cancellationToken);
            await audit.NoteAsync(own, home, request.OrganizationId, "user.password_changed", "user", request.Id, null, cancellationToken);
            return tokens;
        }, cancellationToken);
        await sessions.ForgetAsync(ended, cancellationToken);
        return new(request.Id, 0);
    }
}
