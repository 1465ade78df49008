using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.EventStore.Marten;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.EventStore;
using JasperFx;
using Marten;
using Npgsql;

namespace Bsp.IntegrationTests.Ledger;

/// <summary>
/// Postings against real tables: once only, never overdrawn, one transaction with the caller's work, whoever else posts at the same moment.
/// </summary>
public sealed class LedgerWriterTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 5, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_campaigns_life_leaves_stream_table_head_charges_and_holds_that_agree()
    {
        await using var process = new LedgerProcess(database, new(Noon));
        var organization = await database.NewOrganizationAsync();
        await process.PostAsync(organization, [Topup(100m, "pay_1"), new PlaceHold("campaign/1", 13.5m, Noon.AddDays(2))]);
        for (var page = 0; page < 5; page++)
        {
            var outcomes = await process.PostAsync(organization, [.. Enumerable.Range(0, 188).Select(_ => Message(0.0135m, "campaign/1"))]);
            outcomes.ShouldAllBe(outcome => outcome is Posted);
        }

        var settled = (await process.PostAsync(organization, new SettleHold("campaign/1"))).ShouldBeOfType<Posted>();

        settled.Entry.Amount.ShouldBe(0.81m);
        var head = await new WalletSeen(database, organization).AgreesAsync();
        (Money.Text(head.Balance), head.Held, head.Size).ShouldBe(("87.310000", 0m, 944));
        (await database.ScalarAsync<string>(
            "SELECT string_agg(level || ':' || index, ' ' ORDER BY level, index) FROM bsp.ledger_nodes WHERE organization_id = $1",
            organization))
            .ShouldBe("8:0 8:1 8:2 9:0");
    }

    [Fact]
    public async Task Marten_folds_the_stream_to_the_head_and_knows_its_name()
    {
        await using var process = new LedgerProcess(database, new(Noon));
        var organization = await database.NewOrganizationAsync();
        await process.PostAsync(organization, [Topup(5m, "pay_1"), new PlaceHold("h", 1m, Noon.AddDays(1)), Message(0.5m, "h")]);
        using var store = DocumentStore.For(options =>
        {
            options.Connection(database.Admin.ConnectionString);
            options.Configure(AutoCreate.None);
        });
        await using var session = store.QuerySession(organization.ToString());

        var folded = (await session.Events.AggregateStreamAsync<LedgerHead>(Uuid.Ledger(organization, "USD", "2026-11"), token: Ct))
            .ShouldNotBeNull();

        var head = await new WalletSeen(database, organization).AgreesAsync();
        (folded.Hash, folded.Balance, folded.Held, folded.Size, folded.Id)
            .ShouldBe((head.Hash, head.Balance, head.Held, head.Size, head.Id));
        (await database.ScalarAsync<string>("SELECT type FROM mt_streams WHERE id = $1", folded.Id)).ShouldBe(LedgerHead.StreamType);
    }

    [Fact]
    public async Task The_same_reference_from_two_processes_at_once_is_one_entry()
    {
        await using var one = new LedgerProcess(database, new(Noon));
        await using var two = new LedgerProcess(database, new(Noon));
        var organization = await database.NewOrganizationAsync();

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 24).Select(i =>
            (i % 2 == 0 ? one : two).PostAsync(organization, Topup(100m, "pay_1"))));

        var posted = outcomes.OfType<Posted>().ShouldHaveSingleItem();
        outcomes.OfType<Repeated>().ShouldAllBe(repeated => repeated.EntryId == posted.Entry.Id);
        (await new WalletSeen(database, organization).AgreesAsync()).Balance.ShouldBe(100m);
    }

    [Fact]
    public async Task The_same_reference_in_two_currencies_at_once_is_one_entry_and_the_others_of_its_page_are_posted()
    {
        await using var process = new LedgerProcess(database, new(Noon));
        for (var round = 0; round < 5; round++)
        {
            var organization = await database.NewOrganizationAsync();

            var outcomes = await Task.WhenAll(new[] { "USD", "EUR" }.Select(currency =>
                process.PostAsync(organization, [Topup(1m, $"own {currency}"), Topup(100m, "pay_1"), Topup(2m, $"more {currency}")],
                    currency)));

            outcomes.Count(page => page[1] is Posted).ShouldBe(1);
            outcomes.Count(page => page[1] is Repeated).ShouldBe(1);
            outcomes.ShouldAllBe(page => page[0] is Posted && page[2] is Posted);
            var sum = (await new WalletSeen(database, organization).AgreesAsync()).Balance
                + (await new WalletSeen(database, organization, "EUR").AgreesAsync()).Balance;
            sum.ShouldBe(106m);
        }
    }

    [Fact]
    public async Task Refunds_that_race_give_back_no_more_than_was_paid()
    {
        await using var one = new LedgerProcess(database, new(Noon));
        await using var two = new LedgerProcess(database, new(Noon));
        var organization = await database.NewOrganizationAsync();
        var topup = Topup(100m, "pay_1");
        await one.PostAsync(organization, [topup, Topup(500m, "pay_2")]);

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 12).Select(i =>
            (i % 2 == 0 ? one : two).PostAsync(organization, new RefundOf(topup.Key, 30m, Key($"back {i}", "refund"), $"back {i}"))));

        outcomes.Count(outcome => outcome is Posted).ShouldBe(3);
        outcomes.OfType<Refused>().ShouldAllBe(refused => refused.Code == "refund.exceeds" && refused.Left <= 10m + 60m);
        (await new WalletSeen(database, organization).AgreesAsync()).Balance.ShouldBe(510m);
    }

    [Fact]
    public async Task Holds_that_race_set_aside_no_more_than_there_is()
    {
        await using var one = new LedgerProcess(database, new(Noon));
        await using var two = new LedgerProcess(database, new(Noon));
        var organization = await database.NewOrganizationAsync();
        await one.PostAsync(organization, Topup(10m, "pay_1"));

        var outcomes = await Task.WhenAll(Enumerable.Range(0, 12).Select(i =>
            (i % 2 == 0 ? one : two).PostAsync(organization, new PlaceHold($"h{i}", 3m, Noon.AddDays(1)))));

        outcomes.Count(outcome => outcome is Posted).ShouldBe(3);
        outcomes.Count(outcome => outcome is Insufficient { Missing: 2m }).ShouldBe(9);
        (await new WalletSeen(database, organization).AgreesAsync()).Available.ShouldBe(1m);
    }

    [Fact]
    public async Task What_is_reserved_for_single_sends_is_not_available_to_commands()
    {
        await using var process = new LedgerProcess(database, new(Noon));
        var organization = await database.NewOrganizationAsync();
        await process.PostAsync(organization, Topup(10m, "pay_1"));
        await database.AdminQueryAsync("UPDATE bsp.ledger_heads SET reserved = 4 WHERE organization_id = $1", _ => 0, organization);

        (await process.PostAsync(organization, new PlaceHold("h", 7m, Noon.AddDays(1)))).ShouldBe(new Insufficient(1m));
    }

    [Fact]
    public async Task The_first_entry_of_a_month_closes_the_month_before_in_its_own_transaction()
    {
        await using var process = new LedgerProcess(database, new(new(2026, 11, 30, 23, 59, 59, 999, TimeSpan.Zero)));
        var organization = await database.NewOrganizationAsync();
        await process.PostAsync(organization, [Topup(10m, "pay_1"), new PlaceHold("h", 4m, Noon.AddYears(1))]);
        process.Clock.Now = new(2026, 12, 1, 0, 0, 0, TimeSpan.Zero);

        await process.PostAsync(organization, [Message(1m, "h")], crash: true);
        (await new WalletSeen(database, organization).EntriesAsync()).Count.ShouldBe(3);
        await process.PostAsync(organization, [Message(1m, "h")]);

        (await new WalletSeen(database, organization).EntriesAsync()).Select(entry => $"{entry.Month} {entry.Type}").ShouldBe(
            ["2026-11 opening", "2026-11 credit", "2026-11 hold_placed", "2026-11 closing", "2026-12 opening", "2026-12 debit"]);
        (await new WalletSeen(database, organization).AgreesAsync()).Available.ShouldBe(6m);
    }

    [Fact]
    public async Task A_clock_that_jumps_by_a_day_a_month_and_years_and_back_breaks_no_chain()
    {
        await using var process = new LedgerProcess(database, new(Noon));
        var organization = await database.NewOrganizationAsync();
        var n = 0;
        foreach (var jump in new[] { 0, 1, -1, 31, -31, 400, -400, 800 })
        {
            process.Clock.Now = process.Clock.Now.AddDays(jump);
            (await process.PostAsync(organization, Topup(1m, $"pay_{n++}")))
                .ShouldBeOfType<Posted>(); // also where transactions has no partition yet
        }

        (await new WalletSeen(database, organization).AgreesAsync()).Balance.ShouldBe(8m);
        var months = (await new WalletSeen(database, organization).EntriesAsync()).Select(entry => entry.Month).Distinct().ToList();
        months.ShouldBe([.. Enumerable.Range(0, months.Count).Select(i =>
            LedgerTime.Month(new DateTimeOffset(2026, 11, 1, 0, 0, 0, TimeSpan.Zero).AddMonths(i)))]);
    }

    [Fact]
    public async Task An_idle_wallet_is_closed_once_by_however_many_clocks()
    {
        await using var one = new LedgerProcess(database, new(Noon));
        await using var two = new LedgerProcess(database, new(Noon.AddMonths(2)));
        var organization = await database.NewOrganizationAsync();
        await one.PostAsync(organization, Topup(10m, "pay_1"));
        one.Clock.Now = two.Clock.Now;

        await Task.WhenAll(Enumerable.Range(0, 6).Select(async i =>
        {
            await using var tx = await database.Shard.BeginAsync(organization, Ct);
            await (i % 2 == 0 ? one : two).Writer.CloseAsync(tx, database.Shard, organization, "USD", Ct);
            await tx.CommitAsync(Ct);
        }));

        var head = await new WalletSeen(database, organization).AgreesAsync();
        (head.Month, head.Size, head.Balance).ShouldBe(("2027-01", 1, 10m));
    }

    [Fact]
    public async Task A_posting_is_one_with_its_callers_work_and_leaves_nothing_when_that_fails()
    {
        await using var process = new LedgerProcess(database, new(Noon));
        var organization = await database.NewOrganizationAsync();

        await process.PostAsync(organization, [Topup(10m, "pay_1"), new PlaceHold("h", 1m, Noon.AddDays(1))], crash: true);

        (await new WalletSeen(database, organization).AgreesAsync()).Size.ShouldBe(0);
        (await process.PostAsync(organization, Topup(10m, "pay_1"))).ShouldBeOfType<Posted>();
    }

    [Fact]
    public async Task A_pending_charge_is_posted_once_and_a_free_one_never()
    {
        await using var process = new LedgerProcess(database, new(Noon));
        var organization = await database.NewOrganizationAsync();
        var (pending, free) = (Message(1m, null), Message(1m, null));
        foreach (var (charge, state) in new[] { (pending, "pending"), (free, "free") })
        {
            await database.AdminQueryAsync(
                "INSERT INTO bsp.charges (organization_id, reference, kind, currency, state, amount) VALUES ($1, $2, 'message', 'USD', $3, 0)", _ => 0,
                organization, charge.Key.Reference, state);
        }

        (await process.PostAsync(organization, [pending, free])).Select(outcome => outcome.GetType().Name).ShouldBe(["Posted", "Repeated"]);
        (await process.PostAsync(organization, pending)).ShouldBeOfType<Repeated>();
        await new WalletSeen(database, organization).AgreesAsync();
    }

    [Fact]
    public async Task A_low_balance_is_told_once_until_it_is_back()
    {
        await using var process = new LedgerProcess(database, new(Noon));
        var organization = await database.NewOrganizationAsync();
        await database.AdminQueryAsync(
            "INSERT INTO organizations (id, name, slug, settings) VALUES ($1, 'o', $2, '{\"low_balance\":{\"USD\":\"5.000000\"}}')", _ =>
                0, organization, $"o{organization:N}");
        async Task<long> ToldAsync() =>
            await database.ScalarAsync<long>("SELECT count(*) FROM mt_events WHERE stream_id = $1 AND type = 'wallet_low'",
            Uuid.Wallet(organization, "USD"));
        await process.PostAsync(organization, Topup(10m, "pay_1"));
        (await ToldAsync()).ShouldBe(0);

        await process.PostAsync(organization, [Message(4m, null), Message(1.5m, null)]);
        await process.PostAsync(organization, Message(1m, null));
        (await ToldAsync()).ShouldBe(1);
        await process.PostAsync(organization, Topup(10m, "pay_2"));
        await process.PostAsync(organization, Message(9m, null));
        (await ToldAsync()).ShouldBe(2);
    }

    [Theory]
    [InlineData("UPDATE transactions SET amount = 1")]
    [InlineData("DELETE FROM transactions")]
    [InlineData("DELETE FROM bsp.charges")]
    [InlineData("UPDATE bsp.charges SET amount = 7")]
    [InlineData("UPDATE bsp.charges SET refunded = 0 WHERE refunded > 0")]
    [InlineData("UPDATE bsp.charges SET created_at = now()")]
    [InlineData("DELETE FROM bsp.ledger_heads")]
    [InlineData("UPDATE bsp.ledger_heads SET first_month = '2020-01'")]
    [InlineData("DELETE FROM bsp.ledger_holds")]
    [InlineData("UPDATE bsp.ledger_holds SET placed = 1")]
    [InlineData("DELETE FROM bsp.ledger_nodes")]
    public async Task Whoever_serves_requests_is_refused_what_would_change_the_past(string statement)
    {
        await using var process = new LedgerProcess(database, new(Noon));
        var organization = await database.NewOrganizationAsync();
        var charge = Message(1m, null);
        await process.PostAsync(organization, [Topup(10m, "pay_1"), charge, new RefundOf(charge.Key, 0.5m, Key("r", "refund"), "r")]);
        await using var tx = await database.Shard.BeginAsync(organization, Ct);

        var refused = await Should.ThrowAsync<PostgresException>(() => tx.ExecuteAsync(statement, Ct));

        refused.SqlState.ShouldBe(PostgresErrorCodes.InsufficientPrivilege);
    }

    [Fact]
    public async Task A_neighbours_transaction_sees_and_posts_nothing_of_this_wallet()
    {
        await using var process = new LedgerProcess(database, new(Noon));
        var (organization, neighbour) = (await database.NewOrganizationAsync(), await database.NewOrganizationAsync());
        await process.PostAsync(organization, Topup(10m, "pay_1"));
        await using var tx = await database.Shard.BeginAsync(neighbour, Ct);

        await Should.ThrowAsync<Exception>(() => process.Writer.PostAsync(tx, database.Shard, organization, "USD", [Topup(1m, "pay_2")],
            Ct));
        await tx.DisposeAsync();

        await using var looking = await database.Shard.BeginAsync(neighbour, Ct);
        foreach (var table in new[] { "transactions", "bsp.ledger_heads", "bsp.charges", "bsp.ledger_holds", "bsp.ledger_nodes" })
        {
            (await looking.QueryAsync($"SELECT 1 FROM {table}", _ => 1, Ct)).Count.ShouldBe(0, table);
        }
    }

    [Fact]
    public async Task A_head_that_is_not_where_its_stream_is_stops_the_posting()
    {
        await using var process = new LedgerProcess(database, new(Noon));
        var organization = await database.NewOrganizationAsync();
        await process.PostAsync(organization, Topup(10m, "pay_1"));
        await database.AdminQueryAsync("UPDATE bsp.ledger_heads SET size = 1, tree = substr(tree, 1, 32) WHERE organization_id = $1", _ =>
            0, organization);

        await Should.ThrowAsync<VersionConflict>(() => process.PostAsync(organization, Topup(1m, "pay_2")));
    }

    private static ChargeKey Key(string name, string kind) => new(Uuid.Of($"{kind}/{name}"), kind);

    private static Credit Topup(decimal amount, string reference) =>
        new(amount, "topup", Key(reference, "topup"), reference, "Paid", new Dictionary<string, string> { ["provider"] = "test" });

    private static Debit Message(decimal amount, string? hold) =>
        Uuid.New() is var id ? new(amount, "message", new(id, "message"), $"message/{id}", FromHold: hold, MayOverdraw: true,
            EffectiveAt: Noon) : null!;
}
