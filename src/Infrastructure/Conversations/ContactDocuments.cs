using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Contacts;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Projections;

namespace Bsp.Infrastructure.Conversations;

/// <summary>
/// What a merge or an erasure does to a contact's documents: they go to the surviving contact, or lose everything personal. Every document of the contact takes the event's position, live as in a rebuild,
/// so that both end with the same.
/// </summary>
internal static class ContactDocuments
{
    /// <summary>Contacts whose documents the page's events change.</summary>
    public static IReadOnlyCollection<Guid> Named(EventPage page) => [.. page.Events.SelectMany(e => Of(e.Body)).Distinct()];

    /// <summary>Contacts that the page's events erase.</summary>
    public static IEnumerable<(Guid Organization, Guid Contact)> Erased(EventPage page) =>
        page.Events.Where(e => e.Body is ContactErased).SelectMany(e => Of(e.Body).Select(contact => (e.OrganizationId, contact)));

    /// <summary>Both, the first one's documents where both have one.</summary>
    public static FoundDocuments With(this FoundDocuments found, FoundDocuments more) => new(
        found.Conversations.Concat(more.Conversations).DistinctBy(p => p.Key).ToDictionary(p => p.Key, p => p.Value),
        found.Messages.Concat(more.Messages).DistinctBy(p => p.Key).ToDictionary(p => p.Key, p => p.Value));

    /// <summary>Changes the documents in hand: those of the page so far, and those found.</summary>
    public static void Fold(StoredEvent stored, long position, FoundDocuments found, Dictionary<DocumentId, ConversationDocument> conversations, Dictionary<DocumentId, MessageDocument> messages)
    {
        var contacts = Of(stored.Body).ToHashSet();
        foreach (var before in Latest(found.Conversations, conversations).Where(d => contacts.Contains(d.ContactId) && d.OrganizationId == stored.OrganizationId && d.Position < position))
        {
            conversations[before.Id] = (stored.Body is ContactMerged e ? before with { ContactId = e.ContactId } : Erase(before)) with { Position = position };
        }

        foreach (var before in Latest(found.Messages, messages).Where(d => contacts.Contains(d.ContactId) && d.OrganizationId == stored.OrganizationId && d.Position < position))
        {
            messages[before.Id] = (stored.Body is ContactMerged e ? before with { ContactId = e.ContactId } : Erase(before)) with { Position = position };
        }
    }

    private static IEnumerable<Guid> Of(object? body) => body switch
    {
        ContactMerged e => [e.AbsorbedId],
        ContactErased e => e.ContactIds,
        _ => [],
    };

    private static List<T> Latest<T>(Dictionary<DocumentId, T> found, Dictionary<DocumentId, T> changed) => [.. changed.Values, .. found.Where(p => !changed.ContainsKey(p.Key)).Select(p => p.Value)];

    private static ConversationDocument Erase(ConversationDocument d) => d with { Contact = new(), LastMessagePreview = null, AiAnalysis = null, Tags = [] };

    // Meta's id is base64 of a structure that holds the customer's number.
    private static MessageDocument Erase(MessageDocument d) => d with
    {
        WaMessageId = null,
        Content = null,
        Interactive = null,
        Template = d.Template is { } t ? t with { Parameters = null } : null,
        AiProcessing = null,
    };
}
