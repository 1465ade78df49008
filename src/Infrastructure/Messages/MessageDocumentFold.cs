using System.Globalization;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Webhooks;
using Bsp.Domain.Charging;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// Event → message document. After the founding event (queued or received) the order of the facts does not matter:
/// the status is the furthest rung reached, the history is kept sorted, and nothing moves back.
/// </summary>
public static class MessageDocumentFold
{
    /// <summary>The document after the event.</summary>
    /// <param name="before">Null: there is none yet.</param>
    /// <param name="position">Of the event, packed. At or before the document's own: nothing changes.</param>
    /// <param name="content">The event's opened content; null when it has none or was erased.</param>
    /// <returns>Null when there is none and the event founds none (a skipped message never was a message).</returns>
    public static MessageDocument? Fold(MessageDocument? before, StoredEvent stored, long position, string? content)
    {
        if (stored.Body is MessageCharge charge && before is not null && before.Position < position)
        {
            return before with { Cost = MessageDocumentPricing.Charged(before.Cost, charge), Position = position };
        }

        if (stored.Body is not MessageEvent fact || before?.Position >= position)
        {
            return before;
        }

        var document = (before, fact) switch
        {
            (null, MessageQueued e) => Found(stored.OrganizationId, e.Ref, e.At) with
            {
                SentBy = new(e.SentBy.UserId, e.SentBy.UserName, e.SentBy.IsAutomated),
                Template = e.Template is { } t ? new(t.TemplateId, t.Name, t.Language, null) : null,
                StatusHistory = [new("pending", Ms(e.At))],
            },
            (null, MessageReceived e) =>
                Found(stored.OrganizationId, e.Ref, e.At) with { WaMessageId = MetaId.Of(e.Wamid), GroupId = e.GroupId,
                    Status = "delivered", StatusExact = "delivered" },
            (null, MessageEchoed e) => Found(stored.OrganizationId, e.Ref, e.At) with
            {
                WaMessageId = MetaId.Of(e.Wamid), SentBy = OnThePhone, Status = "sent", StatusExact = "sent",
            },
            (null, MessageImported e) => Found(stored.OrganizationId, e.Ref, e.At) with
            {
                WaMessageId = MetaId.Of(e.Wamid), SentBy = e.Ref.Direction == "outbound" ? OnThePhone : null,
                Status = e.Status ?? "delivered", StatusExact = e.Status ?? "delivered",
            },
            (null, _) => null,
            _ => before,
        };
        return document is null ? null
            : Settle(Take(document, fact, content)) with { Position = position, UpdatedAt = Later(document.UpdatedAt, Ms(fact.At)) };
    }

    // Nobody knows who: whoever had the phone.
    private static readonly MessageSender OnThePhone = new(null, SentBy.Phone, false);

    private static MessageDocument Found(Guid organizationId, MessageRef of, DateTimeOffset at) => new()
    {
        Id = DocumentId.Of(of.MessageId),
        Uuid = of.MessageId,
        Position = 0,
        OrganizationId = organizationId,
        ConversationId = DocumentId.Of(of.ConversationId),
        ConversationUuid = of.ConversationId,
        AccountId = of.AccountId,
        ContactId = of.ContactId,
        CampaignId = of.CampaignId,
        Direction = of.Direction,
        MessageType = NearestMessageType.ForDocument(of.Type),
        MessageTypeExact = Text.Cut(of.Type, NearestMessageType.ExactUnitsMax),
        CreatedAt = Ms(at),
        UpdatedAt = Ms(at),
    };

