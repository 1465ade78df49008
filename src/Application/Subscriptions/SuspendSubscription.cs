using Bsp.Application.Common;
using Bsp.Domain.Subscriptions;
using MediatR;

namespace Bsp.Application.Subscriptions;

/// <summary>The platform stops a subscription: nothing is sent and nothing falls due.</summary>
public sealed record SuspendSubscription(Guid OrganizationId, Guid SubscriptionId, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => SubscriptionId;
}

public sealed class SuspendSubscriptionHandler(ISubscriptions subscriptions) : IRequestHandler<SuspendSubscription, Done>
{
    public Task<Done> Handle(SuspendSubscription command, CancellationToken ct) => subscriptions.DecideAsync(command.OrganizationId,
        command.SubscriptionId, "subscription.suspended", (state, now) =>
            new(Subscription.Suspend(state, now), []), command.SeenVersion, ct);
}

/// <summary>The platform lets a subscription go on; what is owed is debited first.</summary>
public sealed record ReactivateSubscription(Guid OrganizationId, Guid SubscriptionId, long? SeenVersion) : ICommandOn
{
    Guid ICommandOn.Id => SubscriptionId;
}

public sealed class ReactivateSubscriptionHandler(ISubscriptions subscriptions) : IRequestHandler<ReactivateSubscription, Done>
{
    public Task<Done> Handle(ReactivateSubscription command, CancellationToken ct) => subscriptions.DecideAsync(command.OrganizationId,
        command.SubscriptionId, "subscription.reactivated", Subscription.Reactivate, command.SeenVersion, ct);
}
