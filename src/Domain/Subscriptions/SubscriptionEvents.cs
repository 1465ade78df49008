using System.Text.Json;
using System.Text.Json.Serialization;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;

namespace Bsp.Domain.Subscriptions;

/// <summary>
/// What can happen to a subscription. <c>At</c> is when it was written down; <c>EffectiveAt</c>, <c>From</c> and <c>DueAt</c> are when it
/// counts, which lies earlier when the clock had stood still.
/// Stored names never change.
/// </summary>
public abstract record SubscriptionEvent(Guid SubscriptionId);

/// <summary>A plan was taken. Its first period is paid by the event that follows, or by the end of the trial.</summary>
/// <param name="Anchor">Where period 0 begins: now, or the trial's end.</param>
/// <param name="TrialUntil">Null: no trial.</param>
/// <param name="PaymentMethod">As the organization described it; null: nothing was said.</param>
[StoredAs("subscription_started")]
public sealed record SubscriptionStarted(Guid SubscriptionId, PlanTerms Terms, DateTimeOffset Anchor, DateTimeOffset? TrialUntil,
    JsonElement? PaymentMethod, DateTimeOffset At)
    : SubscriptionEvent(SubscriptionId);

/// <summary>A period was paid from the wallet.</summary>
/// <param name="From">Its beginning; later than the period's own when the subscription was suspended as it began.</param>
/// <param name="Amount">What was debited; 0: nothing was to be paid.</param>
/// <param name="IncludedMessages">What the period includes.</param>
/// <param name="Reference">Of the ledger's entry; null: there is none.</param>
[StoredAs("subscription_period_paid")]
public sealed record SubscriptionPeriodPaid(
    Guid SubscriptionId, int Period, DateTimeOffset From, DateTimeOffset Until,
    [property: JsonConverter(typeof(MoneyJson))] decimal Amount, string Currency, int IncludedMessages,
    string? Reference, DateTimeOffset At) : SubscriptionEvent(SubscriptionId);

/// <summary>The wallet was too short for a period. Sending goes on while there are attempts left.</summary>
/// <param name="Attempt">From 1.</param>
/// <param name="DueAt">When this attempt was due.</param>
/// <param name="NextAttemptAt">Null: it was the last.</param>
[StoredAs("subscription_payment_failed")]
public sealed record SubscriptionPaymentFailed(
    Guid SubscriptionId, int Period, DateTimeOffset From, DateTimeOffset Until,
    [property: JsonConverter(typeof(MoneyJson))] decimal Amount, string Currency, int IncludedMessages,
    int Attempt, DateTimeOffset DueAt, DateTimeOffset? NextAttemptAt, DateTimeOffset At) : SubscriptionEvent(SubscriptionId);

/// <summary>Another plan, or the same one with newer terms, from a moment within a period.</summary>
/// <param name="Credit">What was given back of what had been debited for the rest of the period; 0 in a trial.</param>
/// <param name="Debit">What the rest of the period costs now.</param>
/// <param name="IncludedBefore">Messages that the part of the period before the change included.</param>
/// <param name="IncludedMessages">Messages that the whole period includes now.</param>
/// <param name="Change">Number of the change, from 1: the ledger's references are made of it.</param>
[StoredAs("subscription_plan_changed")]
public sealed record SubscriptionPlanChanged(
    Guid SubscriptionId, PlanTerms Terms, [property: JsonConverter(typeof(MoneyJson))] decimal Credit,
    [property: JsonConverter(typeof(MoneyJson))] decimal Debit, int Period,
    DateTimeOffset EffectiveAt, DateTimeOffset Until, int IncludedBefore, int IncludedMessages, int Change, DateTimeOffset At)
    : SubscriptionEvent(SubscriptionId);

/// <summary>Nothing new is sent, and nothing falls due, until it is reactivated.</summary>
/// <param name="Reason"><c>dunning</c> (unpaid) or <c>platform</c>.</param>
/// <param name="ExpiresAt">When it ends by itself; null: it does not.</param>
[StoredAs("subscription_suspended")]
public sealed record SubscriptionSuspended(Guid SubscriptionId, string Reason, DateTimeOffset EffectiveAt, DateTimeOffset? ExpiresAt,
    DateTimeOffset At) : SubscriptionEvent(SubscriptionId);

/// <summary>The end of a suspension.</summary>
[StoredAs("subscription_reactivated")]
public sealed record SubscriptionReactivated(Guid SubscriptionId, DateTimeOffset EffectiveAt, DateTimeOffset At)
    : SubscriptionEvent(SubscriptionId);

/// <summary>It will end with the period; revocable until then.</summary>
[StoredAs("subscription_cancellation_scheduled")]
public sealed record SubscriptionCancellationScheduled(Guid SubscriptionId, DateTimeOffset EffectiveAt, DateTimeOffset At)
    : SubscriptionEvent(SubscriptionId);

/// <summary>It goes on after all.</summary>
[StoredAs("subscription_cancellation_revoked")]
public sealed record SubscriptionCancellationRevoked(Guid SubscriptionId, DateTimeOffset At) : SubscriptionEvent(SubscriptionId);

/// <summary>The organization ended it.</summary>
/// <param name="Reason"><c>asked</c> or <c>period_end</c>.</param>
[StoredAs("subscription_cancelled")]
public sealed record SubscriptionCancelled(Guid SubscriptionId, string Reason, DateTimeOffset EffectiveAt, DateTimeOffset At)
    : SubscriptionEvent(SubscriptionId);

/// <summary>It stayed unpaid until its end. What was owed is not asked for any more.</summary>
[StoredAs("subscription_expired")]
public sealed record SubscriptionExpired(Guid SubscriptionId, DateTimeOffset EffectiveAt, DateTimeOffset At)
    : SubscriptionEvent(SubscriptionId);