    private static MessageDocument Take(MessageDocument d, MessageEvent fact, string? content) => fact switch
    {
        MessageQueued => MessageDocumentContent.Outbound(d, content),
        MessageReceived e =>
            MessageDocumentContent.Inbound(With(d, e.Evidence), content) with { DeliveredAt = Ms(e.At),
                StatusHistory = Add(d, new("delivered", Ms(e.At))) },
        MessageEchoed e => Report(MessageDocumentContent.Inbound(d, content), new("sent", Ms(e.At))),
        MessageImported e => Reached(MessageDocumentContent.Inbound(d, content), e),
        MessageAccepted e => Accept(d) with { WaMessageId = MetaId.Of(e.Wamid) },
        MessageSending => Reach(d, "sending"),
        MessageAttemptRefused => d.StatusExact is "sending" or "outcome_unknown" ? d with { StatusExact = "queued" } : d,
        MessageDeferred e => With(d, e.Evidence) with { StatusExact = e.Reason },
        MessageWaitEnded e => d.StatusExact == e.Reason ? d with { StatusExact = "queued" } : d,
        MessageOutcomeUnknown => Reach(d, "outcome_unknown"),
        MessageUnknownClosed => Reach(d, "unknown_closed"),
        MessageCancelled => Reach(d, "cancelled"),
        MessageExpired => Reach(d, "expired"),
        MessageRejected e => Fail(Reach(d, "rejected"), e.Code, e.Title, e.Details, e.At),
        MessageSent e => Report(With(d, e.Evidence), new("sent", Ms(e.At), Implied: e.Implied ? true : null)),
        MessageDelivered e => Report(With(d, e.Evidence), new("delivered", Ms(e.At), Implied: e.Implied ? true : null)),
        MessageRead e => Report(With(d, e.Evidence), new("read", Ms(e.At))),
        MessageFailed e => Fail(With(d, e.Evidence), e.Code, e.Title, e.Details, e.At),
        MessageStatusNoted e => Note(With(d, e.Evidence), e),
        MessageAnalysed e => d with
        {
            AiProcessing = (d.AiProcessing ?? new(Processed: true)) with
            {
                Processed = true, Sentiment = e.Sentiment, Intent = e.Intent,
                SuggestedReplies = AiWords.Read(content)?.SuggestedReplies?.ToArray(),
            },
        },
        MessageAutoReplied => d with
        {
            AiProcessing = (d.AiProcessing ?? new(Processed: false)) with { AutoReplied = true, AutoReplyContent = content },
        },
        _ => d,
    };

    // How far it had come is known, when it came so far is not.
    private static MessageDocument Reached(MessageDocument d, MessageImported e)
    {
        string[] rungs = e.Status switch
        {
            null => ["delivered"],
            "read" => ["sent", "delivered", "read"],
            "delivered" => ["sent", "delivered"],
            "failed" => ["failed"],
            _ => ["sent"],
        };
        return rungs.Aggregate(d, (told, rung) =>
            Report(told, new(rung, Ms(e.At), Implied: rung == rungs[^1] ? null : true)));
    }

    // Meta has it after all, whatever we concluded before: a rejection is taken back.
    private static MessageDocument Accept(MessageDocument d) => d.StatusExact switch
    {
        "rejected" => d with { StatusExact = "accepted", FailedAt = null },
        "cancelled" => d with { StatusExact = "accepted" },
        _ => Reach(d, "accepted"),
    };

    private static MessageDocument Fail(MessageDocument d, int? code, string? title, string? details, DateTimeOffset at) =>
        Report(d, new("failed", Ms(at), code?.ToString(CultureInfo.InvariantCulture), details ?? title));

    // What came too late to move the ledger is told all the same: the real time of a rung that had been implied, a failure reported after
    // the delivery.
    private static MessageDocument Note(MessageDocument d, MessageStatusNoted e) => e.Status switch
    {
        "sent" or "delivered" or "read" => Report(d, new(e.Status, Ms(e.At))),
        "played" => Report(d, new("read", Ms(e.At))),
        "failed" when e.Evidence?.Item is { } item
        && MetaEnvelope.Items(item, "errors").FirstOrDefault() is { ValueKind: JsonValueKind.Object } error =>
            Fail(d, MetaEnvelope.Number(error, "code"), MetaEnvelope.Text(error, "title"),
                MetaEnvelope.Child(error, "error_data") is { } data ? MetaEnvelope.Text(data, "details") : null, e.At),
        "failed" => Fail(d, null, null, null, e.At),
        _ => d,
    };

