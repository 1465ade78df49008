using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Messages;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Messages;

/// <summary>A person rules on a message of unknown outcome. Nothing is sent again.</summary>
/// <param name="Outcome"><c>sent</c> or <c>not_sent</c>.</param>
/// <param name="SeenVersion">If-Match; null decides on whatever is stored.</param>
public sealed record SettleMessage(Guid OrganizationId, Guid MessageId, string Outcome, long? SeenVersion = null) : ICommandOn
{
    Guid ICommandOn.Id => MessageId;
}

public sealed class SettleMessageValidator : AbstractValidator<SettleMessage>
{
    public SettleMessageValidator() =>
        RuleFor(c => c.Outcome).Must(o => o is "sent" or "not_sent").WithMessage("outcome must be sent or not_sent.");
}

public sealed class SettleMessageHandler(IEventStore store, TimeProvider clock) : IRequestHandler<SettleMessage, Done>
{
    public Task<Done> Handle(SettleMessage command, CancellationToken ct) =>
        store.Decide<Message, MessageEvent>(command.OrganizationId, command.MessageId,
            state => Message.Settle(state, command.Outcome, clock.GetUtcNow()), command.SeenVersion, ct);
}
