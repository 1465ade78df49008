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
/// Who finds nothing leaves a lease there and fills it only while the lease still lies there: a copy that was read before a change and
/// arrives after its removal is not kept.
/// </summary>
public sealed class ContactCache(RedisConnection redis, ILogger<ContactCache> log)
{
    /// <summary>How long a copy may be wrong when its removal could not be delivered.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(1);

    private const string Lease = "lease:";
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>The copy, else what <paramref name="load"/> gives, which is kept. Without Redis: what it gives.</summary>
    /// <param name="phoneNumber">E.164 with '+'.</param>
    public async Task<T?> GetAsync<T>(Guid organizationId, string phoneNumber, Func<Task<T?>> load, CancellationToken ct = default) where T : class
    {
        var (key, field) = (Key(phoneNumber), (RedisValue)organizationId.ToString());
        var text = await CacheTrouble.MissAsync(log, async () => await (await redis.DatabaseAsync(ct)).HashGetAsync(key, field).WaitAsync(ct));
        if (!text.IsNull && !text.StartsWith(Lease) && CacheTrouble.Read<T>(text, Json, log) is { } found)
        {
            return found;
        }

        RedisValue lease = $"{Lease}{Guid.NewGuid():N}";
        var leased = await CacheTrouble.MissAsync(log, () => SetAsync(key, field, lease, null, ct));
        var loaded = await load();
        if (leased && loaded is not null)
        {
            await CacheTrouble.MissAsync(log, () => SetAsync(key, field, JsonSerializer.Serialize(loaded, Json), lease, ct));
        }
        else if (leased)
        {
            await RemoveAsync(organizationId, phoneNumber, ct); // nobody: not even the number is left there
        }

        return loaded;
    }

    /// <summary>After the commit of whatever changed the contact.</summary>
    public Task RemoveAsync(Guid organizationId, string phoneNumber, CancellationToken ct = default) => RemoveAsync(organizationId, [phoneNumber], ct);

    /// <summary>The same for many; one round trip.</summary>
    public Task RemoveAsync(Guid organizationId, IReadOnlyCollection<string> phoneNumbers, CancellationToken ct = default) =>
        phoneNumbers.Count == 0 ? Task.CompletedTask : CacheTrouble.MissAsync(log, async () =>
        {
            var batch = (await redis.DatabaseAsync(ct)).CreateBatch();
            var removals = phoneNumbers.Select(number => batch.HashDeleteAsync(Key(number), organizationId.ToString())).ToList();
            batch.Execute();
            return await Task.WhenAll(removals).WaitAsync(ct);
        });

    private async Task<bool> SetAsync(RedisKey key, RedisValue field, RedisValue value, RedisValue? onlyOver, CancellationToken ct)
    {
        var both = (await redis.DatabaseAsync(ct)).CreateTransaction();
        if (onlyOver is { } lease)
        {
            both.AddCondition(Condition.HashEqual(key, field, lease));
        }

        _ = both.HashSetAsync(key, field, value);
        _ = both.KeyExpireAsync(key, Life);
        return await both.ExecuteAsync().WaitAsync(ct);
    }

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
