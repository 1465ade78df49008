using System.Globalization;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.LedgerHeads;

/// <summary>
/// Tells each organization of its head of the last signed day: a fact in its log, which its webhooks bring outside. Some at a time, each
/// some in a transaction of their own, so that readers of the log are not held back; one that is killed goes on where it was.
/// </summary>
public sealed class HeadTeller(PostgresEventStore store)
{
    private const int AtOnce = 100;

    private sealed record Untold(Guid OrganizationId, string Currency, string Message, string KeyId, byte[] Signature);

    /// <summary>How many were told of theirs.</summary>
    public async Task<int> TellAsync(Shard shard, CancellationToken ct)
    {
        var last = (await shard.QueryAsync(Guid.Empty, "SELECT d.day, d.n, d.root FROM bsp.ledger_days d ORDER BY d.n DESC LIMIT 1",
            r => (Day: r.GetFieldValue<DateOnly>(0), N: r.GetInt64(1), Root: r.GetFieldValue<byte[]>(2)), ct)).FirstOrDefault();
        var told = 0;
        for (var (organization, currency, more) = (Guid.Empty, "", last.N > 0); more;)
        {
            var page = await shard.QueryAsync(Guid.Empty, "SELECT * FROM bsp.ledger_heads_untold($1, $2, $3, $4)", r =>
                new Untold(r.GetGuid(0), r.GetString(1), r.GetString(2), r.GetString(3), r.GetFieldValue<byte[]>(4)), ct, last.Day,
                organization, currency, AtOnce);
            told += page.Count == 0 ? 0 : await TellAsync(shard, last.Day, last.N, last.Root, page, ct);
            more = page.Count == AtOnce;
            (organization, currency) = page.Count > 0 ? (page[^1].OrganizationId, page[^1].Currency) : (organization, currency);
        }

        return told;
    }

    // Whose row is there by now was told by another process.
    private async Task<int> TellAsync(Shard shard, DateOnly day, long number, byte[] root, List<Untold> page, CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync([.. page.Select(head => head.OrganizationId).Distinct()], ct);
        var own = (await tx.QueryAsync("""
            INSERT INTO bsp.ledger_heads_told (organization_id, day, currency) SELECT i.id, $2, i.currency
              FROM unnest($1::uuid[], $3::text[]) AS i (id, currency) ON CONFLICT DO NOTHING RETURNING organization_id, currency
            """, r => (r.GetGuid(0), r.GetString(1)), ct, page.Select(h => h.OrganizationId).ToArray(), day,
            page.Select(h => h.Currency).ToArray())).ToHashSet();
        await store.AppendAsync(tx, shard, [.. page.Where(h => own.Contains((h.OrganizationId, h.Currency))).Select(head =>
            (head.OrganizationId, (IReadOnlyList<StreamAppend>)[new StreamAppend(Uuid.Wallet(head.OrganizationId, head.Currency), "wallet",
                null, [Fact(head, day, number, root)])]))], ct);
        await tx.CommitAsync(ct);
        return own.Count;
    }

    private static LedgerHeadSigned Fact(Untold head, DateOnly day, long number, byte[] root)
    {
        var fields = HeadSigner.Read(head.Message) ?? throw new InvalidDataException($"The head {head.Message} is none.");
        return new(head.OrganizationId, head.Currency, day.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture), number,
            Convert.ToHexStringLower(root), fields.Month, fields.Size, fields.HeadHash, fields.Balance, fields.Held, head.KeyId,
            head.Message, Convert.ToHexStringLower(head.Signature), fields.At);
    }
}
