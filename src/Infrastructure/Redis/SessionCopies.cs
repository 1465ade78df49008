using System.Globalization;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Redis;

public sealed record Session(Guid UserId, Guid OrganizationId, DateTimeOffset ExpiresAt);

/// <summary>
/// The specification's copy of who is signed in: <c>session:{SHA-256 of the token, hex}</c>, hash of user_id, organization_id, expires_at
/// (Unix ms), ending with
/// the session. Whoever reads Redis cannot sign in with what is there. The truth is <c>bsp.directory_sessions</c>: wiped or away, nobody is
/// signed out, and a copy
/// that outlives its session opens nothing (docs/decisions/0095). For programs beside the API that know Redis only.
/// </summary>
public sealed class SessionCopies(RedisConnection redis, TimeProvider clock, ILogger<SessionCopies> log)
{
    /// <summary>Puts the copy there, or there again.</summary>
    public Task PutAsync(string tokenHash, Session session, CancellationToken ct = default) => CacheTrouble.MissAsync(log, async () =>
    {
        var both = (await redis.DatabaseAsync(ct)).CreateTransaction();
        _ = both.HashSetAsync(Key(tokenHash),
            [new("user_id", session.UserId.ToString()), new("organization_id", session.OrganizationId.ToString()),
                new("expires_at", session.ExpiresAt.ToUnixTimeMilliseconds())]);
        _ = both.KeyExpireAsync(Key(tokenHash), session.ExpiresAt.UtcDateTime);
        return await both.ExecuteAsync().WaitAsync(ct);
    });

    /// <returns>Null when there is none, it ended, or Redis is away.</returns>
    public Task<Session?> FindAsync(string tokenHash, CancellationToken ct = default) => CacheTrouble.MissAsync(log, async () =>
    {
        var fields = await (await redis.DatabaseAsync(ct)).HashGetAsync(Key(tokenHash), ["user_id", "organization_id", "expires_at"])
            .WaitAsync(ct);
        if (fields.Any(field => field.IsNull)) return null;
        return Guid.TryParse(fields[0].ToString(), out var user) && Guid.TryParse(fields[1].ToString(), out var organization)
            && long.TryParse(fields[2].ToString(), NumberStyles.None, CultureInfo.InvariantCulture, out var ends)
            && ends <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
            && DateTimeOffset.FromUnixTimeMilliseconds(ends) is var expiresAt && expiresAt > clock.GetUtcNow()
            ? new Session(user, organization, expiresAt) : null;
    });

    public Task EndAsync(IReadOnlyCollection<string> tokenHashes, CancellationToken ct = default) => CacheTrouble.MissAsync(log, async () =>
    {
        var database = await redis.DatabaseAsync(ct);
        // one command a key: they lie on different nodes of a cluster
        return await Task.WhenAll(tokenHashes.Select(hash => database.KeyDeleteAsync(Key(hash)))).WaitAsync(ct);
    });

    private static RedisKey Key(string tokenHash) => $"session:{tokenHash}";
}
