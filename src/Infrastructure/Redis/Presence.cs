using Bsp.Application.Common;
using Bsp.Application.Presence;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Redis;

/// <summary>
/// Who of an organization is around: <c>presence:{organization_id}</c>, hash of user id to status, and beside it
/// <c>presence_seen:{organization_id}</c>, sorted set
/// of user id by the time (Unix ms) they last said so: fields of a hash end one by one only from Redis 7.4 on. Both end 24 hours after the
/// last change.
/// </summary>
public sealed class Presence(RedisConnection redis, TimeProvider clock) : IPresence
{
    private const int ShownMax = 10_000;
    private static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    public Task SetAsync(Guid organizationId, Guid userId, string status, CancellationToken ct) => AskAsync(async () =>
    {
        var database = await redis.DatabaseAsync(ct);
        if (status == "offline")
        {
            await Task.WhenAll(database.HashDeleteAsync(Key(organizationId), userId.ToString()),
                database.SortedSetRemoveAsync(SeenKey(organizationId), userId.ToString())).WaitAsync(ct);
            return true;
        }

        // The time first: a status without a time would never be shown, a time without a status neither.
        await Task.WhenAll(database.SortedSetAddAsync(SeenKey(organizationId), userId.ToString(), clock.GetUtcNow()
            .ToUnixTimeMilliseconds()), database.HashSetAsync(Key(organizationId), userId.ToString(), status),
            database.KeyExpireAsync(Key(organizationId), Kept), database.KeyExpireAsync(SeenKey(organizationId), Kept)).WaitAsync(ct);
        return true;
    });

    public Task<IReadOnlyList<Present>> AllAsync(Guid organizationId, CancellationToken ct) => AskAsync<IReadOnlyList<Present>>(async () =>
    {
        var database = await redis.DatabaseAsync(ct);
        var since = (clock.GetUtcNow() - IPresence.Life).ToUnixTimeMilliseconds();
        var statuses = database.HashGetAllAsync(Key(organizationId));
        var seen = database.SortedSetRangeByRankWithScoresAsync(SeenKey(organizationId));
        await Task.WhenAll(statuses, seen).WaitAsync(ct);
        var times = seen.Result.ToDictionary(entry => entry.Element, entry => (long)entry.Score);
        var gone = statuses.Result.Where(entry => times.GetValueOrDefault(entry.Name) < since).Select(entry => entry.Name).ToArray();
        if (gone.Length > 0)
        {
            await ForgetAsync(database, organizationId, gone, since, ct);
        }

        var now = clock.GetUtcNow().ToUnixTimeMilliseconds();
        return [.. statuses.Result.Where(entry => times.GetValueOrDefault(entry.Name) >= since)
            .Select(entry => Read(entry, Math.Min(times[entry.Name], now))).OfType<Present>().Take(ShownMax)
            .OrderBy(present => present.UserId)];
    });

    // Who wrote there is not known: what is no user or no word of ours is not shown.
    private static Present? Read(HashEntry entry, long at) =>
        Guid.TryParse(entry.Name.ToString(), out var user) && entry.Value.ToString() is ("online" or "away") and var status
        ? new(user, status, DateTimeOffset.FromUnixTimeMilliseconds(at)) : null;

    // Whoever speaks between our reading and our forgetting is shown again when they next speak, 30 s later.
    private static async Task ForgetAsync(IDatabase database, Guid organizationId, RedisValue[] gone, long since, CancellationToken ct) =>
        await Task.WhenAll(database.HashDeleteAsync(Key(organizationId), gone),
            database.SortedSetRemoveRangeByScoreAsync(SeenKey(organizationId), double.NegativeInfinity, since, Exclude.Stop)).WaitAsync(ct);

    private static async Task<T> AskAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception error) when (error is RedisException or TimeoutException)
        {
            throw new StoreUnavailable("redis", error);
        }
    }

    private static RedisKey Key(Guid organizationId) => $"presence:{organizationId}";

    private static RedisKey SeenKey(Guid organizationId) => $"presence_seen:{organizationId}";
}