    private static MessageDocument Report(MessageDocument d, StatusChange change)
    {
        var history = Add(d, change);
        var best = history.First(c => c.Status == change.Status);
        var told = d with { StatusHistory = history };
        return change.Status switch
        {
            "sent" => told with { SentAt = best.Timestamp },
            "delivered" => told with { DeliveredAt = best.Timestamp },
            "read" => told with { ReadAt = best.Timestamp },
            _ => told with { FailedAt = best.Timestamp, ErrorCode = best.ErrorCode },
        };
    }

    /// <summary>Derives what depends on several facts, so that it cannot depend on their order.</summary>
    private static MessageDocument Settle(MessageDocument d)
    {
        var failed = d.DeliveredAt is null && d.ReadAt is null ? d.FailedAt : null;
        var status = d switch
        {
            { ReadAt: not null } => "read",
            { DeliveredAt: not null } => "delivered",
            _ when failed is not null => "failed",
            { SentAt: not null } => "sent",
            _ => "pending",
        };
        return d with { Status = status, FailedAt = failed, ErrorCode = failed is null ? null : d.ErrorCode,
            StatusExact = status is "pending" || d.StatusExact is "rejected" && status == "failed" ? d.StatusExact : status };
    }

    // Before "sent" only: the order in which the send ledger climbs. A rung that is reached hides those before it.
    private static readonly string[] Ladder =
        ["queued", "sending", "outcome_unknown", "unknown_closed", "accepted", "expired", "cancelled", "rejected"];

    private static MessageDocument Reach(MessageDocument d, string rung) =>
        Array.IndexOf(Ladder, rung) > Array.IndexOf(Ladder, d.StatusExact) && Array.IndexOf(Ladder, d.StatusExact) >= 0
        ? d with { StatusExact = rung } : d;

    private static MessageDocument With(MessageDocument d, Evidence? evidence)
    {
        if (evidence?.Item is not { } item)
        {
            return d;
        }

        var notes = new List<string>();
        var raw = d.RawWebhook is { } known && Age(known).CompareTo(Age(item)) > 0 ? known
            : MessageDocumentBounds.Json(item, "raw_webhook", notes);
        var with = d with
        {
            RawWebhook = raw,
            Cost = d.Cost is { Outcome: not null } ? d.Cost : MessageDocumentPricing.Read(item) ?? d.Cost,
            WaConversationId = MessageDocumentContent.Text(item, "conversation", "id") is { } id ? MetaId.Of(id) : d.WaConversationId,
        };
        return notes.Count == 0 || d.Notes?.Contains(notes[0]) is true ? with : MessageDocumentBounds.Noted(with, notes[0]);
    }

    // By Meta's own clock, not by arrival.
    private static (DateTimeOffset At, int Rung) Age(JsonElement item) =>
        (MetaEnvelope.Order(item), Rung(MetaEnvelope.Text(item, "status") ?? ""));

    // One entry a rung: what was reported before what is implied, then the earliest. Pending stands first whatever the clocks say: Meta's
    // tells whole seconds, so
    // "sent" may carry an earlier time than our own queueing.
    private static StatusChange[] Add(MessageDocument d, StatusChange change)
    {
        var known = d.StatusHistory.FirstOrDefault(c => c.Status == change.Status);
        return known is not null && (known.Implied is true, known.Timestamp).CompareTo((change.Implied is true, change.Timestamp)) <= 0
            ? d.StatusHistory
            : [.. d.StatusHistory.Where(c => c != known).Append(change).OrderBy(c => c.Status != "pending").ThenBy(c => c.Timestamp)
                .ThenBy(c => Rung(c.Status))];
    }

    private static int Rung(string status) => status switch { "pending" => 0, "sent" => 1, "failed" => 2, "delivered" => 3, _ => 4 };

    /// <summary>Documents keep milliseconds (BSON does): cut here once, so that both stores hold the same.</summary>
    public static DateTimeOffset Ms(DateTimeOffset at) => new(at.UtcTicks - (at.UtcTicks % TimeSpan.TicksPerMillisecond), TimeSpan.Zero);

    private static DateTimeOffset Later(DateTimeOffset left, DateTimeOffset right) => left > right ? left : right;
}
