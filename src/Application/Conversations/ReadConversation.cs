using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using MediatR;

namespace Bsp.Application.Conversations;

/// <summary>
/// A person has seen everything that the conversation shows: nothing is unread any more, and Meta is told once (the customer sees blue
/// ticks). Of a group Meta is told nothing.
/// </summary>
/// <param name="UserId">Whose mentions in it are seen, too; null: a key.</param>
public sealed record ReadConversation(Guid OrganizationId, Guid ConversationId, Guid? UserId) : ICommandOn
{
    Guid ICommandOn.Id => ConversationId;
}

/// <summary>
/// Shows the customer for up to 25 s that somebody is typing, and colleagues too. Meta takes it as reading: call it only when an answer is
/// sure.
/// </summary>
public sealed record TypeInConversation(Guid OrganizationId, Guid ConversationId, Guid? UserId) : ICommandOn
{
    Guid ICommandOn.Id => ConversationId;
}

/// <summary>What customers see of our side before an answer.</summary>
public interface IConversationMarks
{
    /// <summary>Marks a message, and all before it, as read, and shows that somebody is typing. One call.</summary>
    /// <exception cref="MetaRefused"/>
    /// <exception cref="Refusal"><c>message.account_not_connected</c></exception>
    Task TypingAsync(Guid organizationId, Guid accountId, string wamid, CancellationToken ct);

    /// <summary>There is a mark to be told to Meta.</summary>
    void Wake();
}

public sealed class ReadConversationHandler(IEventStore store, IDocumentViews views, IConversationMarks marks, IConversationNotes notes,
    IInboxNews news, TimeProvider clock) :
    IRequestHandler<ReadConversation, Done>, IRequestHandler<TypeInConversation, Done>
{
    public async Task<Done> Handle(ReadConversation command, CancellationToken ct)
    {
        var document = await RequireAsync(command.OrganizationId, command.ConversationId, ct);
        if (command.UserId is { } user)
        {
            await notes.SeenAsync(command.OrganizationId, command.ConversationId, user, ct);
        }

        if (document.LastInboundId is not { } wamid)
        {
            return new(command.ConversationId, 0); // the customer never wrote, or was erased
        }

        var done = await store.Decide<Conversation, ConversationEvent>(command.OrganizationId, command.ConversationId,
            state => Conversation.Read(state, Of(document), wamid, command.UserId, document.GroupId is not null, clock.GetUtcNow()), null,
            ct);
        marks.Wake();
        return done;
    }

    public async Task<Done> Handle(TypeInConversation command, CancellationToken ct)
    {
        var document = await RequireAsync(command.OrganizationId, command.ConversationId, ct);
        if (document.GroupId is not null || document.LastInboundId is not { } wamid)
        {
            throw new Refusal("conversation.no_recipient",
                "There is nobody who could see it: it is a group, or the customer has written nothing that can be marked.");
        }

        var (state, _, _) = await store.LoadStateAsync<Conversation, ConversationEvent>(command.OrganizationId, command.ConversationId, ct);
        Conversation.RequireOpenWindow(state, clock.GetUtcNow());
        await marks.TypingAsync(command.OrganizationId, document.AccountId, wamid, ct);
        var done = await store.Decide<Conversation, ConversationEvent>(command.OrganizationId, command.ConversationId,
            // Meta has been told by the same call
            now => Conversation.Read(now, Of(document), wamid, command.UserId, silent: true, clock.GetUtcNow()), null, ct);
        await news.TypingAsync(command.OrganizationId, command.ConversationId, command.UserId, ct);
        return done;
    }

    private async Task<ConversationDocument> RequireAsync(Guid organizationId, Guid conversationId, CancellationToken ct) =>
        await views.ConversationAsync(organizationId, conversationId, ct)
        ?? throw new Refusal("conversation.unknown", "There is no such conversation.");

    private static ConversationOf Of(ConversationDocument document) => new(document.Uuid, document.AccountId, document.ContactId);
}
