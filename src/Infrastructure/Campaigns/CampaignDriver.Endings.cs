using Bsp.Application.Campaigns;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>How campaigns end: complete, by their own end, or cancelled.</summary>
public sealed partial class CampaignDriver
{
    // Whoever waits for the end of Meta's cap on them keeps no campaign open for a day.
    private async Task CompleteAsync(TenantTransaction transaction, Guid organizationId, Guid campaignId, int waiting, CancellationToken ct)
    {
        if (waiting == 0 && !await waits.AnyWaitingAsync(transaction, campaignId, ct))
        {
            await transaction.CommitAsync(ct);
            await mediator.Send(new CompleteCampaign(organizationId, campaignId), ct);
        }
    }

    // Its time is over: nobody is begun any more, and whoever has not had their turn is passed over.
    private async Task<bool> EndAsync(Shard shard, TenantTransaction transaction, Guid organizationId, Guid campaignId,
        CampaignCursor cursor, int total, CancellationToken ct)
    {
        await CancelQueuedAsync(shard, organizationId, campaignId, WaitingSend.Late, ct);
        if (cursor.Next > total)
        {
            await CompleteAsync(transaction, organizationId, campaignId, await transaction.AheadAsync(campaignId, ct), ct);
            return false;
        }

        if (await transaction.TextAsync(organizationId, campaignId, ct) is not { } text
            || await AnyAsync(transaction, campaignId, cursor, total, ct) is not { } part)
        {
            return false;
        }

        var members = await transaction.MembersAsync(organizationId, campaignId, part, PageMembersMax, ct);
        var calls = new AudiencePage(text, personal, clock.GetUtcNow()).Skip(members, WaitingSend.Late);
        await store.AppendAsync(transaction, shard, organizationId, [.. calls.Select(c => (IReadOnlyList<StreamAppend>)[c])], ct);
        await transaction.MoveWaveAsync(campaignId, part, members.Count, ct);
        await waits.MoveAsync(transaction, campaignId, cursor.Next + members.Count, ct);
        await transaction.CommitAsync(ct);
        return members.Count > 0;
    }

    private async Task CancelQueuedAsync(Shard shard, Guid organizationId, Guid campaignId, string reason, CancellationToken ct)
    {
        var queued = await shard.QueryAsync(organizationId, """
            (SELECT message_id FROM bsp.send_queue WHERE campaign_id = $1 AND state = 0 AND waits_for IS NULL LIMIT $2) UNION ALL
            (SELECT message_id FROM bsp.send_queue WHERE campaign_id = $1 AND state = 0 AND waits_for IS NOT NULL LIMIT $2)
            """, r => r.GetGuid(0), ct, campaignId, MessageLedger.MessagesMax / 2);
        if (queued.Count > 0)
        {
            var now = clock.GetUtcNow();
            await store.RuleAsync(organizationId, queued, (_, state) => Message.Cancel(state, reason, now), ct);
        }
    }

    private async Task<bool> CancelPageAsync(Shard shard, Guid organizationId, Guid campaignId, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        if (await transaction.CursorAsync(campaignId, running: false, ct) is not { Total: { } total } cursor || cursor.Next > total
            || await transaction.TextAsync(organizationId, campaignId, ct) is not { } text
            || await AnyAsync(transaction, campaignId, cursor, total, ct) is not { } part)
        {
            return false;
        }

        var members = await transaction.MembersAsync(organizationId, campaignId, part, PageMembersMax, ct);
        var calls = new AudiencePage(text, personal, clock.GetUtcNow()).Cancel(members, "campaign cancelled");
        await store.AppendAsync(transaction, shard, organizationId, [.. calls.Select(c => (IReadOnlyList<StreamAppend>)[c])], ct);
        await transaction.MoveWaveAsync(campaignId, part, members.Count, ct);
        await transaction.ExecuteAsync("UPDATE bsp.campaign_dispatch SET next_ordinal = $2 WHERE campaign_id = $1", ct, campaignId,
            cursor.Next + members.Count);
        await transaction.CommitAsync(ct);
        return members.Count > 0;
    }
}
