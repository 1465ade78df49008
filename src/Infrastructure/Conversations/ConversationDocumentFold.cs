using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Messages;

namespace Bsp.Infrastructure.Conversations;

/// <summary>
/// Event → conversation document. Classification and assignment follow the log's order; the last message is the latest by time.
/// </summary>
public static class ConversationDocumentFold
{
    /// <summary>What a list shows of a message that its sender took back.</summary>
    public const string RevokedPreview = "[deleted]";

    private const string NoMessageYet = "none"; // in place of the last message's key
    private const int RetentionYears = 2; // specification §6: message content
    private const int UnreadKept = 100;
    private const int AmendmentsKept = 50;
    private const int NameUnitsMax = 256;
    private const int NumberUnitsMax = 64;

    /// <summary>
    /// The conversation an event is about; null when it changes none. Statuses change one only when they carry Meta's conversation id.
    /// </summary>
    public static Guid? Of(object? body) => body switch
    {
        MessageQueued e => e.Ref.ConversationId,
        MessageReceived e => e.Ref.ConversationId,
        MessageAnalysed e => e.Ref.ConversationId,
        MessageEchoed e => e.Ref.ConversationId,
        MessageImported e => e.Ref.ConversationId,
        MessageEvent e when WaConversation(e) is not null => e.Ref.ConversationId,
        CustomerWindowOpened e => e.ConversationId,
        ConversationAssigned e => e.ConversationId,
        ConversationClassified e => e.ConversationId,
        ConversationRead e => e.ConversationId,
        ConversationAnswered e => e.ConversationId,
        ConversationSnoozed e => e.ConversationId,
        ConversationWoken e => e.ConversationId,
        ConversationAutoAnswered e => e.ConversationId,
        ConversationHandedOver e => e.ConversationId,
        ConversationGivenBack e => e.ConversationId,
        _ => null,
    };

    /// <summary>The document after the event; null when there is none and the event founds none.</summary>
    /// <param name="position">Of the event, packed. At or before the document's own: nothing changes.</param>
    /// <param name="message">The message's document after the same event, for the preview; null for events that are not a
    /// message's.</param>
    /// <param name="content">The event's opened content, for the contact's number and name.</param>
    public static ConversationDocument? Fold(ConversationDocument? before, StoredEvent stored, long position, MessageDocument? message,
        string? content)
    {
        if (before?.Position >= position)
        {
            return before;
        }

        var after = stored.Body switch
        {
            MessageQueued e =>
                Outgoing(before ?? Found(stored, e.Ref, e.At, e.SentBy.Source == "campaign" ? "campaign" : "api"), e, message, content),
            MessageReceived e => Incoming(before ?? Received(stored, e), e, message, content),
            MessageEchoed or MessageImported => ConversationsOnThePhone.Fold(
                before ?? Found(stored, ((MessageEvent)stored.Body!).Ref, ((MessageEvent)stored.Body).At, "whatsapp"),
                (MessageEvent)stored.Body!, message, content),
            MessageAnalysed e => before is null ? null : Analysed(before, e, content),
            MessageEvent e when before is not null && WaConversation(e) is { } id => before with { WaConversationId = id },
            CustomerWindowOpened e =>
                Founded(before, stored, e.ConversationId, e.AccountId, e.ContactId,
                    e.At) with { WindowUntil = MessageDocumentFold.Ms(e.Until) },
            ConversationAssigned e => Founded(before, stored, e.ConversationId, e.AccountId, e.ContactId, e.At) with
            {
                AssignedTo = e.UserId,
                AssignedAt = e.UserId is null ? null : MessageDocumentFold.Ms(e.At),
                TeamId = e.TeamId,
            },
            ConversationClassified e =>
                ConversationClocks.Filed(Founded(before, stored, e.ConversationId, e.AccountId, e.ContactId, e.At), e),
            ConversationRead e => Seen(Founded(before, stored, e.ConversationId, e.AccountId, e.ContactId, e.At), e),
            ConversationAnswered e =>
                ConversationClocks.Answered(Founded(before, stored, e.ConversationId, e.AccountId, e.ContactId, e.At), e),
            ConversationSnoozed e =>
                Founded(before, stored, e.ConversationId, e.AccountId, e.ContactId,
                    e.At) with { SnoozedUntil = MessageDocumentFold.Ms(e.Until), SnoozedBefore = MessageDocumentFold.Ms(e.Until) },
            ConversationWoken e => Founded(before, stored, e.ConversationId, e.AccountId, e.ContactId, e.At) with { SnoozedUntil = null },
            ConversationAutoAnswered when before is not null => before with { AiHandover = null },
            ConversationHandedOver e when before is not null => before with { AiHandover = new(e.Reason, MessageDocumentFold.Ms(e.At)) },
            ConversationGivenBack when before is not null => before with { AiHandover = null },
            _ => before,
        };
        return after is null ? null
            : after with { Position = position, UpdatedAt = Later(after.UpdatedAt, MessageDocumentFold.Ms(At(stored))) };
    }

