using Bsp.Domain.Subscriptions;
using static Bsp.UnitTests.Subscriptions.SubscriptionSample;

namespace Bsp.UnitTests.Subscriptions;

/// <summary>Changes of plan, to the last decimal.</summary>
public sealed class ProrationTests
{
    [Fact] public void In_the_middle_of_October() =>
        Changed(Day(2026, 10, 1), 29.99m, 99m, Day(2026, 10, 17)).ShouldBe([14.511290m, -47.903226m]);

    [Fact] public void From_the_31st_to_the_28th() =>
        Changed(Day(2027, 1, 31), 49m, 99m, Day(2027, 2, 14, 12)).ShouldBe([23.625000m, -47.732143m]);

    [Fact] public void From_the_31st_to_the_29th() =>
        Changed(Day(2028, 1, 31), 49m, 99m, Day(2028, 2, 10)).ShouldBe([32.103448m, -64.862069m]);

    [Fact] public void One_second_before_the_end() =>
        Changed(Day(2027, 1, 31), 49m, 99m, Day(2027, 2, 28).AddSeconds(-1))[0].ShouldBe(0.000020m);

    [Fact] public void At_the_start_it_is_all_of_both() => Changed(Day(2026, 10, 1), 49m, 99m, Day(2026, 10, 1)).ShouldBe([49m, -99m]);

    [Fact]
    public void At_the_end_the_renewal_alone_is_at_the_new_price()
    {
        var running = Running(49m, Day(2026, 10, 1));
        var changed = Subscription.Change(running, Terms(99m, code: "pro"), Day(2026, 11, 1));
        Moved(changed).ShouldBeEmpty();
        Moved(Billing.Due(After(running, changed), Day(2026, 11, 1))!).ShouldBe([-99m]);
    }

    [Fact] public void To_a_cheaper_plan() => Changed(Day(2026, 11, 1), 99m, 29.99m, Day(2026, 11, 16)).ShouldBe([49.500000m, -14.995000m]);

    [Fact]
    public void Two_changes_come_to_what_each_plan_cost_for_its_days()
    {
        var running = Running(30m, Day(2026, 11, 1));
        var first = Subscription.Change(running, Terms(60m, code: "pro"), Day(2026, 11, 11));
        var second = Subscription.Change(After(running, first), Terms(90m, code: "max"), Day(2026, 11, 21));
        (-30m + Moved(first).Sum() + Moved(second).Sum()).ShouldBe(-60.000000m);
        first.Movements.Concat(second.Movements).Select(m => m.Reference).ShouldBeUnique();
    }

    [Fact]
    public void Included_messages_follow_the_days_each_part_rounded_down()
    {
        var running = Running(29.99m, Day(2026, 10, 1), included: 1_000);
        var changed = (SubscriptionPlanChanged)Subscription.Change(running, Terms(99m, 3_000, "pro"), Day(2026, 10, 17)).Facts.Single();
        (changed.IncludedBefore, changed.IncludedMessages).ShouldBe((516, 516 + 1_451));
    }

    [Fact]
    public void The_credit_and_the_charge_are_two_entries_with_references_of_their_own()
    {
        var step = Subscription.Change(Running(29.99m, Day(2026, 10, 1)), Terms(99m, code: "pro"), Day(2026, 10, 17));
        step.Movements.Select(m => (m.IsCredit, m.Reference))
            .ShouldBe([(true, SubscriptionReference.Credit(Id, 1)), (false, SubscriptionReference.Debit(Id, 1))]);
        step.Movements.ShouldAllBe(m => m.EffectiveAt == Day(2026, 10, 17));
        step.WhenShort.ShouldBeNull("a wallet that is too short refuses the change, and nothing is half-done");
    }

    [Fact]
    public void In_a_trial_nothing_comes_back_and_nothing_is_paid()
    {
        var trial = After(Subscription.Initial, Subscription.Start(Subscription.Initial, Id, Terms(99m), 14, null, Day(2026, 10, 1)));
        var step = Subscription.Change(trial, Terms(29.99m, code: "small"), Day(2026, 10, 8));
        Moved(step).ShouldBeEmpty();
        var changed = After(trial, step);
        (changed.Status, changed.Current.Until).ShouldBe((SubscriptionStatus.Trial, Day(2026, 10, 15)));
        Moved(Billing.Due(changed, Day(2026, 10, 15))!).ShouldBe([-29.99m]);
    }

    [Fact]
    public void Never_more_comes_back_than_was_debited_whatever_is_changed_when()
    {
        var random = new Random(20261130);
        for (var round = 0; round < 300; round++)
        {
            var start = Day(2026, 1, 1).AddMinutes(random.Next(400 * 1_440));
            var state = Running(random.Next(1, 100_000_000) / 1_000_000m, start, random.Next(5_000));
            var (paid, at) = (state.SegmentDebited, start);
            for (var change = 0; change < 6; change++)
            {
                at = at.AddMilliseconds(random.NextInt64((long)(state.Current.Until - at).TotalMilliseconds + 1));
                var step = Subscription.Change(state, Terms(random.Next(0, 100_000_000) / 1_000_000m, random.Next(5_000), $"plan{change}"),
                    at);
                paid -= Moved(step).Sum();
                state = After(state, step);
                paid.ShouldBeGreaterThanOrEqualTo(0);
                state.SegmentDebited.ShouldBeLessThanOrEqualTo(paid + 0.000001m);
                state.Included.ShouldBeGreaterThanOrEqualTo(0);
            }
        }
    }

    private static decimal[] Changed(DateTimeOffset start, decimal from, decimal to, DateTimeOffset at) =>
        Moved(Subscription.Change(Running(from, start), Terms(to, code: "pro"), at));
}
