using Bsp.Application.Common;
using Bsp.Application.Ledger;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Audit;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.EventStore.Marten;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Ledger;

/// <summary>Single movements that people and payment providers ask for.</summary>
public sealed class Wallets(Shards shards, LedgerWriter writer, AuditLog audit) : IWallets
{
    public async Task<PostingOutcome> PostAsync(Guid organizationId, string currency, Transfer posting, string act, CancellationToken ct)
    {
        try
        {
            var shard = await shards.OfAsync(organizationId, ct);
            await using var tx = await shard.BeginAsync([organizationId, Guid.Empty], ct);
            var outcome = (await writer.PostAsync(tx, shard, organizationId, currency, [posting], ct))[0];
            if (outcome is Posted posted)
            {
                await audit.NoteAsync(tx, shard, organizationId, act, "transaction", posted.Entry.Id, null, ct);
                await tx.CommitAsync(CancellationToken.None); // from here on a cancelled caller is not heard any more
            }

            return outcome;
        }
        catch (Exception lost) when (Failure.Of(lost) is NpgsqlException error && Unreachable.Is(error))
        {
            throw new StoreUnavailable("postgres", lost, outcomeUnknown: true);
        }
    }

    public async Task<TransactionView?> FindAsync(Guid organizationId, Guid transactionId, CancellationToken ct) =>
        await (await shards.OfAsync(organizationId, ct)).FirstAsync(organizationId,
            $"SELECT {TransactionRows.Columns} FROM public.transactions t WHERE t.organization_id = $1 AND t.id = $2",
                TransactionRows.Read, ct, organizationId, transactionId);

    public async Task<TransactionView?> FindTopUpAsync(Guid organizationId, string of, CancellationToken ct)
    {
        var key = TopUpWalletHandler.KeyOf(of);
        var shard = await shards.OfAsync(organizationId, ct);
        var entry = await shard.FirstAsync(organizationId,
            """
            SELECT c.entry_id FROM bsp.charges c
             WHERE c.organization_id = $1 AND c.reference = $2 AND c.kind = $3 AND c.entry_id IS NOT NULL
            """,
            row => (Guid?)row.GetGuid(0), ct, organizationId, key.Reference, key.Kind);
        var id = entry ?? (Guid.TryParse(of, out var named) ? named : (Guid?)null);
        var found = id is { } transaction ? await FindAsync(organizationId, transaction, ct) : null;
        return found is { Type: EntryTypes.Credit, Category: EntryCategories.Topup } ? found : null;
    }
}