    // A message that was analysed late says nothing of how things stand now.
    private static ConversationDocument Analysed(ConversationDocument d, MessageAnalysed e, string? content)
    {
        var at = MessageDocumentFold.Ms(e.ReceivedAt);
        return d.AnalysedAt > at ? d : d with
        {
            AnalysedAt = at,
            AiAnalysis = new(e.Sentiment, (double)e.SentimentScore, e.Intent, e.Language, AiWords.Read(content)?.Summary),
        };
    }

    // A reaction of ours is seen on the message that it is about, as the customer's is: no message, and not the last one.
    private static ConversationDocument Outgoing(ConversationDocument d, MessageQueued e, MessageDocument? message, string? content) =>
        (InboundKind.Of(e.Ref.Type).Amends ? Alone(d, e.At, message) : Last(d, e.At, message)) with
        {
            MessageCount = InboundKind.Of(e.Ref.Type).Amends ? d.MessageCount
                : d.MessageCount with { Outgoing = d.MessageCount.Outgoing + 1 },
            Contact = MessageDocumentContent.Parse(content) is { } body && MessageDocumentContent.Text(body, "to") is { } to
            ? d.Contact with { PhoneNumber = E164.OfWaId(to) } : d.Contact,
        };

    private static ConversationDocument Incoming(ConversationDocument d, MessageReceived e, MessageDocument? message, string? content)
    {
        var kind = InboundKind.Of(e.Ref.Type);
        var target = e.Target ?? (message?.Amends is { } id ? MessageKey.Of(id) : null);
        var notice = InboundKind.IsNotice(e.Ref.Type);
        var known = e.GroupId is null ? Named(d, content, e.At, notice) : d;
        return notice ? Last(known, e.At, message)
            : kind.IsMessage ? Written(known, e, message)
            : Alone(target is not null && e.Ref.Type is "edit" or "revoke"
                ? Amended(known, new(target, e.Ref.Type, MessageDocumentFold.Ms(e.At), Preview(e.Ref.Type, message), e.Ref.ContactId))
                : known, e.At, message);
    }

    // A notice of a new number comes from the old one.
    private static ConversationDocument Named(ConversationDocument d, string? content, DateTimeOffset at, bool notice)
    {
        var root = MessageDocumentContent.Parse(content);
        var number = root is { } r ? (notice ? null : MessageDocumentContent.Text(r, "message", "from"))
            ?? MessageDocumentContent.Text(r, "wa_id") : null;
        var name = root is { } p ? Text.Cut(MessageDocumentContent.Text(p, "profile", "name"), NameUnitsMax) : null;
        return d with { Contact =
            d.Contact with { PhoneNumber = Number(d, Text.Cut(number, NumberUnitsMax), at), Name = name ?? d.Contact.Name } };
    }

    // One that was taken back before it arrived is not unread, and neither is the next one that has its key: there is none.
    private static ConversationDocument Written(ConversationDocument d, MessageReceived e, MessageDocument? message)
    {
        var key = MessageKey.Of(MetaId.Of(e.Wamid));
        var unread = !(d.Amendments ?? []).Any(a => a is { Kind: "revoke" } && a.Key == key && a.By == e.Ref.ContactId);
        var last = Last(d, e.At, message);
        var after = last with
        {
            MessageCount = d.MessageCount with { Incoming = d.MessageCount.Incoming + 1 },
            UnreadCount = d.UnreadCount + (unread ? 1 : 0),
            Unread = unread ? [.. (d.Unread ?? []).Append(key).TakeLast(UnreadKept)] : d.Unread,
        };
        var heard = ConversationClocks.Heard(after, e);
        return ReferenceEquals(last, d) ? heard : Shown(heard with { LastMessageKey = key, LastMessageBy = e.Ref.ContactId });
    }

    // What came after the message that was seen is unread all the same.
    private static ConversationDocument Seen(ConversationDocument d, ConversationRead e)
    {
        string[] unread = d.Unread ?? [];
        string[] left = Array.IndexOf(unread, MessageKey.Of(e.LastWamid)) is var at and >= 0 ? unread[(at + 1)..] : [];
        return d with { UnreadCount = left.Length, Unread = left.Length == 0 ? null : left };
    }

    // A message that was on its way for long brings no earlier number back, and WhatsApp's spelling of the number is no news.
    private static string? Number(ConversationDocument d, string? from, DateTimeOffset at) =>
        E164.OfMeta(from) is not { } number
        || (d.Contact.PhoneNumber is { } known && (MessageDocumentFold.Ms(at) < d.UpdatedAt || PhoneSpellings.Of(known).Contains(number)))
        ? d.Contact.PhoneNumber : number;

