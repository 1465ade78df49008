using System.Globalization;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// The hashes of campaigns' progress and their checkpoint: those that serve, or the next ones that are built beside them. What we did not
/// write (<see cref="ProgressSeal"/>) counts as wiped.
/// </summary>
internal sealed class CampaignProgressHashes(RedisConnection redis, CopySeal copySeal, bool next)
{
    private const int BeginningsMax = 10;

    private static readonly string Progress = Script("progress");
    private static readonly string Begin = Script("checkpoint_begin");
    private static readonly string Checkpoint = Script("checkpoint");

    private readonly ProgressSeal seal = new(copySeal);
    private readonly RedisValue prefix = next ? "next_" : "";

    /// <summary>Begins at 0, with a new epoch, where there is no checkpoint.</summary>
    public Task<long> BeginAsync(Shard shard, CancellationToken ct) => Guarded(async db => (await BeginAsync(db, shard)).Sequence, ct);

    /// <summary>The same for what serves; of the next ones: 0 where there is none, and none is begun.</summary>
    public Task<long> CheckpointAsync(Shard shard, CancellationToken ct) => next
        ? Guarded(async db => (await FindAsync(db, shard)).Known?.Sequence ?? 0, ct)
        : BeginAsync(shard, ct);

    public Task ApplyAsync(EventPage page, CancellationToken ct) => Guarded(async db =>
    {
        if (next && page.After > 0 && (await FindAsync(db, page.Shard)).Known is null)
        {
            throw Lost("lost the copy, or serves it already");
        }

        var (epoch, sequence) = await BeginAsync(db, page.Shard);
        if (sequence < page.After)
        {
            throw Lost("was emptied");
        }

        var campaigns = page.Events.Where(e => CampaignTally.CampaignOf(e.Body) is not null)
            .GroupBy(e => CampaignTally.CampaignOf(e.Body)!.Value).ToList();
        if (campaigns.Count > 0)
        {
            var before = await ReadAsync(db, epoch, [.. campaigns.Select(c => c.Key)]);
            var elsewhere = await ElsewhereAsync(page, [.. campaigns.Where(c => before[c.Key].Fields is null)
                .Select(c => c.First().OrganizationId).Distinct()], ct);
            campaigns.RemoveAll(c => elsewhere.Contains(c.First().OrganizationId) && before[c.Key].Fields is null);
            await RefuseLossAsync(db, page, [.. campaigns.Where(c => before[c.Key].Fields is null).Select(c => c.First())], ct);
            var priors = await PriorSettlement.FindAsync(page, ct);
            if (next)
            {
                var members = Members(page.Shard);
                await ProgressSeal.ClearedAsync(db, members, () =>
                    db.SetAddAsync(members, [.. campaigns.Select(c => (RedisValue)c.Key.ToString())]));
            }

            var written = await Task.WhenAll(campaigns.Select(c => WriteAsync(db, epoch, page, c.Key, before[c.Key], c, priors)));
            if (written.Contains(false))
            {
                throw Lost("changed under the page");
            }
        }

        var key = CampaignProgressProjection.Key(page.Shard);
        if ((int)await db.ScriptEvaluateAsync(Checkpoint, [key], [prefix, epoch, page.UpTo, seal.Of(key, [epoch, page.UpTo])]) == 0)
        {
            throw Lost("was emptied under the page");
        }

        return 0;
    }, ct);

    /// <summary>The hash of one campaign.</summary>
    public RedisKey HashOf(Guid campaignId) =>
        next ? $"{CampaignProgressProjection.HashOf(campaignId)}:next" : CampaignProgressProjection.HashOf(campaignId);

    /// <summary>The campaigns that may have a next hash.</summary>
    public static RedisKey Members(Shard shard) => $"{CampaignProgressProjection.Key(shard)}:next";

    /// <summary>Forgets the checkpoint: the next look at it begins a new epoch.</summary>
    public Task ForgetAsync(IDatabase db, Shard shard)
    {
        var key = CampaignProgressProjection.Key(shard);
        return ProgressSeal.ClearedAsync(db, key, () =>
            db.HashDeleteAsync(key, [prefix + "epoch", prefix + "sequence", prefix + ProgressSeal.Mac]));
    }

    /// <summary>Writes a campaign's hash as it was read elsewhere, unless one of its epoch is there already.</summary>
    public async Task ReplaceAsync(IDatabase db, Guid campaign, IReadOnlyDictionary<string, RedisValue> fields)
    {
        var (known, mac) = await ReadAsync(db, campaign);
        if (known is null || known["epoch"] != fields["epoch"])
        {
            await WriteAsync(db, campaign, mac, fields);
        }
    }

    /// <summary>A campaign's numbers; null: none of ours. And the MAC that lies there.</summary>
    public Task<(Dictionary<string, RedisValue>? Fields, RedisValue Mac)> ReadAsync(IDatabase db, Guid campaign)
    {
        var key = HashOf(campaign);
        return ProgressSeal.ClearedAsync(db, key, () => seal.ReadAsync(db, key, campaign));
    }

    /// <summary>The checkpoint, null where there is none of ours; and the MAC that lies there, '' for none.</summary>
    public async Task<((RedisValue Epoch, long Sequence)? Known, RedisValue Mac)> FindAsync(IDatabase db, Shard shard)
    {
        var key = CampaignProgressProjection.Key(shard);
        var found = await ProgressSeal.ClearedAsync(db, key, () =>
            db.HashGetAsync(key, [prefix + "epoch", prefix + "sequence", prefix + ProgressSeal.Mac]));
        return (seal.Holds(key, [found[0], found[1]], found[2]) ? (found[0], (long)found[1]) : null, found[2].IsNull
            ? RedisValue.EmptyString : found[2]);
    }

