using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Messages;

/// <summary>A queued message as PostgreSQL knows it.</summary>
/// <param name="Obstacle">Why it does not leave now; null: it may.</param>
/// <param name="SkipsBeyondLimit">Its campaign passes over who is beyond the messaging limit.</param>
/// <param name="Hours">When its campaign may send; null: at any time.</param>
public sealed record WaitingSend(Guid MessageId, Guid AccountId, Guid? CampaignId, string? Obstacle, bool SkipsBeyondLimit,
    JsonElement? Hours = null)
{
    /// <summary>Its campaign is paused or cancelled.</summary>
    public const string Stopped = "campaign is not running";

    /// <summary>Meta holds messages of its campaign for quality assessment: the rest waits for the verdict.</summary>
    public const string Paced = Wait.Template;

    /// <summary>The campaign's send_until has passed.</summary>
    public const string Late = "send_until";
}

/// <summary>Who of a batch is beyond the messaging limit.</summary>
/// <param name="NextAt">When there is room again; null: not known.</param>
public sealed record Beyond(IReadOnlySet<Guid> Denied, DateTimeOffset? NextAt)
{
    public static readonly Beyond Nobody = new(new HashSet<Guid>(), null);
}

/// <summary>What the sender asks of PostgreSQL before it writes an intent.</summary>
public sealed class SendLookup(Shards shards, PortfolioRoom reach)
{
    /// <summary>How long the rest of a paced campaign is left alone before it is looked at again.</summary>
    public static readonly TimeSpan PacedPause = TimeSpan.FromSeconds(30);

    /// <summary>Those that wait. By the primary key, one look a message, whatever the planner believes of the table.</summary>
    public async Task<Dictionary<Guid, WaitingSend>> WaitingAsync(Guid organizationId, Guid[] messages, DateTimeOffset now,
        CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var rows = await shard.QueryAsync(organizationId, """
            SELECT q.message_id, q.account_id, q.campaign_id,
                   CASE WHEN c.status IS NULL THEN NULL WHEN NOT c.status = ANY ($3) THEN $5 WHEN c.send_until <= $4 THEN $6
                        WHEN h.held THEN $7 END,
                   coalesce(c.on_limit = 'skip', false), c.hours
              FROM unnest($2::uuid[]) m (id)
             CROSS JOIN LATERAL (SELECT * FROM bsp.send_queue s WHERE s.message_id = m.id LIMIT 1) q
              LEFT JOIN LATERAL (
                SELECT k.status, k.send_until, k.on_limit, k.hours FROM campaigns k WHERE k.id = q.campaign_id LIMIT 1) c ON true
              LEFT JOIN LATERAL (
                SELECT true AS held FROM bsp.send_queue s WHERE s.campaign_id = q.campaign_id AND s.held LIMIT 1) h ON true
             WHERE q.organization_id = $1 AND q.state = 0
            """, r => new WaitingSend(r.GetGuid(0), r.GetGuid(1), r.IsDBNull(2) ? null : r.GetGuid(2),
                r.IsDBNull(3) ? null : r.GetString(3), r.GetBoolean(4),
                r.IsDBNull(5) ? null : r.Json(5)), ct,
            organizationId, messages, Campaign.SendingWords, now.UtcDateTime, WaitingSend.Stopped, WaitingSend.Late, WaitingSend.Paced);
        return rows.ToDictionary(r => r.MessageId);
    }

