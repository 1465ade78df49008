using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Bsp.Application.Common;
using Bsp.Application.Ledger;
using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.LedgerHeads;

/// <summary>Rows of days as they were made; the head's fields stand in its message.</summary>
public sealed class ListLedgerDaysHandler(Shards shards) : IRequestHandler<ListLedgerDays, Page<LedgerDay>>
{
    public async Task<Page<LedgerDay>> Handle(ListLedgerDays query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var (before, currency) = query.Cursor is { } cursor
            ? (DateOnly.ParseExact(cursor[..10], "yyyy-MM-dd", CultureInfo.InvariantCulture), cursor[10..]) : (DateOnly.MaxValue, "");
        var days = await shard.QueryAsync(query.OrganizationId, """
            SELECT d.day, d.n, h.message, h.key_id, h.signature, h.place, d.heads, h.path, d.root, d.previous, d.key_id, d.message,
              d.signature
              FROM bsp.ledger_day_heads h CROSS JOIN LATERAL (
                SELECT b.day, b.n, b.heads, b.root, b.previous, b.key_id, b.message, b.signature FROM bsp.ledger_days_before b
                 WHERE b.organization_id = h.organization_id AND b.day = h.day
                UNION ALL
                SELECT o.day, o.n, o.heads, o.root, o.previous, o.key_id, o.message, o.signature FROM bsp.ledger_days o
                 WHERE o.day = h.day LIMIT 1) d
             WHERE h.organization_id = $1 AND (h.day, h.currency) <
                ($2, $3) ORDER BY h.day DESC, h.currency DESC LIMIT $4
            """, r =>
                new LedgerDay(r.GetFieldValue<DateOnly>(0), r.GetInt64(1), Head(r.GetString(2), r.GetString(3), r.GetFieldValue<byte[]>(4)),
                Convert.ToHexStringLower(Merkle.Leaf(SHA256.HashData(Encoding.UTF8.GetBytes(r.GetString(2))))), r.GetInt64(5),
                    r.GetInt64(6), [.. r.GetFieldValue<byte[][]>(7).Select(Convert.ToHexStringLower)],
                Convert.ToHexStringLower(r.GetFieldValue<byte[]>(8)), Convert.ToHexStringLower(r.GetFieldValue<byte[]>(9)),
                    r.GetString(10), r.GetString(11),
                Convert.ToHexStringLower(r.GetFieldValue<byte[]>(12))), ct, query.OrganizationId, before, currency, query.Limit + 1);
        var page = days.Take(query.Limit).ToList();
        return new(page, days.Count > query.Limit ? $"{page[^1].Day:yyyy-MM-dd}{page[^1].Head.Currency}" : null);
    }

    private static SignedLedgerHead Head(string message, string keyId, byte[] signature)
    {
        var head = HeadSigner.Read(message) 
            ?? throw new Refusal("ledger.altered", "A signed head is none any more: have the ledger audited.");
        return new(head.OrganizationId, head.Currency, head.Month, head.Size, head.HeadHash, head.Root, head.Balance, head.Held, head.At,
            keyId, message, Convert.ToHexStringLower(signature));
    }
}
