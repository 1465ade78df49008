using System.Collections.Concurrent;
using Bsp.Domain.Common;
using Bsp.Domain.Subscriptions;
using Bsp.Infrastructure.Subscriptions;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Subscriptions;

/// <content>Several processes at once, and backends that are killed under them.</content>
public sealed partial class SubscriptionClockTests
{
    [Fact]
    public async Task Two_processes_and_people_at_once_debit_each_period_once()
    {
        var clock = new HandClock(Start);
        await using var one = new SubscriptionProcess(database, clock);
        await using var two = new SubscriptionProcess(database, clock);
        var all = new ConcurrentBag<(Guid Organization, Guid Id)>();
        for (var i = 0; i < 6; i++)
        {
            all.Add(await RunningAsync(one, 10m, wallet: 1_000m));
        }

        var other = await SubscriptionProcess.PlanAsync(database, 20m);
        clock.Now = Start.AddMonths(7).AddHours(1);
        await Task.WhenAll([one.RunAsync(), two.RunAsync(), .. all.Select(s => two.ChangeAsync(s.Organization, s.Id, other))]);
        await one.RunAsync();
        foreach (var (organization, id) in all)
        {
            var entries = await one.EntriesAsync(organization);
            entries.Take(8).Select(e => (e.Amount, e.Reference))
                .ShouldBe(Enumerable.Range(0, 8).Select(n => (-10.000000m, SubscriptionReference.Of(id, n))));
            entries.Skip(8).Select(e => e.Reference)
                .ShouldBe([SubscriptionReference.Credit(id, 1), SubscriptionReference.Debit(id, 1)], "what was due came before the change");
        }
    }

    [Fact]
    public async Task Under_killed_backends_every_subscription_comes_out_the_same()
    {
        var clock = new HandClock(Start);
        await using var one = new SubscriptionProcess(database, clock);
        await using var two = new SubscriptionProcess(database, clock);
        var all = new List<(Guid Organization, Guid Id)>();
        for (var i = 0; i < 5; i++)
        {
            all.Add(await RunningAsync(one, 3m, wallet: i == 0 ? 4m : 1_000m));
        }

        clock.Now = Start.AddMonths(12).AddHours(1);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        stop.CancelAfter(TimeSpan.FromSeconds(60));
        var kills = 0L;
        var runs = new[] { one, two }.Select(process => Task.Run(async () =>
        {
            while (kills < 15 && !stop.IsCancellationRequested)
            {
                await Record.ExceptionAsync(process.RunAsync);
            }
        }, Ct)).ToList();
        while (runs.Any(run => !run.IsCompleted))
        {
            kills += await database.ScalarAsync<long>("""
                SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND usename = 'bsp_app'
                   AND state IN ('active', 'idle in transaction') AND pid <> pg_backend_pid()
                """);
            await Task.Delay(10, CancellationToken.None);
        }

        kills.ShouldBeGreaterThan(0);
        // A connection may have been on its way back to the pool when its backend was ended: whoever gets it asks once more.
        await using var last = new SubscriptionProcess(database, clock);
        await Patience.UntilAsync<Exception?>(async () => await Record.ExceptionAsync(last.RunAsync),
            fault => fault is null, "nothing is killed any more");
        foreach (var (organization, id) in all.Skip(1))
        {
            (await last.EntriesAsync(organization)).Select(e => e.Reference)
                .ShouldBe(Enumerable.Range(0, 13).Select(n => SubscriptionReference.Of(id, n)));
            await AssertAgreesAsync(organization, id);
        }

        (await last.StateAsync(all[0].Organization, all[0].Id)).Status.ShouldBe(SubscriptionStatus.Expired);
        (await last.BalanceAsync(all[0].Organization)).ShouldBe(1m);
    }

    [Fact]
    public async Task Money_that_comes_while_the_clock_finds_too_little_is_not_overlooked()
    {
        for (var round = 0; round < 5; round++)
        {
            var clock = new HandClock(Start);
            await using var one = new SubscriptionProcess(database, clock);
            await using var two = new SubscriptionProcess(database, clock);
            var (organization, id) = await RunningAsync(one, 49m, wallet: 49m);
            clock.Now = Period.Of(Start, 1).From.AddMinutes(1);
            await Task.WhenAll(one.RunAsync(), two.TopUpAsync(organization, 49m));
            await one.RunAsync();
            (await one.StateAsync(organization, id)).Status.ShouldBe(SubscriptionStatus.Active);
        }
    }

    [Fact]
    public async Task Of_many_who_take_a_plan_at_once_one_does()
    {
        var clock = new HandClock(Start);
        await using var one = new SubscriptionProcess(database, clock);
        await using var two = new SubscriptionProcess(database, clock);
        var organization = await SubscriptionProcess.OrganizationAsync(database);
        var plan = await SubscriptionProcess.PlanAsync(database, 30m);
        await one.TopUpAsync(organization, 100m);
        var started = new ConcurrentBag<Guid>();
        var refused = new ConcurrentBag<string>();
        await Task.WhenAll(Enumerable.Range(0, 16).Select(i => Task.Run(async () =>
        {
            try
            {
                started.Add(await (i % 2 == 0 ? one : two).StartedAsync(organization, plan));
            }
            catch (Refusal refusal)
            {
                refused.Add(refusal.Code);
            }
        }, Ct)));
        started.Count.ShouldBe(1);
        refused.ShouldAllBe(code => code == "subscription.exists");
        (await one.BalanceAsync(organization)).ShouldBe(70m);
        (await database.ScalarAsync<long>("SELECT count(*) FROM subscriptions WHERE organization_id = $1", organization)).ShouldBe(1);
    }
}
