using Bsp.Application.Charging;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Charging;

/// <summary>
/// What a running campaign has set aside, when what is left of it became dearer than it was held for: the hold is replaced by a larger one,
/// in the transaction of whoever agreed to that. Decision: docs/decisions/0326.
/// </summary>
public sealed class RaisedHolds(LedgerWriter ledger, TimeProvider clock)
{
    /// <summary>
    /// How long a hold stands. A campaign may be paused for longer; then the clock gives the money back, and what it sends later is paid
    /// by the balance.
    /// </summary>
    public static readonly TimeSpan HoldFor = TimeSpan.FromDays(90);

    private sealed record Held(string Currency, decimal UnitMax, int? Open, int Raised, decimal? Left);

    /// <summary>The campaign has set something aside for members who are still open.</summary>
    public static async Task<bool> IsHeldAsync(Shard shard, Guid organizationId, Guid campaignId, CancellationToken ct) =>
        (await shard.QueryAsync(organizationId,
            "SELECT 1 FROM bsp.campaign_holds h WHERE h.campaign_id = $1 AND h.organization_id = $2 AND h.state = 'open'",
            r => r.GetInt32(0), ct, campaignId, organizationId)).Count > 0;

    /// <summary>Raises the hold to what the open members may cost at the prices of now; one that is enough stays.</summary>
    /// <param name="price">Of the whole audience now.</param>
    /// <exception cref="RefusedFields"><c>wallet.insufficient</c>: the caller's transaction must not be committed</exception>
    public async Task RaiseAsync(TenantTransaction tx, Shard shard, Guid organizationId, Guid campaignId, Price price, CancellationToken ct)
    {
        // Whoever charges the organization has the row first: neither takes from a hold that the other is replacing.
        await tx.ExecuteAsync("""
            INSERT INTO bsp.charging AS c (organization_id, pages) VALUES ($1, 0)
                ON CONFLICT (organization_id) DO UPDATE SET pages = c.pages
            """, ct, organizationId);
        if (await FindAsync(tx, organizationId, campaignId, ct) is not { } held || held.Currency != price.Currency
            || price.UnitMax <= held.UnitMax)
        {
            return;
        }

        // Some are passed over, and some have it already: never more than the whole would cost.
        var wanted = held.Open is { } open ? Math.Min(price.Cost, open * price.UnitMax) : price.Cost;
        var raised = wanted > (held.Left ?? 0) ? 1 : 0;
        if (raised > 0)
        {
            await ReplaceAsync(tx, shard, organizationId, campaignId, held, wanted, ct);
        }

        await tx.ExecuteAsync(
            "UPDATE bsp.campaign_holds SET unit_max = $2, raised = raised + $3, placed = placed + $4 WHERE campaign_id = $1",
            ct, campaignId, price.UnitMax, raised, raised > 0 ? wanted - (held.Left ?? 0) : 0m);
    }

    private async Task ReplaceAsync(TenantTransaction tx, Shard shard, Guid organizationId, Guid campaignId, Held held, decimal wanted,
        CancellationToken ct)
    {
        var place = new PlaceHold(CampaignHolds.Reference(campaignId, held.Raised + 1), wanted, clock.GetUtcNow() + HoldFor);
        Posting[] postings = held.Left is null ? [place] : [new SettleHold(CampaignHolds.Reference(campaignId, held.Raised)), place];
        switch ((await ledger.PostAsync(tx, shard, organizationId, held.Currency, postings, ct))[^1])
        {
            case Insufficient { Missing: var missing }:
                throw WalletInsufficient.Of("What is left of the campaign", wanted, wanted - missing, missing, held.Currency);
            case Refused refused:
                throw new Refusal(refused.Code, refused.Detail);
        }
    }

    // Left: null when its time is over.
    private static async Task<Held?> FindAsync(TenantTransaction tx, Guid organizationId, Guid campaignId, CancellationToken ct) =>
        (await tx.QueryAsync("""
            SELECT h.currency, h.unit_max, h.open, h.raised, l.remaining
              FROM (SELECT * FROM bsp.campaign_holds c WHERE c.campaign_id = $2 AND (c.organization_id = $1) IS TRUE AND c.state = 'open'
                     OFFSET 0) h
              LEFT JOIN LATERAL (
                SELECT x.remaining FROM bsp.ledger_holds x WHERE x.organization_id = $1 AND x.state = 'open'
                   AND x.reference = 'campaign/' || h.campaign_id || CASE WHEN h.raised > 0 THEN '/' || h.raised ELSE '' END OFFSET 0) l
                ON true
            """, r => new Held(r.GetString(0), r.GetDecimal(1), r.IsDBNull(2) ? null : r.GetInt32(2), r.GetInt32(3),
                r.IsDBNull(4) ? null : r.GetDecimal(4)), ct, organizationId, campaignId)).FirstOrDefault();
}
