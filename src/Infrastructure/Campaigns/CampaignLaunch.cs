using Bsp.Application.Campaigns;
using Bsp.Application.Charging;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Domain.Plans;
using Bsp.Infrastructure.Charging;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.EventStore.Marten;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.Plans;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Campaigns;

/// <inheritdoc cref="ICampaignLaunch"/>
public sealed class CampaignLaunch(Shards shards, PostgresEventStore store, Entitlements entitlements, CampaignEstimator estimator,
    LedgerWriter ledger, RaisedHolds raised, RowCaches caches, BillingOptions billing, TimeProvider clock) : ICampaignLaunch
{
    private const int RacesMax = 10;
    private const int LossesMax = 5;
    private static readonly TimeSpan AfterLoss = TimeSpan.FromMilliseconds(50);

    public Task<Done> LaunchAsync(Guid organizationId, Guid campaignId, Func<Campaign, IReadOnlyList<CampaignEvent>> decide,
        long? seenVersion, CancellationToken ct) =>
        CarryOutAsync(organizationId, campaignId, decide, seenVersion, () => PriceAsync(organizationId, campaignId, ct),
            (tx, shard, price) => SetAsideAsync(tx, shard, organizationId, campaignId, price, ct), ct);

    public Task<Done> ResumeAsync(Guid organizationId, Guid campaignId, Func<Campaign, IReadOnlyList<CampaignEvent>> decide,
        long? seenVersion, CancellationToken ct) =>
        CarryOutAsync(organizationId, campaignId, decide, seenVersion, () => PriceOfRestAsync(organizationId, campaignId, ct),
            (tx, shard, price) => price is null ? Task.CompletedTask
                : raised.RaiseAsync(tx, shard, organizationId, campaignId, price, ct), ct);

    // What stands or falls with the decision is carried out when there is one.
    private async Task<Done> CarryOutAsync(Guid organizationId, Guid campaignId, Func<Campaign, IReadOnlyList<CampaignEvent>> decide,
        long? seenVersion, Func<Task<Price?>> priced, Func<TenantTransaction, Shard, Price?, Task> beside, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        using var turn = await Deciding.TurnAsync(store, organizationId, campaignId, ct);
        for (var (race, loss) = (1, 1); ;)
        {
            var (attempt, marked) = (new Attempt(), CurrentRequest.Value?.ClaimMarked ?? false);
            try
            {
                var price = await priced();
                return await OnceAsync(shard, organizationId, campaignId, decide, seenVersion,
                    (tx, on) => beside(tx, on, price), attempt, ct);
            }
            catch (VersionConflict conflict) when (!conflict.Named && race++ < RacesMax)
            {
                // Another process was faster: decided again on what it left.
            }
            catch (Exception lost) when (Failure.Of(lost) is NpgsqlException error && Unreachable.Is(error))
            {
                if (attempt.Committing is { } decided && await store.WasCommittedAsync(shard, organizationId, decided, lost))
                {
                    return await LaunchedAsync(campaignId, decided.Version);
                }

                if (loss++ == LossesMax)
                {
                    throw new StoreUnavailable("postgres", lost);
                }

                // Nothing of it is there, the claim's mark neither: launched anew.
                CurrentRequest.Value?.ClaimMarked = marked;
                await Task.Delay(AfterLoss, clock, ct);
            }
        }
    }

    // Null: nothing is charged, or there is nothing to launch, which the decision says.
    private async Task<Price?> PriceAsync(Guid organizationId, Guid campaignId, CancellationToken ct)
    {
        if (billing.Mode == BillingMode.Off)
        {
            return null;
        }

        var state = (await store.LoadAsync(organizationId, campaignId, ct)).Fold<Campaign, CampaignEvent>();
        // whoever joins a triggered campaign is paid for when they do
        return state is { Status: CampaignStatus.Draft or CampaignStatus.Scheduled, IsTriggered: false }
            ? (await estimator.EstimateAsync(organizationId, campaignId, ct)).Price : null;
    }

    // Null: nothing was set aside for it, or there is nothing to resume.
    private async Task<Price?> PriceOfRestAsync(Guid organizationId, Guid campaignId, CancellationToken ct)
    {
        if (billing.Mode == BillingMode.Off
            || !await RaisedHolds.IsHeldAsync(await shards.OfAsync(organizationId, ct), organizationId, campaignId, ct))
        {
            return null;
        }

        var state = (await store.LoadAsync(organizationId, campaignId, ct)).Fold<Campaign, CampaignEvent>();
        return state.Status == CampaignStatus.Paused ? (await estimator.EstimateAsync(organizationId, campaignId, ct)).Price : null;
    }

    private async Task SetAsideAsync(TenantTransaction tx, Shard shard, Guid organizationId, Guid campaignId, Price? price,
        CancellationToken ct)
    {
        if (price is not null)
        {
            await HoldAsync(tx, shard, organizationId, campaignId, price, ct);
        }
    }

    private async Task<Done> OnceAsync(Shard shard, Guid organizationId, Guid campaignId,
        Func<Campaign, IReadOnlyList<CampaignEvent>> decide, long? seenVersion,
            Func<TenantTransaction, Shard, Task> beside, Attempt attempt,
        CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync([organizationId, Guid.Empty], ct);
        var (moves, launched) = (false, false);
        var decided = await store.DecidedAsync<Campaign, CampaignEvent>(tx, shard, organizationId, campaignId, async state =>
        {
            var facts = decide(state);
            (moves, launched) = (facts.Count > 0, facts.OfType<CampaignLaunched>().Any());
            if (launched)
            {
                await entitlements.RequireRoomAsync(tx, organizationId, PlanFeatures.CampaignsPerMonth, ct);
            }

            return facts;
        }, seenVersion, ct);
        if (moves)
        {
            await beside(tx, shard);
        }

        // From here on a cancelled caller is not heard any more: whether it was launched must be known.
        attempt.Committing = decided.Any ? decided : null;
        await tx.CommitAsync(CancellationToken.None);
        return await LaunchedAsync(campaignId, decided.Version);
    }

    private async Task<Done> LaunchedAsync(Guid campaignId, long version)
    {
        await caches.Campaigns.ForgetAsync(campaignId, version, CancellationToken.None);
        return new(campaignId, version);
    }

    private sealed class Attempt
    {
        /// <summary>What the COMMIT is about; null: it was not sent.</summary>
        public Decided? Committing { get; set; }
    }

    private static async Task<bool> HasWalletAsync(TenantTransaction tx, Guid organizationId, CancellationToken ct) =>
        (await tx.QueryAsync("SELECT 1 FROM bsp.ledger_heads WHERE organization_id = $1 LIMIT 1", r => r.GetInt32(0), ct, organizationId))
            .Count > 0;

    private async Task HoldAsync(TenantTransaction tx, Shard shard, Guid organizationId, Guid campaignId, Price price, CancellationToken ct)
    {
        if (price.Priceless.Count > 0 && billing.Mode == BillingMode.Required)
        {
            throw new Refusal("rate_card.missing",
                $"No rate card has a price for {string.Join(", ", price.Priceless.Take(10))}: nothing is sent that nobody could charge.");
        }

        if (price.Cost == 0)
        {
            if (billing.Mode == BillingMode.Required && !await HasWalletAsync(tx, organizationId, ct))
            {
                throw WalletInsufficient.None("The campaign", price.Currency);
            }

            return;
        }

        var hold = new PlaceHold(CampaignHolds.Reference(campaignId), price.Cost, clock.GetUtcNow() + RaisedHolds.HoldFor);
        switch ((await ledger.PostAsync(tx, shard, organizationId, price.Currency, [hold], ct))[0])
        {
            case Insufficient { Missing: var missing }:
                throw WalletInsufficient.Of("The campaign", price.Cost, price.Cost - missing, missing, price.Currency);
            case Refused refused:
                throw new Refusal(refused.Code, refused.Detail);
        }

        await tx.ExecuteAsync("""
            INSERT INTO bsp.campaign_holds (campaign_id, organization_id, currency, placed, unit_max, included)
            VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (campaign_id) DO NOTHING
            """, ct, campaignId, organizationId, price.Currency, price.Cost, price.UnitMax, price.Included);
    }
}
