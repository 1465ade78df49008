using System.Text.Json;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Redis;

/// <summary>
/// JSON copies of rows, one string each: <c>template:{template_id}</c>, <c>campaign:{campaign_id}</c>. While Redis is away everything is
/// a miss; a removal that could not be delivered is bounded by the entry's life.
/// </summary>
public sealed class JsonCache(RedisConnection redis, string prefix, TimeSpan life, ILogger<JsonCache> log)
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    public static JsonCache Templates(RedisConnection redis, ILogger<JsonCache> log) =>
        new(redis, "template", TimeSpan.FromMinutes(5), log);

    public static JsonCache Campaigns(RedisConnection redis, ILogger<JsonCache> log) =>
        new(redis, "campaign", TimeSpan.FromMinutes(1), log);

    /// <returns>Null when there is none, or it cannot be read as a <typeparamref name="T"/>.</returns>
    public async Task<T?> FindAsync<T>(Guid id, CancellationToken ct = default) where T : class
    {
        var text = await CacheTrouble.MissAsync(log, async () => await (await redis.DatabaseAsync(ct)).StringGetAsync(Key(id)).WaitAsync(ct));
        return CacheTrouble.Read<T>(text, Json, log);
    }

    public Task SetAsync<T>(Guid id, T value, CancellationToken ct = default) where T : class => CacheTrouble.MissAsync(log, async () =>
        await (await redis.DatabaseAsync(ct)).StringSetAsync(Key(id), JsonSerializer.Serialize(value, Json), life).WaitAsync(ct));

    public Task RemoveAsync(Guid id, CancellationToken ct = default) => CacheTrouble.MissAsync(log, async () =>
        await (await redis.DatabaseAsync(ct)).KeyDeleteAsync(Key(id)).WaitAsync(ct));

    private RedisKey Key(Guid id) => $"{prefix}:{id}";
}

/// <summary>
/// JSON copies of contacts: <c>contact:{phone_number}</c>, a hash with one field per organization, because two organizations may know
/// the same number (architecture.md, "Where the specification's key is unsafe"). The whole hash ends <see cref="Life"/> after its last write.
/// </summary>
public sealed class ContactCache(RedisConnection redis, ILogger<ContactCache> log)
{
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(10);

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <param name="phoneNumber">E.164 with '+'.</param>
    public async Task<T?> FindAsync<T>(Guid organizationId, string phoneNumber, CancellationToken ct = default) where T : class
    {
        var text = await CacheTrouble.MissAsync(log, async () =>
            await (await redis.DatabaseAsync(ct)).HashGetAsync(Key(phoneNumber), organizationId.ToString()).WaitAsync(ct));
        return CacheTrouble.Read<T>(text, Json, log);
    }

    public Task SetAsync<T>(Guid organizationId, string phoneNumber, T value, CancellationToken ct = default) where T : class =>
        CacheTrouble.MissAsync(log, async () =>
        {
            var both = (await redis.DatabaseAsync(ct)).CreateTransaction();
            _ = both.HashSetAsync(Key(phoneNumber), organizationId.ToString(), JsonSerializer.Serialize(value, Json));
            _ = both.KeyExpireAsync(Key(phoneNumber), Life);
            return await both.ExecuteAsync().WaitAsync(ct);
        });

    public Task RemoveAsync(Guid organizationId, string phoneNumber, CancellationToken ct = default) => CacheTrouble.MissAsync(log, async () =>
        await (await redis.DatabaseAsync(ct)).HashDeleteAsync(Key(phoneNumber), organizationId.ToString()).WaitAsync(ct));

    private static RedisKey Key(string phoneNumber) => $"contact:{phoneNumber}";
}

/// <summary>A cache without Redis is slower, not broken: what Redis could not answer is a miss, and logged.</summary>
internal static class CacheTrouble
{
    public static async Task<T?> MissAsync<T>(ILogger log, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception error) when (error is RedisException or TimeoutException)
        {
            log.LogWarning("The cache is out of reach: {Reason}", error.Message);
            return default;
        }
    }

    public static T? Read<T>(RedisValue text, JsonSerializerOptions options, ILogger log) where T : class
    {
        if (text.IsNull) return null;
        try
        {
            return JsonSerializer.Deserialize<T>((string)text!, options);
        }
        catch (JsonException error)
        {
            log.LogWarning("A cached {Type} is not readable (another version wrote it?): {Reason}", typeof(T).Name, error.Message);
            return null;
        }
    }
}
