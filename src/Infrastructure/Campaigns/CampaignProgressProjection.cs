using System.Globalization;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// Fills the Redis hashes <c>campaign:{id}:progress</c>. The checkpoint lives in Redis too, so an emptied Redis begins again at 0 by itself. Each beginning
/// draws an <em>epoch</em>, which every hash carries: numbers of an earlier beginning are never added to, and a wipe in the middle of a page is noticed when the
/// checkpoint moves. Each script touches one key.
/// </summary>
public sealed class CampaignProgressProjection(RedisConnection redis) : IProjection
{
    public const string ProjectionName = "campaign_progress.v1";

    private static readonly string Progress = Script("progress");
    private static readonly string Checkpoint = Script("checkpoint");

    public string Name => ProjectionName;

    public IReadOnlyCollection<string>? EventTypes { get; } = [.. Application.EventStore.EventTypes.NamesOf<MessageEvent>(), "campaign_created", "campaign_audience_frozen"];

    public int PageEventsMax => 5_000;

    public Task<long> CheckpointAsync(Shard shard, CancellationToken ct) => Guarded(async db => (await BeginAsync(db, shard)).Sequence, ct);

    public Task ApplyAsync(EventPage page, CancellationToken ct) => Guarded(async db =>
    {
        var (epoch, sequence) = await BeginAsync(db, page.Shard);
        if (sequence < page.After)
        {
            throw Lost("was emptied");
        }

        var campaigns = page.Events.Where(e => CampaignTally.CampaignOf(e.Body) is not null).GroupBy(e => CampaignTally.CampaignOf(e.Body)!.Value).ToList();
        if (campaigns.Count > 0)
        {
            var before = await ReadAsync(db, epoch, [.. campaigns.Select(c => c.Key)]);
            await RefuseLossAsync(db, page, [.. campaigns.Where(c => before[c.Key] is null).Select(c => c.First())], ct);
            var priors = await PriorSettlement.FindAsync(page, ct);
            var written = await Task.WhenAll(campaigns.Select(c => WriteAsync(db, epoch, page, c.Key, before[c.Key], c, priors)));
            if (written.Contains(false))
            {
                throw Lost("changed under the page");
            }
        }

        var moved = await db.ScriptEvaluateAsync(Checkpoint, [Key(page.Shard)], [epoch, page.UpTo]);
        if (moved.IsNull)
        {
            throw Lost("was emptied under the page");
        }

        return 0;
    }, ct);

    /// <summary>A new epoch from 0: hashes of the old one are replaced when the replay reaches them, and readers do not trust them meanwhile.</summary>
    public Task ResetAsync(Shard shard, CancellationToken ct) => Guarded(db => db.KeyDeleteAsync(Key(shard)), ct);

    /// <summary>The hash of one campaign.</summary>
    public static RedisKey HashOf(Guid campaignId) => $"campaign:{campaignId}:progress";

    /// <summary>The checkpoint of one shard: fields <c>epoch</c> and <c>sequence</c>.</summary>
    public static RedisKey Key(Shard shard) => $"bsp:projection:{ProjectionName}:{shard.Name}";

    private static async Task<(RedisValue Epoch, long Sequence)> BeginAsync(IDatabase db, Shard shard)
    {
        var found = (RedisValue[])(await db.ScriptEvaluateAsync(Checkpoint, [Key(shard)], [Guid.NewGuid().ToString("N"), ""]))!;
        return (found[0], (long)found[1]);
    }

    private static async Task<Dictionary<Guid, Dictionary<string, RedisValue>?>> ReadAsync(IDatabase db, RedisValue epoch, Guid[] campaigns)
    {
        var hashes = await Task.WhenAll(campaigns.Select(id => db.HashGetAllAsync(HashOf(id))));
        return campaigns.Zip(hashes, (id, hash) => (id, Fields: hash.ToDictionary(f => (string)f.Name!, f => f.Value)))
            .ToDictionary(h => h.id, h => h.Fields.TryGetValue("epoch", out var own) && own == epoch ? h.Fields : null);
    }

