using Bsp.Application.Common;
using Bsp.Domain.Subscriptions;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Subscriptions;

/// <summary>
/// Takes another plan, or the newer terms of the same one, from now on: the rest of what was paid comes back, the rest of the period is
/// debited anew.
/// </summary>
/// <param name="SeenVersion">If-Match; null decides on whatever is stored.</param>
public sealed record ChangeSubscription(Guid OrganizationId, Guid SubscriptionId, Guid PlanId, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => SubscriptionId;
}

public sealed class ChangeSubscriptionValidator : AbstractValidator<ChangeSubscription>
{
    public ChangeSubscriptionValidator() => RuleFor(c => c.PlanId).NotEmpty();
}

public sealed class ChangeSubscriptionHandler(ISubscriptions subscriptions) : IRequestHandler<ChangeSubscription, Done>
{
    public Task<Done> Handle(ChangeSubscription command, CancellationToken ct) => subscriptions.ChangeAsync(command.OrganizationId,
        command.SubscriptionId, command.PlanId, Subscription.Change, command.SeenVersion, ct);
}
