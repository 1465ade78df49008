using Bsp.Application.Common;
using Bsp.Infrastructure.Redis;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Health;

/// <summary>Redis answers a PING.</summary>
public sealed class RedisHealth(RedisConnection redis) : IStoreHealth
{
    public string Name => "redis";

    public async Task<string?> CheckAsync(CancellationToken ct)
    {
        try
        {
            await redis.PingAsync(ct);
            return null;
        }
        catch (Exception e) when (e is RedisException or TimeoutException or OperationCanceledException)
        {
            return "Redis does not answer: messages stay queued in PostgreSQL, progress is answered from there.";
        }
    }
}
