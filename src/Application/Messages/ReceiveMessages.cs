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

    // Messages that are appended together: a page of one customer's burst, or of many customers, takes a few commits and not one each.
    private const int TogetherMax = 50;
    private const int TogetherAttemptsMax = 3;

    public async Task<int> Handle(ReceiveMessages command, CancellationToken ct)
    {
        var ensured = await KnownAsync(command, ct);
        var (contacts, others) = await answered.RecognizeAsync(command.OrganizationId, command.Items, ensured, ct);
        var contents =
            await personal.SealAsync(command.OrganizationId, [.. command.Items.Select((item, i) => (contacts[i].Id, Content(item)))], ct);
        var received = 0;
        var files = new List<ExpectedMedia>();
        var repeated = new List<ExpectedMedia>();
        var news = await ReceiveAllAsync(command.OrganizationId, [.. command.Items.Select((item, i) =>
            InboundMessage.Of(item, contacts[i], contents[i]))], ct);
        for (var i = 0; i < command.Items.Count; i++)
        {
            received += news[i] ? 1 : 0;
            if (InboundContent.FileOf(command.Items[i], contacts[i].Id) is { } file)
            {
                (news[i] ? files : repeated).Add(file);
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

    // True: it is new. Those that are here already are told by the append, and the others are appended without them.
    private async Task<bool[]> ReceiveAllAsync(Guid organizationId, IReadOnlyList<InboundMessage> messages, CancellationToken ct)
    {
        var isNew = new bool[messages.Count];
        foreach (var chunk in Enumerable.Range(0, messages.Count).Chunk(TogetherMax))
        {
            var open = chunk.DistinctBy(i => messages[i].Id).ToList();
            for (var attempt = 1; open.Count > 0; attempt++)
            {
                // What does not succeed together is tried one by one: somebody answers one of these customers all the time.
                List<int> now = attempt <= TogetherAttemptsMax ? open : [open[0]];
                var outcome = await AppendAsync(organizationId, now.ConvertAll(i => messages[i]), ct);
                if (outcome.Verdict == AppendVerdict.Ok)
                {
                    now.ForEach(i => isNew[i] = true);
                    open = [.. open.Except(now)];
                    continue;
                }

                var here = now.Where((_, n) => outcome.Versions[n] > 0).ToList();
                open = [.. open.Except(here)];
                if (here.Count == 0 && attempt > AttemptsMax + TogetherMax)
                {
                    throw new Common.VersionConflict(messages[now[0]].ConversationId, named: false);
                }
            }
        }

        return isNew;
    }

    // The message streams, and their conversations' windows behind them, atomically.
    private async Task<AppendOutcome> AppendAsync(Guid organizationId, List<InboundMessage> messages, CancellationToken ct)
    {
        var appends = messages.ConvertAll(m => new StreamAppend(m.Id, "message", 0, m.Events));
        foreach (var of in messages.Where(m => m.Kind.IsMessage).GroupBy(m => m.ConversationId))
        {
            var (conversation, version, _) =
                await store.LoadStateAsync<Conversation, ConversationEvent>(organizationId, of.Key, ct);
            var changes = new List<ConversationEvent>();
            foreach (var message in of)
            {
                var (item, now) = (message.Item, clock.GetUtcNow());
                ConversationEvent[] own =
                [
                    .. message.Kind.OpensWindow && message.Group is null
                    ? Conversation.CustomerWrote(conversation, of.Key, item.AccountId, message.ContactId, item.At, now) : [],
                    .. Conversation.Heard(conversation, new(of.Key, item.AccountId, message.Group is null ? message.ContactId : Guid.Empty),
                        await routes.TeamOfAsync(organizationId, item.AccountId, ct), now),
                ];
                conversation = own.Aggregate(conversation, Conversation.Evolve);
                changes.AddRange(own);
            }

            if (changes.Count > 0)
            {
                appends.Add(new(of.Key, "conversation", version, changes));
            }
        }

        return await store.AppendAsync(organizationId, appends, ct);
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

/// <summary>A customer's message as it is appended.</summary>
/// <param name="Group">Meta's id of the group in which it was written; null: it was written to us alone.</param>
internal sealed record InboundMessage(InboundItem Item, Guid Id, Guid ConversationId, Guid ContactId, InboundKind Kind, string? Group,
    IReadOnlyList<MessageEvent> Events)
{
    // A message that is here already shows as a stream that exists: it is not loaded first, for nearly all are new.
    public static InboundMessage Of(InboundItem item, EnsuredContact contact, Sealed content)
    {
        var id = Uuid.InboundMessage(item.PhoneNumberId, item.Wamid);
        var (kind, group) = (InboundKind.Of(item.Type), InboundContent.GroupOf(item.Raw));
        var conversation = group is null ? Uuid.Conversation(item.AccountId, contact.Id) : Uuid.GroupConversation(item.AccountId, group);
        var reference = new MessageRef(id, item.AccountId, contact.Id, conversation, null, item.Type, "inbound");
        var events = Message.Receive(Message.Initial, reference, item.Wamid, content, contact.Created, item.Evidence, item.At, group,
            kind.Amends && InboundContent.TargetOf(item.Type, item.Raw) is { } target ? MessageKey.Of(target) : null);
        return new(item, id, conversation, contact.Id, kind, group, events);
    }
}
