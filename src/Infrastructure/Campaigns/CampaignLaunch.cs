using Bsp.Application.Campaigns;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Plans;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Plans;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <inheritdoc cref="ICampaignLaunch"/>
public sealed class CampaignLaunch(Shards shards, PostgresEventStore store, Entitlements entitlements, RowCaches caches) : ICampaignLaunch
{
    private const int RacesMax = 10;

    public async Task<Done> LaunchAsync(Guid organizationId, Guid campaignId, Func<Campaign, IReadOnlyList<CampaignEvent>> decide, long? seenVersion, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        using var turn = await Deciding.TurnAsync(store, organizationId, campaignId, ct);
        for (var race = 1; ; race++)
        {
            try
            {
                return await OnceAsync(shard, organizationId, campaignId, decide, seenVersion, ct);
            }
            catch (VersionConflict conflict) when (!conflict.Named && race < RacesMax)
            {
                // Another process was faster: decided again on what it left.
            }
        }
    }

    private async Task<Done> OnceAsync(Shard shard, Guid organizationId, Guid campaignId, Func<Campaign, IReadOnlyList<CampaignEvent>> decide, long? seenVersion, CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync([organizationId, Guid.Empty], ct);
        var version = await store.DecideAsync<Campaign, CampaignEvent>(tx, shard, organizationId, campaignId, async state =>
        {
            var facts = decide(state);
            if (facts.Count > 0)
            {
                await entitlements.RequireRoomAsync(tx, organizationId, PlanFeatures.CampaignsPerMonth, ct);
            }

            return facts;
        }, seenVersion, ct);
        await tx.CommitAsync(ct);
        await caches.Campaigns.ForgetAsync(campaignId, version, CancellationToken.None);
        return new(campaignId, version);
    }
}
