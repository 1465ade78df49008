using Bsp.Application.Common;
using Bsp.Domain.Subscriptions;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Subscriptions;

/// <summary>Ends a subscription, now or with what is paid. What was paid is not given back.</summary>
/// <param name="At"><c>now</c> or <c>period_end</c>.</param>
/// <param name="SeenVersion">If-Match; null decides on whatever is stored.</param>
public sealed record CancelSubscription(Guid OrganizationId, Guid SubscriptionId, string At, long? SeenVersion) : ICommandOn
{
    /// <summary>It ends with the period.</summary>
    public const string PeriodEnd = "period_end";

    Guid ICommandOn.Id => SubscriptionId;
}

public sealed class CancelSubscriptionValidator : AbstractValidator<CancelSubscription>
{
    public CancelSubscriptionValidator() => RuleFor(c => c.At).Must(at => at is "now" or CancelSubscription.PeriodEnd)
        .WithMessage("must be now or period_end.").OverridePropertyName("at");
}

public sealed class CancelSubscriptionHandler(ISubscriptions subscriptions) : IRequestHandler<CancelSubscription, Done>
{
    public Task<Done> Handle(CancelSubscription command, CancellationToken ct) => subscriptions.DecideAsync(command.OrganizationId,
        command.SubscriptionId, "subscription.cancelled",
        (state, now) => new(Subscription.Cancel(state, command.At == CancelSubscription.PeriodEnd, now), []), command.SeenVersion, ct);
}

/// <summary>Takes a scheduled end back.</summary>
public sealed record RevokeCancellation(Guid OrganizationId, Guid SubscriptionId, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => SubscriptionId;
}

public sealed class RevokeCancellationHandler(ISubscriptions subscriptions) : IRequestHandler<RevokeCancellation, Done>
{
    public Task<Done> Handle(RevokeCancellation command, CancellationToken ct) => subscriptions.DecideAsync(command.OrganizationId,
        command.SubscriptionId, "subscription.cancellation_revoked", (state, now) => new(Subscription.RevokeCancellation(state, now), []),
        command.SeenVersion, ct);
}
