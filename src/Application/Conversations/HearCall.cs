using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using MediatR;

namespace Bsp.Application.Conversations;

/// <summary>A customer called a number: their window is open as if they had written.</summary>
public sealed record HearCall(Guid OrganizationId, Guid AccountId, Guid ContactId, DateTimeOffset At) : IRequest<bool>;

public sealed class HearCallHandler(IEventStore store, TimeProvider clock) : IRequestHandler<HearCall, bool>
{
    public async Task<bool> Handle(HearCall command, CancellationToken ct)
    {
        var id = Uuid.Conversation(command.AccountId, command.ContactId);
        await store.Decide<Conversation, ConversationEvent>(command.OrganizationId, id, state => Conversation.CustomerWrote(state, id,
            command.AccountId, command.ContactId, command.At, clock.GetUtcNow()), null, ct);
        return true;
    }
}