    private static ConversationDocument Amended(ConversationDocument d, ConversationAmendment amendment)
    {
        var unread = amendment.Kind == "revoke" && d.Unread?.Contains(amendment.Key) is true;
        return Shown(d with
        {
            Amendments =
                [.. (d.Amendments ?? []).Append(amendment).OrderBy(a => a.At).ThenBy(a => a.Kind, StringComparer.Ordinal)
                    .ThenBy(a => a.Preview, StringComparer.Ordinal).TakeLast(AmendmentsKept)],
            UnreadCount = unread ? Math.Max(0, d.UnreadCount - 1) : d.UnreadCount,
            Unread = unread ? [.. d.Unread!.Where(key => key != amendment.Key)] : d.Unread,
        });
    }

    // Until there is a message, the latest of what is about one is all that there is to see, or the conversation would be in no list.
    internal static ConversationDocument Alone(ConversationDocument d, DateTimeOffset at, MessageDocument? message) =>
        d.LastMessageAt is not null && (d.LastMessageKey != NoMessageYet || d.LastMessageAt > MessageDocumentFold.Ms(at)) ? d
            : Last(d, at, message) with { LastMessageKey = NoMessageYet };

    // The last message as it looks now. Only who wrote it changes it.
    private static ConversationDocument Shown(ConversationDocument d)
    {
        var own = (d.Amendments ?? []).Where(a => a.Key == d.LastMessageKey && a.By == d.LastMessageBy).ToList();
        return own.Count == 0 ? d : d with { LastMessagePreview = own.Exists(a => a.Kind == "revoke") ? RevokedPreview : own[^1].Preview };
    }

    private static string? Preview(string type, MessageDocument? message) =>
        type == "edit" && message is not null ? MessageDocumentContent.Preview(message) : null;

    internal static ConversationDocument Last(ConversationDocument d, DateTimeOffset at, MessageDocument? message)
    {
        var when = MessageDocumentFold.Ms(at);
        return d.LastMessageAt > when && d.LastMessageKey != NoMessageYet ? d : d with
        {
            LastMessageAt = when,
            LastMessageKey = null,
            LastMessageBy = null,
            LastMessagePreview = message is null ? null : MessageDocumentContent.Preview(message),
            ExpiresAt = when.AddYears(RetentionYears),
        };
    }

    private static ConversationDocument Found(StoredEvent stored, MessageRef of, DateTimeOffset at, string source) =>
        Founded(null, stored, of.ConversationId, of.AccountId, of.ContactId, at) with { Source = source };

    // A group is nobody's: whoever wrote first in it has no more to do with it than the others.
    private static ConversationDocument Received(StoredEvent stored, MessageReceived e) =>
        Found(stored, e.GroupId is null ? e.Ref : e.Ref with { ContactId = Guid.Empty }, e.At, "whatsapp") with { GroupId = e.GroupId };

    private static ConversationDocument Founded(ConversationDocument? before, StoredEvent stored, Guid id, Guid accountId, Guid contactId,
        DateTimeOffset at) => before ?? new()
    {
        Id = DocumentId.Of(id),
        Uuid = id,
        Position = 0,
        OrganizationId = stored.OrganizationId,
        AccountId = accountId,
        ContactId = contactId,
        CreatedAt = MessageDocumentFold.Ms(at),
        UpdatedAt = MessageDocumentFold.Ms(at),
    };

    private static string? WaConversation(MessageEvent fact) => fact switch
    {
        MessageSent { Evidence.Item: { } item } => Id(item),
        MessageDelivered { Evidence.Item: { } item } => Id(item),
        MessageRead { Evidence.Item: { } item } => Id(item),
        MessageFailed { Evidence.Item: { } item } => Id(item),
        _ => null,
    };

    private static string? Id(JsonElement item) => MessageDocumentContent.Text(item, "conversation", "id") is { } id ? MetaId.Of(id) : null;

    private static DateTimeOffset At(StoredEvent stored) => stored.Body switch
    {
        MessageEvent e => e.At,
        CustomerWindowOpened e => e.At,
        ConversationAssigned e => e.At,
        ConversationClassified e => e.At,
        ConversationRead e => e.At,
        ConversationAnswered e => e.At,
        ConversationSnoozed e => e.At,
        ConversationWoken e => e.At,
        ConversationAutoAnswered e => e.At,
        ConversationHandedOver e => e.At,
        ConversationGivenBack e => e.At,
        _ => stored.Timestamp,
    };

    private static DateTimeOffset Later(DateTimeOffset left, DateTimeOffset right) => left > right ? left : right;
}
