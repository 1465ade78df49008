using Bsp.Application.Common;
using Bsp.Domain.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.CustomerWebhooks;

/// <summary>One attempt.</summary>
/// <param name="EventId">As in the body and in webhook-id.</param>
/// <param name="Attempt">From 1: how often this event was tried at this endpoint in this row of tries.</param>
/// <param name="Cause"><c>live</c>, <c>retry</c>, <c>redelivery</c> or <c>test</c>.</param>
/// <param name="Outcome"><c>delivered</c>, or the word of what went wrong (docs/webhooks.md lists them).</param>
/// <param name="Status">HTTP's; null: there was no answer.</param>
/// <param name="Answer">Its first bytes; null: it had none, or it is about a person who was erased.</param>
/// <param name="NextAttemptAt">Null: none is planned.</param>
public sealed record DeliveryView(Guid Id, Guid WebhookId, string EventId, string EventType, int Attempt, string Cause, string Outcome,
    int? Status, int LatencyMs, string? Answer, DateTimeOffset? NextAttemptAt,
    DateTimeOffset CreatedAt);

/// <summary>What to look for; what is null does not matter.</summary>
/// <param name="Succeeded">True: delivered; false: failed.</param>
/// <param name="EventId">As in the body.</param>
public sealed record DeliveryFilter(bool? Succeeded = null, string? Outcome = null, string? EventType = null, string? EventId = null,
    DateTimeOffset? Since = null, DateTimeOffset? Until = null);

/// <summary>
/// Attempts of an endpoint, newest first. A page may be short, or empty, and still have a next one: so much is looked through at a time.
/// </summary>
public sealed record ListDeliveries(Guid OrganizationId, Guid WebhookId, DeliveryFilter Filter, string? Cursor, int Limit)
    : IRequest<Page<DeliveryView>>;

public sealed class ListDeliveriesValidator : AbstractValidator<ListDeliveries>
{
    public ListDeliveriesValidator()
    {
        RuleFor(q => q.Filter.EventId).Must(id => id is null || PublicEvent.TryId(id) is not null).OverridePropertyName("event_id")
            .WithMessage("must be an id as events have it: evt_ and 32 hex digits.");
        RuleFor(q => q.Filter.EventType).Must(t => t is null || t.Length <= 100).OverridePropertyName("type")
            .WithMessage("must be a type such as message.sent.");
        RuleFor(q => q.Filter.Outcome).Must(t => t is null || t.Length <= 100).OverridePropertyName("outcome")
            .WithMessage("must be an outcome such as timeout.");
    }
}

/// <summary>Tells one event again, now, outside of the order; answers what came of it.</summary>
/// <param name="DeliveryId">One of its deliveries.</param>
/// <exception cref="Refusal"><c>delivery.unknown</c>; <c>delivery.gone</c>: its event is told no more; <c>webhook.busy</c></exception>
public sealed record Redeliver(Guid OrganizationId, Guid DeliveryId) : IRequest<DeliveryView>;

/// <summary>Sends a test, now; answers what came of it.</summary>
/// <exception cref="Refusal"><c>webhook.unknown</c>, <c>webhook.busy</c></exception>
public sealed record TestWebhook(Guid OrganizationId, Guid WebhookId) : IRequest<DeliveryView>;
