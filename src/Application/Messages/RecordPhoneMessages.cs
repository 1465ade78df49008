using System.Text.Json;
using Bsp.Application.Contacts;
using Bsp.Application.EventStore;
using Bsp.Application.Media;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using MediatR;

namespace Bsp.Application.Messages;

/// <summary>A message that WhatsApp's own app on one of our numbers tells of (coexistence).</summary>
/// <param name="PhoneNumberId">Our number's id at Meta.</param>
/// <param name="Customer">With whom.</param>
/// <param name="Outbound">We sent it.</param>
/// <param name="Past">It lay in the app's history; else a person sends it now.</param>
/// <param name="Status">Of an outbound one of the history, see <see cref="MessageImported"/>.</param>
/// <param name="Raw">Meta's message item.</param>
public sealed record PhoneItem(Guid AccountId, string PhoneNumberId, string Wamid, string Type, ContactIdentity Customer, bool Outbound,
    bool Past, string? Status, JsonElement Raw, DateTimeOffset At, Evidence? Evidence);

/// <summary>
/// Takes in what the app tells, each message once however often it is told, and none that the log has already. What a person sends there
/// is their answer: machines leave the conversation to them, and nothing of it is unread. History changes nothing but what is shown.
/// </summary>
public sealed record RecordPhoneMessages(Guid OrganizationId, IReadOnlyList<PhoneItem> Items) : IRequest<int>;

public sealed class RecordPhoneMessagesHandler(IEventStore store, IMediator mediator, IPersonalData personal, IInboundMedia media)
    : IRequestHandler<RecordPhoneMessages, int>
{
    private const int AttemptsMax = 50;
    private const int ContactsAtOnce = 500;

    public async Task<int> Handle(RecordPhoneMessages command, CancellationToken ct)
    {
        var recorded = 0;
        foreach (var items in command.Items.Chunk(ContactsAtOnce))
        {
            var contacts = await mediator.Send(new EnsureContacts(command.OrganizationId, [.. items.Select(i => i.Customer)]), ct);
            var contents = await personal.SealAsync(command.OrganizationId,
                [.. items.Select((item, i) => (contacts[i].Id, Content(item)))], ct);
            var files = new List<ExpectedMedia>();
            for (var i = 0; i < items.Length; i++)
            {
                if (!await RecordAsync(command.OrganizationId, items[i], contacts[i].Id, contents[i], ct))
                {
                    continue;
                }

                recorded++;
                var (item, contact) = (items[i], contacts[i].Id);
                if (InboundContent.FileOf(new(item.AccountId, item.PhoneNumberId, item.Wamid, item.Type, item.Customer, item.Raw, item.At,
                    null), contact) is { } file)
                {
                    files.Add(file);
                }
            }

            await media.ExpectAsync(command.OrganizationId, files, ct);
        }

        return recorded;
    }

    // False: it was here already, by whichever webhook it came first.
    private async Task<bool> RecordAsync(Guid organizationId, PhoneItem item, Guid contactId, Sealed content, CancellationToken ct)
    {
        var messageId = Uuid.InboundMessage(item.PhoneNumberId, item.Wamid);
        var of = new ConversationOf(Uuid.Conversation(item.AccountId, contactId), item.AccountId, contactId);
        var reference = new MessageRef(messageId, item.AccountId, contactId, of.Id, null, item.Type,
            item.Outbound ? "outbound" : "inbound");
        var events = item.Past ? Message.Import(Message.Initial, reference, item.Wamid, content, item.Status, item.Evidence, item.At)
            : Message.Echo(Message.Initial, reference, item.Wamid, content, item.Evidence, item.At);
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            var appends = new List<StreamAppend> { new(messageId, Message.StreamType, 0, events) };
            if (!item.Past && InboundKind.Of(item.Type).IsMessage)
            {
                var (_, version, _) = await store.LoadStateAsync<Conversation, ConversationEvent>(organizationId, of.Id, ct);
                appends.Add(new(of.Id, Conversation.StreamType, version,
                    [Conversation.Answer(of, messageId, null, SentBy.Phone, item.At)]));
            }

            var outcome = await store.AppendAsync(organizationId, appends, ct);
            if (outcome.Verdict == AppendVerdict.Ok)
            {
                return true;
            }

            if (outcome.Versions[0] > 0)
            {
                return false;
            }

            if (outcome.Verdict == AppendVerdict.Archived)
            {
                await store.RestoreAsync(organizationId, [of.Id], ct);
            }
        }

        throw new Common.VersionConflict(of.Id, named: false);
    }

    private static string Content(PhoneItem item) => JsonSerializer.Serialize(new
    {
        message = item.Raw,
        profile = new { name = item.Customer.ProfileName },
        wa_id = item.Customer.PhoneNumber,
        user_id = item.Customer.WaUserId,
    });
}
