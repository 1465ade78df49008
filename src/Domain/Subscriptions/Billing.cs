using Bsp.Domain.Common;

namespace Bsp.Domain.Subscriptions;

/// <summary>
/// What of a subscription falls due when, and what it costs. One step at a time, oldest first, so that an outage is made up for in order.
/// </summary>
public static class Billing
{
    /// <summary>
    /// Days after the due date on which a wallet that was too short is asked; after the last the subscription is suspended.
    /// </summary>
    public static readonly IReadOnlyList<int> AttemptDays = [0, 1, 3, 7];

    /// <summary>Days from the suspension to the end.</summary>
    public const int ExpiresAfterDays = 30;

    /// <summary>When something happens next by itself; null: nothing does.</summary>
    public static DateTimeOffset? NextDue(Subscription state) => state.Status switch
    {
        SubscriptionStatus.Trial or SubscriptionStatus.Active => state.Current.Until,
        SubscriptionStatus.PastDue => state.Owed!.NextAttemptAt,
        SubscriptionStatus.Suspended => Earlier(state.ExpiresAt, state.CancelAt),
        _ => null,
    };

    /// <summary>The oldest thing that is due; null: nothing is.</summary>
    public static SubscriptionStep? Due(Subscription state, DateTimeOffset now)
    {
        var at = Period.Cut(now);
        if (NextDue(state) is not { } due || due > at)
        {
            return null;
        }

        if (state.CancelAt is { } end && due == end)
        {
            return SubscriptionStep.Of(new SubscriptionCancelled(state.Id, "period_end", end, at));
        }

        return state.Status switch
        {
            SubscriptionStatus.Suspended => SubscriptionStep.Of(new SubscriptionExpired(state.Id, due, at)),
            SubscriptionStatus.PastDue => Paying(state, state.Owed!, at, []) with { WhenShort = Failed(state, state.Owed!, due, at) },
            _ => Renewing(state, at),
        };
    }

    /// <summary>
    /// Money came: what is owed is debited at once, outside of the schedule. Too short again: nothing, the schedule stands. Nothing owed,
    /// or stopped by the platform: nothing.
    /// </summary>
    public static SubscriptionStep ToppedUp(Subscription state, DateTimeOffset now)
    {
        if (state.Owed is not { } owed || state.IsEnded || state.SuspendedReason == Subscription.ByPlatform)
        {
            return SubscriptionStep.Nothing;
        }

        var at = Period.Cut(now);
        SubscriptionEvent[] after = state.Status == SubscriptionStatus.Suspended ? [new SubscriptionReactivated(state.Id, at, at)] : [];
        return Paying(state, owed, at, after) with { WhenShort = [] };
    }

    /// <summary>
    /// The period that follows: after a suspension over its beginning it is the one of the reactivation, and only its rest is paid.
    /// </summary>
    internal static (Period Period, DateTimeOffset From) Next(Subscription state)
    {
        var next = Period.Of(state.Anchor, state.Current.N + 1);
        if (state.ResumedAt is not { } resumed || resumed <= next.From)
        {
            return (next, next.From);
        }

        next = resumed < next.Until ? next : Period.Holding(state.Anchor, resumed);
        return (next, resumed);
    }

    internal static SubscriptionStep Paying(Subscription state, Period period, DateTimeOffset at, SubscriptionEvent[] before)
    {
        var owed = new SubscriptionDebt(period.N, period.From, period.Until, Money.Round(state.Terms!.MonthlyPrice),
            state.Terms.IncludedMessages, 0, null);
        var paying = Paying(state, owed, at, []);
        return paying with { Facts = [.. before, .. paying.Facts] };
    }

