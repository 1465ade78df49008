using Bsp.Infrastructure.LedgerAudits.Runs;
using Bsp.Application.Ledger;
using Bsp.Infrastructure.Common;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>What is kept of a wallet's end, beside the chain that it must follow from: row of <c>bsp.ledger_heads</c>.</summary>
internal sealed record HeadRow(string Currency, string FirstMonth, string Month, long Size, string Hash, long Balance, long Held,
    byte[] Tree, DateTimeOffset LastAt, long Position, long? LastPosition)
{
    /// <summary>All wallets of the organization, by currency.</summary>
    public static Task<List<HeadRow>> ReadAsync(AuditSnapshot snapshot, Guid organizationId, CancellationToken ct) =>
        snapshot.QueryAsync("""
        SELECT h.currency, h.first_month, h.month, h.size, encode(h.hash, 'hex'), (h.balance * 1000000)::bigint, (h.held *
          1000000)::bigint, h.tree, h.last_at, h.position
          FROM bsp.ledger_heads h WHERE h.organization_id = $1 ORDER BY h.currency COLLATE "C"
        """, r =>
            new HeadRow(r.GetString(0), r.GetString(1), r.GetString(2), r.GetInt64(3), r.GetString(4), r.GetInt64(5), r.GetInt64(6),
            r.GetFieldValue<byte[]>(7),
            r.GetFieldValue<DateTimeOffset>(8), r.GetInt64(9), null), ct, organizationId);

    /// <summary>With the number of the log that the chain's last entry has.</summary>
    public async Task<HeadRow> WithLastAsync(AuditSnapshot snapshot, Guid organizationId, MonthStream last, CancellationToken ct) =>
        this with
    {
        LastPosition =
            (await snapshot.QueryAsync(
            "SELECT e.seq_id FROM public.mt_events e WHERE e.tenant_id = $1 AND e.stream_id = $2 AND e.version = $3", r =>
            (long?)r.GetInt64(0), ct,
            organizationId.ToString(), last.StreamId, last.Version)).FirstOrDefault(),
    };

    /// <summary>What it says that the chain does not; null: nothing.</summary>
    public LedgerFault? Differs(ChainSeams seams)
    {
        if (seams.End is not { } end)
        {
            return Fault(null, "entry.missing", $"The head row knows {Size} entries of {Month}, and none is there.");
        }

        if (end.Month == Month && seams.Size < Size)
        {
            return new(null, Currency, Month, seams.Size + 1, "entry.missing",
                $"The head row knows {Size} entries of {Month}, and {seams.Size} are there: the end of the chain was cut off.");
        }

        var field = end.Month != Month ? "month" : seams.Size != Size ? "size" : end.Hash != Hash ? "hash" : end.Balance != Balance
            ? "balance" : end.Held != Held ? "held"
            : !seams.Frontier().AsSpan().SequenceEqual(Tree) ? "tree" : Micros.Time(end.CreatedAt) != LastAt ? "last_at"
                : LastPosition != Position ? "position" : null;
        return field is null ? null : Fault(end.Id, "head.differs", $"The head row has another {field} than the chain ends with.");
    }

    private LedgerFault Fault(Guid? entry, string code, string detail) => new(entry, Currency, Month, null, code, detail);
}
