using Bsp.Application.Teams;
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

/// <summary>A customer's message as a webhook brought it.</summary>
/// <param name="PhoneNumberId">Our number's id at Meta.</param>
/// <param name="Raw">Meta's message item.</param>
public sealed record InboundItem(Guid AccountId, string PhoneNumberId, string Wamid, string Type, ContactIdentity From, JsonElement Raw,
    DateTimeOffset At, Evidence? Evidence)
{
    /// <summary>
    /// What a notice says of who the customer is from then on, carried out before it is kept; <see cref="From"/> is then who they are by
    /// it.
    /// </summary>
    public ChangeContactIdentity? News { get; init; }
}

/// <summary>
/// Takes customers' messages in, each once however often it is delivered: message, conversation window and, for STOP and START, consent.
/// </summary>
public sealed record ReceiveMessages(Guid OrganizationId, IReadOnlyList<InboundItem> Items) : IRequest<int>;

public sealed class ReceiveMessagesHandler(IEventStore store, IMediator mediator, AnsweredContacts answered, ITeamRoutes routes,
    IPersonalData personal, IInboundMedia media, TimeProvider clock) : IRequestHandler<ReceiveMessages, int>
{
    private const int AttemptsMax = 50;

    public async Task<int> Handle(ReceiveMessages command, CancellationToken ct)
    {
        var ensured = await KnownAsync(command, ct);
        var (contacts, others) = await answered.RecognizeAsync(command.OrganizationId, command.Items, ensured, ct);
        var contents =
            await personal.SealAsync(command.OrganizationId, [.. command.Items.Select((item, i) => (contacts[i].Id, Content(item)))], ct);
        var received = 0;
        var files = new List<ExpectedMedia>();
        var repeated = new List<ExpectedMedia>();
        for (var i = 0; i < command.Items.Count; i++)
        {
            var isNew = await ReceiveAsync(command.OrganizationId, command.Items[i], contacts[i], contents[i], ct);
            received += isNew ? 1 : 0;
            if (InboundContent.FileOf(command.Items[i], contacts[i].Id) is { } file)
            {
                (isNew ? files : repeated).Add(file);
            }

            await ConsentAsync(command.OrganizationId, command.Items[i], contacts[i].Id, others[i], ct);
        }

        files.AddRange(await StillTheirsAsync(command.OrganizationId, repeated, ct));
        await media.ExpectAsync(command.OrganizationId, files, ct);

        // News may have come before the first that is heard of whom it is about. Last, so that the conversation is there and shows it.
        await mediator.Send(new HearWaitingNews(command.OrganizationId, [.. command.Items.Where(i => i.News is null).Select(i => i.From)]),
            ct);
        return received;
    }

    // A process may have died between a message and its file. Whoever was erased since is somebody new now, and gets nothing back.
    private async Task<IEnumerable<ExpectedMedia>> StillTheirsAsync(Guid organizationId, List<ExpectedMedia> repeated, CancellationToken ct)
    {
        var streams = repeated.Count == 0 ? []
            : await store.LoadManyAsync(organizationId, [.. repeated.Select(f => f.MessageId).Distinct()], ct, archivedToo: true);
        var contacts = streams.Select(s => s.Fold<Message, MessageEvent>().Ref).OfType<MessageRef>()
            .ToDictionary(r => r.MessageId, r => r.ContactId);
        return repeated.Where(f => contacts.GetValueOrDefault(f.MessageId) == f.ContactId);
    }

    // A notice belongs to whom its news is about: looked for by the number that it comes from, they would be made anew under the one
    // that they gave up.
    private async Task<IReadOnlyList<EnsuredContact>> KnownAsync(ReceiveMessages command, CancellationToken ct)
    {
        var known = new EnsuredContact?[command.Items.Count];
        for (var i = 0; i < known.Length; i++)
        {
            known[i] = command.Items[i].News is { } news && await mediator.Send(news, ct) is { } contact ? new(contact, false) : null;
        }

        var open = Enumerable.Range(0, known.Length).Where(i => known[i] is null).ToList();
        if (open.Count == 0)
        {
            return [.. known.Select(k => k!)];
        }

        var ensured = await mediator.Send(new EnsureContacts(command.OrganizationId, [.. open.Select(i => command.Items[i].From)]), ct);
        foreach (var (i, contact) in open.Zip(ensured))
        {
            known[i] = contact;
        }

        return [.. known.Select(k => k!)];
    }

    // The message stream and the conversation's window, atomically. False: it was here already.
    private async Task<bool> ReceiveAsync(Guid organizationId, InboundItem item, EnsuredContact contact, Sealed content,
        CancellationToken ct)
    {
        var messageId = Uuid.InboundMessage(item.PhoneNumberId, item.Wamid);
        var (kind, group) = (InboundKind.Of(item.Type), InboundContent.GroupOf(item.Raw));
        var conversationId = group is null ? Uuid.Conversation(item.AccountId, contact.Id) : Uuid.GroupConversation(item.AccountId, group);
        var reference = new MessageRef(messageId, item.AccountId, contact.Id, conversationId, null, item.Type, "inbound");
        // A message that is here already shows as a stream that exists: it is not loaded first, for nearly all are new.
        var events = Message.Receive(Message.Initial, reference, item.Wamid, content, contact.Created, item.Evidence, item.At,
            group, kind.Amends && InboundContent.TargetOf(item.Type, item.Raw) is { } target ? MessageKey.Of(target) : null);
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            var appends = new List<StreamAppend> { new(messageId, "message", 0, events) };
            if (kind.IsMessage)
            {
                var (conversation, version, _) =
                    await store.LoadStateAsync<Conversation, ConversationEvent>(organizationId, conversationId, ct);
                var of = new ConversationOf(conversationId, item.AccountId, group is null ? contact.Id : Guid.Empty);
                var now = clock.GetUtcNow();
                ConversationEvent[] changes =
                [
                    .. kind.OpensWindow && group is null
                    ? Conversation.CustomerWrote(conversation, conversationId, item.AccountId, contact.Id, item.At, now) : [],
                    .. Conversation.Heard(conversation, of, await routes.TeamOfAsync(organizationId, item.AccountId, ct), now),
                ];
                if (changes.Length > 0)
                {
                    appends.Add(new(conversationId, "conversation", version, changes));
                }
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
        }

        throw new Common.VersionConflict(conversationId, named: false);
    }

    // Other: whose message is answered, where that is somebody else by all that is known. Whoever stops an address of another's stops that
    // one, too: nobody is sent on what may be a mistake of ours.
    private async Task ConsentAsync(Guid organizationId, InboundItem item, Guid contactId, Guid? other, CancellationToken ct)
    {
        if (ConsentKeywords.Read(InboundContent.Said(item.Type, item.Raw)) is not { } status)
        {
            return;
        }

        await mediator.Send(new ChangeContactConsent(organizationId, contactId, new(status, "keyword", item.Wamid)) { Once = true }, ct);
        if (other is { } answeredContact && status == "OPTED_OUT")
        {
            await mediator.Send(new ChangeContactConsent(organizationId, answeredContact,
                new(status, "keyword", item.Wamid)) { Once = true }, ct);
        }
    }

    private static string Content(InboundItem item) => JsonSerializer.Serialize(new
    {
        message = item.Raw,
        profile = new { name = item.From.ProfileName },
        wa_id = item.From.PhoneNumber,
        user_id = item.From.WaUserId,
    });
}
