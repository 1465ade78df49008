using Bsp.Application.Common;
using Bsp.Domain.Subscriptions;

namespace Bsp.Application.Subscriptions;

/// <summary>
/// Decisions on subscriptions. The facts, the entries of the ledger, the clock's row and the mark of the request's claim are one
/// transaction; what is due before is carried out before, in its own.
/// </summary>
public interface ISubscriptions
{
    /// <summary>Takes a plan for an organization that has none.</summary>
    /// <param name="start">From the plan's terms as they are sold now.</param>
    /// <param name="firstTrialOnly">An earlier trial of the organization refuses this one.</param>
    /// <exception cref="Domain.Common.Refusal">
    /// <c>plan.unknown</c>, <c>plan.inactive</c>, <c>subscription.exists</c>, <c>subscription.trial_used</c>,
    /// <c>subscription.plan_too_small</c>, <c>wallet.insufficient</c>, or of the decision
    /// </exception>
    Task<Done> StartAsync(Guid organizationId, Guid subscriptionId, Guid planId,
        Func<Subscription, PlanTerms, DateTimeOffset, SubscriptionStep> start, bool firstTrialOnly, CancellationToken ct);

    /// <summary>Takes another plan.</summary>
    /// <param name="change">To the plan's terms as they are sold now.</param>
    /// <exception cref="Domain.Common.Refusal">As above, or of the decision.</exception>
    Task<Done> ChangeAsync(Guid organizationId, Guid subscriptionId, Guid planId,
        Func<Subscription, PlanTerms, DateTimeOffset, SubscriptionStep> change, long? seenVersion, CancellationToken ct);

    /// <summary>Anything else.</summary>
    /// <param name="act">For the audit trail: <c>subscription.cancelled</c>.</param>
    /// <exception cref="Domain.Common.Refusal"><c>wallet.insufficient</c>, or of the decision.</exception>
    Task<Done> DecideAsync(Guid organizationId, Guid subscriptionId, string act,
        Func<Subscription, DateTimeOffset, SubscriptionStep> decide,
        long? seenVersion, CancellationToken ct);
}

/// <summary>Terms under which a message is charged.</summary>
/// <param name="Period">Number of the period; with the subscription the key of what is included and used.</param>
/// <param name="From">Of the period.</param>
/// <param name="Until">Of the period, exclusive.</param>
/// <param name="IncludedMessages">Of the whole period as it stands now; 0 while the period is unpaid.</param>
public sealed record TermsInForce(
    Guid SubscriptionId, Guid PlanId, string PlanCode, long PlanVersion, string Currency, decimal PerMessagePrice, int Period,
    DateTimeOffset From, DateTimeOffset Until, int IncludedMessages);

/// <summary>What an organization's plan says about messages.</summary>
public interface ISubscriptionTerms
{
    /// <summary>
    /// The terms in force at a moment, which may lie in the past; what falls due until then is carried out first. Null: there was no
    /// subscription then, or it was suspended.
    /// </summary>
    Task<TermsInForce?> AtAsync(Guid organizationId, DateTimeOffset at, CancellationToken ct);
}

/// <summary>Whether an organization may send at all, as far as its subscription is concerned. The one place that says so.</summary>
public interface ISubscriptionGate
{
    /// <exception cref="Domain.Common.Refusal">
    /// <c>subscription.suspended</c> (402): unpaid, or stopped by the platform; <c>subscription.missing</c> (402): there is none, and the
    /// platform's setting wants one
    /// </exception>
    Task RequireMaySendAsync(Guid organizationId, CancellationToken ct);
}
