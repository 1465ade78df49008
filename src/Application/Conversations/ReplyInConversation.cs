using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Contacts;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using MediatR;

namespace Bsp.Application.Conversations;

/// <summary>
/// Sends a message to the contact of a conversation, by the rules of <see cref="SendMessage"/>; the answer names the message.
/// </summary>
/// <param name="Seen">How far the person had seen the conversation; null: they do not say, or send it all the same.</param>
public sealed record ReplyInConversation(Guid OrganizationId, Guid ConversationId, string Type, JsonElement Body, string? Context,
    SentBy SentBy, Position? Seen = null) : IRequest<Reply>;

/// <param name="AccountId">The number it leaves from.</param>
public sealed record Reply(Guid MessageId, Guid AccountId);

public sealed class ReplyInConversationHandler(ConversationParties parties, IMediator mediator)
    : IRequestHandler<ReplyInConversation, Reply>
{
    public async Task<Reply> Handle(ReplyInConversation command, CancellationToken ct)
    {
        var (account, contactId) = await parties.RequireAsync(command.OrganizationId, command.ConversationId, ct);
        if (contactId == Guid.Empty)
        {
            throw new Refusal("conversation.no_recipient",
                "It is a group's conversation, which cannot be answered from here: write to one of its members.");
        }

        var contact = await mediator.Send(new GetContact(command.OrganizationId, contactId), ct);
        var to = contact.PhoneNumber ?? contact.WaUserId
            ?? throw new Refusal("conversation.no_recipient", "The contact has neither a phone number nor a user id any more.");
        var done = await mediator.Send(new SendMessage(command.OrganizationId, account, to, command.Type, command.Body, command.Context,
            command.SentBy) { Seen = command.Seen }, ct);
        return new(done.Id, account);
    }
}
