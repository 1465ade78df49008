using System.Text;
using Bsp.Application.Ledger;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.LedgerHeads;

/// <summary>The head row, signed.</summary>
public sealed class GetLedgerHeadHandler(Shards shards, HeadSigner signer, TimeProvider clock) : IRequestHandler<GetLedgerHead,
    SignedLedgerHead>
{
    public async Task<SignedLedgerHead> Handle(GetLedgerHead query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        await signer.IntroduceAsync(shard, ct);
        await using var transaction = await shard.BeginAsync(query.OrganizationId, ct);
        return (await HeadRows.OfAsync(transaction, query.OrganizationId, query.Currency, ct))
            .Select(row => row.Sign(signer, clock.GetUtcNow())).FirstOrDefault()
            ?? throw new Refusal("wallet.unknown", "The organization has no wallet in that currency yet: it begins with the first top-up.");
    }
}

/// <summary>A wallet's end, as its row keeps it.</summary>
internal sealed record HeadRows(Guid OrganizationId, string Currency, string Month, long Size, string Hash, byte[] Tree, decimal Balance,
    decimal Held)
{
    /// <param name="currency">Null: all of them.</param>
    public static Task<List<HeadRows>> OfAsync(TenantTransaction transaction, Guid organizationId, string? currency,
        CancellationToken ct) => transaction.QueryAsync("""
        SELECT h.organization_id, h.currency, h.month, h.size, encode(h.hash, 'hex'), h.tree, h.balance, h.held FROM bsp.ledger_heads h
         WHERE h.organization_id = $1 AND ($2::text IS NULL OR h.currency = $2) ORDER BY h.currency
        """, r =>
            new HeadRows(r.GetGuid(0), r.GetString(1), r.GetString(2), r.GetInt64(3), r.GetString(4), r.GetFieldValue<byte[]>(5),
            r.GetDecimal(6), r.GetDecimal(7)), ct, organizationId,
        new Npgsql.NpgsqlParameter { Value = (object?)currency ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text });

    public SignedLedgerHead Sign(HeadSigner signer, DateTimeOffset at) =>
        signer.Sign(OrganizationId, Currency, Month, Size, Hash, Convert.ToHexStringLower(MerkleFrontier.Of(Size, Tree).Root), Balance,
            Held, at);
}

/// <summary>The entry, the way from it to its month's root, and a head over that root. Checked before it is given away: what is stored
/// may have been changed.</summary>
public sealed class GetLedgerProofHandler(Shards shards, HeadSigner signer, TimeProvider clock) : IRequestHandler<GetLedgerProof,
    LedgerProof>
{
    public async Task<LedgerProof> Handle(GetLedgerProof query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        await signer.IntroduceAsync(shard, ct);
        await using var transaction = await shard.BeginSnapshotAsync(query.OrganizationId, ct);
        var place =
            (await transaction.QueryAsync(
            "SELECT t.currency, to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM'), t.sequence FROM public.transactions t WHERE t.id "
            + "= $1 AND t.organization_id = $2",
            r => (Currency: r.GetString(0), Month: r.GetString(1), Sequence: r.GetInt64(2)), ct, query.TransactionId,
                query.OrganizationId)).FirstOrDefault();
        var stream = place.Currency is null ? Guid.Empty : Uuid.Ledger(query.OrganizationId, place.Currency, place.Month);
        var entry = place.Currency is null ? null : await StoredEntries.AtAsync(transaction, query.OrganizationId, stream,
            place.Sequence, ct);
        if (entry is null || entry.Id != query.TransactionId)
        {
            throw new Refusal("transaction.unknown", "There is no such transaction.");
        }

        var last = await StoredEntries.LastAsync(transaction, query.OrganizationId, stream, ct) ?? entry;
        var (root, path) = await new MonthTree(transaction, query.OrganizationId, entry.Currency, entry.Month)
            .PathAsync(entry.Sequence - 1, last.Sequence, ct);
        if (LedgerCanonical.Hash(entry) != entry.Hash || !Merkle.Verify(Convert.FromHexString(entry.Hash), entry.Sequence - 1,
            last.Sequence, path, root))
        {
            throw new Refusal("ledger.altered",
                "The entry is not what was hashed, or it is not under its month's root: have the ledger audited.");
        }

        var head = signer.Sign(query.OrganizationId, entry.Currency, entry.Month, last.Sequence, last.Hash,
            Convert.ToHexStringLower(root), last.BalanceAfter, last.HeldAfter, clock.GetUtcNow());
        return new(entry.Id, Encoding.UTF8.GetString(LedgerCanonical.Bytes(entry)), entry.PreviousHash, entry.Hash, entry.Sequence - 1,
            last.Sequence, [.. path.Select(Convert.ToHexStringLower)], head.Root, head);
    }
}
