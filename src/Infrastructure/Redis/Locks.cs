using System.Security.Cryptography;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Redis;

/// <summary>
/// Locks among processes: <c>lock:campaign:{campaign_id}</c>, <c>lock:contact:{contact_id}</c>. They save work, they do not guarantee:
/// Redis may be wiped, and a holder may be late. What must not happen twice is decided in PostgreSQL. All who take a lock take it for about
/// the same time: one that ends later than twice that, or never, was
/// written by somebody else and keeps nobody out.
/// </summary>
public sealed class Locks(RedisConnection redis)
{
    public Task<HeldLock?> TryCampaignAsync(Guid campaignId, TimeSpan duration, CancellationToken ct = default) =>
        TryAsync($"lock:campaign:{campaignId}", duration, ct);

    public Task<HeldLock?> TryContactAsync(Guid contactId, TimeSpan duration, CancellationToken ct = default) =>
        TryAsync($"lock:contact:{contactId}", duration, ct);

    /// <returns>Null when somebody else holds it.</returns>
    private async Task<HeldLock?> TryAsync(string key, TimeSpan duration, CancellationToken ct)
    {
        var token = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16));
        var database = await redis.DatabaseAsync(ct);
        var mine = (bool)await database.ScriptEvaluateAsync(RedisScripts.LockTake, [key],
            [token, Math.Max(1, (long)duration.TotalMilliseconds), 2 * Math.Max(1, (long)duration.TotalMilliseconds)]).WaitAsync(ct);
        return mine ? new HeldLock(redis, key, token) : null;
    }
}

/// <summary>A lock in our hands until its time is over; disposing releases it.</summary>
public sealed class HeldLock : IAsyncDisposable
{
    private readonly RedisConnection redis;
    private readonly RedisKey key;
    private readonly string token;

    internal HeldLock(RedisConnection redis, RedisKey key, string token) => (this.redis, this.key, this.token) = (redis, key, token);

    /// <summary>Holds it for <paramref name="duration"/> from now on.</summary>
    /// <returns>False when it is no longer ours: stop what it protects.</returns>
    public Task<bool> ExtendAsync(TimeSpan duration, CancellationToken ct = default) =>
        SetAsync(Math.Max(1, (long)duration.TotalMilliseconds), ct);

    /// <returns>False when it was no longer ours; whoever holds it now keeps it.</returns>
    public Task<bool> ReleaseAsync(CancellationToken ct = default) => SetAsync(0, ct);

    /// <summary>Releases; if Redis is away the lock ends with its time.</summary>
    public async ValueTask DisposeAsync()
    {
        if (redis.IsUp)
        {
            await ((Task)ReleaseAsync()).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<bool> SetAsync(long ms, CancellationToken ct)
    {
        var database = await redis.DatabaseAsync(ct);
        return (bool)await database.ScriptEvaluateAsync(RedisScripts.Lock, [key], [token, ms]).WaitAsync(ct);
    }
}
