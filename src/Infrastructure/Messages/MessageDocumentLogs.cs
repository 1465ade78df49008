using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Messages;

namespace Bsp.Infrastructure.Messages;

/// <summary>Event → log document: one for each report, by the event's id, so that a replay finds it again.</summary>
public static class MessageDocumentLogs
{
    /// <summary>Null for events that report nothing of Meta's.</summary>
    public static MessageLogDocument? Of(StoredEvent stored, long position) => stored.Body switch
    {
        MessageSent e => Log(stored, position, e, "sent", e.Evidence, e.Implied ? "implied" : null),
        MessageDelivered e => Log(stored, position, e, "delivered", e.Evidence, e.Implied ? "implied" : null),
        MessageRead e => Log(stored, position, e, "read", e.Evidence, null),
        MessageFailed e => Log(stored, position, e, "failed", e.Evidence, e.Details ?? e.Title),
        MessageRejected e => Log(stored, position, e, "failed", null, $"{e.Code}: {e.Details ?? e.Title}"),
        MessageDeferred { Evidence: not null } e => Log(stored, position, e, "webhook_received", e.Evidence, $"{e.Code}: {e.Reason}"),
        MessageStatusNoted e => Log(stored, position, e, "webhook_received", e.Evidence, e.Status),
        MessageEchoed e => Log(stored, position, e, "webhook_received", e.Evidence, SentBy.Phone),
        MessageReceived e => Log(stored, position, e, "webhook_received", e.Evidence, null),
        _ => null,
    };

    private static MessageLogDocument Log(StoredEvent stored, long position, MessageEvent fact, string type, Evidence? evidence,
        string? note) => new()
    {
        Id = DocumentId.Of(stored.Id),
        OrganizationId = stored.OrganizationId,
        MessageId = DocumentId.Of(fact.Ref.MessageId),
        MessageUuid = fact.Ref.MessageId,
        EventType = type,
        EventData = evidence is null && note is null ? null
            : JsonSerializer.SerializeToElement(new LogData(MessageDocumentBounds.Json(evidence?.Item, "item", []), evidence?.JournalId,
                evidence?.BodySha256, note), EventTypes.Json),
        CreatedAt = MessageDocumentFold.Ms(fact.At),
        Position = position,
    };

    private sealed record LogData(JsonElement? Item, long? JournalId, string? BodySha256, string? Note);
}
