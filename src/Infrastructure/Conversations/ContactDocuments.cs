using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Application.Webhooks;
using Bsp.Domain.Contacts;
using Bsp.Domain.Retention;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Projections;

namespace Bsp.Infrastructure.Conversations;

/// <summary>
/// What a merge, a new number or an erasure does to a contact's documents: they go to the surviving contact, show the number that the
/// person has now, or lose everything personal. Every document of the contact takes the event's position, live as in a rebuild,
/// so that both end with the same.
/// </summary>
internal sealed class ContactDocuments
{
    private const int ContactEventsMax = 20; // a slice loads all documents of the contacts they name
    private const int RetentionWeight = 5;   // and up to 500 conversations of each archive's event

    private readonly FoundDocuments found;
    private readonly Dictionary<DocumentId, ConversationDocument> conversations;
    private readonly Dictionary<DocumentId, MessageDocument> messages;
    private readonly Dictionary<Guid, (HashSet<DocumentId> Conversations, HashSet<DocumentId> Messages)>? byContact;

    /// <param name="conversations">Changed by the page so far, as are the messages.</param>
    public ContactDocuments(EventPage page, FoundDocuments found, Dictionary<DocumentId, ConversationDocument> conversations,
        Dictionary<DocumentId, MessageDocument> messages)
    {
        (this.found, this.conversations, this.messages) = (found, conversations, messages);
        if (Named(page).Count == 0)
        {
            return; // then nobody asks whose they are
        }

        byContact = [];
        foreach (var document in found.Conversations.Values)
        {
            Note(null, document);
        }

        foreach (var document in found.Messages.Values)
        {
            Note(document, null);
        }
    }

    /// <summary>The page in its order, each slice with at most 20 events that change a contact's documents; at least one slice.</summary>
    public static IReadOnlyList<EventPage> Slices(EventPage page)
    {
        var slices = new List<EventPage>();
        var (begin, contacts) = (0, 0);
        for (var i = 0; i < page.Events.Count; i++)
        {
            var weight = page.Events[i].Body is ContactEvent ? 1 : page.Events[i].Body is RetentionEvent ? RetentionWeight : 0;
            if (weight > 0 && (contacts += weight) > ContactEventsMax)
            {
                slices.Add(page with { Events = [.. page.Events.Take(begin..i)] });
                (begin, contacts) = (i, weight);
            }
        }

        slices.Add(begin == 0 ? page : page with { Events = [.. page.Events.Skip(begin)] });
        return slices;
    }

    /// <summary>Contacts whose documents the page's events change.</summary>
    public static IReadOnlyCollection<Guid> Named(EventPage page) => [.. page.Events.SelectMany(e => Of(e.Body)).Distinct()];

    /// <summary>Contacts that the page's events erase.</summary>
    public static IEnumerable<(Guid Organization, Guid Contact)> Erased(EventPage page) =>
        page.Events.Where(e => e.Body is ContactErased).SelectMany(e => Of(e.Body).Select(contact => (e.OrganizationId, contact)));

    /// <summary>Remembers whose these are.</summary>
    public void Note(MessageDocument? message, ConversationDocument? conversation)
    {
        if (byContact is not null && message is not null)
        {
            Of(byContact, message.ContactId).Messages.Add(message.Id);
        }

        if (byContact is not null && conversation is not null)
        {
            Of(byContact, conversation.ContactId).Conversations.Add(conversation.Id);
        }
    }

    /// <summary>Changes the documents in hand: those of the page so far, and those found.</summary>
    /// <param name="content">Opened: by what the contact is reached, of a change of it.</param>
    public void Fold(StoredEvent stored, long position, string? content)
    {
        foreach (var contact in Of(stored.Body).Distinct())
        {
            var own = Of(byContact!, contact);
            foreach (var before in own.Conversations.Select(id => conversations.GetValueOrDefault(id) ?? found.Conversations[id])
                .Where(d => d.ContactId == contact && d.OrganizationId == stored.OrganizationId && d.Position < position).ToList())
            {
                var after = conversations[before.Id] = After(before, stored, content) with { Position = position };
                Note(null, after);
            }

            if (stored.Body is ContactErased)
            {
                foreach (var before in Groups(own.Messages, contact)
                    .Where(d => d.OrganizationId == stored.OrganizationId && d.Position < position).ToList())
                {
                    conversations[before.Id] = EraseInGroup(before, contact) with { Position = position };
                }
            }

            // What was written from the old number stays as it was written.
            foreach (var before in stored.Body is ContactIdentityChanged ? []
                : own.Messages.Select(id => messages.GetValueOrDefault(id) ?? found.Messages[id])
                .Where(d => d.ContactId == contact && d.OrganizationId == stored.OrganizationId && d.Position < position).ToList())
            {
                var after = messages[before.Id] =
                    (stored.Body is ContactMerged e ? before with { ContactId = e.ContactId } : Erase(before)) with { Position = position };
                Note(after, null);
            }
        }
    }

