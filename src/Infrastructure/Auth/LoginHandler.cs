using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Application.Users;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Auth;

/// <summary>
/// Signs somebody in. Whether an e-mail is known shows in nothing: the same statements, the same hash work and one record on an audit trail
/// either way.
/// </summary>
public sealed class LoginHandler(Shards shards, LoginGate gate, Passwords passwords, SessionStarter starter, SecondFactors seconds,
    AuditLog audit, TimeProvider clock) : IRequestHandler<Login, StartedSession>
{
    private const int ChangesMax = 3;

    public async Task<StartedSession> Handle(Login request, CancellationToken cancellationToken)
    {
        var email = UserRules.Normalize(request.Email);
        var attempt = await gate.EnterAsync(email, CurrentRequest.Value?.RemoteAddress, cancellationToken);
        var person = await starter.FindAsync(email, null, cancellationToken);
        for (var changes = 0; changes < ChangesMax; changes++)
        {
            var session = await TryAsync(person, request, cancellationToken);
            if (session is not null)
            {
                await gate.SucceededAsync(attempt, cancellationToken);
                return session;
            }
        }

        throw new VersionConflict(person!.UserId, named: false);
    }

    // Null: the password was changed while it was being verified, so that it must be verified again.
    private async Task<StartedSession?> TryAsync(KnownPerson? person, Login request, CancellationToken ct)
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

        person!.RequireActive();
        await RequireSecondAsync(home, person, request.Second, ct);
        var fresh = outgrown ? await passwords.HashAsync(request.Password, ct) : hash!;
        // The person's row first, then the directory's, as everybody who changes both: two cannot deadlock.
        return await starter.StartAsync(home, person, request.TokenHash, request.Form, async (_, own) =>
            await own.ExecuteAsync("UPDATE users SET last_login = $2, password_hash = $4 WHERE id = $1 AND password_hash = $3", ct,
                person.UserId, clock.GetUtcNow().UtcDateTime, hash, fresh) == 1, ct);
    }

    private async Task RequireSecondAsync(Shard home, KnownPerson person, SecondProof? second, CancellationToken ct)
    {
        if (!await seconds.IsOnAsync(person.UserId, ct))
        {
            return;
        }

        if (second is null || second.IsEmpty)
        {
            throw new SecondFactorRequired(await seconds.ChallengeAsync(home, person, ct));
        }

        await seconds.RequireAsync(home, person, second, ct);
    }

    private async Task FailedAsync(Shard home, Guid organizationId, Guid? userId, CancellationToken ct)
    {
        await using var transaction = await home.BeginAsync(organizationId, ct);
        await audit.NoteAsync(transaction, home, organizationId, "login.failed", "user", userId, null, ct);
        await transaction.CommitUnmarkedAsync(ct);
    }
}
