using Bsp.Application.Ai;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Ai;

/// <summary>
/// The first half of the process manager for AI: each message of a customer whose organization lets machines read becomes work, and a part
/// of a burst where they may answer, exactly once, with the checkpoint. What is done with it is the matter of the driver,
/// whose appends take it away again. Nothing outside PostgreSQL is called here. Decision: docs/decisions/0300.
/// </summary>
public sealed class AiWorkProjection(AiSignal signal) : PostgresProjection
{
    // Told by pressing rather than by typing: nothing more is to be waited for.
    private static readonly HashSet<string> AtOnce = ["button", "interactive", "order"];

    public override string Name => ViewNames.AiWork;

    public override IReadOnlyCollection<string>? EventTypes { get; } = ["message_received"];

    public override bool OrderMatters => false;

    private sealed record Organization(Guid Id, bool AutoReply, int QuietSeconds);

    protected override async Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        var letting = (await tx.QueryAsync("""
            SELECT organization_id, auto_reply, coalesce((settings ->> 'quiet_seconds')::int, 6) FROM bsp.ai_settings
             WHERE organization_id = ANY ($1) AND analysis
            """, r => new Organization(r.GetGuid(0), r.GetBoolean(1), r.GetInt32(2)), ct, page.Organizations.ToArray()))
            .ToDictionary(o => o.Id);
        var heard = letting.Count == 0 ? [] : page.Events.Where(e => letting.ContainsKey(e.OrganizationId) && IsRead(e.Body)).ToList();
        if (heard.Count == 0)
        {
            return;
        }

        await WorkAsync(tx, heard, ct);
        foreach (var stored in heard.Where(e => letting[e.OrganizationId].AutoReply))
        {
            await BurstAsync(tx, stored, letting[stored.OrganizationId], ct);
        }

        await tx.ExecuteAsync("""
            INSERT INTO bsp.ai_turns AS t (organization_id, due_at) SELECT o, now() FROM unnest($1::uuid[]) AS o ORDER BY o
            ON CONFLICT (organization_id) DO UPDATE SET due_at = least(t.due_at, excluded.due_at)
            """, ct, heard.Select(e => e.OrganizationId).Distinct().ToArray());
        tx.OnCommitted(() =>
        {
            signal.Raise();
            return Task.CompletedTask;
        });
    }

    // In a private conversation, in the customer's own words. Groups are nobody's: no machine reads them.
    private static bool IsRead(object? body) => body is MessageReceived { GroupId: null } e && InboundKind.Of(e.Ref.Type).IsMessage
        && e.Ref.Type is not ("unsupported" or "unknown");

    private static Task WorkAsync(TenantTransaction tx, List<StoredEvent> heard, CancellationToken ct) => tx.ExecuteAsync("""
        INSERT INTO bsp.ai_work (message_id, organization_id, conversation_id, due_at)
        SELECT m, o, c, now() FROM unnest($1::uuid[], $2::uuid[], $3::uuid[]) AS w (m, o, c) ON CONFLICT (message_id) DO NOTHING
        """, ct, Uuids(heard.Select(e => e.StreamId)), Uuids(heard.Select(e => e.OrganizationId)),
        Uuids(heard.Select(e => ((MessageReceived)e.Body!).Ref.ConversationId)));

    // By the database's clock, as the worker looks by ours: what is due a moment later is looked at a moment later.
    private static Task BurstAsync(TenantTransaction tx, StoredEvent stored, Organization of, CancellationToken ct)
    {
        var e = (MessageReceived)stored.Body!;
        var quiet = AtOnce.Contains(e.Ref.Type) ? 0 : of.QuietSeconds;
        return tx.ExecuteAsync("""
            INSERT INTO bsp.ai_bursts AS b (conversation_id, organization_id, account_id, contact_id, first_at, due_at, sequence, messages)
            VALUES ($1, $2, $3, $4, $5, $5 + make_interval(secs => $6), $7, ARRAY[$8])
            ON CONFLICT (conversation_id) DO UPDATE SET sequence = greatest(b.sequence, excluded.sequence), attempts = 0,
              due_at = least(b.first_at + make_interval(secs => $9), greatest(excluded.due_at, $5)),
              messages = CASE WHEN b.messages @> excluded.messages THEN b.messages
                ELSE (b.messages || excluded.messages)[greatest(1, cardinality(b.messages) + 2 - $10):] END
            """, ct, e.Ref.ConversationId, stored.OrganizationId, e.Ref.AccountId, e.Ref.ContactId, stored.Timestamp.UtcDateTime,
            (double)quiet, stored.Sequence, stored.StreamId, (double)AiSettings.BurstSecondsMax,
            Domain.Conversations.AutoAnswering.BurstMax);
    }

    private static NpgsqlParameter Uuids(IEnumerable<Guid> ids) =>
        new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid, Value = ids.ToArray() };
}