    private async Task<(RedisValue Epoch, long Sequence)> BeginAsync(IDatabase db, Shard shard)
    {
        var key = CampaignProgressProjection.Key(shard);
        for (var beginning = 1; beginning <= BeginningsMax; beginning++)
        {
            var (known, mac) = await FindAsync(db, shard);
            if (known is { } checkpoint)
            {
                return checkpoint;
            }

            RedisValue epoch = Guid.NewGuid().ToString("N");
            // what stands there then is looked at as anything else
            await db.ScriptEvaluateAsync(Begin, [key], [prefix, mac, epoch, seal.Of(key, [epoch, 0])]);
        }

        throw Lost("holds a checkpoint that somebody else goes on writing");
    }

    private async Task<Dictionary<Guid, (Dictionary<string, RedisValue>? Fields, RedisValue Mac)>> ReadAsync(IDatabase db,
        RedisValue epoch, Guid[] campaigns)
    {
        var hashes = await Task.WhenAll(campaigns.Select(id => ReadAsync(db, id)));
        return campaigns.Zip(hashes)
            .ToDictionary(h => h.First, h => h.Second.Fields is { } fields && fields["epoch"] == epoch ? h.Second : (null, h.Second.Mac));
    }

    /// <summary>
    /// Of these organizations those that live on another shard though their events lie here, for a day after a move or while they come:
    /// that shard counts their campaigns, on the same keys. Two that count the same would each find the other's hash, take it for a loss
    /// and begin again, for as long as both read.
    /// </summary>
    private static async Task<HashSet<Guid>> ElsewhereAsync(EventPage page, Guid[] organizations, CancellationToken ct) =>
        organizations.Length == 0 ? [] : [.. await page.Shard.QueryAsync(page.Organizations, """
            SELECT m.organization_id FROM bsp.moves_here m WHERE m.organization_id = ANY ($1) AND m.state IN ('gone', 'arriving')
            """, r => r.GetGuid(0), ct, organizations)];

    /// <summary>
    /// A campaign without a hash is either met for the first time, or its hash was lost: then an earlier fact of it stands in the log
    /// before the page.
    /// </summary>
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

    private async Task<bool> WriteAsync(IDatabase db, RedisValue epoch, EventPage page, Guid campaign,
        (Dictionary<string, RedisValue>? Fields, RedisValue Mac) found,
        IEnumerable<StoredEvent> events, IReadOnlyDictionary<Guid, PriorSettlement> priors)
    {
        var before = found.Fields;
        var position = before is null ? 0 : (long)before["position"];
        var fresh = events.Where(e => new Position(page.Shard.Epoch, e.Sequence).Packed > position).ToList();
        if (fresh.Count == 0)
        {
            return true;
        }

        var tally = CampaignTally.Of(fresh, priors)[campaign];
        var after = Fields(before, tally, new Position(page.Shard.Epoch, fresh[^1].Sequence).Packed).Append(("epoch", epoch))
            .ToDictionary(f => f.Item1, f => f.Item2);
        return await WriteAsync(db, campaign, found.Mac, after);
    }

    private async Task<bool> WriteAsync(IDatabase db, Guid campaign, RedisValue macBefore, IReadOnlyDictionary<string, RedisValue> fields)
    {
        var values = ProgressSeal.Numbers.Select(name => fields[name.ToString()]).ToList();
        RedisValue mac = seal.Of(CampaignProgressProjection.HashOf(campaign), values);
        return (int)await db.ScriptEvaluateAsync(Progress, [HashOf(campaign)],
            [macBefore, .. ProgressSeal.Numbers.Zip(values).SelectMany(f => new[] { f.First, f.Second }), ProgressSeal.Mac, mac]) == 1;
    }

    private static IEnumerable<(string Field, RedisValue Value)> Fields(Dictionary<string, RedisValue>? before, CampaignTally tally,
        long position)
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
        yield return ("estimated_completion",
            Text(CampaignEstimate.Completion(after["total"], after["queued"], after["skipped"], after["pending"], first, last)));
    }

    private static long Number(Dictionary<string, RedisValue>? hash, string name) =>
        hash is not null && hash.TryGetValue(name, out var value) ? (long)value : 0;

    private static DateTimeOffset? Time(Dictionary<string, RedisValue>? hash, string name) =>
        hash is not null && hash.TryGetValue(name, out var value) && value.HasValue
        && DateTimeOffset.TryParse((string)value!, CultureInfo.InvariantCulture, out var at) ? at : null;

    private static RedisValue Text(DateTimeOffset? at) =>
        at?.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture) ?? "";

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

    private static StoreUnavailable Lost(string what) =>
        new("redis",
            new InvalidOperationException($"Redis {what}: the campaign progress is built again from the checkpoint that Redis holds now."));

    internal static string Script(string name)
    {
        using var reader =
            new StreamReader(
                typeof(CampaignProgressHashes).Assembly.GetManifestResourceStream($"Bsp.Infrastructure.Campaigns.Lua.{name}.lua")
            ?? throw new InvalidOperationException($"The script {name}.lua is not embedded in the assembly."));
        return reader.ReadToEnd();
    }
}
