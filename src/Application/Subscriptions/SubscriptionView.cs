using System.Text.Json;
using System.Text.Json.Serialization;
using Bsp.Application.Common;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Subscriptions;

/// <summary>A subscription as the specification's table shows it, with what was bought.</summary>
/// <param name="Status"><c>active</c>, <c>suspended</c>, <c>cancelled</c> or <c>expired</c>.</param>
/// <param name="StatusExact">As <paramref name="Status"/>, or <c>trial</c> or <c>past_due</c>, which the specification calls
/// active.</param>
/// <param name="ExpiresAt">Until when it is paid, or the trial lasts; of an ended one when it ended.</param>
/// <param name="Plan">As it was bought, whatever became of the plan.</param>
/// <param name="TrialUntil">Null: there was none.</param>
/// <param name="Owed">What could not be debited; null: nothing.</param>
/// <param name="NextAttemptAt">When it is tried again; a top-up is taken at once.</param>
/// <param name="CancelAt">It ends then; null: it goes on.</param>
/// <param name="SuspendedReason"><c>dunning</c> (unpaid) or <c>platform</c>; null: it is not suspended.</param>
/// <param name="Version">Stream version: ETag.</param>
public sealed record SubscriptionView(
    Guid Id, Guid OrganizationId, Guid PlanId, string Status, string StatusExact, DateTimeOffset StartedAt, DateTimeOffset? ExpiresAt,
    JsonElement? PaymentMethod, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, SubscribedPlan Plan, SubscribedPeriod Period,
    DateTimeOffset? TrialUntil, decimal? Owed, DateTimeOffset? NextAttemptAt, DateTimeOffset? CancelAt, string? SuspendedReason,
    DateTimeOffset? EndedAt, [property: JsonIgnore] long Version);

/// <summary>The terms of a subscription.</summary>
/// <param name="Version">Of the plan when it was bought.</param>
public sealed record SubscribedPlan(
    Guid Id, long Version, string Code, string Name, string Currency, decimal MonthlyPrice, decimal PerMessagePrice, int IncludedMessages,
    JsonElement Features);

/// <summary>The period that was paid last, or the trial.</summary>
/// <param name="Number">From 0; -1: the trial.</param>
/// <param name="Until">Exclusive.</param>
/// <param name="IncludedMessages">Of the whole period, by the days of each plan.</param>
public sealed record SubscribedPeriod(int Number, DateTimeOffset From, DateTimeOffset Until, int IncludedMessages);

/// <summary>One subscription; refused with <c>subscription.unknown</c>.</summary>
public sealed record GetSubscription(Guid OrganizationId, Guid SubscriptionId) : IRequest<SubscriptionView>;

/// <summary>The organization's subscriptions in the order of their ids, those that have ended, too.</summary>
/// <param name="Status">The specification's; null: any.</param>
public sealed record ListSubscriptions(Guid OrganizationId, string? Status, string? Cursor, int Limit) : IRequest<Page<SubscriptionView>>;

public sealed class ListSubscriptionsValidator : AbstractValidator<ListSubscriptions>
{
    public ListSubscriptionsValidator() =>
        RuleFor(l => l.Status).Must(s => s is null or "active" or "suspended" or "cancelled" or "expired")
        .WithMessage("must be active, suspended, cancelled or expired.").OverridePropertyName("status");
}
