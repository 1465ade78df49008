using Bsp.Application.Contacts;
using Bsp.Application.EventStore;
using Bsp.Application.Webhooks;
using Bsp.Domain.Messages;
using MediatR;

namespace Bsp.Application.Messages;

/// <summary>
/// The person who answers our own message (<c>context.id</c>) in a chat of two is the one it was sent to, whatever number WhatsApp names:
/// <see
/// cref="RecognizeContact"/>. A group's message says nothing of the kind.
/// </summary>
public sealed class AnsweredContacts(IEventStore store, IWamids wamids, IMediator mediator)
{
    /// <summary>The contacts of the items as they are known with it, and for each the one that was written to where that is still somebody
    /// else; null: nobody.</summary>
    public async Task<(IReadOnlyList<EnsuredContact> Contacts, IReadOnlyList<Guid?> Others)> RecognizeAsync(
        Guid organizationId, IReadOnlyList<InboundItem> items, IReadOnlyList<EnsuredContact> contacts, CancellationToken ct)
    {
        var (known, others) = (contacts.ToArray(), new Guid?[items.Count]);
        var answers = items.Select((item, i) => (i, Wamid: Answered(item))).Where(a => a.Wamid is not null).ToList();
        var recipients = answers.Count == 0 ? [] : await RecipientsAsync(organizationId, [.. answers.Select(a => a.Wamid!).Distinct()], ct);
        foreach (var (i, wamid) in answers)
        {
            if (recipients.TryGetValue(wamid!, out var recipient) && recipient != known[i].Id)
            {
                var recognized = await mediator.Send(
                    new RecognizeContact(organizationId, recipient, items[i].From.PhoneNumber!, "reply"), ct);
                others[i] = recognized.Same || recognized.ContactId == known[i].Id ? null : recognized.ContactId;
                Rename(known, recognized, known[i].Id);
            }
        }

        return (known, others);
    }

    // Also the page's other messages of the same person.
    private static void Rename(EnsuredContact[] known, Recognized recognized, Guid was)
    {
        for (var i = 0; recognized.Same && i < known.Length; i++)
        {
            known[i] = known[i].Id == was ? known[i] with { Id = recognized.ContactId, Created = false } : known[i];
        }
    }

    private static string? Answered(InboundItem item) =>
        item.From.PhoneNumber is not null && !InboundKind.IsNotice(item.Type) && MetaEnvelope.Text(item.Raw, "group_id") is null
        && MetaEnvelope.Child(item.Raw, "context") is { } context ? MetaEnvelope.Text(context, "id") : null;

    // Our own messages only: one may answer one's own, too.
    private async Task<Dictionary<string, Guid>> RecipientsAsync(
        Guid organizationId, IReadOnlyCollection<string> answered, CancellationToken ct)
    {
        var messages = await wamids.FindAsync(organizationId, answered, ct);
        var streams = messages.Count == 0 ? []
            : await store.LoadManyAsync(organizationId, [.. messages.Values.Distinct()], ct, archivedToo: true);
        var contacts = streams.Select(s => s.Fold<Message, MessageEvent>().Ref).OfType<MessageRef>()
            .Where(r => r.Direction == "outbound").ToDictionary(r => r.MessageId, r => r.ContactId);
        return messages.Where(m => contacts.ContainsKey(m.Value)).ToDictionary(m => m.Key, m => contacts[m.Value]);
    }
}
