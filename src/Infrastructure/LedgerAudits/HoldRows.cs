using System.Buffers.Binary;
using System.Security.Cryptography;
using Bsp.Application.Ledger;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>Rows of <c>bsp.ledger_holds</c> beside what the entries make of them.</summary>
internal static class HoldRows
{
    // As Mark makes it of the entries.
    private const string Marks = """
        SELECT coalesce(bit_xor(('x' || encode(substr(sha256(convert_to(concat_ws('|', h.reference, h.category, h.placed::text,
                 to_char(h.expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')), 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint), 0)
          FROM bsp.ledger_holds h WHERE h.organization_id = $1 AND h.currency = $2
        """;

    /// <summary>What a placed hold adds to the mark over all: eight bytes of the SHA-256 of what is never changed of it.</summary>
    public static long Mark(ReadOnlySpan<byte> reference, ReadOnlySpan<byte> category, ReadOnlySpan<byte> amount,
        ReadOnlySpan<byte> expiresAt)
    {
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData(reference);
        sha.AppendData("|"u8);
        sha.AppendData(category);
        sha.AppendData("|"u8);
        sha.AppendData(amount);
        sha.AppendData("|"u8);
        sha.AppendData(expiresAt);
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        sha.GetHashAndReset(hash);
        return BinaryPrimitives.ReadInt64BigEndian(hash);
    }

    public static async Task<LedgerFault?> DifferAsync(AuditSnapshot snapshot, Guid organizationId, string currency, ChainSeams seams,
        CancellationToken ct)
    {
        var open =
            (await snapshot.QueryAsync(
            "SELECT h.reference, (h.remaining * 1000000)::bigint FROM bsp.ledger_holds h WHERE h.organization_id = $1 AND h.currency "
            + "= $2 AND h.remaining <> 0",
            r => (r.GetString(0), r.GetInt64(1)), ct, organizationId, currency)).ToDictionary();
        var wrong = seams.Holds.Keys.Union(open.Keys).Order(StringComparer.Ordinal)
            .FirstOrDefault(reference => seams.Holds.GetValueOrDefault(reference) != open.GetValueOrDefault(reference));
        if (wrong is not null)
        {
            return Fault(
                $"Of the hold {wrong} the entries leave {Text(seams.Holds.GetValueOrDefault(wrong))}, and its row says "
                + $"{Text(open.GetValueOrDefault(wrong))}.");
        }

        if (seams.End is { } end && seams.Holds.Values.Sum() != end.Held)
        {
            return Fault($"The open holds come to {Text(seams.Holds.Values.Sum())}, and the chain ends with {Text(end.Held)} held.");
        }

        var (count, sum) =
            (await snapshot.QueryAsync(
            "SELECT count(*), coalesce(sum(h.placed) * 1000000, 0)::bigint FROM bsp.ledger_holds h WHERE h.organization_id = $1 AND "
            + "h.currency = $2",
            r => (r.GetInt64(0), r.GetInt64(1)), ct, organizationId, currency))[0];
        if ((count, sum) != seams.Placed)
        {
            return Fault(
                $"{seams.Placed.Count} holds of {Text(seams.Placed.Sum)} together were placed; the table has {count} of {Text(sum)}.");
        }

        var mark = (await snapshot.QueryAsync(Marks, r => r.GetInt64(0), ct, organizationId, currency))[0];
        return seams.PlacedMark is not { } placed || placed == mark ? null
            : Fault("A row of a hold has another reference, category, amount or time of expiry than the entry that placed it.");

        LedgerFault Fault(string detail) => new(null, currency, seams.End?.Month, null, "hold.differs", detail);
    }

    private static string Text(long micros) => Domain.Common.Money.Text(micros / 1_000_000m);
}
