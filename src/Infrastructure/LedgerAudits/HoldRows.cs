using Bsp.Application.Ledger;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>Rows of <c>bsp.ledger_holds</c> beside what the entries make of them.</summary>
internal static class HoldRows
{
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
        return (count, sum) == seams.Placed ? null
            : Fault($"{seams.Placed.Count} holds of {Text(seams.Placed.Sum)} together were placed; the table has {count} of {Text(sum)}.");

        LedgerFault Fault(string detail) => new(null, currency, seams.End?.Month, null, "hold.differs", detail);
    }

    private static string Text(long micros) => Domain.Common.Money.Text(micros / 1_000_000m);
}
