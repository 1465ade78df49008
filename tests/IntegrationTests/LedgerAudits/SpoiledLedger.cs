using System.Text.Json;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.LedgerAudits;
using Bsp.Infrastructure.Statements;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.EventStore;

namespace Bsp.IntegrationTests.LedgerAudits;

/// <summary>Small ledgers of three months, and what somebody who owns the database does to them.</summary>
internal sealed class SpoiledLedger : IAsyncDisposable
{
    public static readonly JsonSerializerOptions Stored = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };
    private readonly LogDatabase database;
    private readonly PostgresEventStore store;
    private readonly LedgerWriter writer;
    private readonly HandClock clock = new();

    public SpoiledLedger(LogDatabase database)
    {
        this.database = database;
        store = new(database.Shards, [new TransactionsView(), new StatementDaysView()], LogDatabase.NewSignals(), new(), clock);
        writer = new(store, new(), clock);
    }

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>
    /// A top-up, a hold, twenty messages of it, one given back, a subscription and a top-up returned, in each of September, October and
    /// November; the campaign of November is open.
    /// Each month has 26 entries with its opening, two of them a closing as well.
    /// </summary>
    public async Task<Guid> NewAsync(string currency = "USD", Guid? organization = null)
    {
        var id = organization ?? await database.NewOrganizationAsync();
        for (var month = 9; month <= 11; month++)
        {
            clock.Now = new(2026, month, 3, 12, 0, 0, TimeSpan.Zero);
            var (hold, topup) = ($"campaign/{currency}-{month}", new ChargeKey(Uuid.Of($"topup/pay_{currency}{month}"), "topup"));
            await PostAsync(id, currency, new Credit(100m, EntryCategories.Topup, topup, $"pay_{currency}{month}"),
                new PlaceHold(hold, 0.3m, clock.Now.AddDays(40)));
            clock.Now = clock.Now.AddSeconds(7);
            var charges = Enumerable.Range(0, 20).Select(_ => Uuid.New()).ToList();
            await PostAsync(id, currency, [.. charges.Select((message, n) => Message(message, n % 3 == 0 ? "India" : "Brazil", hold))]);
            await PostAsync(id, currency, new RefundOf(new(charges[4], "message"), null, new(charges[4], "message_refund"),
                $"message/{charges[4]}",
                Metadata: new Dictionary<string, string>(Of("India")) { ["message_id"] = charges[4].ToString() }));
            await PostAsync(id, currency, new Debit(29.99m, EntryCategories.Subscription,
                new(Uuid.Of($"subscription/{currency}{month}"), "subscription"), $"subscription/{currency}{month}"),
                new RefundOf(topup, 5m, new(Uuid.Of($"refund/back_{currency}{month}"), "refund"), $"back_{currency}{month}"));
            if (month < 11)
            {
                await PostAsync(id, currency, new SettleHold(hold));
            }
        }

        return id;
    }

    /// <summary>So many messages more in November.</summary>
    public Task MoreAsync(Guid organization, int messages) => PostAsync(organization, "USD",
        [.. Enumerable.Range(0, messages).Select(_ => Message(Uuid.New(), "India", "campaign/USD-11"))]);

    public Task<LedgerAuditReport> AuditAsync(Guid organization, string? from = null, string? to = null, AuditPlace? place = null,
        Func<AuditPlace, Task>? monthDone = null) =>
        new LedgerAudit(database.Shard, organization, from, to, workers: 2, clock) { RunLevel = 3, MonthDone =
            monthDone }.RunAsync(place, Ct);

    /// <summary>As the one who owns everything, triggers and foreign keys aside.</summary>
    public async Task SpoilAsync(string sql, params object[] arguments)
    {
        await using var connection = await database.Admin.OpenConnectionAsync(Ct);
        await using (var role = connection.CreateCommand())
        {
            role.CommandText = "SET session_replication_role = replica; ALTER TABLE bsp.charges DISABLE TRIGGER charge_stays";
            await role.ExecuteNonQueryAsync(Ct);
        }

        await using var command = connection.CreateCommand();
        command.CommandText = sql;
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        (await command.ExecuteNonQueryAsync(Ct)).ShouldBeGreaterThan(0, sql);
        await using var back = connection.CreateCommand();
        back.CommandText = "RESET session_replication_role; ALTER TABLE bsp.charges ENABLE ALWAYS TRIGGER charge_stays";
        await back.ExecuteNonQueryAsync(Ct);
    }

    public async Task<List<LedgerEntry>> EntriesAsync(Guid organization, string month, string currency = "USD") =>
        await database.AdminQueryAsync(
        "SELECT (data -> 'entry')::text FROM mt_events WHERE tenant_id = $1 AND stream_id = $2 ORDER BY version", r =>
            JsonSerializer.Deserialize<LedgerEntry>(r.GetString(0), Stored)!,
        organization.ToString(), Uuid.Ledger(organization, currency, month));

    /// <summary>Puts entries in the place of those that are there, with every hash computed anew, in log and table.</summary>
    public async Task<List<LedgerEntry>> RewriteAsync(Guid organization, IReadOnlyList<LedgerEntry> entries, string previousHash)
    {
        var written = new List<LedgerEntry>();
        var tree = MerkleFrontier.Empty;
        foreach (var entry in entries)
        {
            var metadata = entry.Type == EntryTypes.Closing ? new Dictionary<string,
                string>(entry.Metadata) { ["root"] = Convert.ToHexStringLower(tree.Root) } : entry.Metadata;
            var hashed = (entry with { PreviousHash = previousHash, Metadata = metadata }).Hashed();
            written.Add(hashed);
            (previousHash, tree) = (hashed.Hash, tree.Append(Convert.FromHexString(hashed.Hash)));
            await SpoilAsync("UPDATE mt_events SET data = jsonb_build_object('entry', $3::text::jsonb) WHERE tenant_id = $1 AND id = $2",
                organization.ToString(), entry.Id, JsonSerializer.Serialize(hashed, Stored));
            if (EntryTypes.IsTransaction(entry.Type))
            {
                await SpoilAsync(
                    "UPDATE transactions SET amount = $2, balance_after = $3, previous_hash = decode($4, 'hex'), hash = decode($5, "
                    + "'hex') WHERE id = $1",
                    entry.Id, hashed.Amount, hashed.BalanceAfter, hashed.PreviousHash, hashed.Hash);
            }
        }

        return written;
    }

    public ValueTask DisposeAsync() => store.DisposeAsync();

    private static Debit Message(Guid message, string market, string hold) =>
        new(0.0135m, EntryCategories.Message, new(message, "message"), $"message/{message}",
        Metadata: new Dictionary<string, string>(Of(market)) { ["message_id"] = message.ToString() }, FromHold: hold, MayOverdraw: true,
            EffectiveAt: new(2026, 8, 31, 23, 59, 59, TimeSpan.Zero));

    private static Dictionary<string, string> Of(string market) => new() { ["market"] = market, ["pricing_category"] = "marketing",
        ["rate_card"] = "demo" };

    private async Task PostAsync(Guid organization, string currency, params Posting[] postings)
    {
        await using var transaction = await database.Shard.BeginAsync(organization, Ct);
        (await writer.PostAsync(transaction, database.Shard, organization, currency, postings, Ct))
            .ShouldAllBe(outcome => outcome is Posted);
        await transaction.CommitAsync(Ct);
    }

    private sealed class HandClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = new(2026, 11, 3, 12, 0, 0, TimeSpan.Zero);

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
