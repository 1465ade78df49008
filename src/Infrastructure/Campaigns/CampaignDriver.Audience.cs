using Bsp.Application.Campaigns;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>Who is sent to: the audience that is frozen once, and those who join a triggered campaign one by one.</summary>
public sealed partial class CampaignDriver
{
    // A triggered campaign: what happened since. True: go on at once.
    private async Task<bool> CausesAsync(Shard shard, TenantTransaction transaction, Guid organizationId, Guid campaignId,
        CampaignCursor cursor, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        if (cursor.SendUntil <= now)
        {
            await CancelQueuedAsync(shard, organizationId, campaignId, WaitingSend.Late, ct);
            await transaction.ExecuteAsync("DELETE FROM bsp.campaign_causes WHERE campaign_id = $1", ct, campaignId);
            await CompleteAsync(transaction, organizationId, campaignId, await transaction.AheadAsync(campaignId, ct), ct);
            return false;
        }

        if (await waits.IsPacedAsync(transaction, campaignId, cursor.HeldSeen, now, ct)
            || await numbers.FindAsync(organizationId, cursor.AccountId, ct) is not { MaySend: true } number
            || await transaction.AheadAsync(campaignId, ct) > AheadMax
            || await transaction.TextAsync(organizationId, campaignId, ct) is not { } text
            || text.All.Any(t => !t.IsApproved))
        {
            return false;
        }

        if (text.Refusal is { } refusal)
        {
            await transaction.DisposeAsync();
            await NotFittingAsync(organizationId, campaignId, refusal, ct);
            return false;
        }

        var causes = await transaction.QueryAsync("""
            SELECT k.id, k.contact_id, k.cause FROM bsp.campaign_causes k WHERE k.campaign_id = $1 ORDER BY k.id LIMIT $2
            """, r => (Id: r.GetInt64(0), Cause: new Cause(r.GetGuid(1), r.GetString(2))), ct,
            campaignId, PageCausesMax);
        if (causes.Count == 0)
        {
            return false;
        }

        var state = (await store.LoadAsync(organizationId, campaignId, ct)).Fold<Campaign, CampaignEvent>();
        try
        {
            var fired = await firings.AnswerAsync(transaction, shard, new(organizationId, campaignId, state.Plan!, number, text),
                causes.ConvertAll(c => c.Cause), mayBeUnknown: true, ct);
            await transaction.ExecuteAsync("DELETE FROM bsp.campaign_causes WHERE id = ANY ($1)", ct, causes.Select(c => c.Id).ToArray());
            await transaction.CommitAsync(ct);
            await firings.PutAsync(organizationId, campaignId, number.AccountId, fired, ct);
            return causes.Count == PageCausesMax;
        }
        catch (Exception e) when (e is RefusedFields or Refusal { Code: "rate_card.missing" })
        {
            // Nobody is skipped for want of money: what happened stays noted, and is answered when the campaign goes on.
            await transaction.DisposeAsync();
            await mediator.Send(new PauseCampaign(organizationId, campaignId, Text.Cut(e.Message, PauseReasonMax)), ct);
            return false;
        }
    }

    private async Task FreezeAsync(Shard shard, TenantTransaction transaction, Guid organizationId, Guid campaignId, CampaignCursor cursor,
        CancellationToken ct)
    {
        var state = (await store.LoadAsync(organizationId, campaignId, ct)).Fold<Campaign, CampaignEvent>();
        var audience = await AudienceSql.OfAsync(shard, organizationId, state.Plan!.AudienceSegment, ct);
        await transaction.ExecuteAsync("SET LOCAL statement_timeout = 0", ct);
        var total = cursor.Hours is { } hours
            ? await transaction.FreezeAsync(organizationId, campaignId, audience, hours, state.LocalTime, ct)
            : await transaction.ExecuteAsync($"""
            INSERT INTO bsp.campaign_audience (campaign_id, ordinal, organization_id, contact_id)
            SELECT ${audience.Arguments.Count + 2}, row_number() OVER (ORDER BY c.id), c.organization_id, c.id FROM contacts c
             WHERE c.organization_id = $1 AND {ContactRows.InOrder} AND ({audience.Condition})
            """, ct, [organizationId, .. audience.Arguments, campaignId]);
        await transaction.ExecuteAsync("UPDATE bsp.campaign_dispatch SET total = $2 WHERE campaign_id = $1", ct, campaignId, total);
        long version;
        try
        {
            version = await store.DecideAsync<Campaign, CampaignEvent>(transaction, shard, organizationId, campaignId, now =>
                Campaign.Freeze(now, total, clock.GetUtcNow()), ct);
        }
        catch (VersionConflict)
        {
            return; // Paused meanwhile, say: not committed, the next round freezes.
        }

        await transaction.CommitAsync(ct);
        // as after any other commit: this one is the driver's own
        await caches.Campaigns.ForgetAsync(campaignId, version, CancellationToken.None);
    }
}
