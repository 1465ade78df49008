using System.Text.Json;
using Bsp.Domain.Common;
using Bsp.Domain.Subscriptions;
using static Bsp.UnitTests.Subscriptions.SubscriptionSample;

namespace Bsp.UnitTests.Subscriptions;

public sealed class SubscriptionTests
{
    private static readonly DateTimeOffset Start = Day(2027, 1, 31);
    private static readonly SubscriptionStarted Started = new(Id, Terms(49m), Start, null, null, Start);
    private static readonly SubscriptionPeriodPaid Paid =
        new(Id, 0, Start, Day(2027, 2, 28), 49.000000m, "USD", 1_000, SubscriptionReference.Of(Id, 0), Start);
    private static readonly SubscriptionStarted Trial = new(Id, Terms(49m), Start.AddDays(14), Start.AddDays(14), null, Start);

    [Fact] public void The_first_period_is_paid_at_the_start() =>
        Given().When(s => Subscription.Start(s, Id, Terms(49m), 0, null, Start).Facts).Then(Started, Paid);

    [Fact] public void A_trial_is_paid_for_by_nobody() =>
        Given().When(s => Subscription.Start(s, Id, Terms(49m), 14, null, Start).Facts).Then(Trial);

    [Fact]
    public void A_short_wallet_takes_no_plan() =>
        Subscription.Start(Subscription.Initial, Id, Terms(49m), 0, null, Start).WhenShort.ShouldBeNull();

    [Fact]
    public void What_costs_nothing_moves_nothing()
    {
        var step = Subscription.Start(Subscription.Initial, Id, Terms(0m), 0, null, Start);
        step.Movements.ShouldBeEmpty();
        ((SubscriptionPeriodPaid)step.Facts[1]).Reference.ShouldBeNull();
    }

    [Fact] public void Asked_again_for_the_same_nothing_happens() =>
        Given(Started, Paid).When(s => Subscription.Start(s, Id, Terms(49m), 0, null, Start).Facts).Then();

    [Fact] public void Another_plan_under_its_id_is_refused() => Given(Started, Paid)
        .When(s => Subscription.Start(s, Id, Terms(49m, code: "x"), 0, null, Start).Facts).ThenRefused("subscription.exists");

    [Fact]
    public void Nothing_is_due_before_its_time()
    {
        var running = After(Subscription.Initial, [Started, Paid]);
        Billing.Due(running, Day(2027, 2, 28).AddMilliseconds(-1)).ShouldBeNull();
        Billing.Due(running, Day(2027, 2, 28))!.Facts.ShouldHaveSingleItem();
    }

    [Fact]
    public void After_an_outage_every_missed_period_is_paid_in_order_once_at_its_own_time()
    {
        var (state, steps) = CaughtUp(After(Subscription.Initial, [Started, Paid]), Day(2027, 6, 1));
        steps.SelectMany(s => s.Movements).Select(m => (m.EffectiveAt, m.Reference))
            .ShouldBe(Enumerable.Range(1, 4).Select(n => (Period.Of(Start, n).From, SubscriptionReference.Of(Id, n))));
        (state.Current.N, state.Current.Until).ShouldBe((4, Day(2027, 6, 30)));
    }

