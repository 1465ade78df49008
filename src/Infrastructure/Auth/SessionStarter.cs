using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Auth;

/// <summary>Whom an e-mail names, as the directory knows them.</summary>
internal sealed record KnownPerson(Guid UserId, Guid OrganizationId, string Email, string Status, string OrganizationStatus)
{
    /// <exception cref="Refusal"><c>login.user_not_active</c>, <c>login.organization_inactive</c></exception>
    public void RequireActive()
    {
        if (Status != "active")
        {
            throw new Refusal("login.user_not_active", $"Your account is {Status}: ask an administrator of your organization.");
        }

        if (OrganizationStatus == "inactive")
        {
            throw new Refusal("login.organization_inactive", "Your organization is inactive.");
        }
    }
}

/// <summary>Begins sessions, once all that is asked for was proven.</summary>
public sealed class SessionStarter(Shards shards, SessionCopies copies, AuditLog audit, TimeProvider clock)
{
    // Whoever signs in without end holds so many sessions; the oldest end.
    private const int SessionsMax = 500;
    private const int UserAgentMax = 200;

    /// <param name="still">
    /// Whether what was proven still holds, looked at inside the transaction, with the organization's half: false begins nothing.
    /// </param>
    /// <returns>Null: it does not hold any more.</returns>
    /// <exception cref="Refusal"><c>login.user_not_active</c></exception>
    internal async Task<StartedSession?> StartAsync(Shard home, KnownPerson person, string tokenHash, SessionForm form,
        Func<TenantTransaction, TenantTransaction, Task<bool>> still, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var session = new StartedSession(person.UserId, person.OrganizationId, now + ISessions.Life);
        var started = await shards.InBothAsync(home, [person.OrganizationId], async (directory, own) =>
        {
            if (!await still(directory, own))
            {
                return false;
            }

            await InsertAsync(directory, session, tokenHash, form, now, ct);
            await audit.NoteAsync(own, home, person.OrganizationId, "login.succeeded", "user", person.UserId, null, ct,
                person.UserId.ToString());
            return true;
        }, ct);
        if (!started)
        {
            return null;
        }

        await copies.PutAsync(tokenHash, new(session.UserId, session.OrganizationId, session.ExpiresAt), ct);
        return session;
    }

    /// <summary>By the e-mail, or by the id; null: nobody.</summary>
    internal async Task<KnownPerson?> FindAsync(string? email, Guid? userId, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand($"""
            SELECT e.user_id, e.organization_id, e.email, e.status, o.status
              FROM bsp.directory_emails e JOIN bsp.directory_organizations o USING (organization_id)
             WHERE {(email is null ? "e.user_id" : "e.email")} = $1
            """);
        command.Parameters.Add(new() { Value = email is null ? userId!.Value : email });
        await using var reader = await command.ExecuteReaderAsync(ct);
        return await reader.ReadAsync(ct)
            ? new(reader.GetGuid(0), reader.GetGuid(1), reader.GetString(2), reader.GetString(3), reader.GetString(4)) : null;
    }

    // FOR SHARE: a deactivation of this moment waits for us or refuses us.
    private static async Task InsertAsync(TenantTransaction directory, StartedSession session, string tokenHash, SessionForm form,
        DateTimeOffset now, CancellationToken ct)
    {
        await directory.ExecuteAsync("""
            DELETE FROM bsp.directory_sessions WHERE user_id = $1 AND (expires_at <= $2 OR token_hash IN (
              SELECT token_hash FROM bsp.directory_sessions WHERE user_id = $1 ORDER BY created_at DESC, token_hash OFFSET $3))
            """, ct, session.UserId, now.UtcDateTime, SessionsMax - 1);
        var started = await directory.ExecuteAsync("""
            INSERT INTO bsp.directory_sessions (token_hash, organization_id, user_id, expires_at, id, kind, created_at, last_seen_at,
                                                ends_at, address, user_agent)
            SELECT $1, e.organization_id, e.user_id, $3, $4, $5, $6, $6, $7, $8, $9
              FROM bsp.directory_emails e WHERE e.user_id = $2 AND e.status = 'active' FOR SHARE
            """, ct, tokenHash, session.UserId, session.ExpiresAt.UtcDateTime, Uuid.New(now), form.Cookie ? "cookie" : "token",
            now.UtcDateTime, TenantValues.Time(form.Cookie ? now + ISessions.CookieLifeMax : null),
            TenantValues.Text(CurrentRequest.Value?.RemoteAddress),
            TenantValues.Text(form.UserAgent is { Length: > 0 } agent ? Text.Cut(agent, UserAgentMax) : null));
        if (started == 0)
        {
            throw new Refusal("login.user_not_active", "Your account is not active any more: ask an administrator of your organization.");
        }
    }
}
