using System.Diagnostics;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.Sharding;
using Bsp.LocalStores;
using Bsp.LocalStores.Common;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Bsp.Benchmarks;

/// <summary>What wallets take and prove. One method a topic; each works on a database of its own.</summary>
internal static class LedgerBench
{
    private const string Bare = "the same rows by a bare insert, same pages";
    private const int Page = 200; // of charging, too
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(3);

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        await using var stores = await Installation.StoresAsync(StoreKinds.Postgres, ct);
        Report.Say($"{Environment.ProcessorCount} cores; medians of {Medians.Runs} turns of {Turn.TotalSeconds} s");
        await PostingAsync(report, stores.Postgres, ct);
        await StrangerAsync(report, stores.Postgres, ct);
    }

    // Entries a second into one wallet by one caller: hash chain, Marten's append, transactions, charges, hold and head in each page's
    // transaction.
    private static async Task PostingAsync(Report report, string server, CancellationToken ct)
    {
        await using var log = await OwnLog.CreateAsync(server, ct);
        await using var wallet = await HotWallet.CreateAsync(log, ct);
        foreach (var page in (int[])[10, 50, 200, 1_000])
        {
            var (posted, bare, took) = (new List<double>(), new List<double>(), new List<double>());
            for (var round = -1; round < Medians.Runs; round++)
            {
                var baseline = await RateAsync(round < 0 ? Turn / 2 : Turn, page, () => wallet.InsertAsync(page, ct), null);
                var rate = await RateAsync(round < 0 ? Turn / 2 : Turn, page, () => wallet.PostAsync(page, ct), round < 0 ? null : took);
                if (round >= 0)
                {
                    posted.Add(rate);
                    bare.Add(baseline);
                }
            }

            report.Add(new($"entries into one wallet, {page:N0} a page", posted.Median(), "entries/s", bare.Median(), Bare));
            report.Add(new($"one page of {page:N0} entries, p50", took.Median(), "ms"));
        }

        if (!await wallet.AgreesAsync(ct))
        {
            throw new Obstacle("The head, the table and the charges do not say the same after the run: nothing of it counts.");
        }
    }

    // A command of somebody else while one wallet takes all it can.
    private static async Task StrangerAsync(Report report, string server, CancellationToken ct)
    {
        await using var log = await OwnLog.CreateAsync(server, ct, organizations: 2);
        await using var wallet = await HotWallet.CreateAsync(log, ct);
        var (stranger, campaign) = (log.Organizations[1], Uuid.New());
        await log.Store.Decide<Campaign, CampaignEvent>(stranger, campaign, _ =>
            [new CampaignPaused(campaign, "begun", DateTimeOffset.UtcNow)], null, ct);
        Func<Task> command = () => log.Store.Decide<Campaign,
            CampaignEvent>(stranger, Uuid.New(), _ => [new CampaignPaused(campaign, "x", DateTimeOffset.UtcNow)], null, ct);
        await RateAsync(Turn, 1, command, null);
        var quiet = new List<double>();
        await RateAsync(Turn * 2, 1, command, quiet);
        var paced = await BesideAsync(command, () => wallet.PostAsync(Page, ct), TimeSpan.FromSeconds(Page / 3_000d), ct);
        report.Add(new("a stranger's command while a wallet takes 3,000 entries/s, p99", paced.Percentile(0.99), "ms",
            quiet.Percentile(0.99), "the same, nobody else there"));
        var bare = await BesideAsync(command, () => wallet.InsertAsync(Page, ct), TimeSpan.Zero, ct);
        var full = await BesideAsync(command, () => wallet.PostAsync(Page, ct), TimeSpan.Zero, ct);
        report.Add(new("… while it takes all it can, p99", full.Percentile(0.99), "ms", bare.Percentile(0.99),
            "the same, beside bare inserts of the same rows without a pause"));
    }

    // How long each command took while somebody else works, a page every so often (zero: without a pause).
    private static async Task<List<double>> BesideAsync(Func<Task> command, Func<Task> work, TimeSpan every, CancellationToken ct)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var working = Task.Run(async () =>
        {
            for (var (began, n) = (Stopwatch.GetTimestamp(), 1); !stop.IsCancellationRequested; n++)
            {
                await work();
                if (every * n - Stopwatch.GetElapsedTime(began) is { Ticks: > 0 } rest)
                {
                    await Task.Delay(rest, ct);
                }
            }
        }, ct);
        var took = new List<double>();
        await RateAsync(Turn * 2, 1, command, took);
        await stop.CancelAsync();
        await working;
        return took;
    }

    private static async Task<double> RateAsync(TimeSpan turn, int each, Func<Task> once, List<double>? took)
    {
        var (began, count) = (Stopwatch.GetTimestamp(), 0L);
        while (Stopwatch.GetElapsedTime(began) < turn)
        {
            var start = Stopwatch.GetTimestamp();
            await once();
            count += each;
            took?.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        return count / Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private sealed class HotWallet : IAsyncDisposable
    {
        private const decimal Unit = 0.0135m;
        private readonly OwnLog log;
        private readonly PostgresEventStore store;
        private readonly LedgerWriter writer;

        private HotWallet(OwnLog log)
        {
            this.log = log;
            store = new(log.Shards, [new TransactionsView()], new(TimeProvider.System, NullLogger<LogSignal>.Instance), new(),
                TimeProvider.System);
            writer = new(store, new(), TimeProvider.System);
        }

        public static async Task<HotWallet> CreateAsync(OwnLog log, CancellationToken ct)
        {
            var wallet = new HotWallet(log);
            await using var admin = NpgsqlDataSource.Create(log.Admin);
            await using var command = admin.CreateCommand(
                "CREATE TABLE bare (LIKE public.transactions INCLUDING ALL); GRANT SELECT, INSERT ON bare TO bsp_app");
            await command.ExecuteNonQueryAsync(ct);
            await wallet.PostAsync(
                [
                    new Credit(999_999_999m, EntryCategories.Topup, new(Uuid.New(), "topup"), "pay_1"),
                    new PlaceHold("campaign/1", 900_000_000m, DateTimeOffset.UtcNow.AddDays(1)),
                ], ct);
            return wallet;
        }

        public Task PostAsync(int page, CancellationToken ct) => PostAsync([.. Enumerable.Range(0, page).Select(_ => Message())], ct);

        public async Task InsertAsync(int page, CancellationToken ct)
        {
            var head = LedgerHead.New(log.Organization, "USD");
            var entries = Enumerable.Range(0, page).Select(_ => Message()).Select(message => new LedgerEntry(
                log.Organization, "USD", "2026-11", 2, Uuid.New(), EntryTypes.Debit, message.Amount, 1m, 1m, message.Category,
                    message.ReferenceId, null, DateTimeOffset.UtcNow,
                message.Metadata!, head.Hash, head.Hash));
            await using var tx = await log.Shard.BeginAsync(log.Organization, ct);
            await using var batch = new NpgsqlBatch(tx.Connection);
            new TransactionsView().Project([.. entries.Select(entry => new Application.EventStore.StoredEvent(
                1, entry.Id, log.Organization, entry.Id, 1, "ledger_debited", entry.ToEvent(), entry.CreatedAt,
                    Application.EventStore.EventMetadata.None))], batch);
            batch.BatchCommands[0].CommandText = batch.BatchCommands[0].CommandText.Replace("public.transactions", "bare",
                StringComparison.Ordinal);
            await batch.ExecuteNonQueryAsync(ct);
            await tx.CommitAsync(ct);
        }

        public async Task<bool> AgreesAsync(CancellationToken ct) => await log.Shard.FirstAsync(log.Organization, """
            SELECT h.balance = t.balance AND h.size = t.entries + 2 AND c.charges = t.entries
              FROM bsp.ledger_heads h, (SELECT sum(CASE type WHEN 'credit' THEN amount ELSE -amount END) AS balance,
                  count(*) AS entries FROM transactions) t,
                   (SELECT count(*) AS charges FROM bsp.charges) c
            """, row => row.GetBoolean(0), ct);

        public ValueTask DisposeAsync() => store.DisposeAsync();

        private static Debit Message()
        {
            var id = Uuid.New();
            return new(Unit, EntryCategories.Message, new(id, "message"), $"message/{id}", null, new Dictionary<string, string>
            {
                ["market"] = "India", ["message_id"] = id.ToString(), ["pricing_category"] = "marketing", ["rate_card"] = "demo-2026-10",
            }, FromHold: "campaign/1", MayOverdraw: true, EffectiveAt: DateTimeOffset.UtcNow);
        }

        private async Task PostAsync(IReadOnlyList<Posting> postings, CancellationToken ct)
        {
            await using var tx = await log.Shard.BeginAsync(log.Organization, ct);
            var outcomes = await writer.PostAsync(tx, log.Shard, log.Organization, "USD", postings, ct);
            await tx.CommitAsync(ct);
            if (outcomes.Any(outcome => outcome is not Posted))
            {
                throw new Obstacle("A posting was not posted: nothing of it counts.");
            }
        }
    }
}
