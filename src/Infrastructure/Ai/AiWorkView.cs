using Bsp.Application.EventStore;
using Bsp.Domain.Contacts;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.EventStore;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Ai;

/// <summary>
/// Inline view: what was read or decided is no work any more, in the append's own transaction. So whatever is killed when, each message is
/// read once and each burst decided on once. Statements are in the order of ids, so that two batches cannot deadlock.
/// </summary>
public sealed class AiWorkView : IInlineView
{
    public IReadOnlyCollection<string> EventTypes { get; } =
    [
        "message_analysed", "conversation_auto_answered", "conversation_handed_over", "conversation_left_silent", "conversation_answered",
        "contact_erased", "contact_merged",
    ];

    public bool NeedsTriggers => false;

    public void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch)
    {
        Add(batch, [.. events.Where(e => e.Body is MessageAnalysed).Select(e => e.StreamId).Order()],
            "DELETE FROM bsp.ai_work WHERE message_id = ANY ($1)");
        foreach (var stored in events.Where(e => Decided(e.Body) is { Count: > 0 }).OrderBy(e => e.StreamId))
        {
            batch.BatchCommands.Add(new("""
                UPDATE bsp.ai_bursts b SET messages = ARRAY(SELECT m FROM unnest(b.messages) WITH ORDINALITY AS u (m, n)
                  WHERE NOT m = ANY ($2) ORDER BY n) WHERE b.conversation_id = $1
                """) { Parameters = { new() { Value = stored.StreamId }, Uuids([.. Decided(stored.Body)!]) } });
            batch.BatchCommands.Add(new("DELETE FROM bsp.ai_bursts WHERE conversation_id = $1 AND messages = '{}'")
            {
                Parameters = { new() { Value = stored.StreamId } },
            });
        }

        // a person has answered what waited
        Add(batch, [.. events.Where(e => e.Body is ConversationAnswered).Select(e => e.StreamId).Order()],
            "DELETE FROM bsp.ai_bursts WHERE conversation_id = ANY ($1)");
        Add(batch, [.. events.Select(e => e.Body).OfType<ContactErased>().SelectMany(e => e.ContactIds).Distinct().Order()],
            "DELETE FROM bsp.ai_bursts WHERE contact_id = ANY ($1)");
        foreach (var merged in events.Select(e => e.Body).OfType<ContactMerged>().OrderBy(e => e.AbsorbedId))
        {
            batch.BatchCommands.Add(new("UPDATE bsp.ai_bursts SET contact_id = $2 WHERE contact_id = $1")
            {
                Parameters = { new() { Value = merged.AbsorbedId }, new() { Value = merged.ContactId } },
            });
        }
    }

    private static IReadOnlyList<Guid>? Decided(object? body) => body switch
    {
        ConversationAutoAnswered e => e.Answers,
        ConversationHandedOver e => e.Answers,
        ConversationLeftSilent e => e.Answers,
        _ => null,
    };

    private static void Add(NpgsqlBatch batch, Guid[] ids, string sql)
    {
        if (ids.Length > 0)
        {
            batch.BatchCommands.Add(new(sql) { Parameters = { Uuids(ids) } });
        }
    }

    private static NpgsqlParameter Uuids(Guid[] ids) => new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid, Value = ids };
}
