using System.Diagnostics;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Domain.Subscriptions;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.Charging;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.LedgerAudits;
using Bsp.Infrastructure.Plans;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sealing;
using Bsp.Infrastructure.Sharding;
using Bsp.Infrastructure.Statements;
using Bsp.Infrastructure.Subscriptions;
using Microsoft.Extensions.Logging.Abstractions;
using Wallets = Bsp.Infrastructure.Charging.Wallets;

namespace Bsp.Benchmarks.Chaos;

/// <summary>What one process has of billing, put together as the application does: charging, subscriptions, ledger, audits.</summary>
internal sealed class BillingProcess : IAsyncDisposable
{
    private static readonly byte[] MasterKey = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private readonly LogSigner signer = new(new MasterKeys(new BspOptions
    {
        DirectoryApp = "Host=unused", Shards = [], PlatformKeySha256 = new byte[32], MasterKey = MasterKey, Meta = null!,
    }));

    private readonly LogReaders readers = new(new());
    private readonly Shards shards;

    public BillingProcess(Shards shards, TimeProvider clock)
    {
        (this.shards, Shard, Clock) = (shards, shards.All[0], clock);
        var options = new BillingOptions { Mode = BillingMode.Wallets, DemoRates = true };
        Signals = new(TimeProvider.System, NullLogger<LogSignal>.Instance);
        Store = new(shards, [new TransactionsView(), new StatementDaysView(), new SubscriptionNudgesView(), new AuditTrailView(shards)],
            Signals, new(), clock);
        Ledger = new(Store, new(), clock);
        Desk = new(shards, Store, new(Ledger), new(shards), new(Store, TimeProvider.System), clock);
        var (tariffs, wallets) = (new TariffSource(shards, options, clock), new Wallets(options));
        Charger = new(Store, Ledger, tariffs, new PlansInForce(Desk), clock);
        Charging = new(options, Charger, wallets, clock, NullLogger<ChargingReactor>.Instance);
        CatchUp = new(shards, options, tariffs, Charger, wallets, new OrganizationLog(shards, readers, Store), new(), clock,
            NullLogger<ChargingCatchUp>.Instance);
        Renewals = new(shards, Desk, clock, NullLogger<SubscriptionClock>.Instance);
        Months = new(shards, Ledger, new(), clock, NullLogger<LedgerClock>.Instance);
        Auditor = new(shards, new(), signer, costs: null, clock, NullLogger<LedgerAuditWorker>.Instance);
    }

    public Shard Shard { get; }

    public TimeProvider Clock { get; }

    public LogSignals Signals { get; }

    public PostgresEventStore Store { get; }

    public LedgerWriter Ledger { get; }

    public SubscriptionDesk Desk { get; }

    public Charger Charger { get; }

    public ChargingReactor Charging { get; }

    public ChargingCatchUp CatchUp { get; }

    public SubscriptionClock Renewals { get; }

    public LedgerClock Months { get; }

    public LedgerAuditWorker Auditor { get; }

    /// <summary>Runs the charging as the application does, until it is disposed.</summary>
    public ProjectionRunner NewRunner() => new([Charging], shards, readers, Signals, Clock, NullLogger<ProjectionRunner>.Instance);

    /// <summary>The next page of the log, charged. False: there was nothing to do.</summary>
    /// <exception cref="CheckpointMoved">Another process was faster.</exception>
    public async Task<bool> ChargePageAsync(int most, CancellationToken ct)
    {
        var after = await Charging.CheckpointAsync(Shard, ct);
        var page = await readers.Of(Shard).ReadAsync(after, Charging.EventTypes, most, ct);
        if (page.UpTo == after)
        {
            return false;
        }

        await Charging.ApplyAsync(new(Shard, after, page.UpTo, page.Events), ct);
        return true;
    }

    /// <summary>A plan is taken; a repeat of the same finds it taken.</summary>
    public Task SubscribeAsync(Guid organization, Guid subscription, Guid plan, CancellationToken ct) =>
        Desk.StartAsync(organization, subscription, plan, (state, terms, now) =>
            Subscription.Start(state, subscription, terms, 0, null, now), false, ct);

    public async ValueTask DisposeAsync()
    {
        foreach (var loop in new Microsoft.Extensions.Hosting.BackgroundService[] { Renewals, Months, Auditor, CatchUp })
        {
            loop.Dispose();
        }

        await readers.DisposeAsync();
        await Store.DisposeAsync();
        signer.Dispose();
    }
}

/// <summary>Time of a simulated installation: the machine's, put forward by whoever runs it, a little off in each process.</summary>
internal sealed class ChaosTime(TimeSpan skew, int diesAt = 0) : TimeProvider
{
    private long ahead;
    private int readings;

    /// <summary>Puts it forward.</summary>
    public void Set(TimeSpan by) => Volatile.Write(ref ahead, by.Ticks);

    /// <summary>
    /// Billing looks at the clock between any two of its steps: at the given look the process dies as by kill -9, there and then.
    /// </summary>
    public override DateTimeOffset GetUtcNow()
    {
        if (diesAt > 0 && Interlocked.Increment(ref readings) >= diesAt)
        {
            Process.GetCurrentProcess().Kill(); // SIGKILL: nothing is tidied up
        }

        return DateTimeOffset.UtcNow.AddTicks(Volatile.Read(ref ahead)) + skew;
    }
}
