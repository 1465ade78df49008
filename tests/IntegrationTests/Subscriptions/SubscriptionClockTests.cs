using Bsp.Domain.Common;
using Bsp.Domain.Subscriptions;
using Bsp.Infrastructure.Sharding;
using Bsp.Infrastructure.Subscriptions;
using Bsp.IntegrationTests.EventStore;

namespace Bsp.IntegrationTests.Subscriptions;

/// <summary>
/// The clock and the desk on real tables: outages, jumps, races, deaths. Processes are objects of their own; time is set by hand.
/// </summary>
public sealed partial class SubscriptionClockTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static readonly DateTimeOffset Start = new(2027, 1, 31, 0, 0, 0, TimeSpan.Zero);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task After_an_outage_of_months_each_missed_period_is_debited_once_in_order_at_its_own_time()
    {
        await using var process = new SubscriptionProcess(database, new(Start));
        var (organization, id) = await RunningAsync(process, 49m, wallet: 1_000m);
        foreach (var now in new[] { Start.AddDays(1), Start.AddDays(27), new DateTimeOffset(2027, 6, 1, 12, 0, 0, TimeSpan.Zero),
            new(2027, 6, 2, 12, 0, 0, TimeSpan.Zero) })
        {
            process.Time.Now = now;
            await process.RunAsync();
            await process.RunAsync();
        }

        (await process.EntriesAsync(organization))
            .ShouldBe(Enumerable.Range(0, 5).Select(n => (-49.000000m, Period.Of(Start, n).From, SubscriptionReference.Of(id, n)))
                .ToList());
        (await process.BalanceAsync(organization)).ShouldBe(1_000m - (5 * 49m));
        (await process.StateAsync(organization, id)).Current.Until.ShouldBe(new(2027, 6, 30, 0, 0, 0, TimeSpan.Zero));
    }

    [Fact]
    public async Task Killed_between_any_two_steps_nothing_is_debited_twice_and_nothing_is_missed()
    {
        var (organization, id) = (Guid.Empty, Guid.Empty);
        await using (var process = new SubscriptionProcess(database, new(Start)))
        {
            (organization, id) = await RunningAsync(process, 7m, wallet: 10_000m);
        }

        var (now, deaths) = (Start.AddMonths(3).AddHours(1), 0);
        for (var reading = 1; reading < 60; reading++)
        {
            var clock = new HandClock(now) { DiesAt = reading };
            await using var dying = new SubscriptionProcess(database, clock);
            try
            {
                await dying.Desk.SettleAsync(database.Shard, organization, Ct);
                if (!clock.Died)
                {
                    break;
                }
            }
            catch (Exception)
            {
                // It died there, and whatever it held was rolled back.
            }

            deaths++;
            now = now.AddDays(40); // and the next one comes late
            await AssertAgreesAsync(organization, id);
        }

        deaths.ShouldBeGreaterThan(5);
        await using var last = new SubscriptionProcess(database, new(now));
        await last.RunAsync();
        var state = await last.StateAsync(organization, id);
        (await last.EntriesAsync(organization))
            .ShouldBe(Enumerable.Range(0, state.Current.N + 1)
                .Select(n => (-7.000000m, Period.Of(Start, n).From, SubscriptionReference.Of(id, n))).ToList());
        (state.Current.From <= now && now < state.Current.Until).ShouldBeTrue();
    }

    [Fact]
    public async Task A_short_wallet_is_dunned_by_the_schedule_and_a_top_up_ends_it_at_once()
    {
        await using var process = new SubscriptionProcess(database, new(Start));
        var (organization, id) = await RunningAsync(process, 49m, wallet: 60m);
        var due = Period.Of(Start, 1).From;
        foreach (var (day, attempts, status) in new[] { (0, 1, SubscriptionStatus.PastDue), (1, 2, SubscriptionStatus.PastDue),
            (2, 2, SubscriptionStatus.PastDue), (3, 3, SubscriptionStatus.PastDue), (7, 4, SubscriptionStatus.Suspended) })
        {
            process.Time.Now = due.AddDays(day).AddHours(1);
            await process.RunAsync();
            var owing = await process.StateAsync(organization, id);
            (owing.Status, owing.Owed!.Attempts).ShouldBe((status, attempts), $"day {day}");
        }

        await process.TopUpAsync(organization, 10m); // 21 of 49: the schedule stands, and it stays suspended
        await process.RunAsync();
        (await process.StateAsync(organization, id)).Status.ShouldBe(SubscriptionStatus.Suspended);
        await process.TopUpAsync(organization, 30m);
        await process.RunAsync();
        var paid = await process.StateAsync(organization, id);
        (paid.Status, paid.Owed, paid.Current).ShouldBe((SubscriptionStatus.Active, null, Period.Of(Start, 1)));
        (await process.BalanceAsync(organization)).ShouldBe(2m);
        (await process.EntriesAsync(organization))[^1].At.ShouldBe(due);
        (await database.ScalarAsync<long>("SELECT count(*) FROM bsp.subscription_nudges WHERE organization_id = $1", organization))
            .ShouldBe(0);
    }

    [Fact]
    public async Task A_wallet_that_is_too_short_takes_no_plan_and_changes_none_and_nothing_is_left_of_it()
    {
        await using var process = new SubscriptionProcess(database, new(Start));
        var organization = await SubscriptionProcess.OrganizationAsync(database);
        var (plan, dear) = (await SubscriptionProcess.PlanAsync(database, 30m), await SubscriptionProcess.PlanAsync(database, 300m));
        var refused = await Should.ThrowAsync<Refusal>(process.StartedAsync(organization, plan));
        (refused.Code, refused.Message.Contains("30.000000 USD")).ShouldBe(("wallet.insufficient", true));
        (await database.ScalarAsync<long>("SELECT count(*) FROM bsp.subscription_clock WHERE organization_id = $1", organization))
            .ShouldBe(0);
        await process.TopUpAsync(organization, 100m);
        var id = await process.StartedAsync(organization, plan);
        process.Time.Now = Start.AddDays(14);
        (await Should.ThrowAsync<Refusal>(process.ChangeAsync(organization, id, dear))).Code.ShouldBe("wallet.insufficient");
        (await process.EntriesAsync(organization)).Count.ShouldBe(1, "the credit went with the charge");
        (await process.StateAsync(organization, id)).Changes.ShouldBe(0);
        await AssertAgreesAsync(organization, id);
    }

    [Fact]
    public async Task The_terms_at_a_moment_are_those_that_held_then()
    {
        await using var process = new SubscriptionProcess(database, new(new DateTimeOffset(2026, 10, 1, 0, 0, 0, TimeSpan.Zero)));
        var (organization, id) = await RunningAsync(process, 29.99m, wallet: 200m);
        var larger = await SubscriptionProcess.PlanAsync(database, 99m, included: 3_000);
        process.Time.Now = At(10, 17);
        await process.ChangeAsync(organization, id, larger);
        (await process.EntriesAsync(organization)).Select(e => e.Amount).ShouldBe([-29.990000m, 14.511290m, -47.903226m]);
        (await process.Terms.AtAsync(organization, At(9, 30), Ct)).ShouldBeNull();
        var before = (await process.Terms.AtAsync(organization, At(10, 16), Ct))!;
        var after = (await process.Terms.AtAsync(organization, At(10, 17), Ct))!;
        (before.IncludedMessages, after.IncludedMessages, before.Period, after.Period, before.PlanId == after.PlanId)
            .ShouldBe((1_967, 1_967, 0, 0, false));
        (after.From, after.Until, after.PerMessagePrice).ShouldBe((At(10, 1), At(11, 1), 0.012m));

        process.Time.Now = At(11, 2); // nobody ran the clock: whoever asks has what is due carried out
        (await process.Terms.AtAsync(organization, At(11, 1), Ct))!.ShouldSatisfyAllConditions(t => t.Period.ShouldBe(1), t =>
            t.IncludedMessages.ShouldBe(3_000));

        process.Time.Now = At(12, 1).AddHours(1); // 38.61 are left: unpaid, so nothing is included
        (await process.Terms.AtAsync(organization, At(12, 1), Ct))!.ShouldSatisfyAllConditions(t => t.Period.ShouldBe(2), t =>
            t.IncludedMessages.ShouldBe(0));
        await process.TopUpAsync(organization, 100m);
        await process.RunAsync();
        (await process.Terms.AtAsync(organization, At(12, 1), Ct))!.IncludedMessages.ShouldBe(3_000);
        await process.CancelAsync(organization, id, atPeriodEnd: false);
        (await process.Terms.AtAsync(organization, At(12, 2), Ct)).ShouldBeNull();
        await AssertAgreesAsync(organization, id);
    }

    [Fact]
    public async Task One_whose_step_fails_keeps_nobody_waiting()
    {
        await using var process = new SubscriptionProcess(database, new(Start));
        var (bad, badId) = await RunningAsync(process, 5m, wallet: 100m);
        var (good, goodId) = await RunningAsync(process, 5m, wallet: 100m);
        await database.AdminQueryAsync("UPDATE mt_events SET data = '{\"at\": 7}' WHERE stream_id = $1 RETURNING 1", r =>
            r.GetInt32(0), badId);
        process.Time.Now = Start.AddMonths(1).AddDays(1);
        await process.RunAsync();
        (await process.StateAsync(good, goodId)).Current.N.ShouldBe(1);
        (await process.EntriesAsync(bad)).Count.ShouldBe(1);
        await database.AdminQueryAsync("DELETE FROM bsp.subscription_clock WHERE organization_id = $1 RETURNING 1", r =>
            r.GetInt32(0), bad);
    }

    [Fact]
    public async Task The_rows_are_what_the_streams_come_to()
    {
        await using var process = new SubscriptionProcess(database, new(Start));
        var random = new Random(11);
        var plans = new List<Guid>();
        foreach (var price in new[] { 0m, 9.99m, 49m, 99m })
        {
            plans.Add(await SubscriptionProcess.PlanAsync(database, price, included: (int)price * 10));
        }

        for (var o = 0; o < 4; o++)
        {
            var organization = await SubscriptionProcess.OrganizationAsync(database);
            await process.TopUpAsync(organization, 150m);
            process.Time.Now = Start;
            var id = await process.StartedAsync(organization, plans[random.Next(plans.Count)], trialDays: random.Next(2) * 14);
            for (var step = 0; step < 25; step++)
            {
                process.Time.Now = process.Time.Now.AddHours(random.Next(1, 400));
                await (random.Next(7) switch
                {
                    0 => process.TopUpAsync(organization, random.Next(1, 100)),
                    1 => TriedAsync(() => process.CancelAsync(organization, id, atPeriodEnd: random.Next(3) > 0)),
                    2 => TriedAsync(() =>
                        process.Desk.DecideAsync(organization, id, "x", (s, now) =>
                            new(Subscription.RevokeCancellation(s, now), []), null, Ct)),
                    3 => TriedAsync(() =>
                        process.Desk.DecideAsync(organization, id, "x", (s, now) =>
                            random.Next(2) == 0 ? new(Subscription.Suspend(s, now), []) : Subscription.Reactivate(s, now), null, Ct)),
                    _ => TriedAsync(() => process.ChangeAsync(organization, id, plans[random.Next(plans.Count)])),
                });
                await process.RunAsync();
                await AssertAgreesAsync(organization, id);
            }

            await AssertRebuiltAsync(process, organization, id);
        }
    }

    private static async Task TriedAsync(Func<Task> command)
    {
        try
        {
            await command();
        }
        catch (Refusal)
        {
            // As it should.
        }
    }

    private static DateTimeOffset At(int month, int day) => new(2026, month, day, 0, 0, 0, TimeSpan.Zero);

    private async Task<(Guid Organization, Guid Id)> RunningAsync(SubscriptionProcess process, decimal price, decimal wallet)
    {
        var organization = await SubscriptionProcess.OrganizationAsync(database);
        await process.TopUpAsync(organization, wallet);
        return (organization, await process.StartedAsync(organization, await SubscriptionProcess.PlanAsync(database, price)));
    }

    // Facts, entries and rows say the same: every amount of a fact is an entry, and the other way round; the balance is what is left; the
    // clock's row is there unless it has ended.
    private async Task AssertAgreesAsync(Guid organization, Guid id)
    {
        await using var process = new SubscriptionProcess(database, new(Start));
        var facts = (await process.Store.LoadAsync(organization, id, Ct)).Events.Select(e => e.Body).ToList();
        var moved = facts.OfType<SubscriptionPeriodPaid>().Select(e => -e.Amount)
            .Concat(facts.OfType<SubscriptionPlanChanged>().SelectMany(e => new[] { e.Credit, -e.Debit })).Where(a => a != 0).Order()
            .ToList();
        var entries = (await process.EntriesAsync(organization))
            .Where(e => e.Reference.StartsWith($"subscription/{id}/", StringComparison.Ordinal)).ToList();
        entries.Select(e => e.Amount).Order().ShouldBe(moved);
        entries.Select(e => e.Reference).ShouldBeUnique();
        var paid = await database.ScalarAsync<decimal>(
            "SELECT coalesce(sum(CASE type WHEN 'credit' THEN amount ELSE -amount END), 0) FROM transactions WHERE organization_id = $1",
            organization);
        (await process.BalanceAsync(organization)).ShouldBe(paid);
        paid.ShouldBeGreaterThanOrEqualTo(0, "no command overdraws");
        var state = await process.StateAsync(organization, id);
        (await database.AdminQueryAsync("SELECT due_at FROM bsp.subscription_clock WHERE organization_id = $1 AND subscription_id = $2",
            r => r.IsDBNull(0) ? (DateTimeOffset?)null : r.GetFieldValue<DateTimeOffset>(0), organization, id))
            .ShouldBe(state.IsEnded ? [] : [Billing.NextDue(state)]);
        (await database.ScalarAsync<long>(
            "SELECT count(*) FROM bsp.subscription_terms a JOIN bsp.subscription_terms b USING (subscription_id) WHERE a.subscription_id = $1 AND a.from_at < b.from_at AND a.until_at > b.from_at", id))
            .ShouldBe(0, "terms overlap");
    }

    // Written again from the stream alone, event after event.
    private async Task AssertRebuiltAsync(SubscriptionProcess process, Guid organization, Guid id)
    {
        string[] tables = ["subscriptions", "bsp.subscription_clock", "bsp.subscription_terms"];
        async Task<List<string>> RowsAsync() => [.. await Task.WhenAll(tables.Select(async table =>
            string.Join('\n',
                await database.AdminQueryAsync(
                    $"SELECT (to_jsonb(t) - 'updated_at' - 'created_at')::text FROM {table} t WHERE organization_id = $1 ORDER BY 1", r =>
                        r.GetString(0), organization))))];
        var before = await RowsAsync();
        foreach (var table in tables.Reverse())
        {
            await database.AdminQueryAsync($"DELETE FROM {table} WHERE organization_id = $1 RETURNING 1", r => r.GetInt32(0), organization);
        }

        var state = Subscription.Initial;
        await using var tx = await database.Shard.BeginAsync(organization, Ct);
        foreach (var stored in (await process.Store.LoadAsync(organization, id, Ct)).Events)
        {
            state = Subscription.Evolve(state, (SubscriptionEvent)stored.Body!);
            await SubscriptionRows.WriteAsync(tx, organization, state, stored.Version, Start, Ct);
        }

        await tx.CommitAsync(Ct);
        (await RowsAsync()).ShouldBe(before);
    }
}