    /// <summary>Those whose campaign may not send to them at this hour, and when it may. Nothing is asked where no campaign says
    /// hours.</summary>
    public async Task<IReadOnlyDictionary<Guid, DateTimeOffset>> ClosedAsync(Guid organizationId, IEnumerable<WaitingSend> sends,
        IReadOnlyDictionary<Guid, KnownMessage> known, DateTimeOffset now, CancellationToken ct)
    {
        var closed = new Dictionary<Guid, DateTimeOffset>();
        var asked = sends.Where(s => s.Hours is not null && known.ContainsKey(s.MessageId))
            .Select(s => (s.MessageId, known[s.MessageId].State.Ref?.ContactId, Hours: CampaignHours.Of(s.Hours)!)).ToList();
        var persons = asked.Where(a => a.Hours.ByRecipient && a.ContactId is not null).ToList();
        var zones = persons.Count == 0 ? [] : (await (await shards.OfAsync(organizationId, ct)).QueryAsync(organizationId, """
            SELECT u.message, c.custom_fields ->> u.field, c.phone_number, c.wa_user_id
              FROM unnest($1::uuid[], $2::uuid[], $3::text[]) AS u (message, contact, field)
              LEFT JOIN LATERAL (SELECT x.into_id FROM bsp.contact_aliases x WHERE x.contact_id = u.contact OFFSET 0) a ON true
             CROSS JOIN LATERAL (SELECT k.* FROM contacts k WHERE k.id = coalesce(a.into_id, u.contact) OFFSET 0) c
            """, r => (Message: r.GetGuid(0), Said: r.TextOrNull(1), Phone: r.TextOrNull(2), User: r.TextOrNull(3)), ct,
            persons.Select(p => p.MessageId).ToArray(), persons.Select(p => p.ContactId!.Value).ToArray(),
            persons.Select(p => p.Hours.Field).ToArray())).ToDictionary(z => z.Message);
        foreach (var (message, _, hours) in asked)
        {
            var zone = zones.TryGetValue(message, out var of) ? hours.ZoneOf(of.Said, of.Phone, of.User) : hours.Common;
            if (hours.OpensAt(now, zone) is var opens && opens > now)
            {
                closed[message] = opens;
            }
        }

        return closed;
    }

    /// <summary>They are looked at again then, and not before.</summary>
    public async Task LaterAsync(Guid organizationId, IReadOnlyCollection<Guid> messages, DateTimeOffset at, CancellationToken ct)
    {
        if (messages.Count > 0)
        {
            var shard = await shards.OfAsync(organizationId, ct);
            await shard.QueryAsync(organizationId,
                "UPDATE bsp.send_queue SET due_at = $2 WHERE message_id = ANY ($1) AND state = 0 RETURNING 1", r => r.GetInt32(0), ct,
                messages.ToArray(), at.UtcDateTime);
        }
    }

    /// <summary>
    /// Takes room for those that need some: templates outside the window whose place is not fresh. A campaign's page took its places when
    /// it was queued, so that nearly always nothing is asked. Not waited for on the disk: the intent that follows is.
    /// </summary>
    public async Task<Beyond> RoomAsync(Guid organizationId, SendingNumber number, IReadOnlyList<LoadedStream> streams,
        DateTimeOffset now, CancellationToken ct)
    {
        var asking = !PortfolioRoom.IsLimited(number) ? [] : streams
            .Select(s => s.Events.Count > 0 && s.Events[0].Body is MessageQueued { Ref.Type: "template" } first ? (s, first) : default)
            .Where(a => a.first is not null
                && !(a.first.Ref.CampaignId is not null && reach.Holds(a.first.At, now) && a.s.Events.Count == 1))
            .Select(a => a.first.Ref).ToList();
        if (asking.Count == 0)
        {
            return Beyond.Nobody;
        }

        var shard = await shards.OfAsync(organizationId, ct);
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync("SET LOCAL synchronous_commit = off", ct);
        var open = await reach.OpenAsync(transaction, organizationId, [.. asking.Select(a => a.ConversationId).Distinct()], now, ct);
        var counted = asking.Where(a => !open.Contains(a.ConversationId)).ToList();
        var room = await reach.TakeAsync(transaction, organizationId, number,
            [.. counted.Select(a => (a.ContactId, a.MessageId))], now, ct);
        await transaction.CommitAsync(ct);
        return new(counted.Where((_, i) => !room.Granted[i]).Select(a => a.MessageId).ToHashSet(), room.NextAt);
    }
}
