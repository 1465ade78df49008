using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.EventStore;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Bsp.IntegrationTests.Ledger;

/// <summary>What happens to wallets by themselves, and what does not happen to them whatever is killed.</summary>
public sealed class LedgerClockTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 5, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Months_are_closed_and_holds_expire_once_and_one_broken_wallet_keeps_nobody_waiting()
    {
        await using var one = new LedgerProcess(database, new(Noon));
        await using var two = new LedgerProcess(database, new(Noon));
        var organizations = new List<Guid>();
        for (var i = 0; i < 5; i++)
        {
            organizations.Add(await database.NewOrganizationAsync());
            await one.PostAsync(organizations[i], [Topup(10m), new PlaceHold($"hold {organizations[i]}", 4m, Noon.AddDays(30))]);
        }

        // One wallet's head does not say where its stream is.
        await database.AdminQueryAsync("UPDATE bsp.ledger_heads SET size = 2, tree = substr(tree, 1, 32) WHERE organization_id = $1", _ =>
            0, organizations[2]);
        one.Clock.Now = two.Clock.Now = new(2027, 1, 1, 0, 0, 1, TimeSpan.Zero);
        var rounds = new[] { one, two, one, two }.Select(process => ClockOf(process).RoundAsync(database.Shard, Ct)).ToList();
        foreach (var round in rounds)
        {
            (await Should.ThrowAsync<AggregateException>(() => round)).InnerExceptions.ShouldAllBe(fault =>
                fault.Message.Contains($"{organizations[2]}"));
        }

        foreach (var organization in organizations.Where((_, i) => i != 2))
        {
            var head = await new WalletSeen(database, organization).AgreesAsync();
            (head.Month, head.Balance, head.Held).ShouldBe(("2027-01", 10m, 0m));
            (await new WalletSeen(database, organization).EntriesAsync()).Count(entry => entry.Type == EntryTypes.HoldExpired).ShouldBe(1);
        }

        // It would be an alarm in every other test's round.
        await database.AdminQueryAsync("DELETE FROM bsp.ledger_heads WHERE organization_id = $1", _ => 0, organizations[2]);
        await database.AdminQueryAsync("DELETE FROM bsp.ledger_holds WHERE organization_id = $1", _ => 0, organizations[2]);
    }

    [Fact]
    public async Task A_connection_killed_at_any_step_leaves_all_or_nothing_and_the_same_postings_again_are_posted_once()
    {
        await using var process = new LedgerProcess(database, new(Noon));
        var organization = await database.NewOrganizationAsync();
        await process.PostAsync(organization, Topup(100m));
        process.Clock.Now = Noon.AddMonths(1);
        Posting[] page = [Message(1m), new PlaceHold($"hold {organization}", 5m, Noon.AddYears(1)), Message(2m)];

        await using (var tx = await database.Shard.BeginAsync(organization, Ct))
        {
            await process.Writer.PostAsync(tx, database.Shard, organization, "USD", page, Ct);
            await database.AdminQueryAsync("SELECT pg_terminate_backend($1)", _ => 0, tx.Connection.ProcessID);
            await Should.ThrowAsync<NpgsqlException>(() => tx.CommitAsync(Ct));
        }

        (await new WalletSeen(database, organization).AgreesAsync()).Balance.ShouldBe(100m);
        (await process.PostAsync(organization, page)).ShouldAllBe(outcome => outcome is Posted);
        (await process.PostAsync(organization, page)).ShouldAllBe(outcome => outcome is Repeated);
        (await new WalletSeen(database, organization).AgreesAsync()).Available.ShouldBe(92m);
    }

    [Theory]
    [InlineData(20261130)]
    [InlineData(7)]
    public async Task Two_processes_that_post_at_random_with_crashes_and_clocks_of_their_own_leave_one_chain_that_adds_up(int seed)
    {
        var organization = await database.NewOrganizationAsync();
        var keys = Enumerable.Range(0, 60).Select(i => new ChargeKey(Uuid.Of($"{organization}/{i}"), "message")).ToList();
        var posted = new System.Collections.Concurrent.ConcurrentBag<(Posting Posting, LedgerEntry Entry)>();
        var overdrawn = new System.Collections.Concurrent.ConcurrentBag<LedgerEntry>();

        await Task.WhenAll(Enumerable.Range(0, 3).Select(n => Task.Run(async () =>
        {
            var random = new Random(seed + n);
            await using var process = new LedgerProcess(database, new(Noon.AddDays(random.Next(-2, 3))));
            for (var round = 0; round < 25; round++)
            {
                process.Clock.Now = process.Clock.Now.AddHours(random.Next(-20, 60));
                var page = Enumerable.Range(0, random.Next(1, 12)).Select(_ => Any(random, organization, keys, process.Clock.Now)).ToList();
                var crash = random.Next(6) == 0;
                var outcomes = await process.PostAsync(organization, page, crash: crash);
                for (var i = 0; i < page.Count && !crash; i++)
                {
                    if (outcomes[i] is Posted { Entry: var entry })
                    {
                        posted.Add((page[i], entry));
                        if (page[i] is PlaceHold && entry.BalanceAfter < entry.HeldAfter)
                        {
                            overdrawn.Add(entry);
                        }
                    }
                }
            }
        }, Ct)));

        overdrawn.ShouldBeEmpty();
        posted.Select(p => p.Posting).OfType<Transfer>().Select(t => t.Key).ShouldBeUnique();
        var head = await new WalletSeen(database, organization).AgreesAsync();
        head.Balance.ShouldBe(posted.Sum(p => p.Entry.Change));
        await using var last = new LedgerProcess(database, new(Noon.AddYears(2)));
        await ClockOf(last).RoundAsync(database.Shard, Ct);
        (await new WalletSeen(database, organization).AgreesAsync()).Held.ShouldBe(0m);
    }

    private LedgerClock ClockOf(LedgerProcess process) => new(database.Shards, process.Writer, new(), process.Clock,
        NullLogger<LedgerClock>.Instance);

    private static Posting Any(Random random, Guid organization, List<ChargeKey> keys, DateTimeOffset now)
    {
        var (key, hold, amount) = (keys[random.Next(keys.Count)], $"hold {organization} {random.Next(6)}",
            random.Next(1, 9_000_000) * 0.000001m);
        return random.Next(8) switch
        {
            0 => Topup(amount),
            1 => new PlaceHold(hold, amount, now.AddHours(random.Next(200))),
            2 => new SettleHold(hold),
            3 => new ReleaseHold(hold, random.Next(2) == 0 ? null : amount),
            4 => new RefundOf(key, random.Next(2) == 0 ? null : amount, new(Uuid.New(), "refund"), "back"),
            5 => new ExpireHold(hold),
            _ => new Debit(amount, "message", key, $"message/{key.Reference}", FromHold: random.Next(2) == 0 ? hold : null,
                MayOverdraw: random.Next(2) == 0),
        };
    }

    private static Credit Topup(decimal amount) => new(amount, "topup", new(Uuid.New(), "topup"), "pay");

    private static Debit Message(decimal amount) => new(amount, "message", new(Uuid.New(), "message"), "message/1", MayOverdraw: true);
}
