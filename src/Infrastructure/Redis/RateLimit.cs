using StackExchange.Redis;

namespace Bsp.Infrastructure.Redis;

/// <param name="Granted">Messages that may be sent now; 0 up to the number asked for.</param>
/// <param name="NextWindowIn">When to ask for the rest; zero when everything was granted.</param>
/// <param name="Window">End of the window that they are of, Unix ms by Redis' clock.</param>
public sealed record Permits(int Granted, TimeSpan NextWindowIn, long Window);

/// <summary>
/// How many messages a phone number may send per second, counted for all processes together in
/// <c>ratelimit:{organization_id}:{phone_number_id}</c> (hash: <c>count</c> of this window, <c>reset_at</c> its end in Unix ms, and while
/// lowered <c>lowered_to</c>, <c>lowered_until</c>). A window begins with its first permit.
/// </summary>
public sealed class RateLimit(RedisConnection redis)
{
    public const int WindowMs = 1_000;

    /// <summary>No lowering lasts longer; one that says so was written by somebody else.</summary>
    public static readonly TimeSpan LoweredMax = TimeSpan.FromMinutes(1);

    private static readonly TimeSpan KeyLifeMax = TimeSpan.FromHours(24);

    /// <param name="wanted">Permits asked for; at least 1.</param>
    /// <param name="perSecond">Permits per window of one second, from the number's throughput level.</param>
    /// <exception cref="RedisException">Redis cannot be reached: the caller decides whether to wait or to pace itself.</exception>
    public async Task<Permits> TakeAsync(
        Guid organizationId, string phoneNumberId, int wanted, int perSecond, CancellationToken ct = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(wanted);
        var reply = (long[])(await EvaluateAsync(
            RedisScripts.RateLimit, organizationId, phoneNumberId, [wanted, perSecond, WindowMs, KeyLifeMs, LoweredMs], ct))!;
        return new((int)reply[0], TimeSpan.FromMilliseconds(reply[1]), reply[2]);
    }

    /// <summary>
    /// After Meta answered 130429: at most <paramref name="perSecond"/> until the time is over. A stricter lowering in force stays.
    /// </summary>
    /// <param name="perSecond">0 stops the number.</param>
    /// <param name="duration">At most <see cref="LoweredMax"/>.</param>
    public Task LowerAsync(
        Guid organizationId, string phoneNumberId, int perSecond, TimeSpan duration, CancellationToken ct = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(perSecond);
        return EvaluateAsync(
            RedisScripts.RateLower, organizationId, phoneNumberId, [perSecond, (long)duration.TotalMilliseconds, KeyLifeMs, LoweredMs], ct);
    }

    /// <summary>Permits that were granted and not used; of a window that is over they are worth nothing.</summary>
    public Task ReturnAsync(Guid organizationId, string phoneNumberId, int unused, long window, CancellationToken ct = default) =>
        EvaluateAsync(RedisScripts.RateReturn, organizationId, phoneNumberId, [unused, window], ct);

    private static long LoweredMs => (long)LoweredMax.TotalMilliseconds;

    private static long KeyLifeMs => (long)KeyLifeMax.TotalMilliseconds;

    private async Task<RedisResult> EvaluateAsync(
        string script, Guid organizationId, string phoneNumberId, RedisValue[] arguments, CancellationToken ct)
    {
        var database = await redis.DatabaseAsync(ct);
        return await database.ScriptEvaluateAsync(script, [$"ratelimit:{organizationId}:{phoneNumberId}"], arguments).WaitAsync(ct);
    }
}
