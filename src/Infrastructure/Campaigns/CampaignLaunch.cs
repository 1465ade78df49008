using Bsp.Application.Campaigns;
using Bsp.Application.Charging;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Charging;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <inheritdoc cref="ICampaignLaunch"/>
public sealed class CampaignLaunch(Shards shards, IEventStore events, PostgresEventStore store, CampaignEstimator estimator, LedgerWriter ledger, RowCaches caches, BillingOptions options, TimeProvider clock) : ICampaignLaunch
{
    private const int TriesMax = 5;

    // A campaign may be paused for long; then the clock gives the money back, and what it sends later is paid by the balance.
    private static readonly TimeSpan HoldFor = TimeSpan.FromDays(90);

    public async Task<Done> LaunchAsync(Guid organizationId, Guid campaignId, Func<Campaign, CampaignEvent[]> decide, long? seenVersion, CancellationToken ct)
    {
        if (options.Mode == BillingMode.Off)
        {
            return await events.Decide<Campaign, CampaignEvent>(organizationId, campaignId, decide, seenVersion, ct);
        }

        for (var attempt = 1; ; attempt++)
        {
            var price = await PriceAsync(organizationId, campaignId, ct);
            if (price is null)
            {
                return await events.Decide<Campaign, CampaignEvent>(organizationId, campaignId, decide, seenVersion, ct);
            }

            try
            {
                return await LaunchAsync(organizationId, campaignId, decide, seenVersion, price, ct);
            }
            catch (VersionConflict conflict) when (!conflict.Named && attempt < TriesMax)
            {
                // Somebody was faster: decide again on what they left.
            }
        }
    }

    // Null: nothing is charged, or there is nothing to launch, which the decision says.
    private async Task<Price?> PriceAsync(Guid organizationId, Guid campaignId, CancellationToken ct)
    {
        var state = (await events.LoadAsync(organizationId, campaignId, ct)).Fold<Campaign, CampaignEvent>();
        return state.Status is CampaignStatus.Draft or CampaignStatus.Scheduled ? (await estimator.EstimateAsync(organizationId, campaignId, ct)).Price : null;
    }

    private async Task<Done> LaunchAsync(Guid organizationId, Guid campaignId, Func<Campaign, CampaignEvent[]> decide, long? seenVersion, Price price, CancellationToken ct)
    {
        if (price.Priceless.Count > 0 && options.Mode == BillingMode.Required)
        {
            throw new Refusal("rate_card.missing", $"No rate card has a price for {string.Join(", ", price.Priceless.Take(10))}: nothing is sent that nobody could charge.");
        }

        var shard = await shards.OfAsync(organizationId, ct);
        var claimed = CurrentRequest.Value is { Claim: not null, ClaimMarked: false };
        await using var tx = await shard.BeginAsync(claimed ? [organizationId, Guid.Empty] : [organizationId], ct);
        var launched = false;
        var version = await store.DecideAsync<Campaign, CampaignEvent>(tx, shard, organizationId, campaignId, state =>
        {
            var facts = decide(state);
            launched = facts.Length > 0;
            return ValueTask.FromResult<IReadOnlyList<CampaignEvent>>(facts);
        }, seenVersion, ct);
        if (!launched)
        {
            return new(campaignId, version);
        }

        if (price.Cost > 0)
        {
            await HoldAsync(tx, shard, organizationId, campaignId, price, ct);
        }

        await tx.CommitAsync(ct);
        await caches.Campaigns.ForgetAsync(campaignId, version, CancellationToken.None);
        return new(campaignId, version);
    }

    private async Task HoldAsync(TenantTransaction tx, Shard shard, Guid organizationId, Guid campaignId, Price price, CancellationToken ct)
    {
        var outcome = (await ledger.PostAsync(tx, shard, organizationId, price.Currency, [new PlaceHold(CampaignHolds.Reference(campaignId), price.Cost, clock.GetUtcNow() + HoldFor)], ct))[0];
        if (outcome is Insufficient { Missing: var missing })
        {
            throw WalletInsufficient.Of("The campaign", price.Cost, price.Cost - missing, missing, price.Currency);
        }

        if (outcome is Refused refused)
        {
            throw new Refusal(refused.Code, refused.Detail);
        }

        await tx.ExecuteAsync("INSERT INTO bsp.campaign_holds (campaign_id, organization_id, currency, placed, unit_max, included) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (campaign_id) DO NOTHING", ct,
            campaignId, organizationId, price.Currency, price.Cost, price.UnitMax, price.Included);
    }
}
