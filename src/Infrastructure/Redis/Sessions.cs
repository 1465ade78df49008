using System.Buffers.Text;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Redis;

public sealed record Session(Guid UserId, Guid OrganizationId, DateTimeOffset ExpiresAt);

/// <summary>
/// Signed-in people: <c>session:{SHA-256 of the token, hex}</c>, hash of user_id, organization_id, expires_at (Unix ms). Who reads
/// Redis cannot sign in with what is there. A wiped Redis signs everybody out.
/// </summary>
/// <remarks>All methods throw <see cref="RedisException"/> when Redis cannot be reached.</remarks>
public sealed class Sessions(RedisConnection redis, TimeProvider clock)
{
    /// <summary>Source: the specification's retention table.</summary>
    public static readonly TimeSpan LifeMax = TimeSpan.FromHours(24);

    private const int TokenBytes = 32;

    /// <returns>The token; it is stored nowhere.</returns>
    public async Task<string> StartAsync(Guid userId, Guid organizationId, TimeSpan? life = null, CancellationToken ct = default)
    {
        var lives = life is { } wanted && wanted < LifeMax ? wanted : LifeMax;
        var token = Base64Url.EncodeToString(RandomNumberGenerator.GetBytes(TokenBytes));
        var expiresAtMs = (clock.GetUtcNow() + lives).ToUnixTimeMilliseconds();
        var both = (await redis.DatabaseAsync(ct)).CreateTransaction();
        _ = both.HashSetAsync(Key(token),
            [new("user_id", userId.ToString()), new("organization_id", organizationId.ToString()), new("expires_at", expiresAtMs)]);
        _ = both.KeyExpireAsync(Key(token), lives);
        await both.ExecuteAsync().WaitAsync(ct);
        return token;
    }

    /// <returns>Null when there is none, or it expired.</returns>
    public async Task<Session?> FindAsync(string token, CancellationToken ct = default)
    {
        var fields = await (await redis.DatabaseAsync(ct))
            .HashGetAsync(Key(token), ["user_id", "organization_id", "expires_at"]).WaitAsync(ct);
        if (fields.Any(field => field.IsNull)) return null;
        var expiresAt = DateTimeOffset.FromUnixTimeMilliseconds(long.Parse(fields[2].ToString(), CultureInfo.InvariantCulture));
        return expiresAt <= clock.GetUtcNow() ? null : new(Guid.Parse(fields[0].ToString()), Guid.Parse(fields[1].ToString()), expiresAt);
    }

    public async Task EndAsync(string token, CancellationToken ct = default) =>
        await (await redis.DatabaseAsync(ct)).KeyDeleteAsync(Key(token)).WaitAsync(ct);

    private static RedisKey Key(string token) => $"session:{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(token)))}";
}