    internal static SubscriptionStep Paying(Subscription state, SubscriptionDebt owed, DateTimeOffset at, SubscriptionEvent[] after)
    {
        var (id, terms) = (state.Id, state.Terms!);
        var reference = owed.Amount > 0 ? SubscriptionReference.Of(id, owed.Period) : null;
        var paid = new SubscriptionPeriodPaid(id, owed.Period, owed.From, owed.Until, owed.Amount, terms.Currency, owed.IncludedMessages,
            reference, at);
        return new([paid, .. after], reference is null ? [] :
            [new(reference, IsCredit: false, owed.Amount, terms.Currency, owed.From,
                $"{terms.Name}: {owed.From:yyyy-MM-dd} to {owed.Until:yyyy-MM-dd}", owed.Period, terms.PlanId)]);
    }

    internal static SubscriptionStep Changing(Subscription state, PlanTerms terms, DateTimeOffset now)
    {
        var (whole, until, change) = (state.Whole, state.Current.Until, state.Changes + 1);
        // clocks of two processes differ: a change is never earlier than the one before
        var at = Period.Later(now < until ? now : until, state.SegmentFrom);
        var segment = new Period(state.Current.N, state.SegmentFrom, until);
        var credit = segment.From < until ? segment.Rest(state.SegmentDebited, at) : 0;
        var debit = state.Status == SubscriptionStatus.Trial ? 0 : whole.Rest(terms.MonthlyPrice, at);
        var before = state.IncludedBefore + whole.Part(state.Terms!.IncludedMessages, state.SegmentFrom, at);
        var changed =
            new SubscriptionPlanChanged(state.Id, terms, Money.Round(credit), Money.Round(debit), state.Current.N, at, until, before,
                before + whole.Part(terms.IncludedMessages, at, until), change, now);
        return new([changed], [.. Movements(state, changed)]);
    }

    private static IEnumerable<SubscriptionMovement> Movements(Subscription state, SubscriptionPlanChanged e)
    {
        var (old, current) = (state.Terms!, e.Terms);
        if (e.Credit > 0)
        {
            yield return new(SubscriptionReference.Credit(e.SubscriptionId, e.Change), IsCredit: true, e.Credit, old.Currency,
                e.EffectiveAt,
                $"{old.Name}: the rest from {e.EffectiveAt:yyyy-MM-dd} to {e.Until:yyyy-MM-dd}", e.Period, old.PlanId);
        }

        if (e.Debit > 0)
        {
            yield return new(SubscriptionReference.Debit(e.SubscriptionId, e.Change), IsCredit: false, e.Debit, current.Currency,
                e.EffectiveAt,
                $"{current.Name}: the rest from {e.EffectiveAt:yyyy-MM-dd} to {e.Until:yyyy-MM-dd}", e.Period, current.PlanId);
        }
    }

    private static SubscriptionStep Renewing(Subscription state, DateTimeOffset at)
    {
        var (period, from) = Next(state);
        var terms = state.Terms!;
        var owed = from > period.From
            ? new SubscriptionDebt(period.N, from, period.Until, period.Rest(terms.MonthlyPrice, from),
                period.Part(terms.IncludedMessages, from, period.Until), 0, null)
            : new SubscriptionDebt(period.N, from, period.Until, Money.Round(terms.MonthlyPrice), terms.IncludedMessages, 0, null);
        return Paying(state, owed, at, []) with { WhenShort = Failed(state, owed, from, at) };
    }

    private static SubscriptionEvent[] Failed(Subscription state, SubscriptionDebt owed, DateTimeOffset due, DateTimeOffset at)
    {
        var attempt = owed.Attempts + 1;
        DateTimeOffset? next = attempt < AttemptDays.Count ? owed.From.AddDays(AttemptDays[attempt]) : null;
        var failed =
            new SubscriptionPaymentFailed(state.Id, owed.Period, owed.From, owed.Until, owed.Amount, state.Terms!.Currency,
                owed.IncludedMessages, attempt, due, next, at);
        return next is not null ? [failed]
            : [failed, new SubscriptionSuspended(state.Id, Subscription.Dunning, due, due.AddDays(ExpiresAfterDays), at)];
    }

    private static DateTimeOffset? Earlier(DateTimeOffset? one, DateTimeOffset? other) =>
        one is null ? other : other is null || one < other ? one : other;
}
