using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Redis;

/// <summary>What a cache key holds: <c>{"version":7,"row":{…}}</c>; without a row it only says that everything older is out of date.</summary>
/// <param name="Version">Stream version that the row shows.</param>
public sealed record CachedRow<T>(long Version, T? Row) where T : class;

/// <summary>
/// JSON copies of rows, one string each: <c>template:{template_id}</c>, <c>campaign:{campaign_id}</c>. A copy never replaces a later one, and after a change the key refuses
/// what was read before it. While Redis is away everything is a miss; a change it could not be told of shows at the latest after <see cref="Life"/>. Decision: docs/decisions/0070.
/// </summary>
public sealed class JsonCache(RedisConnection redis, string prefix, ILogger<JsonCache> log)
{
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(1);

    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <returns>Null when there is no row, or it cannot be read as a <typeparamref name="T"/>.</returns>
    public async Task<CachedRow<T>?> FindAsync<T>(Guid id, CancellationToken ct = default) where T : class
    {
        var text = await CacheTrouble.MissAsync(log, async () => await (await redis.DatabaseAsync(ct)).StringGetAsync(Key(id)).WaitAsync(ct));
        return CacheTrouble.Read<CachedRow<T>>(text, Json, log) is { Row: not null } found ? found : null;
    }

    /// <summary>Keeps a row that was read, unless the key knows of a later version.</summary>
    public Task SetAsync<T>(Guid id, long version, T row, CancellationToken ct = default) where T : class => PutAsync(id, new CachedRow<T>(version, row), ct);

    /// <summary>After a change was committed: rows before this version are not given or taken any more.</summary>
    public Task ForgetAsync(Guid id, long version, CancellationToken ct = default) => PutAsync(id, new CachedRow<object>(version, null), ct);

    private Task PutAsync<T>(Guid id, CachedRow<T> entry, CancellationToken ct) where T : class => CacheTrouble.MissAsync(log, async () =>
        await (await redis.DatabaseAsync(ct)).ScriptEvaluateAsync(RedisScripts.CachePut, [Key(id)], [JsonSerializer.Serialize(entry, Json), entry.Version, (long)Life.TotalMilliseconds]).WaitAsync(ct));

    private RedisKey Key(Guid id) => $"{prefix}:{id}";
}

/// <summary>The caches of rows that streams stand behind.</summary>
public sealed class RowCaches(RedisConnection redis, ILogger<JsonCache> log)
{
    /// <summary><c>template:{template_id}</c>: what GET /v1/templates/{id} shows.</summary>
    public JsonCache Templates { get; } = new(redis, "template", log);

    /// <summary><c>campaign:{campaign_id}</c>: whose it is and how it stands, for progress. Never a permission to send.</summary>
    public JsonCache Campaigns { get; } = new(redis, "campaign", log);

    /// <summary>The cache of a stream's row; null: its kind has none.</summary>
    public JsonCache? Of(string streamType) => streamType switch { "template" => Templates, "campaign" => Campaigns, _ => null };
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
