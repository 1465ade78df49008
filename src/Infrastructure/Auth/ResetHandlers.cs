using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Application.Users;
using Bsp.Domain.Common;
using Bsp.Domain.Users;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Mail;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Auth;

/// <summary>A forgotten password: a token asked for by who may, and a new password by who holds it.</summary>
public sealed class ResetHandlers(Shards shards, SessionDirectory sessions, Passwords passwords, MailQueue mails, AuditLog audit,
    TimeProvider clock) : IRequestHandler<RequestReset, Done>, IRequestHandler<ConfirmReset, Done>
{
    public async Task<Done> Handle(RequestReset request, CancellationToken cancellationToken)
    {
        var email = UserRules.Normalize(request.Email);
        var (organizationId, userId, role) = await FindAsync(email, cancellationToken);
        if (userId == Guid.Empty || (request.OrganizationId != Guid.Empty && request.OrganizationId != organizationId))
        {
            throw new Refusal("user.unknown", "There is no such user.");
        }

        Roles.RequireReach(request.ActorRole, role);
        var home = await shards.OfAsync(organizationId, cancellationToken);
        return await shards.InBothAsync(home, [organizationId, Guid.Empty], async (directory, own) =>
        {
            await OneTimeTokens.PutAsync(directory, "reset", request.TokenHash,
                new(organizationId, userId, email, role, null, null, request.AskedBy), clock.GetUtcNow(), TokenLives.Reset,
                cancellationToken);
            if (request.Mailed is { } token)
            {
                await PersonMails.PutAsync(mails, own, organizationId, MailKinds.PasswordReset, userId, email, token, TokenLives.Reset,
                    cancellationToken);
            }

            await audit.NoteAsync(own, home, organizationId, "user.reset_requested", "user", userId, null, cancellationToken);
            return new Done(userId, 0);
        }, cancellationToken);
    }

    public async Task<Done> Handle(ConfirmReset request, CancellationToken cancellationToken)
    {
        var token = await OneTimeTokens.FindAsync(shards, "reset", request.TokenHash, clock.GetUtcNow(), cancellationToken)
            ?? throw Unknown();
        var home = await shards.OfAsync(token.OrganizationId, cancellationToken);
        var hash = await passwords.HashAsync(request.Password, cancellationToken);
        var ended = await shards.InBothAsync(home, [token.OrganizationId], async (directory, own) =>
        {
            if (await OneTimeTokens.LockAsync(directory, request.TokenHash, cancellationToken) is not { } locked
                || !await OneTimeTokens.AskerReachesAsync(directory, locked, clock.GetUtcNow(), cancellationToken))
            {
                throw Unknown();
            }

            // Another role than then: whoever asked for the token may not reach the person any more.
            var found = await own.ExecuteAsync(
                "UPDATE users SET password_hash = $2, updated_at = now(), row_version = row_version + 1 WHERE id = $1 AND role = $3",
                cancellationToken, token.UserId, hash, token.Role);
            if (await OneTimeTokens.DropAsync(directory, request.TokenHash, cancellationToken) == 0 || found == 0)
            {
                throw Unknown();
            }

            await OneTimeTokens.DropAllAsync(directory, token.UserId, cancellationToken);
            await OneTimeTokens.DropAskedByAsync(directory, token.UserId, cancellationToken);
            await SecondFactorRows.DropChallengesAsync(directory, token.UserId, cancellationToken);
            var tokens = await SessionDirectory.EndAsync(directory, token.UserId, null, null, cancellationToken);
            await audit.NoteAsync(own, home, token.OrganizationId, "user.password_reset", "user", token.UserId, null, cancellationToken,
                token.UserId.ToString());
            return tokens;
        }, cancellationToken);
        await sessions.ForgetAsync(ended, cancellationToken);
        return new(token.UserId, 0);
    }

    private async Task<(Guid OrganizationId, Guid UserId, string Role)> FindAsync(string email, CancellationToken ct)
    {
        await using var command =
            shards.Directory.CreateCommand("SELECT organization_id, user_id, role FROM bsp.directory_emails WHERE email = $1");
        command.Parameters.Add(new() { Value = email });
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? (reader.GetGuid(0), reader.GetGuid(1), reader.GetString(2)) : default;
    }

    private static Refusal Unknown() => new("reset.unknown", "This token is none of ours, was used, or is too old: ask for another.");
}
