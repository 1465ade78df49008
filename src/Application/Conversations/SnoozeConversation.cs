using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Conversations;
using MediatR;

namespace Bsp.Application.Conversations;

/// <summary>
/// Puts a conversation aside until a time, or takes it back. It comes back by itself at that time, and at once when the customer writes.
/// </summary>
/// <param name="Until">At most a year from now; null: it is not put aside any more.</param>
public sealed record SnoozeConversation(Guid OrganizationId, Guid ConversationId, DateTimeOffset? Until, Guid? UserId) : ICommandOn
{
    Guid ICommandOn.Id => ConversationId;
}

public sealed class SnoozeConversationHandler(IEventStore store, ConversationParties parties, TimeProvider clock)
    : IRequestHandler<SnoozeConversation, Done>
{
    public async Task<Done> Handle(SnoozeConversation command, CancellationToken ct)
    {
        var (account, contact) = await parties.RequireAsync(command.OrganizationId, command.ConversationId, ct);
        return await store.Decide<Conversation, ConversationEvent>(command.OrganizationId, command.ConversationId,
            state => Conversation.Snooze(state, new(command.ConversationId, account, contact), command.Until, command.UserId,
                clock.GetUtcNow()), null, ct);
    }
}
