using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// What the rest of a campaign's audience waits for: room under the messaging limit, or Meta's verdict on a template that it paces. It
/// stands beside the cursor, so that nobody who waits has a message yet: whatever is killed, wiped, paused or cancelled meanwhile, they
/// have their turn when the campaign goes on.
/// </summary>
public sealed class CampaignWaits(PortfolioRoom reach)
{
    /// <summary>How often a campaign that waits is looked at: a place may be given back, or the limit raised, at any time.</summary>
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2);

    // A verdict has come; whether it pauses the campaign shows within this.
    private const int VerdictCame = -1;

    /// <summary>Places for members who would be sent to. Whoever is in an open window needs none.</summary>
    internal async Task<Room> TakeAsync(TenantTransaction transaction, Guid organizationId, Guid campaignId, SendingNumber number,
        IReadOnlyList<Member> wanted, DateTimeOffset now, CancellationToken ct)
    {
        if (!PortfolioRoom.IsLimited(number))
        {
            return new([.. wanted.Select(_ => true)], null);
        }

        Guid Conversation(Member member) => Uuid.Conversation(number.AccountId, member.PersonId);
        var open = await reach.OpenAsync(transaction, organizationId, [.. wanted.Select(Conversation)], now, ct);
        var counted = wanted.Where(m => !open.Contains(Conversation(m))).ToList();
        var room = await reach.TakeAsync(transaction, organizationId, number,
            counted.ConvertAll(m => (m.PersonId, Uuid.CampaignMessage(campaignId, m.ContactId))), now, ct);
        var granted = counted.Where((_, i) => room.Granted[i]).Select(m => m.PersonId).ToHashSet();
        return new([.. wanted.Select(m => open.Contains(Conversation(m)) || granted.Contains(m.PersonId))], room.NextAt);
    }

    /// <summary>False: it waited for room, and there is none yet.</summary>
    public async Task<bool> HasRoomAsync(TenantTransaction transaction, Guid organizationId, Guid campaignId, SendingNumber number,
        string? waitsFor, DateTimeOffset now, CancellationToken ct)
    {
        if (waitsFor != Wait.Limit)
        {
            return true;
        }

        var (free, nextAt) = await reach.RoomAsync(transaction, organizationId, number, now, ct);
        if (free > 0)
        {
            return true;
        }

        await WaitAsync(transaction, campaignId, Wait.Limit, nextAt, now, null, ct);
        await transaction.CommitAsync(ct);
        return false;
    }

    /// <summary>
    /// Whether Meta holds messages of the campaign and has not said what becomes of them. Of those that are held one is delivered or fails
    /// first: then the others are believed to be released, unless the campaign is paused for it.
    /// </summary>
    public async Task<bool> IsPacedAsync(TenantTransaction transaction, Guid campaignId, int seen, DateTimeOffset now, CancellationToken ct)
    {
        var held = (await transaction.QueryAsync("SELECT count(*)::int FROM bsp.send_queue WHERE campaign_id = $1 AND held",
            r => r.GetInt32(0), ct, campaignId))[0];
        if (held == 0 && seen == 0)
        {
            return false;
        }

        if (seen == VerdictCame)
        {
            await transaction.ExecuteAsync("UPDATE bsp.send_queue SET held = false WHERE campaign_id = $1 AND held", ct, campaignId);
            await transaction.ExecuteAsync("""
                UPDATE bsp.campaign_dispatch SET held_seen = 0, waits_for = NULL, waits_until = NULL, look_at = NULL WHERE campaign_id = $1
                """, ct, campaignId);
            return false;
        }

        await WaitAsync(transaction, campaignId, Wait.Template, null, now, held < seen ? VerdictCame : held, ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    /// <summary>Whether a message of the campaign that was queued waits for room, or for its hour.</summary>
    public async Task<bool> AnyWaitingAsync(TenantTransaction transaction, Guid campaignId, CancellationToken ct) =>
        (await transaction.QueryAsync("""
            SELECT 1 FROM bsp.send_queue WHERE campaign_id = $1 AND waits_for = ANY ($2) AND waits_for IS NOT NULL AND state = 0 LIMIT 1
            """, r => r.GetInt32(0), ct, campaignId, (string[])[Wait.Limit, Wait.Hours])).Count > 0;

    /// <summary>Nobody who is left may be sent to now: they wait for their hour.</summary>
    public Task WaitForHourAsync(TenantTransaction transaction, Guid campaignId, DateTimeOffset opensAt, DateTimeOffset now,
        CancellationToken ct) =>
        transaction.ExecuteAsync("UPDATE bsp.campaign_dispatch SET waits_for = $2, waits_until = $3, look_at = $4 WHERE campaign_id = $1",
            ct,
            campaignId, Wait.Hours, opensAt.UtcDateTime, CampaignWaves.LookAt(opensAt, now).UtcDateTime);

    /// <summary>The cursor moves, and waits for nothing.</summary>
    public Task MoveAsync(TenantTransaction transaction, Guid campaignId, int next, CancellationToken ct) =>
        transaction.ExecuteAsync("""
            UPDATE bsp.campaign_dispatch SET next_ordinal = $2, waits_for = NULL, waits_until = NULL, look_at = NULL WHERE campaign_id = $1
            """, ct, campaignId, next);

    /// <summary>The cursor moves as far as there was room, and waits for more.</summary>
    public async Task WaitForRoomAsync(TenantTransaction transaction, Guid campaignId, int next, DateTimeOffset? roomAt, DateTimeOffset now,
        CancellationToken ct)
    {
        await MoveAsync(transaction, campaignId, next, ct);
        await WaitAsync(transaction, campaignId, Wait.Limit, roomAt, now, null, ct);
    }

    private static Task WaitAsync(TenantTransaction transaction, Guid campaignId, string waitsFor, DateTimeOffset? until,
        DateTimeOffset now, int? held, CancellationToken ct) =>
        transaction.ExecuteAsync("""
            UPDATE bsp.campaign_dispatch SET waits_for = $2, waits_until = $3, look_at = $4, held_seen = coalesce($5, held_seen)
             WHERE campaign_id = $1
            """, ct, campaignId, waitsFor, Parameter(until), (now + LookEvery).UtcDateTime,
            new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Integer, Value = (object?)held ?? DBNull.Value });

    private static NpgsqlParameter Parameter(DateTimeOffset? at) =>
        new() { NpgsqlDbType = NpgsqlDbType.TimestampTz, Value = at is { } known ? known.UtcDateTime : DBNull.Value };
}
