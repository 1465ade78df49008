using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Application.Users;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Auth;

/// <summary>
/// Signs somebody in. Whether an e-mail is known shows in nothing: the same statements, the same hash work and one record on an audit trail
/// either way.
/// </summary>
public sealed class LoginHandler(Shards shards, LoginGate gate, Passwords passwords, SessionCopies copies, AuditLog audit,
    TimeProvider clock)
    : IRequestHandler<Login, StartedSession>
{
    private const int ChangesMax = 3;

    public async Task<StartedSession> Handle(Login request, CancellationToken cancellationToken)
    {
        var email = UserRules.Normalize(request.Email);
        var attempt = await gate.EnterAsync(email, CurrentRequest.Value?.RemoteAddress, cancellationToken);
        var person = await FindAsync(email, cancellationToken);
        for (var changes = 0; changes < ChangesMax; changes++)
        {
            var session = await TryAsync(person, request, cancellationToken);
            if (session is not null)
            {
                await gate.SucceededAsync(attempt, cancellationToken);
                await copies.PutAsync(request.TokenHash, new(session.UserId, session.OrganizationId, session.ExpiresAt), cancellationToken);
                return session;
            }
        }

        throw new VersionConflict(person!.UserId, named: false);
    }

    // Null: the password was changed while it was being verified, so that it must be verified again.
    private async Task<StartedSession?> TryAsync(Person? person, Login request, CancellationToken ct)
    {
        var home = person is null ? shards.DirectoryHome() : await shards.OfAsync(person.OrganizationId, ct);
        var tenant = person?.OrganizationId ?? Guid.Empty;
        var hash = await home.FirstAsync(tenant, "SELECT password_hash FROM users WHERE id = $1 AND password_hash IS NOT NULL", r =>
            r.GetString(0), ct, person?.UserId ?? Guid.Empty);
        var (right, outgrown) = await passwords.VerifyAsync(hash, request.Password, ct);
        if (!right)
        {
            await FailedAsync(home, tenant, person?.UserId, ct);
            throw new Refusal("login.invalid", "The e-mail or the password is wrong.");
        }

        RequireActive(person!);
        var fresh = outgrown ? await passwords.HashAsync(request.Password, ct) : hash!;
        var session = new StartedSession(person!.UserId, person.OrganizationId, clock.GetUtcNow() + ISessions.Life);
        return await StartAsync(home, session, request.TokenHash, hash!, fresh, ct) ? session : null;
    }

    private static void RequireActive(Person person)
    {
        if (person.Status != "active")
        {
            throw new Refusal("login.user_not_active", $"Your account is {person.Status}: ask an administrator of your organization.");
        }

        if (person.OrganizationStatus == "inactive")
        {
            throw new Refusal("login.organization_inactive", "Your organization is inactive.");
        }
    }

    private async Task FailedAsync(Shard home, Guid organizationId, Guid? userId, CancellationToken ct)
    {
        await using var transaction = await home.BeginAsync(organizationId, ct);
        await audit.NoteAsync(transaction, home, organizationId, "login.failed", "user", userId, null, ct);
        await transaction.CommitUnmarkedAsync(ct);
    }

    // The person's row first, then the directory's, as everybody who changes both: two cannot deadlock. FOR SHARE: a deactivation of this
    // moment waits for us or refuses us.
    private Task<bool> StartAsync(Shard home, StartedSession session, string tokenHash, string verified, string fresh,
        CancellationToken ct) => shards.InBothAsync(home, [session.OrganizationId], async (directory, own) =>
    {
        var now = clock.GetUtcNow().UtcDateTime;
        if (await own.ExecuteAsync("UPDATE users SET last_login = $2, password_hash = $4 WHERE id = $1 AND password_hash = $3", ct,
            session.UserId, now, verified, fresh) == 0)
        {
            return false;
        }

        await directory.ExecuteAsync("DELETE FROM bsp.directory_sessions WHERE user_id = $1 AND expires_at <= $2", ct, session.UserId, now);
        var started = await directory.ExecuteAsync("""
            INSERT INTO bsp.directory_sessions (token_hash, organization_id, user_id, expires_at)
            SELECT $1, e.organization_id, e.user_id, $3 FROM bsp.directory_emails e WHERE e.user_id = $2 AND e.status = 'active' FOR SHARE
            """, ct, tokenHash, session.UserId, session.ExpiresAt.UtcDateTime);
        if (started == 0)
        {
            throw new Refusal("login.user_not_active", "Your account is not active any more: ask an administrator of your organization.");
        }

        await audit.NoteAsync(own, home, session.OrganizationId, "login.succeeded", "user", session.UserId, null, ct,
            session.UserId.ToString());
        return true;
    }, ct);

    private async Task<Person?> FindAsync(string email, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand("""
            SELECT e.user_id, e.organization_id, e.status, o.status FROM bsp.directory_emails e JOIN bsp.directory_organizations o USING (organization_id) WHERE e.email = $1
            """);
        command.Parameters.Add(new() { Value = email });
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct) ? new(reader.GetGuid(0), reader.GetGuid(1), reader.GetString(2), reader.GetString(3)) : null;
    }

    private sealed record Person(Guid UserId, Guid OrganizationId, string Status, string OrganizationStatus);
}
