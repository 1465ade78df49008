using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Domain.Conversations;
using MediatR;

namespace Bsp.Application.Ai;

/// <summary>A person takes a conversation from machines, or gives it back to them. No change: nothing is written.</summary>
/// <param name="UserId">Null: a key.</param>
/// <param name="By">The user's id or the key's prefix.</param>
public sealed record TurnAi(Guid OrganizationId, Guid ConversationId, bool Active, Guid? UserId, string By) : ICommandOn
{
    Guid ICommandOn.Id => ConversationId;
}

public sealed class TurnAiHandler(IEventStore store, ConversationParties parties, TimeProvider clock) : IRequestHandler<TurnAi, Done>
{
    public async Task<Done> Handle(TurnAi command, CancellationToken ct)
    {
        var (account, contact) = await parties.RequireAsync(command.OrganizationId, command.ConversationId, ct);
        var of = new ConversationOf(command.ConversationId, account, contact);
        return await store.Decide<Conversation, ConversationEvent>(command.OrganizationId, command.ConversationId, state =>
            command.Active ? AutoAnswering.GiveBack(state, of, command.UserId, command.By, clock.GetUtcNow())
            : AutoAnswering.HandOver(state, new(of.Id, of.AccountId, of.ContactId, AutoAnswering.Person, [], [], null, null, command.UserId,
                clock.GetUtcNow()), null), null, ct);
    }
}

/// <summary>What a model was asked in a conversation; null: nothing.</summary>
public sealed record GetAiConversation(Guid OrganizationId, Guid ConversationId) : IRequest<AiConversationDocument?>;