    private static ConversationDocument After(ConversationDocument before, StoredEvent stored, string? content) => stored.Body switch
    {
        ContactMerged e => before with { ContactId = e.ContactId },
        ContactIdentityChanged e => before with
        {
            Contact = MessageDocumentContent.Parse(content) is { } identity
                && MessageDocumentContent.Text(identity, "after", "phone_number") is { } number
                ? before.Contact with { PhoneNumber = number } : before.Contact,
            UpdatedAt = Later(before.UpdatedAt, MessageDocumentFold.Ms(e.SaidAt ?? e.At)),
        },
        _ => Erase(before),
    };

    private static DateTimeOffset Later(DateTimeOffset left, DateTimeOffset right) => left > right ? left : right;

    // The groups in which the contact wrote.
    private IEnumerable<ConversationDocument> Groups(HashSet<DocumentId> own, Guid contact) =>
        own.Select(id => messages.GetValueOrDefault(id) ?? found.Messages[id])
        .Where(m => m.GroupId is not null && m.ContactId == contact).Select(m => m.ConversationId).Distinct()
        .Select(id => conversations.GetValueOrDefault(id) ?? found.Conversations.GetValueOrDefault(id)).OfType<ConversationDocument>();

    private static (HashSet<DocumentId> Conversations,
        HashSet<DocumentId> Messages) Of(Dictionary<Guid, (HashSet<DocumentId> Conversations, HashSet<DocumentId> Messages)> all,
        Guid contact)
    {
        if (!all.TryGetValue(contact, out var own))
        {
            all[contact] = own = ([], []);
        }

        return own;
    }

    private static IEnumerable<Guid> Of(object? body) => body switch
    {
        ContactMerged e => [e.AbsorbedId],
        ContactIdentityChanged e => [e.ContactId],
        ContactErased e => e.ContactIds,
        _ => [],
    };

    private static ConversationDocument Erase(ConversationDocument d) => d with
    {
        Contact = new(), LastMessagePreview = null, AiAnalysis = null, AnalysedAt = null, AiHandover = null,
            Tags = [], UnreadCount = 0, Unread = null, Amendments = null,
            LastMessageKey = null, LastMessageBy = null, LastInboundId = null,
    };

    // Of a group only what this contact wrote goes.
    private static ConversationDocument EraseInGroup(ConversationDocument d, Guid contact) => d with
    {
        LastMessagePreview = d.LastMessageBy == contact ? null : d.LastMessagePreview,
        Amendments = d.Amendments is null ? null : [.. d.Amendments.Select(a => a.By == contact ? a with { Preview = null } : a)],
    };

    // Meta's id is base64 of a structure that holds the customer's number.
    private static MessageDocument Erase(MessageDocument d) => d with
    {
        WaMessageId = null,
        Content = null,
        Interactive = null,
        Details = null,
        Context = null,
        Referral = null,
        SenderName = null,
        Amends = null,
        Notes = null,
        // a status names nobody; what they wrote, or what was written to them on the phone, is theirs
        RawWebhook = d.RawWebhook is { } raw && MetaEnvelope.Text(raw, "status") is not null ? raw : null,
        Template = d.Template is { } t ? t with { Parameters = null } : null,
        AiProcessing = null,
    };
}

internal static class FoundDocumentsExtensions
{
    /// <summary>Both, the first one's documents where both have one.</summary>
    public static FoundDocuments With(this FoundDocuments found, FoundDocuments more) => new(
        found.Conversations.Concat(more.Conversations).DistinctBy(p => p.Key).ToDictionary(p => p.Key, p => p.Value),
        found.Messages.Concat(more.Messages).DistinctBy(p => p.Key).ToDictionary(p => p.Key, p => p.Value))
    {
        Ai = found.Ai.Concat(more.Ai).DistinctBy(p => p.Key).ToDictionary(p => p.Key, p => p.Value),
    };
}