    [Fact]
    public void A_short_wallet_is_asked_four_times_then_the_subscription_is_suspended_and_ends()
    {
        var running = After(Subscription.Initial, [Started, Paid]);
        var due = Day(2027, 2, 28);
        var (state, steps) = CaughtUp(running, due.AddDays(7), rich: false);
        steps.SelectMany(s => s.WhenShort!).OfType<SubscriptionPaymentFailed>().Select(f => (f.Attempt, f.DueAt, f.NextAttemptAt)).ShouldBe(
            [(1, due, due.AddDays(1)), (2, due.AddDays(1), due.AddDays(3)), (3, due.AddDays(3), due.AddDays(7)),
                (4, due.AddDays(7), null)]);
        (state.Status, state.SuspendedReason, state.ExpiresAt)
            .ShouldBe((SubscriptionStatus.Suspended, Subscription.Dunning, due.AddDays(37)));
        CaughtUp(state, due.AddDays(37).AddMilliseconds(-1)).Steps.ShouldBeEmpty();
        CaughtUp(state, due.AddDays(37)).State.Status.ShouldBe(SubscriptionStatus.Expired);
        CaughtUp(running, due.AddYears(1), rich: false).State.Status.ShouldBe(SubscriptionStatus.Expired);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [InlineData(20)]
    public void A_top_up_pays_what_is_owed_at_once_and_the_anchor_stays(int days)
    {
        var due = Day(2027, 2, 28);
        var owing = CaughtUp(After(Subscription.Initial, [Started, Paid]), due.AddDays(days), rich: false).State;
        var step = Billing.ToppedUp(owing, due.AddDays(days).AddHours(1));
        Moved(step).ShouldBe([-49m]);
        step.Movements[0].EffectiveAt.ShouldBe(due);
        step.WhenShort.ShouldBeEmpty("too little again: the schedule stands");
        var paid = After(owing, step);
        (paid.Status, paid.Owed, paid.Current).ShouldBe((SubscriptionStatus.Active, null, Period.Of(Start, 1)));
        CaughtUp(paid, Day(2027, 3, 31)).State.Current.ShouldBe(Period.Of(Start, 2));
    }

    [Fact]
    public void Paid_after_the_period_was_over_the_next_one_costs_its_rest_only()
    {
        var due = Day(2027, 2, 28); // to 31 March; suspended on 7 March, expires on 6 April
        var owing = CaughtUp(After(Subscription.Initial, [Started, Paid]), due.AddDays(32), rich: false).State;
        var paid = After(owing, Billing.ToppedUp(owing, Day(2027, 4, 5)));
        var next = Billing.Due(paid, Day(2027, 4, 5))!;
        Moved(next).ShouldBe([-40.833333m]); // 49 × 25 of 30 days
        ((SubscriptionPeriodPaid)next.Facts[0]).IncludedMessages.ShouldBe(833);
        CaughtUp(paid, Day(2027, 4, 30)).State.Current.ShouldBe(Period.Of(Start, 3));
    }

    [Fact] public void No_top_up_is_taken_where_nothing_is_owed() =>
        Billing.ToppedUp(After(Subscription.Initial, [Started, Paid]), Start).ShouldBe(SubscriptionStep.Nothing);

    [Fact]
    public void Cancelled_at_the_end_it_runs_until_then_and_is_not_renewed()
    {
        var cancelling =
            After(Subscription.Initial,
                [Started, Paid, .. Subscription.Cancel(After(Subscription.Initial, [Started, Paid]), true, Start.AddDays(3))]);
        cancelling.Status.ShouldBe(SubscriptionStatus.Active);
        Subscription.Cancel(cancelling, true, Start.AddDays(4)).ShouldBeEmpty();
        var (ended, steps) = CaughtUp(cancelling, Day(2027, 5, 1));
        (ended.Status, ended.EndedAt).ShouldBe((SubscriptionStatus.Cancelled, Day(2027, 2, 28)));
        steps.ShouldHaveSingleItem().Movements.ShouldBeEmpty();
        Given(Started, Paid, new SubscriptionCancellationScheduled(Id, Day(2027, 2, 28), Start))
            .When(s => Subscription.RevokeCancellation(s, Start.AddDays(9)))
            .Then(new SubscriptionCancellationRevoked(Id, Start.AddDays(9)));
        CaughtUp(After(cancelling, Subscription.RevokeCancellation(cancelling, Start.AddDays(9))),
            Day(2027, 3, 1)).State.Current.N.ShouldBe(1);
    }

    [Fact]
    public void Cancelling_ends_dunning_whatever_was_asked_for()
    {
        var owing = CaughtUp(After(Subscription.Initial, [Started, Paid]), Day(2027, 2, 28), rich: false).State;
        foreach (var atPeriodEnd in new[] { true, false })
        {
            var cancelled = After(owing, Subscription.Cancel(owing, atPeriodEnd, Day(2027, 3, 2)));
            cancelled.Status.ShouldBe(SubscriptionStatus.Cancelled);
            CaughtUp(cancelled, Day(2028, 1, 1)).Steps.ShouldBeEmpty();
            Billing.ToppedUp(cancelled, Day(2027, 3, 3)).ShouldBe(SubscriptionStep.Nothing);
        }
    }

    [Fact] public void What_has_ended_takes_nothing() =>
        Given(Started, Paid, new SubscriptionCancelled(Id, "asked", Start, Start))
        .When(s => Subscription.Change(s, Terms(99m, code: "pro"), Start).Facts).ThenRefused("subscription.ended");

    [Fact]
    public void Stopped_by_the_platform_nothing_falls_due_and_afterwards_the_rest_of_the_period_is_paid()
    {
        var running = After(Subscription.Initial, [Started, Paid]);
        var stopped = After(running, Subscription.Suspend(running, Start.AddDays(3)));
        Subscription.Suspend(stopped, Start.AddDays(4)).ShouldBeEmpty();
        CaughtUp(stopped, Day(2027, 12, 1)).Steps.ShouldBeEmpty();
        var within = After(stopped, Subscription.Reactivate(stopped, Day(2027, 2, 10)));
        Billing.NextDue(within).ShouldBe(Day(2027, 2, 28));
        var later = After(stopped, Subscription.Reactivate(stopped, Day(2027, 4, 15)));
        var step = Billing.Due(later, Day(2027, 4, 15))!;
        Moved(step).ShouldBe([-24.500000m]); // 31 March to 30 April, 15 of 30 days
        After(later, step).Current.ShouldBe(new Period(2, Day(2027, 4, 15), Day(2027, 4, 30)));
    }

    [Fact]
    public void The_platform_reactivates_what_is_unpaid_only_against_what_is_owed()
    {
        var suspended = CaughtUp(After(Subscription.Initial, [Started, Paid]), Day(2027, 3, 10), rich: false).State;
        var step = Subscription.Reactivate(suspended, Day(2027, 3, 11));
        (Moved(step).Single(), step.WhenShort).ShouldBe((-49m, null));
        After(suspended, step).Status.ShouldBe(SubscriptionStatus.Active);
    }

    [Fact]
    public void Whoever_owes_or_is_suspended_changes_no_plan_and_is_told_what_to_do()
    {
        var running = After(Subscription.Initial, [Started, Paid]);
        var owing = CaughtUp(running, Day(2027, 2, 28), rich: false).State;
        Should.Throw<Refusal>(() => Subscription.Change(owing, Terms(9m, code: "small"), Day(2027, 3, 1))).ShouldSatisfyAllConditions(
            r => r.Code.ShouldBe("subscription.past_due"), r => r.Message.ShouldContain("49.000000 USD"));
        Should.Throw<Refusal>(() =>
            Subscription.Change(CaughtUp(running, Day(2027, 3, 10), rich: false).State, Terms(9m, code: "small"),
                Day(2027, 3, 10))).Code.ShouldBe("subscription.suspended");
        Should.Throw<Refusal>(() =>
            Subscription.Change(running, Terms(9m, code: "euro", currency: "EUR"), Start)).Code.ShouldBe("subscription.other_currency");
        Should.Throw<Refusal>(() => Subscription.Cancel(Subscription.Initial, false, Start)).Code.ShouldBe("subscription.unknown");
    }

    [Fact]
    public void The_terms_that_it_has_are_kept_until_they_are_changed()
    {
        var running = After(Subscription.Initial, [Started, Paid]);
        Subscription.Change(running, Terms(49m), Start.AddDays(1)).ShouldBe(SubscriptionStep.Nothing);
        var newer = Subscription.Change(running, Terms(59m, version: 2), Day(2027, 2, 14));
        Moved(newer).ShouldBe([24.500000m, -29.500000m]);
    }

    [Theory]
    [InlineData("""{"type":"card","token":"pm_1MqLiJLkdIwHu7ixUEgbFdYF","last4":"4242","expires":"12/2029"}""", null)]
    [InlineData("""{"iban":"DE89370400440532013000"}""", null)]
    [InlineData("""{"type":"invoice","since":1764460800000,"phone":"+919876501234"}""", null)]
    [InlineData("""{"card":{"number":"4242424242424242"}}""", "card.number")]
    [InlineData("""{"a":[1,{"b":4242424242424242}]}""", "a[1].b")]
    [InlineData("""{"note":"my card is 4242 4242-4242.4242, exp 12/29"}""", "note")]
    [InlineData("""{"note":"٤٢٤٢٤٢٤٢٤٢٤٢٤٢٤٢"}""", "note")]
    [InlineData("""{"4111111111111111":true}""", "4111111111111111")]
    [InlineData("""{"CVC":"123"}""", "CVC")]
    [InlineData("""{"amex":"378282246310005"}""", "amex")]
    public void A_card_is_found_wherever_it_stands(string json, string? path) =>
        PaymentMethod.Card(JsonSerializer.Deserialize<JsonElement>(json)).ShouldBe(path);
}
