using Bsp.Application.EventStore;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// Fills the Redis hashes <c>campaign:{id}:progress</c>. The checkpoint lives in Redis too, so an emptied Redis begins again at 0 by
/// itself. Each beginning
/// draws an <em>epoch</em>, which every hash carries: numbers of an earlier beginning are never added to, and a wipe in the middle of a
/// page is noticed when the
/// checkpoint moves. Each script touches one key. What lies there and is not ours counts as wiped: <see cref="ProgressSeal"/>.
/// </summary>
/// <param name="seal">Null: of this process alone, for whoever has no configuration.</param>
public sealed class CampaignProgressProjection(RedisConnection redis, CopySeal? seal = null) : IProjection
{
    internal static readonly string[] Types =
        [.. Application.EventStore.EventTypes.NamesOf<MessageEvent>(), "campaign_created", "campaign_audience_frozen"];

    private readonly CampaignProgressHashes hashes = new(redis, seal ?? CopySeal.OfProcess, next: false);

    public string Name => ViewNames.CampaignProgress;

    public IReadOnlyCollection<string>? EventTypes => Types;

    public int PageEventsMax => 5_000;

    public IProjectionCopy? Beside { get; } = new CampaignProgressCopy(redis, seal ?? CopySeal.OfProcess);

    public Task<long> CheckpointAsync(Shard shard, CancellationToken ct) => hashes.CheckpointAsync(shard, ct);

    public Task ApplyAsync(EventPage page, CancellationToken ct) => hashes.ApplyAsync(page, ct);

    /// <summary>The hash of one campaign.</summary>
    public static RedisKey HashOf(Guid campaignId) => $"campaign:{campaignId}:progress";

    /// <summary>
    /// The checkpoints of one shard: fields <c>epoch</c>, <c>sequence</c> and <c>mac</c>, and while it is built anew the same after
    /// <c>next_</c>.
    /// </summary>
    public static RedisKey Key(Shard shard) => $"bsp:projection:{ViewNames.CampaignProgress}:{shard.Name}";
}
