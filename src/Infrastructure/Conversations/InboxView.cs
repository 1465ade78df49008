using Bsp.Application.EventStore;
using Bsp.Domain.Contacts;
using Bsp.Domain.Conversations;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Conversations;

/// <summary>
/// Inline view: how a conversation is filed, whose it is and since when its customer waits (<c>bsp.inbox_states</c>), notes, mentions, and
/// what Meta is to be told, in the append's own transaction.
/// Statements are in the order of ids, so that two batches cannot deadlock.
/// </summary>
public sealed class InboxView : IInlineView
{
    public IReadOnlyCollection<string> EventTypes { get; } =
    [
        "conversation_assigned", "conversation_classified", "conversation_snoozed", "conversation_woken", "conversation_noted",
            "conversation_read", "conversation_answered", "customer_window_opened",
        "contact_merged", "contact_erased",
    ];

    public bool NeedsTriggers => false;

    public void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch)
    {
        var of = events.Where(e => e.Body is ConversationEvent).ToList();
        File(batch, Last<ConversationClassified>(of));
        Assign(batch, Last<ConversationAssigned>(of));
        Snooze(batch, of);
        Wait(batch, of);
        Notes(batch, of);
        Marks(batch, [.. Last<ConversationRead>(of).Where(e => ((ConversationRead)e.Body!).Silent is not true)]);
        Contacts(batch, events);
    }

    // The last one of each conversation.
    private static List<StoredEvent> Last<T>(List<StoredEvent> events) =>
        [.. events.Where(e => e.Body is T).GroupBy(e => e.StreamId).Select(g => g.MaxBy(e => e.Version)!).OrderBy(e => e.StreamId)];

    private static ConversationOf Of(StoredEvent stored) => stored.Body switch
    {
        ConversationClassified e => new(e.ConversationId, e.AccountId, e.ContactId),
        ConversationAssigned e => new(e.ConversationId, e.AccountId, e.ContactId),
        ConversationSnoozed e => new(e.ConversationId, e.AccountId, e.ContactId),
        ConversationWoken e => new(e.ConversationId, e.AccountId, e.ContactId),
        ConversationNoted e => new(e.ConversationId, e.AccountId, e.ContactId),
        ConversationRead e => new(e.ConversationId, e.AccountId, e.ContactId),
        ConversationAnswered e => new(e.ConversationId, e.AccountId, e.ContactId),
        CustomerWindowOpened e => new(e.ConversationId, e.AccountId, e.ContactId),
        _ => default,
    };

    private static NpgsqlParameter[] Keys(List<StoredEvent> events) =>
    [
        Uuids(events.Select(e => (Guid?)Of(e).Id)), Uuids(events.Select(e => (Guid?)e.OrganizationId)),
            Uuids(events.Select(e => (Guid?)Of(e).AccountId)), Uuids(events.Select(e => (Guid?)Of(e).ContactId)),
    ];

    private static void File(NpgsqlBatch batch, List<StoredEvent> events) => Add(batch, events.Count, """
        INSERT INTO bsp.inbox_states AS s (conversation_id, organization_id, account_id, contact_id, status)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[])
        ON CONFLICT (conversation_id) DO UPDATE SET status = excluded.status
        """, [.. Keys(events), Texts(events.Select(e => ((ConversationClassified)e.Body!).Status))]);

    private static void Assign(NpgsqlBatch batch, List<StoredEvent> events) => Add(batch, events.Count, """
        INSERT INTO bsp.inbox_states AS s (conversation_id, organization_id, account_id, contact_id, assigned_to, team_id, queued_at, waiting_since)
        SELECT i, o, a, c, u, t, CASE WHEN u IS NULL AND t IS NOT NULL THEN at END, CASE WHEN r = 'route' THEN at END
          FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::uuid[], $6::uuid[], $7::timestamptz[], $8::text[]) AS q (i, o, a, c, u, t, at, r)
        ON CONFLICT (conversation_id) DO UPDATE SET assigned_to = excluded.assigned_to, team_id = excluded.team_id, waiting_since = coalesce(s.waiting_since, excluded.waiting_since),
          queued_at = CASE WHEN excluded.queued_at IS NULL THEN NULL ELSE least(s.waiting_since, excluded.queued_at) END
        """,
        [
            .. Keys(events), Uuids(events.Select(e => ((ConversationAssigned)e.Body!).UserId)),
            Uuids(events.Select(e => ((ConversationAssigned)e.Body!).TeamId)),
            Times(events.Select(e => ((ConversationAssigned)e.Body!).At)),
            Texts(events.Select(e => ((ConversationAssigned)e.Body!).Reason)),
        ]);

    private static void Snooze(NpgsqlBatch batch, List<StoredEvent> of)
    {
        var events = of.Where(e => e.Body is ConversationSnoozed or ConversationWoken).GroupBy(e => e.StreamId)
            .Select(g => g.MaxBy(e => e.Version)!).OrderBy(e => e.StreamId).ToList();
        Add(batch, events.Count, """
            INSERT INTO bsp.inbox_states AS s (conversation_id, organization_id, account_id, contact_id, snoozed_until)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::timestamptz[])
            ON CONFLICT (conversation_id) DO UPDATE SET snoozed_until = excluded.snoozed_until
            """, [.. Keys(events), Times(events.Select(e => (e.Body as ConversationSnoozed)?.Until))]);
    }

    // Only what has a row: the customers of an organization that assigns nothing make none.
    private static void Wait(NpgsqlBatch batch, List<StoredEvent> of)
    {
        var events = of.Where(e => e.Body is CustomerWindowOpened or ConversationAnswered).GroupBy(e => e.StreamId)
            .Select(g => g.MaxBy(e => e.Version)!).OrderBy(e => e.StreamId).ToList();
        Add(batch, events.Count, """
            UPDATE bsp.inbox_states s SET waiting_since = CASE WHEN q.at IS NULL THEN NULL ELSE coalesce(s.waiting_since, q.at) END
              FROM unnest($1::uuid[], $2::timestamptz[]) AS q (id, at) WHERE s.conversation_id = q.id AND (s.waiting_since IS NULL) <> (q.at IS NULL)
            """, [Uuids(events.Select(e => (Guid?)Of(e).Id)), Times(events.Select(e => (e.Body as CustomerWindowOpened)?.At))]);
    }

    private static void Notes(NpgsqlBatch batch, List<StoredEvent> of)
    {
        foreach (var stored in of.Where(e => e.Body is ConversationNoted))
        {
            var e = (ConversationNoted)stored.Body!;
            Add(batch, 1, """
                INSERT INTO bsp.conversation_notes (id, organization_id, conversation_id, contact_id, key_id, data, user_id, author, mentions, created_at)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING
                """,
                [
                    One(e.NoteId), One(stored.OrganizationId), One(e.ConversationId), One(e.ContactId), One(e.Content.KeyId),
                        new() { Value = e.Content.Data },
                    new() { NpgsqlDbType = NpgsqlDbType.Uuid, Value = (object?)e.UserId ?? DBNull.Value }, new() { Value = e.By },
                    Uuids(e.Mentions.Select(m => (Guid?)m)), new() { Value = e.At.UtcDateTime },
                ]);
            Add(batch, e.Mentions.Count, """
                INSERT INTO bsp.mentions (user_id, note_id, organization_id, conversation_id, created_at) SELECT u, $2, $3, $4, $5 FROM unnest($1::uuid[]) AS u ON CONFLICT DO NOTHING
                """, [Uuids(e.Mentions.Select(m => (Guid?)m)), One(e.NoteId), One(stored.OrganizationId), One(e.ConversationId), new() { Value = e.At.UtcDateTime }]);
        }
    }

    private static void Marks(NpgsqlBatch batch, List<StoredEvent> events) => Add(batch, events.Count, """
        INSERT INTO bsp.read_marks AS m (conversation_id, organization_id, account_id, contact_id, wamid)
        SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[])
        ON CONFLICT (conversation_id) DO UPDATE SET wamid = excluded.wamid, account_id = excluded.account_id, attempts = 0, due_at = now()
        """, [.. Keys(events), Texts(events.Select(e => ((ConversationRead)e.Body!).LastWamid))]);

    private static void Contacts(NpgsqlBatch batch, IReadOnlyList<StoredEvent> events)
    {
        var merged = events.Select(e => e.Body).OfType<ContactMerged>().OrderBy(e => e.AbsorbedId).ToList();
        foreach (var table in (string[])["bsp.inbox_states", "bsp.conversation_notes"])
        {
            Add(batch, merged.Count,
                $"UPDATE {table} t SET contact_id = q.survivor FROM unnest($1::uuid[], $2::uuid[]) AS q (absorbed, survivor) WHERE t.contact_id = q.absorbed",
                [Uuids(merged.Select(e => (Guid?)e.AbsorbedId)), Uuids(merged.Select(e => (Guid?)e.ContactId))]);
        }

        var erased = events.Select(e => e.Body).OfType<ContactErased>().SelectMany(e => e.ContactIds).Distinct().Order().ToList();
        Add(batch, erased.Count,
            "WITH gone AS (DELETE FROM bsp.conversation_notes WHERE contact_id = ANY ($1) RETURNING id, conversation_id) DELETE FROM bsp.mentions m USING gone WHERE m.note_id = gone.id AND m.conversation_id = gone.conversation_id",
            [Uuids(erased.Select(id => (Guid?)id))]);
        Add(batch, erased.Count, "DELETE FROM bsp.read_marks WHERE contact_id = ANY ($1)", [Uuids(erased.Select(id => (Guid?)id))]);
    }

    private static void Add(NpgsqlBatch batch, int count, string sql, NpgsqlParameter[] parameters)
    {
        if (count == 0)
        {
            return;
        }

        var command = new NpgsqlBatchCommand(sql);
        foreach (var parameter in parameters)
        {
            command.Parameters.Add(parameter);
        }

        batch.BatchCommands.Add(command);
    }

    private static NpgsqlParameter One(Guid id) => new() { Value = id };

    private static NpgsqlParameter Uuids(IEnumerable<Guid?> ids) =>
        new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid, Value = ids.ToArray() };

    private static NpgsqlParameter Texts(IEnumerable<string?> texts) =>
        new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text, Value = texts.ToArray() };

    private static NpgsqlParameter Times(IEnumerable<DateTimeOffset?> times) =>
        new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz, Value = times.Select(t => t?.UtcDateTime).ToArray() };

    private static NpgsqlParameter Times(IEnumerable<DateTimeOffset> times) => Times(times.Select(t => (DateTimeOffset?)t));
}
