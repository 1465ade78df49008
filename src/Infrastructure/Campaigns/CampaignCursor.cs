using Bsp.Domain.Campaigns;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>How far a campaign's audience was turned into messages, and what the rest waits for.</summary>
/// <param name="Total">Null: not frozen yet.</param>
/// <param name="Next">Ordinal of the next member.</param>
/// <param name="WaitsFor">One of <see cref="Domain.Messages.Wait"/>; null: nothing.</param>
/// <param name="LookAt">Not looked at before; null: at once.</param>
/// <param name="HeldSeen">See <see cref="CampaignWaits"/>.</param>
/// <param name="Hours">When it may send; null: at any time.</param>
/// <param name="HasNewErrors">Messages of it failed that nobody has judged yet.</param>
internal sealed record CampaignCursor(Guid AccountId, int? Total, int Next, string? WaitsFor, DateTimeOffset? LookAt, int HeldSeen,
    bool SkipsBeyondLimit, DateTimeOffset? SendUntil, bool IsTriggered, bool HasNewErrors, CampaignHours? Hours);

internal static class CampaignCursors
{
    /// <summary>The campaign's cursor, locked until the transaction ends; null: another process has it.</summary>
    /// <param name="running">Null also when nothing of it may leave: whoever pauses it need not wait for the end of a turn.</param>
    public static async Task<CampaignCursor?> CursorAsync(this TenantTransaction transaction, Guid campaignId, bool running,
        CancellationToken ct) =>
        (await transaction.QueryAsync("""
            SELECT d.account_id, d.total, d.next_ordinal, d.waits_for, d.look_at, d.held_seen, c.on_limit = 'skip', c.send_until,
                   c.type = 'TRIGGERED',
                   EXISTS (SELECT FROM bsp.campaign_errors e WHERE e.campaign_id = d.campaign_id AND e.failures <> e.judged OFFSET 0),
                   c.hours
              FROM bsp.campaign_dispatch d
             CROSS JOIN LATERAL (
               SELECT k.status, k.on_limit, k.send_until, k.type, k.hours FROM campaigns k WHERE k.id = d.campaign_id LIMIT 1) c
             WHERE d.campaign_id = $1 AND ($2::text[] IS NULL OR c.status = ANY ($2)) FOR UPDATE OF d SKIP LOCKED
            """, r => new CampaignCursor(r.GetGuid(0), r.IsDBNull(1) ? null : r.GetInt32(1), r.GetInt32(2), r.TextOrNull(3),
                r.TimeOrNull(4), r.GetInt32(5), r.GetBoolean(6), r.TimeOrNull(7), r.GetBoolean(8), r.GetBoolean(9),
                CampaignHours.Of(r.IsDBNull(10) ? null : r.Json(10))), ct, campaignId,
            new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text,
                Value = running ? Campaign.SendingWords : DBNull.Value })).FirstOrDefault();

    /// <summary>Queued and called for, but for those that wait for what only time cures.</summary>
    public static async Task<int> AheadAsync(this TenantTransaction transaction, Guid campaignId, CancellationToken ct) =>
        (await transaction.QueryAsync(
            "SELECT count(*)::int FROM bsp.send_queue WHERE campaign_id = $1 AND state < 2 AND waits_for IS NULL",
            r => r.GetInt32(0), ct, campaignId))[0];
}
