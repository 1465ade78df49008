using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Redis;

/// <summary>
/// What a cache key holds: <c>{"version":7,"row":{…},"until":…,"mac":"…"}</c>; without a row it only says that everything older is out of
/// date. <c>until</c> is the Unix time (ms) at which the copy ends,
/// however long the key is made to live; <c>mac</c> proves that we wrote it.
/// </summary>
/// <param name="Version">Stream version that the row shows.</param>
public sealed record CachedRow<T>(long Version, T? Row) where T : class;

/// <summary>
/// JSON copies of rows, one string each: <c>template:{template_id}</c>, <c>campaign:{campaign_id}</c>. A copy never replaces a later one,
/// and after a change the key refuses
/// what was read before it. While Redis is away everything is a miss; a change it could not be told of shows at the latest after
/// <see cref="Life"/>. Decision: docs/decisions/0070.
/// </summary>
public sealed class JsonCache(RedisConnection redis, string prefix, ILogger<JsonCache> log, CopySeal seal, TimeProvider clock)
{
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(1);

    private static readonly JsonSerializerOptions Json =
        new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull };

    /// <returns>Null when there is no row, or it cannot be read as a <typeparamref name="T"/>, or we did not write it.</returns>
    public async Task<CachedRow<T>?> FindAsync<T>(Guid id, CancellationToken ct = default) where T : class
    {
        var text = await CacheTrouble.MissAsync(log, async () =>
            await (await redis.DatabaseAsync(ct)).StringGetAsync(Key(id)).WaitAsync(ct));
        return CacheTrouble.Read<CopyEntry>(text, Json, log) is not { Row: { } row, Until: { } until } found
            || until < clock.GetUtcNow().ToUnixTimeMilliseconds()
            || !seal.Holds(Key(id).ToString(), Sealed(found.Version, until, row.GetRawText()), found.Mac)
            || CacheTrouble.Read<T>(row.GetRawText(), Json, log) is not { } known ? null : new(found.Version, known);
    }

    /// <summary>Keeps a row that was read, unless the key knows of a later version.</summary>
    public Task SetAsync<T>(Guid id, long version, T row, CancellationToken ct = default) where T : class
    {
        var body = JsonSerializer.Serialize(row, Json);
        var until = (clock.GetUtcNow() + Life).ToUnixTimeMilliseconds();
        var mac = seal.Of(Key(id).ToString(), Sealed(version, until, body)); // over the very text that lies there
        return PutAsync(id, version,
            string.Create(CultureInfo.InvariantCulture, $$"""{"version":{{version}},"row":{{body}},"until":{{until}},"mac":"{{mac}}"}"""),
            ct);
    }

    /// <summary>After a change was committed: rows before this version are not given or taken any more.</summary>
    public Task ForgetAsync(Guid id, long version, CancellationToken ct = default) =>
        PutAsync(id, version, string.Create(CultureInfo.InvariantCulture, $$"""{"version":{{version}}}"""), ct);

    private static string Sealed(long version, long until, string row) =>
        string.Create(CultureInfo.InvariantCulture, $"{version}:{until}:{row}");

    private Task PutAsync(Guid id, long version, string entry, CancellationToken ct) => CacheTrouble.MissAsync(log, async () =>
        await (await redis.DatabaseAsync(ct))
        .ScriptEvaluateAsync(RedisScripts.CachePut, [Key(id)], [entry, version, (long)Life.TotalMilliseconds]).WaitAsync(ct));

    private RedisKey Key(Guid id) => $"{prefix}:{id}";

    private sealed record CopyEntry(long Version, JsonElement? Row, long? Until = null, string? Mac = null);
}

/// <summary>The caches of rows that streams stand behind.</summary>
public sealed class RowCaches(RedisConnection redis, ILogger<JsonCache> log, CopySeal? seal = null, TimeProvider? clock = null)
{
    /// <summary><c>template:{template_id}</c>: what GET /v1/templates/{id} shows.</summary>
    public JsonCache Templates { get; } = new(redis, "template", log, seal ?? CopySeal.OfProcess, clock ?? TimeProvider.System);

    /// <summary><c>campaign:{campaign_id}</c>: whose it is and how it stands, for progress. Never a permission to send.</summary>
    public JsonCache Campaigns { get; } = new(redis, "campaign", log, seal ?? CopySeal.OfProcess, clock ?? TimeProvider.System);

