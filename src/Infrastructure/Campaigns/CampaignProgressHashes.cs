using System.Globalization;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>The hashes of campaigns' progress and their checkpoint: those that serve, or the next ones that are built beside them.</summary>
internal sealed class CampaignProgressHashes(RedisConnection redis, bool next)
{
    private static readonly string Progress = Script("progress");
    private static readonly string Checkpoint = Script("checkpoint");

    private readonly RedisValue prefix = next ? "next_" : "";

    /// <summary>Begins at 0, with a new epoch, where there is no checkpoint.</summary>
    public Task<long> BeginAsync(Shard shard, CancellationToken ct) => Guarded(async db => (await BeginAsync(db, shard)).Sequence, ct);

    /// <summary>The same for what serves; of the next ones: 0 where there is none, and none is begun.</summary>
    public Task<long> CheckpointAsync(Shard shard, CancellationToken ct) => next
        ? Guarded(async db => (long?)await db.HashGetAsync(CampaignProgressProjection.Key(shard), prefix + "sequence") ?? 0, ct)
        : BeginAsync(shard, ct);

    public Task ApplyAsync(EventPage page, CancellationToken ct) => Guarded(async db =>
    {
        if (next && page.After > 0 && !await db.HashExistsAsync(CampaignProgressProjection.Key(page.Shard), prefix + "epoch"))
        {
            throw Lost("lost the copy, or serves it already");
        }

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
            if (next)
            {
                await db.SetAddAsync(Members(page.Shard), [.. campaigns.Select(c => (RedisValue)c.Key.ToString())]);
            }

            var written = await Task.WhenAll(campaigns.Select(c => WriteAsync(db, epoch, page, c.Key, before[c.Key], c, priors)));
            if (written.Contains(false))
            {
                throw Lost("changed under the page");
            }
        }

        var moved = await db.ScriptEvaluateAsync(Checkpoint, [CampaignProgressProjection.Key(page.Shard)], [epoch, page.UpTo, prefix]);
        if (moved.IsNull)
        {
            throw Lost("was emptied under the page");
        }

        return 0;
    }, ct);

    /// <summary>The hash of one campaign.</summary>
    public RedisKey HashOf(Guid campaignId) => next ? $"{CampaignProgressProjection.HashOf(campaignId)}:next" : CampaignProgressProjection.HashOf(campaignId);

    /// <summary>The campaigns that may have a next hash.</summary>
    public static RedisKey Members(Shard shard) => $"{CampaignProgressProjection.Key(shard)}:next";

    /// <summary>Forgets the checkpoint: the next look at it begins a new epoch.</summary>
    public Task ForgetAsync(IDatabase db, Shard shard) => db.HashDeleteAsync(CampaignProgressProjection.Key(shard), [prefix + "epoch", prefix + "sequence"]);

    /// <summary>Writes a hash as a whole, unless one of this epoch is there already.</summary>
    public Task ReplaceAsync(IDatabase db, Guid campaign, HashEntry[] fields) => db.ScriptEvaluateAsync(Progress, [HashOf(campaign)],
        [fields.First(f => f.Name == "epoch").Value, "", .. fields.Where(f => f.Name != "epoch").SelectMany(f => new[] { f.Name, f.Value })]);

    private async Task<(RedisValue Epoch, long Sequence)> BeginAsync(IDatabase db, Shard shard)
    {
        var found = (RedisValue[])(await db.ScriptEvaluateAsync(Checkpoint, [CampaignProgressProjection.Key(shard)], [Guid.NewGuid().ToString("N"), "", prefix]))!;
        return (found[0], (long)found[1]);
    }

    private async Task<Dictionary<Guid, Dictionary<string, RedisValue>?>> ReadAsync(IDatabase db, RedisValue epoch, Guid[] campaigns)
    {
        var hashes = await Task.WhenAll(campaigns.Select(id => db.HashGetAllAsync(HashOf(id))));
        return campaigns.Zip(hashes, (id, hash) => (id, Fields: hash.ToDictionary(f => (string)f.Name!, f => f.Value)))
            .ToDictionary(h => h.id, h => h.Fields.TryGetValue("epoch", out var own) && own == epoch ? h.Fields : null);
    }

    /// <summary>A campaign without a hash is either met for the first time, or its hash was lost: then an earlier fact of it stands in the log before the page.</summary>
    private async Task RefuseLossAsync(IDatabase db, EventPage page, IReadOnlyList<StoredEvent> first, CancellationToken ct)
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
            await ForgetAsync(db, page.Shard);
            throw Lost($"lost the progress of campaign {known[0]}");
        }
    }

    private async Task<bool> WriteAsync(IDatabase db, RedisValue epoch, EventPage page, Guid campaign, Dictionary<string, RedisValue>? before, IEnumerable<StoredEvent> events, IReadOnlyDictionary<Guid, PriorSettlement> priors)
    {
        var position = before is null ? 0 : (long)before["position"];
        var fresh = events.Where(e => new Position(page.Shard.Epoch, e.Sequence).Packed > position).ToList();
        if (fresh.Count == 0)
        {
            return true;
        }

        var tally = CampaignTally.Of(fresh, priors)[campaign];
        var arguments = new List<RedisValue> { epoch, before is null ? "" : before["position"] };
        foreach (var (field, value) in Fields(before, tally, new Position(page.Shard.Epoch, fresh[^1].Sequence).Packed))
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

    public async Task<T> Guarded<T>(Func<IDatabase, Task<T>> work, CancellationToken ct)
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

    internal static string Script(string name)
    {
        using var reader = new StreamReader(typeof(CampaignProgressHashes).Assembly.GetManifestResourceStream($"Bsp.Infrastructure.Campaigns.Lua.{name}.lua")
            ?? throw new InvalidOperationException($"The script {name}.lua is not embedded in the assembly."));
        return reader.ReadToEnd();
    }
}
