using System.Text.Json;
using Bsp.Domain.Common;

namespace Bsp.Domain.Subscriptions;

/// <summary>
/// Where a subscription stands. The specification's word for <see cref="Trial"/> and <see cref="PastDue"/> is <c>active</c>.
/// </summary>
public enum SubscriptionStatus
{
    None,
    Trial,
    Active,
    PastDue,
    Suspended,
    Cancelled,
    Expired,
}

/// <summary>A period that the wallet was too short for.</summary>
/// <param name="From">When it was due: attempts are counted from here.</param>
/// <param name="Attempts">Failed so far.</param>
/// <param name="NextAttemptAt">Null: there is none left.</param>
public sealed record SubscriptionDebt(int Period, DateTimeOffset From, DateTimeOffset Until, decimal Amount, int IncludedMessages,
    int Attempts, DateTimeOffset? NextAttemptAt);

/// <summary>What a subscription must remember to decide.</summary>
/// <param name="StartedAt">When the plan was taken.</param>
/// <param name="Anchor">Where period 0 begins; the trial's end when there is one.</param>
/// <param name="Current">The last period that was paid, or the trial; its end is when something falls due.</param>
/// <param name="SegmentFrom">Since when <paramref name="Terms"/> hold within it.</param>
/// <param name="SegmentDebited">What was debited for the time from <paramref name="SegmentFrom"/> to its end.</param>
/// <param name="IncludedBefore">Messages that the time of it before <paramref name="SegmentFrom"/> included.</param>
/// <param name="Included">Messages that all of it includes.</param>
/// <param name="Changes">Changes of plan so far.</param>
/// <param name="CancelAt">It ends then; null: it goes on.</param>
/// <param name="ResumedAt">End of the last suspension; null: there was none.</param>
public sealed record Subscription(Guid Id, SubscriptionStatus Status, PlanTerms? Terms, DateTimeOffset StartedAt, DateTimeOffset Anchor,
    DateTimeOffset? TrialUntil, JsonElement? PaymentMethod, Period Current,
    DateTimeOffset SegmentFrom, decimal SegmentDebited, int IncludedBefore, int Included, int Changes, SubscriptionDebt? Owed,
    DateTimeOffset? CancelAt, string? SuspendedReason,
    DateTimeOffset? SuspendedAt, DateTimeOffset? ExpiresAt, DateTimeOffset? ResumedAt, DateTimeOffset? EndedAt)
    : IAggregate<Subscription, SubscriptionEvent>
{
    /// <summary>Why a subscription is suspended that was not paid.</summary>
    public const string Dunning = "dunning";

    /// <summary>Why a subscription is suspended that the platform stopped.</summary>
    public const string ByPlatform = "platform";

    /// <inheritdoc/>
    public static string StreamType => "subscription";

    /// <summary>Before everything.</summary>
    public static Subscription Initial { get; } =
        new(Guid.Empty, SubscriptionStatus.None, null, default, default, null, null, default, default, 0, 0, 0, 0, null, null, null, null,
            null, null, null);

    /// <summary>It is over for good.</summary>
    public bool IsEnded => Status is SubscriptionStatus.Cancelled or SubscriptionStatus.Expired;

    /// <summary>The whole of <see cref="Current"/>, also when it was paid from later on: shares are of this.</summary>
    internal Period Whole => Current.N == Period.Trial ? new(Period.Trial, StartedAt, Anchor) : Period.Of(Anchor, Current.N);

    /// <summary>The state after one more fact.</summary>
    public static Subscription Evolve(Subscription state, SubscriptionEvent @event) => @event switch
    {
        SubscriptionStarted e => Initial with
        {
            Id = e.SubscriptionId, Status = e.TrialUntil is null ? SubscriptionStatus.Active
                : SubscriptionStatus.Trial, Terms = e.Terms, StartedAt = e.At, Anchor = e.Anchor, TrialUntil = e.TrialUntil,
            PaymentMethod = e.PaymentMethod, Current = new(Period.Trial, e.At, e.Anchor), SegmentFrom = e.At,
            Included = e.TrialUntil is null ? 0 : e.Terms.IncludedMessages,
        },
        SubscriptionPeriodPaid e => state with
        {
            Status = state.Status == SubscriptionStatus.Suspended ? SubscriptionStatus.Suspended
                : SubscriptionStatus.Active, Current = new(e.Period, e.From, e.Until), SegmentFrom = e.From,
            SegmentDebited = e.Amount, IncludedBefore = 0, Included = e.IncludedMessages, Owed = null,
        },
        SubscriptionPaymentFailed e => state with
        {
            Status = SubscriptionStatus.PastDue,
                Owed = new(e.Period, e.From, e.Until, e.Amount, e.IncludedMessages, e.Attempt, e.NextAttemptAt),
        },
        SubscriptionPlanChanged e => state with
        {
            Terms = e.Terms, SegmentFrom = e.EffectiveAt, SegmentDebited = e.Debit, IncludedBefore = e.IncludedBefore,
                Included = e.IncludedMessages, Changes = e.Change,
        },
        SubscriptionSuspended e =>
            state with { Status = SubscriptionStatus.Suspended, SuspendedReason = e.Reason, SuspendedAt = e.EffectiveAt,
                ExpiresAt = e.ExpiresAt },
        SubscriptionReactivated e => state with
        {
            Status = state.Current.N == Period.Trial ? SubscriptionStatus.Trial
                : SubscriptionStatus.Active, SuspendedReason = null, SuspendedAt = null, ExpiresAt = null, ResumedAt = e.EffectiveAt,
        },
        SubscriptionCancellationScheduled e => state with { CancelAt = e.EffectiveAt },
        SubscriptionCancellationRevoked => state with { CancelAt = null },
        SubscriptionCancelled e => state with { Status = SubscriptionStatus.Cancelled, EndedAt = e.EffectiveAt },
        SubscriptionExpired e => state with { Status = SubscriptionStatus.Expired, EndedAt = e.EffectiveAt },
        _ => throw new InvalidOperationException($"Subscription.Evolve does not know {@event.GetType().Name}."),
    };

    /// <summary>
    /// Takes a plan: with a trial for nothing until its end, else the first period is debited at once. Asked again for the same one:
    /// nothing.
    /// </summary>
    /// <param name="trialDays">0: none.</param>
    /// <exception cref="Refusal"><c>subscription.exists</c>: this id is another plan's</exception>
    public static SubscriptionStep Start(Subscription state, Guid id, PlanTerms terms, int trialDays, JsonElement? paymentMethod,
        DateTimeOffset now)
    {
        if (state.Status != SubscriptionStatus.None)
        {
            return state.Terms!.PlanId == terms.PlanId ? SubscriptionStep.Nothing
                : throw new Refusal("subscription.exists", "There is already a subscription with this id.");
        }

        var at = Period.Cut(now);
        var anchor = at.AddDays(trialDays);
        var started = new SubscriptionStarted(id, terms, anchor, trialDays > 0 ? anchor : null, paymentMethod, at);
        return trialDays > 0 ? SubscriptionStep.Of(started) : Billing.Paying(Evolve(state, started), Period.Of(anchor, 0), at, [started]);
    }

    /// <summary>
    /// Takes another plan, or the newer terms of the same one: what was really debited for the rest of the period comes back, and the rest
    /// is debited at the new price, as two entries.
    /// The terms that it has already: nothing.
    /// </summary>
    /// <exception cref="Refusal">
    /// <c>subscription.unknown</c>, <c>subscription.ended</c>, <c>subscription.suspended</c>, <c>subscription.past_due</c>,
    /// <c>subscription.other_currency</c>
    /// </exception>
    public static SubscriptionStep Change(Subscription state, PlanTerms terms, DateTimeOffset now)
    {
        RequireRunning(state);
        var old = state.Terms!;
        if (old.PlanId == terms.PlanId && old.Version == terms.Version)
        {
            return SubscriptionStep.Nothing;
        }

        if (old.Currency != terms.Currency)
        {
            throw new Refusal("subscription.other_currency",
                $"The subscription is in {old.Currency} and the plan in {terms.Currency}: cancel it and take the plan afterwards.");
        }

        return Billing.Changing(state, terms, Period.Cut(now));
    }

    /// <summary>
    /// Ends it now, or with what is paid. Unpaid or suspended for that: now in either case, and nothing more is asked for. Ended, or
    /// scheduled already: no events.
    /// </summary>
    /// <exception cref="Refusal"><c>subscription.unknown</c></exception>
    public static SubscriptionEvent[] Cancel(Subscription state, bool atPeriodEnd, DateTimeOffset now)
    {
        RequireExists(state);
        var at = Period.Cut(now);
        if (state.IsEnded || (atPeriodEnd && state.CancelAt is not null))
        {
            return [];
        }

        return atPeriodEnd && state.Owed is null && state.Current.Until > at
            ? [new SubscriptionCancellationScheduled(state.Id, state.Current.Until, at)]
            : [new SubscriptionCancelled(state.Id, "asked", at, at)];
    }

    /// <summary>Takes a scheduled end back. None is scheduled: no events.</summary>
    /// <exception cref="Refusal"><c>subscription.unknown</c>, <c>subscription.ended</c></exception>
    public static SubscriptionEvent[] RevokeCancellation(Subscription state, DateTimeOffset now)
    {
        RequireNotEnded(state);
        return state.CancelAt is null ? [] : [new SubscriptionCancellationRevoked(state.Id, Period.Cut(now))];
    }

    /// <summary>
    /// The platform stops it: nothing is sent and nothing falls due until it is reactivated. Suspended already: no events.
    /// </summary>
    /// <exception cref="Refusal"><c>subscription.unknown</c>, <c>subscription.ended</c></exception>
    public static SubscriptionEvent[] Suspend(Subscription state, DateTimeOffset now)
    {
        RequireNotEnded(state);
        var at = Period.Cut(now);
        return state.Status == SubscriptionStatus.Suspended ? [] : [new SubscriptionSuspended(state.Id, ByPlatform, at, null, at)];
    }

    /// <summary>The platform lets it go on. What is owed is debited first. Not suspended: only a scheduled end is taken back.</summary>
    /// <exception cref="Refusal"><c>subscription.unknown</c>, <c>subscription.ended</c></exception>
    public static SubscriptionStep Reactivate(Subscription state, DateTimeOffset now)
    {
        RequireNotEnded(state);
        var at = Period.Cut(now);
        if (state.Status != SubscriptionStatus.Suspended)
        {
            return new(RevokeCancellation(state, now), []);
        }

        var reactivated = new SubscriptionReactivated(state.Id, at, at);
        return state.Owed is { } owed ? Billing.Paying(state, owed, at, after: [reactivated]) : SubscriptionStep.Of(reactivated);
    }

    /// <summary>Refused for an id that nobody has.</summary>
    public static void RequireExists(Subscription state)
    {
        if (state.Status == SubscriptionStatus.None)
        {
            throw new Refusal("subscription.unknown", "There is no such subscription.");
        }
    }

    private static void RequireNotEnded(Subscription state)
    {
        RequireExists(state);
        if (state.IsEnded)
        {
            throw new Refusal("subscription.ended", "The subscription has ended: take a plan anew.");
        }
    }

    private static void RequireRunning(Subscription state)
    {
        RequireNotEnded(state);
        if (state.Status == SubscriptionStatus.Suspended)
        {
            throw new Refusal("subscription.suspended", state.SuspendedReason == Dunning
                ? $"The subscription is suspended because {Money.Text(state.Owed?.Amount ?? 0)} {state.Terms!.Currency} could not be debited: top the wallet up, and it goes on by itself."
                : "The platform has suspended the subscription: ask there.");
        }

        if (state.Owed is { } owed)
        {
            throw new Refusal("subscription.past_due",
                $"{Money.Text(owed.Amount)} {state.Terms!.Currency} are owed for the period from {owed.From:yyyy-MM-dd}: top the wallet up first; it is debited at once.");
        }
    }
}
