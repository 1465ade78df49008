using Bsp.Application.Ledger;
using Bsp.Infrastructure.LedgerAudits.Runs;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>
/// Rows of <c>bsp.ledger_nodes</c> beside the subtrees that the entries make: proofs and signed roots are made of them.
/// </summary>
internal static class TreeRows
{
    private const string Rows = """
        SELECT n.level, n.index, n.hash FROM bsp.ledger_nodes n
         WHERE n.organization_id = $1 AND n.currency = $2 AND n.month = $3 ORDER BY n.level, n.index
        """;

    /// <param name="months">What the entries of each whole month come to.</param>
    public static async Task<LedgerFault?> DifferAsync(AuditSnapshot snapshot, Guid organizationId, string currency,
        IReadOnlyList<(string Month, IReadOnlyList<string> Tree)> months, CancellationToken ct)
    {
        foreach (var (month, tree) in months)
        {
            using var stored = new TreeDigest();
            var (level, next, inOrder) = (-1, 0L, true);
            await snapshot.EachAsync(Rows, r =>
            {
                (next, level) = r.GetInt16(0) == level ? (next + 1, level) : (0, r.GetInt16(0));
                inOrder &= r.GetInt64(1) == next;
                stored.Add(level, r.GetFieldValue<byte[]>(2));
                return inOrder;
            }, ct, organizationId, currency, month);
            if (!inOrder || !stored.Lines().SequenceEqual(tree))
            {
                return new(null, currency, month, null, "tree.differs",
                    $"A kept node of {month}'s tree is not that of its entries, is missing, or is one too many: no proof holds.");
            }
        }

        return null;
    }
}
