using System.Text.Json;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Domain.Subscriptions;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.Plans;
using Bsp.Infrastructure.Sharding;
using Bsp.Infrastructure.Subscriptions;
using Bsp.IntegrationTests.EventStore;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Subscriptions;

/// <summary>
/// A clock that is set by hand, and can kill: the reading with the given number throws, as if the process had died there.
/// </summary>
internal sealed class HandClock(DateTimeOffset now) : TimeProvider
{
    private int readings;

    public DateTimeOffset Now { get; set; } = now;

    /// <summary>0: never.</summary>
    public int DiesAt { get; set; }

    public bool Died { get; private set; }

    public override DateTimeOffset GetUtcNow()
    {
        if (DiesAt > 0 && Interlocked.Increment(ref readings) >= DiesAt)
        {
            Died = true;
            throw new InvalidOperationException("killed here");
        }

        return Now;
    }
}

/// <summary>What one process has of subscriptions and wallets.</summary>
internal sealed class SubscriptionProcess : IAsyncDisposable
{
    private readonly LogDatabase database;
    private readonly PostgresEventStore store;
    private readonly LedgerWriter ledger;

    public SubscriptionProcess(LogDatabase database, HandClock clock)
    {
        (this.database, Time) = (database, clock);
        store = new(database.Shards, [new TransactionsView(), new SubscriptionNudgesView(), new AuditTrailView(database.Shards)],
            LogDatabase.NewSignals(), new(), clock);
        ledger = new(store, new(), clock);
        Desk = new(database.Shards, store, new(ledger), new(database.Shards), new(store, TimeProvider.System), clock);
        Clock = new(database.Shards, Desk, clock, NullLogger<SubscriptionClock>.Instance);
        Terms = new(database.Shards, Desk, clock);
    }

    public HandClock Time { get; }

    public SubscriptionDesk Desk { get; }

    public SubscriptionClock Clock { get; }

    public SubscriptionTerms Terms { get; }

    public PostgresEventStore Store => store;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async Task<Guid> StartedAsync(Guid organization, Guid plan, int trialDays = 0)
    {
        var id = Uuid.New();
        await Desk.StartAsync(organization, id, plan, (state, terms, now) =>
            Subscription.Start(state, id, terms, trialDays, null, now), false, Ct);
        return id;
    }

    public Task ChangeAsync(Guid organization, Guid id, Guid plan) =>
        Desk.ChangeAsync(organization, id, plan, Subscription.Change, null, Ct);

    public Task CancelAsync(Guid organization, Guid id, bool atPeriodEnd) =>
        Desk.DecideAsync(organization, id, "subscription.cancelled", (state, now) =>
            new(Subscription.Cancel(state, atPeriodEnd, now), []), null, Ct);

    public async Task TopUpAsync(Guid organization, decimal amount, string currency = "USD")
    {
        await using var tx = await database.Shard.BeginAsync(organization, Ct);
        (await ledger.PostAsync(tx, database.Shard, organization, currency,
            [new Credit(amount, EntryCategories.Topup, new(Uuid.New(), "topup"), "pay")], Ct)).ShouldAllBe(o => o is Posted);
        await tx.CommitAsync(Ct);
    }

    public Task RunAsync() => Clock.RunAsync(database.Shard, Ct);

    public async Task<Subscription> StateAsync(Guid organization, Guid id) =>
        (await store.LoadAsync(organization, id, Ct)).Fold<Subscription, SubscriptionEvent>();

    /// <summary>Signed amounts of the organization's subscription entries in their order, each with its effective time.</summary>
    public Task<List<(decimal Amount, DateTimeOffset At, string Reference)>> EntriesAsync(Guid organization) => database.AdminQueryAsync("""
        SELECT CASE type WHEN 'debit' THEN -amount ELSE amount END, (metadata ->> 'effective_at')::timestamptz, reference_id FROM transactions
         WHERE organization_id = $1 AND category = 'subscription' ORDER BY id
        """, r => (r.GetDecimal(0), r.GetFieldValue<DateTimeOffset>(1), r.GetString(2)), organization);

    public async Task<decimal> BalanceAsync(Guid organization) =>
        (await database.AdminQueryAsync("SELECT balance FROM bsp.ledger_heads WHERE organization_id = $1", r =>
            r.GetDecimal(0), organization)).SingleOrDefault();

    /// <summary>An organization with its row, to which subscriptions refer.</summary>
    public static async Task<Guid> OrganizationAsync(LogDatabase database)
    {
        var id = await database.NewOrganizationAsync();
        await database.AdminQueryAsync("INSERT INTO organizations (id, name, slug) VALUES ($1, 'Acme', $2) RETURNING 1", r =>
            r.GetInt32(0), id, $"org-{id}");
        return id;
    }

    /// <summary>A plan on sale.</summary>
    public static async Task<Guid> PlanAsync(LogDatabase database, decimal price, int included = 1_000, object? features = null,
        string currency = "USD")
    {
        var id = Uuid.New();
        await database.AdminQueryAsync("""
            INSERT INTO billing_plans (id, name, code, monthly_price, per_message_price, included_messages, features, currency) VALUES ($1, $2, $2, $3, 0.012, $4, $5::jsonb, $6) RETURNING 1
            """, r => r.GetInt32(0), id, $"plan-{id:N}", price, included, JsonSerializer.Serialize(features ?? new { }), currency);
        return id;
    }

    public async ValueTask DisposeAsync()
    {
        Clock.Dispose();
        await store.DisposeAsync();
    }
}