    /// <summary>A campaign without a hash is either met for the first time, or its hash was lost: then an earlier fact of it stands in the log before the page.</summary>
    private static async Task RefuseLossAsync(IDatabase db, EventPage page, IReadOnlyList<StoredEvent> first, CancellationToken ct)
    {
        if (first.Count == 0 || page.After == 0)
        {
            return;
        }

        var known = await page.Shard.QueryAsync(page.Organizations, """
            SELECT c.stream FROM unnest($1::text[], $2::uuid[]) AS c (tenant, stream)
              JOIN mt_events e ON e.tenant_id = c.tenant AND e.stream_id = c.stream AND e.version = 1 AND e.seq_id <= $3 LIMIT 1
            """, r => r.GetGuid(0), ct, first.Select(e => e.OrganizationId.ToString()).ToArray(), first.Select(e => CampaignTally.CampaignOf(e.Body)!.Value).ToArray(), page.After);
        if (known.Count > 0)
        {
            await db.KeyDeleteAsync(Key(page.Shard));
            throw Lost($"lost the progress of campaign {known[0]}");
        }
    }

    private static async Task<bool> WriteAsync(IDatabase db, RedisValue epoch, EventPage page, Guid campaign, Dictionary<string, RedisValue>? before, IEnumerable<StoredEvent> events, IReadOnlyDictionary<Guid, PriorSettlement> priors)
    {
        var position = before is null ? 0 : (long)before["position"];
        var fresh = events.Where(e => new Position(page.Shard.Epoch, e.Sequence).Packed > position).ToList();
        if (fresh.Count == 0)
        {
            return true;
        }

        var tally = CampaignTally.Of(fresh, priors)[campaign];
        var arguments = new List<RedisValue> { epoch, before is null ? "" : before["position"] };
        foreach (var (field, value) in Fields(before, tally, page.PackedUpTo))
        {
            arguments.Add(field);
            arguments.Add(value);
        }

        return (int)await db.ScriptEvaluateAsync(Progress, [HashOf(campaign)], [.. arguments]) == 1;
    }

    private static IEnumerable<(string Field, RedisValue Value)> Fields(Dictionary<string, RedisValue>? before, CampaignTally tally, long position)
    {
        var after = CampaignTally.Names.ToDictionary(name => name, name => Number(before, name) + tally[name]);
        var first = Time(before, "first_at") ?? tally.FirstAt;
        var last = tally.LastAt ?? Time(before, "last_at");
        yield return ("position", position);
        foreach (var (name, value) in after)
        {
            yield return (name, value);
        }

        yield return ("first_at", Text(first));
        yield return ("last_at", Text(last));
        yield return ("estimated_completion", Text(CampaignEstimate.Completion(after["total"], after["queued"], after["skipped"], after["pending"], first, last)));
    }

    private static long Number(Dictionary<string, RedisValue>? hash, string name) => hash is not null && hash.TryGetValue(name, out var value) ? (long)value : 0;

    private static DateTimeOffset? Time(Dictionary<string, RedisValue>? hash, string name) =>
        hash is not null && hash.TryGetValue(name, out var value) && value.HasValue && DateTimeOffset.TryParse((string)value!, CultureInfo.InvariantCulture, out var at) ? at : null;

    private static RedisValue Text(DateTimeOffset? at) => at?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture) ?? "";

    private async Task<T> Guarded<T>(Func<IDatabase, Task<T>> work, CancellationToken ct)
    {
        try
        {
            return await work(await redis.DatabaseAsync(ct)).WaitAsync(ct);
        }
        catch (Exception e) when (e is RedisException or RedisTimeoutException)
        {
            throw new StoreUnavailable("redis", e);
        }
    }

    private static StoreUnavailable Lost(string what) => new("redis", new InvalidOperationException($"Redis {what}: the campaign progress is built again from the checkpoint that Redis holds now."));

    private static string Script(string name)
    {
        using var reader = new StreamReader(typeof(CampaignProgressProjection).Assembly.GetManifestResourceStream($"Bsp.Infrastructure.Campaigns.Lua.{name}.lua")
            ?? throw new InvalidOperationException($"The script {name}.lua is not embedded in the assembly."));
        return reader.ReadToEnd();
    }
}
