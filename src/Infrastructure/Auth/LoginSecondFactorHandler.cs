using Bsp.Application.Auth;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Auth;

/// <summary>
/// The second half of signing in. Each attempt counts before it is looked at: five for a challenge, and those of the gate for the person
/// and their address.
/// </summary>
public sealed class LoginSecondFactorHandler(Shards shards, SessionStarter starter, SecondFactors seconds, TimeProvider clock)
    : IRequestHandler<LoginSecondFactor, StartedSession>
{
    public async Task<StartedSession> Handle(LoginSecondFactor request, CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow().UtcDateTime;
        var userId = await CountAsync(request.ChallengeHash, now, cancellationToken) ?? throw Unknown();
        var person = await starter.FindAsync(null, userId, cancellationToken) ?? throw Unknown();
        person.RequireActive();
        var home = await shards.OfAsync(person.OrganizationId, cancellationToken);
        await seconds.RequireAsync(home, person, request.Second, cancellationToken);
        // Gone: the password was changed since, or somebody else used the challenge.
        return await starter.StartAsync(home, person, request.TokenHash, request.Form, async (directory, own) =>
        {
            await own.ExecuteAsync("UPDATE users SET last_login = $2 WHERE id = $1", cancellationToken, person.UserId, now);
            return await directory.ExecuteAsync("DELETE FROM bsp.directory_challenges WHERE token_hash = $1", cancellationToken,
                request.ChallengeHash) == 1;
        }, cancellationToken) ?? throw Unknown();
    }

    private async Task<Guid?> CountAsync(string challengeHash, DateTime now, CancellationToken ct)
    {
        await using var command = shards.Directory.CreateCommand("""
            UPDATE bsp.directory_challenges SET attempts = attempts + 1
             WHERE token_hash = $1 AND expires_at > $2 AND attempts < $3 RETURNING user_id
            """);
        Tenancy.Bind(command.Parameters, [challengeHash, now, SecondFactorRequired.AttemptsMax]);
        return await command.ExecuteScalarAsync(ct) as Guid?;
    }

    private static Refusal Unknown() =>
        new("auth.challenge_unknown", "This challenge is none of ours, was used, or is too old: sign in again with your password.");
}
