using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Ledger;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.EventStore;

namespace Bsp.IntegrationTests.Ledger;

/// <summary>What one process has of the ledger, with a clock that is set by hand.</summary>
internal sealed class LedgerProcess : IAsyncDisposable
{
    private readonly LogDatabase database;
    private readonly PostgresEventStore store;

    public LedgerProcess(LogDatabase database, SetClock clock)
    {
        (this.database, Clock) = (database, clock);
        store = new(database.Shards, [new TransactionsView()], LogDatabase.NewSignals(), new(), clock);
        Writer = new(store, new(), clock);
    }

    public SetClock Clock { get; }

    public LedgerWriter Writer { get; }

    public PostgresEventStore Store => store;

    /// <summary>Posts in a transaction of its own.</summary>
    /// <param name="crash">The process dies before the commit.</param>
    public async Task<IReadOnlyList<PostingOutcome>> PostAsync(Guid organization, IReadOnlyList<Posting> postings, string currency = "USD",
        bool crash = false)
    {
        await using var tx = await database.Shard.BeginAsync(organization, TestContext.Current.CancellationToken);
        var outcomes = await Writer.PostAsync(tx, database.Shard, organization, currency, postings, TestContext.Current.CancellationToken);
        if (!crash)
        {
            await tx.CommitAsync(CancellationToken.None);
        }

        return outcomes;
    }

    public async Task<PostingOutcome> PostAsync(Guid organization, Posting posting, string currency = "USD") =>
        (await PostAsync(organization, [posting], currency))[0];

    public ValueTask DisposeAsync() => store.DisposeAsync();
}

/// <summary>A clock that is set by hand.</summary>
internal sealed class SetClock(DateTimeOffset now) : TimeProvider
{
    public DateTimeOffset Now { get; set; } = now;

    public override DateTimeOffset GetUtcNow() => Now;
}

/// <summary>What the database says of a wallet, three times over: streams, table, head.</summary>
internal sealed class WalletSeen(LogDatabase database, Guid organization, string currency = "USD")
{
    public Task<List<LedgerEntry>> EntriesAsync() => EntriesAsync("""
        SELECT e.data::text, e.type FROM mt_events e JOIN mt_streams s ON s.tenant_id = e.tenant_id AND s.id = e.stream_id
         WHERE e.tenant_id = $1 AND s.type = 'ledger' AND e.data -> 'entry' ->> 'currency' = $2 ORDER BY e.data -> 'entry' ->> 'month',
             e.version
        """);

    /// <summary>Replays the chain from zero; asserts that it is one, and that table, head, charges and holds say the same.</summary>
    public async Task<LedgerHead> AgreesAsync()
    {
        var entries = await EntriesAsync();
        var head = LedgerHead.New(organization, currency);
        var balance = 0m;
        foreach (var entry in entries)
        {
            entry.PreviousHash.ShouldBe(head.Hash);
            entry.Hash.ShouldBe(LedgerCanonical.Hash(entry));
            entry.Sequence.ShouldBe(entry.Type == EntryTypes.Opening ? 1 : head.Size + 1);
            entry.CreatedAt.ShouldBeGreaterThanOrEqualTo(head.LastAt);
            entry.BalanceAfter.ShouldBe(balance += entry.Change);
            head = head.After(entry);
        }

        var rows = await database.AdminQueryAsync("""
            SELECT h.month || ' ' || h.size || ' ' || encode(h.hash, 'hex') || ' ' || h.balance || ' ' || h.held || ' '
                || encode(h.tree, 'hex') || ' ' || h.first_month
              FROM bsp.ledger_heads h WHERE h.organization_id = $1 AND h.currency = $2
            """, row => row.GetString(0), organization, currency);
        rows.ShouldBe(entries.Count == 0 ? [] :
        [
            $"{head.Month} {head.Size} {head.Hash} {Money.Text(head.Balance)} {Money.Text(head.Held)} {Convert.ToHexStringLower(head.Tree.Peaks.Span)} {entries[0].Month}",
        ]);
        (await TransactionsAsync()).ShouldBe([.. entries.Where(entry => EntryTypes.IsTransaction(entry.Type)).Select(Row)]);
        (await database.AdminQueryAsync(
            "SELECT coalesce(sum(remaining), 0) FROM bsp.ledger_holds WHERE organization_id = $1 AND currency = $2 AND state = 'open'",
            row => row.GetDecimal(0), organization, currency))[0].ShouldBe(head.Held);
        (await database.AdminQueryAsync(
            "SELECT c.entry_id FROM bsp.charges c WHERE c.organization_id = $1 AND c.currency = $2 AND c.state = 'posted' ORDER BY 1",
            row => row.GetGuid(0), organization, currency)).ShouldBe([.. entries.Where(e => EntryTypes.IsTransaction(e.Type)).Select(e =>
                e.Id).Order()]);
        return head;
    }

    private Task<List<string>> TransactionsAsync() => database.AdminQueryAsync("""
        SELECT concat_ws(' ', t.id, t.type, t.amount, t.balance_after, t.category, t.reference_id, t.description,
            to_char(t.created_at AT TIME ZONE 'UTC', 'YYYYMMDDHH24MISSMS'),
               t.sequence, encode(t.previous_hash, 'hex'), encode(t.hash, 'hex'),
                   (SELECT string_agg(key || '=' || value, ',' ORDER BY key) FROM jsonb_each_text(t.metadata)))
          FROM transactions t WHERE t.organization_id = $1 AND t.currency = $2 ORDER BY t.id
        """, row => row.GetString(0), organization, currency);

    private static string Row(LedgerEntry e) => string.Join(' ', new[]
    {
        e.Id.ToString(), e.Type, Money.Text(e.Amount), Money.Text(e.BalanceAfter), e.Category, e.ReferenceId, e.Description,
            e.CreatedAt.ToString("yyyyMMddHHmmssfff"),
        $"{e.Sequence}", e.PreviousHash, e.Hash,
        e.Metadata.Count == 0 ? null : string.Join(',', e.Metadata.OrderBy(p => p.Key, StringComparer.Ordinal).Select(p =>
            $"{p.Key}={p.Value}")),
    }.OfType<string>());

    private Task<List<LedgerEntry>> EntriesAsync(string sql) => database.AdminQueryAsync(sql, row =>
        ((LedgerEvent)Application.EventStore.EventTypes.Read(row.GetString(1), System.Text.Encoding.UTF8.GetBytes(row.GetString(0)))!)
            .Entry, organization.ToString(), currency);
}
