using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.EventStore.Marten;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Ledger;

/// <summary>
/// The one way into a wallet: many postings to it, inside the caller's transaction. The head row is locked, a page of entries is decided on
/// it (<see cref="LedgerPage"/>), appended by Marten
/// at the row's version, and the row, the view, the charges and the holds move with it. Decision: docs/decisions/0200.
/// </summary>
public sealed class LedgerWriter(PostgresEventStore store, LedgerMonths months, TimeProvider clock)
{
    /// <summary>Postings of one call, at most. 200 are right for pages: 5 to 8 ms.</summary>
    public const int PostingsMax = 1_000;

    private const int TriesMax = 10;

    /// <summary>
    /// Posts to one wallet. The caller commits, or rolls everything back. For several wallets call it once each, in the order of
    /// (organization, currency), so that two callers never wait for
    /// each other.
    /// </summary>
    /// <param name="tx">It must see the organization. Readers on this shard see nothing newer until it ends, so keep it short.</param>
    /// <param name="currency">ISO 4217, upper case.</param>
    /// <param name="postings">At most <see cref="PostingsMax"/>; decided in their order, each with its own outcome.</param>
    /// <returns>One outcome a posting. What is not <see cref="Posted"/> has changed nothing, and the transaction can go on.</returns>
    /// <exception cref="ArgumentException">A posting is not well formed.</exception>
    /// <exception cref="VersionConflict">The wallet's stream is not where its head says, or others kept taking the keys; the transaction
    /// can only be rolled back.</exception>
    public async Task<IReadOnlyList<PostingOutcome>> PostAsync(TenantTransaction tx, Shard shard, Guid organizationId, string currency,
        IReadOnlyList<Posting> postings,
        CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(postings.Count, PostingsMax);
        if (postings.Count == 0)
        {
            return [];
        }

        IReadOnlyList<PostingOutcome> outcomes = [];
        await InPageAsync(tx, shard, organizationId, currency, postings, page => outcomes = [.. postings.Select(page.Post)], ct);
        return outcomes;
    }

    /// <summary>Closes the months of a wallet that are over and opens the current one. Already done, or no such wallet: nothing.</summary>
    public Task CloseAsync(TenantTransaction tx, Shard shard, Guid organizationId, string currency, CancellationToken ct) =>
        InPageAsync(tx, shard, organizationId, currency, [], page => page.EnterMonth(), ct);

    private async Task InPageAsync(TenantTransaction tx, Shard shard, Guid organizationId, string currency,
        IReadOnlyList<Posting> postings, Action<LedgerPage> decide,
        CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            var known = await LedgerRows.ReadAsync(tx, organizationId, currency, postings, ct);
            var now = clock.GetUtcNow();
            var page = new LedgerPage(known.Head, known.Holds, known.Charges, now, reserved: known.Reserved);
            decide(page);
            if (page.Entries.Count == 0)
            {
                return;
            }

            try
            {
                await WriteAsync(tx, shard, known, page, now, ct);
                return;
            }
            catch (KeyTaken) when (attempt < TriesMax)
            {
                await tx.ExecuteAsync("ROLLBACK TO SAVEPOINT bsp_ledger", ct);
            }
            catch (KeyTaken)
            {
                throw new VersionConflict(page.Head.Id, named: false);
            }
        }
    }

    private async Task WriteAsync(TenantTransaction tx, Shard shard, LedgerKnown known, LedgerPage page, DateTimeOffset now,
        CancellationToken ct)
    {
        await months.EnsureAsync(shard, page.Entries.Where(entry => EntryTypes.IsTransaction(entry.Type)).Select(entry => entry.Month)
            .Distinct(), ct);
        var isLow = known.LowBelow is { } threshold && page.Head.Balance < threshold;
        var statements = new LedgerStatements(page, known, isLow, now);
        await store.AppendAsync(tx, shard, page.Head.OrganizationId, Streams(page.Entries), statements.AddTo, _ => statements.Check(), ct);
        if (isLow && !known.Low)
        {
            var (organization, currency) = (page.Head.OrganizationId, page.Head.Currency);
            var fact = new WalletLow(organization, currency, page.Head.Balance, known.LowBelow!.Value, now);
            var outcome = await store.AppendAsync(tx, shard, organization,
                [[new StreamAppend(Uuid.Wallet(organization, currency), "wallet", null, [fact])]], ct);
            if (outcome[0].Verdict != AppendVerdict.Ok)
            {
                throw new VersionConflict(Uuid.Wallet(organization, currency), named: false);
            }
        }
    }

    private static List<KnownEnd> Streams(IReadOnlyList<LedgerEntry> entries) =>
    [
        .. entries.GroupBy(entry => entry.Month).Select(month => new KnownEnd(
            Uuid.Ledger(entries[0].OrganizationId, entries[0].Currency, month.Key), typeof(Ledger), month.First().Sequence - 1,
            [.. month.Select(entry => (entry.Id, (object)entry.ToEvent()))])),
    ];

    // Marten names a new stream after the type that it is begun as: "ledger".
    private sealed class Ledger;
}
