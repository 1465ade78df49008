using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Ledger;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Charging;

/// <summary>
/// The holds of the campaigns that a page speaks of. A hold never keeps more than its open members may still cost (their number times the
/// dearest unit of the estimate): what is beyond comes
/// back once a page, and with the last member the hold ends.
/// </summary>
internal sealed class CampaignHolds
{
    /// <summary>Of a page that speaks of no campaign.</summary>
    public static CampaignHolds None => new();

    private sealed class Hold(Guid campaignId, decimal unitMax, int? open, decimal left, int raised)
    {
        public Guid CampaignId => campaignId;

        public string Reference => CampaignHolds.Reference(campaignId, raised);

        public decimal UnitMax => unitMax;

        public int? Open { get; set; } = open;

        public decimal Left { get; set; } = left;

        public bool Changed { get; set; }
    }

    private readonly Dictionary<Guid, Hold> holds = [];
    private readonly HashSet<Guid> missedBefore = [];
    private readonly HashSet<Guid> missed = [];

    /// <summary>Name of a campaign's hold.</summary>
    /// <param name="raised">How often it was replaced by a larger one.</param>
    public static string Reference(Guid campaignId, int raised = 0) => raised == 0 ? $"campaign/{campaignId}"
        : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"campaign/{campaignId}/{raised}");

    public static async Task<CampaignHolds> ReadAsync(TenantTransaction tx, Guid organizationId, IReadOnlyList<StoredEvent> events,
        CancellationToken ct)
    {
        var all = new CampaignHolds();
        var campaigns =
            events.Select(e =>
                e.Body switch { MessageEvent m => m.Ref.CampaignId, CampaignAudienceFrozen f => f.CampaignId, CampaignCancelled c =>
                    c.CampaignId, _ => null }).OfType<Guid>().Distinct().ToArray();
        if (campaigns.Length == 0)
        {
            return all;
        }

        foreach (var hold in await tx.QueryAsync("""
            SELECT h.campaign_id, h.unit_max, h.open, coalesce(l.remaining, 0), h.raised FROM unnest($2::uuid[]) AS i (id)
             CROSS JOIN LATERAL (SELECT * FROM bsp.campaign_holds c WHERE c.campaign_id = i.id AND (c.organization_id = $1) IS TRUE AND c.state = 'open' OFFSET 0) h
              LEFT JOIN LATERAL (SELECT x.remaining FROM bsp.ledger_holds x
                  WHERE x.organization_id = $1 AND x.reference = 'campaign/' || h.campaign_id ||
                  CASE WHEN h.raised > 0 THEN '/' || h.raised ELSE '' END AND x.state = 'open' OFFSET 0) l ON true
            """, r => new Hold(r.GetGuid(0), r.GetDecimal(1), r.IsDBNull(2) ? null : r.GetInt32(2), r.GetDecimal(3), r.GetInt32(4)), ct,
            organizationId, campaigns))
        {
            all.holds[hold.CampaignId] = hold;
        }

        if (all.holds.Count > 0)
        {
            var ids = events.Where(e => e.Body is MessageEvent { Ref.CampaignId: { } campaign } && all.holds.ContainsKey(campaign))
                .Select(e => e.StreamId).Distinct().ToArray();
            all.missedBefore.UnionWith(await tx.QueryAsync("""
                SELECT i.id FROM unnest($2::uuid[]) AS i (id) WHERE EXISTS (SELECT FROM bsp.ended_uncharged e WHERE e.organization_id = $1 AND e.message_id = i.id OFFSET 0)
                """, r => r.GetGuid(0), ct, organizationId, ids));
        }

        return all;
    }

    /// <summary>A hold of the campaign is open.</summary>
    public bool Has(Guid campaignId) => holds.ContainsKey(campaignId);

    /// <summary>Name of the hold that pays for a campaign now; it has one.</summary>
    public string ReferenceOf(Guid campaignId) => holds[campaignId].Reference;

    /// <summary>The audience is known.</summary>
    public void Froze(Guid campaignId, int members)
    {
        if (holds.TryGetValue(campaignId, out var hold))
        {
            (hold.Open, hold.Changed) = (members, true);
        }
    }

    /// <summary>Before its audience was known it has no members, and never will.</summary>
    public void Cancelled(Guid campaignId)
    {
        if (holds.TryGetValue(campaignId, out var hold) && hold.Open is null)
        {
            (hold.Open, hold.Changed) = (0, true);
        }
    }

    /// <summary>
    /// A member was reached: the campaign whose hold pays for it; null: there is none, or it gave that member's part back already.
    /// </summary>
    public Guid? Reached(Guid? campaignId, Guid messageId) => campaignId is { } id && End(id, messageId) ? id : null;

    /// <summary>A member ended without a charge.</summary>
    public void Missed(Guid? campaignId, Guid messageId)
    {
        if (campaignId is { } id && End(id, messageId))
        {
            missed.Add(messageId);
        }
    }

    /// <summary>What comes back of each hold after the page's debits.</summary>
    public IEnumerable<Posting> Postings(IEnumerable<(Guid Campaign, decimal Amount)> taken)
    {
        foreach (var (campaign, amount) in taken)
        {
            holds[campaign].Left -= Math.Min(amount, holds[campaign].Left);
        }

        foreach (var hold in holds.Values.Where(h => h is { Changed: true, Open: not null }))
        {
            var excess = hold.Left - (hold.Open!.Value * hold.UnitMax);
            if (hold.Open == 0)
            {
                yield return new SettleHold(hold.Reference);
            }
            else if (excess > 0)
            {
                yield return new ReleaseHold(hold.Reference, excess);
            }
        }
    }

    public async Task SaveAsync(TenantTransaction tx, Guid organizationId, CancellationToken ct)
    {
        var changed = holds.Values.Where(h => h.Changed).ToList();
        if (changed.Count > 0)
        {
            await tx.ExecuteAsync("""
                UPDATE bsp.campaign_holds h SET open = i.open, state = CASE WHEN i.open = 0 THEN 'ended' ELSE 'open' END FROM unnest($1::uuid[], $2::int[]) AS i (id, open) WHERE h.campaign_id = i.id
                """, ct, changed.Select(h => h.CampaignId).ToArray(), changed.Select(h => h.Open).ToArray());
        }

        if (missed.Count > 0)
        {
            await tx.ExecuteAsync(
                "INSERT INTO bsp.ended_uncharged (organization_id, message_id) SELECT $1, * FROM unnest($2::uuid[]) ON CONFLICT DO NOTHING", ct, organizationId, missed.ToArray());
        }
    }

    // True: it is the member's first end, in an open hold.
    private bool End(Guid campaignId, Guid messageId)
    {
        if (missedBefore.Contains(messageId) || missed.Contains(messageId) || !holds.TryGetValue(campaignId, out var hold))
        {
            return false;
        }

        hold.Open = hold.Open is > 0 and var open ? open - 1 : hold.Open;
        hold.Changed = true;
        return true;
    }
}