    /// <summary>The cache of a stream's row; null: its kind has none.</summary>
    public JsonCache? Of(string streamType) => streamType switch { "template" => Templates, "campaign" => Campaigns, _ => null };
}

/// <summary>
/// JSON copies of contacts: <c>contact:{phone_number}</c>, a hash with one field per organization, because two organizations may know
/// the same number (architecture.md, "Where the specification's key is unsafe"). The whole hash ends <see cref="Life"/> after its last
/// write.
/// Whoever finds nothing leaves a lease there and fills it only while the lease still lies there: a copy that was read before a change and
/// arrives after its removal is not kept.
/// </summary>
public sealed class ContactCache(RedisConnection redis, ILogger<ContactCache> log, CopySeal? given = null, TimeProvider? time = null)
{
    private readonly CopySeal seal = given ?? CopySeal.OfProcess;
    private readonly TimeProvider clock = time ?? TimeProvider.System;

    /// <summary>How long a copy may be wrong when its removal could not be delivered.</summary>
    public static readonly TimeSpan Life = TimeSpan.FromMinutes(1);

    private const string Lease = "lease:";
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>The copy, else what <paramref name="load"/> gives, which is kept. Without Redis: what it gives.</summary>
    /// <param name="phoneNumber">E.164 with '+'.</param>
    public async Task<T?> GetAsync<T>(Guid organizationId, string phoneNumber, Func<Task<T?>> load, CancellationToken ct = default) where T
        : class
    {
        var (key, field) = (Key(phoneNumber), (RedisValue)organizationId.ToString());
        var text = await CacheTrouble.MissAsync(log, async () =>
            await (await redis.DatabaseAsync(ct)).HashGetAsync(key, field).WaitAsync(ct));
        if (!text.IsNull && !text.StartsWith(Lease) && Opened(key, field, text.ToString()) is { } row
            && CacheTrouble.Read<T>(row, Json, log) is { } found)
        {
            return found;
        }

        RedisValue lease = $"{Lease}{Guid.NewGuid():N}";
        var leased = await CacheTrouble.MissAsync(log, () => SetAsync(key, field, lease, null, ct));
        var loaded = await load();
        if (leased && loaded is not null)
        {
            await CacheTrouble.MissAsync(log, () =>
                SetAsync(key, field, Closed(key, field, JsonSerializer.Serialize(loaded, Json)), lease, ct));
        }
        else if (leased)
        {
            await RemoveAsync(organizationId, phoneNumber, ct); // nobody: not even the number is left there
        }

        return loaded;
    }

    /// <summary>After the commit of whatever changed the contact.</summary>
    public Task RemoveAsync(Guid organizationId, string phoneNumber, CancellationToken ct = default) =>
        RemoveAsync(organizationId, [phoneNumber], ct);

    /// <summary>The same for many; one round trip.</summary>
    public Task RemoveAsync(Guid organizationId, IReadOnlyCollection<string> phoneNumbers, CancellationToken ct = default) =>
        phoneNumbers.Count == 0 ? Task.CompletedTask : CacheTrouble.MissAsync(log, async () =>
        {
            var batch = (await redis.DatabaseAsync(ct)).CreateBatch();
            var removals = phoneNumbers.Select(number => batch.HashDeleteAsync(Key(number), organizationId.ToString())).ToList();
            batch.Execute();
            return await Task.WhenAll(removals).WaitAsync(ct);
        });

    // "mac.until.json": ours, of this number and organization, and not kept beyond its time.
    private string Closed(RedisKey key, RedisValue field, string row)
    {
        var text = string.Create(CultureInfo.InvariantCulture, $"{(clock.GetUtcNow() + Life).ToUnixTimeMilliseconds()}.{row}");
        return $"{seal.Of($"{key}/{field}", text)}.{text}";
    }

    private string? Opened(RedisKey key, RedisValue field, string copy)
    {
        var mac = copy.IndexOf('.');
        var until = mac < 0 ? -1 : copy.IndexOf('.', mac + 1);
        return until > 0 && seal.Holds($"{key}/{field}", copy[(mac + 1)..], copy[..mac])
            && long.Parse(copy.AsSpan(mac + 1, until - mac - 1), NumberStyles.None, CultureInfo.InvariantCulture) >= clock.GetUtcNow()
            .ToUnixTimeMilliseconds() ? copy[(until + 1)..] : null;
    }

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
