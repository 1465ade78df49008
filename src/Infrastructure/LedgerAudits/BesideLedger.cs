using Bsp.Application.Ledger;
using Bsp.Domain.Common;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>One comparison of what lies beside the ledger with it. Under the audit's snapshot.</summary>
internal delegate Task<(LedgerFault? Fault, LedgerCheck Check)> BesideCheck(AuditSnapshot snapshot, Guid organizationId,
    CancellationToken ct);

/// <summary>
/// What is kept beside the ledger and must agree with it: charges, and the sums that statements are made of. Statements over all rows:
/// joined by hashing whatever the planner thinks of the tables, and
/// each answers with the first row that is wrong.
/// </summary>
internal static class BesideLedger
{
    /// <summary>In the order in which they are made; each is one row of the report.</summary>
    public static readonly IReadOnlyList<BesideCheck> All =
        [ChargesAsync, ReservesAsync, StatementsAsync, BesideDeliveries.CheckAsync];

    private static readonly (string Code, string Detail, string Sql)[] Charges =
    [
        ("charge.missing", "An entry has no row in charges: nothing keeps it from being made once more.", """
            SELECT t.id, t.currency, to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM'), t.sequence FROM public.transactions t
              LEFT JOIN bsp.charges c ON c.organization_id = t.organization_id AND c.entry_id = t.id WHERE t.organization_id = $1 AND
                c.entry_id IS NULL ORDER BY t.id LIMIT 1
            """),
        ("charge.differs", "The row of an entry in charges has another amount, type, category, currency or reference than the entry.", """
            SELECT t.id, t.currency, to_char(t.created_at AT TIME ZONE 'UTC', 'YYYY-MM'), t.sequence FROM public.transactions t
              JOIN bsp.charges c ON c.organization_id = t.organization_id AND c.entry_id = t.id
             WHERE t.organization_id = $1 AND ((t.amount, t.type, t.category, t.currency) IS DISTINCT FROM (c.amount, c.type, c.category,
               c.currency) OR c.state <> 'posted') ORDER BY t.id LIMIT 1
            """),
        ("charge.extra", "A row of charges names an entry that is not there, or that another row names too.", """
            SELECT c.entry_id, min(c.currency), NULL::text, NULL::bigint FROM bsp.charges c LEFT JOIN public.transactions t ON
              t.organization_id = c.organization_id AND t.id = c.entry_id
             WHERE c.organization_id = $1 AND c.entry_id IS NOT NULL GROUP BY c.entry_id HAVING count(*) > 1 OR count(t.id) = 0 ORDER BY
               c.entry_id LIMIT 1
            """),
        ("charge.differs", "Of a charge another sum was given back than its row says.", """
            SELECT c.entry_id, c.currency, NULL::text, NULL::bigint FROM bsp.charges c
              LEFT JOIN (SELECT r.of_reference, r.of_kind, sum(r.amount) AS back FROM bsp.charges r WHERE r.organization_id = $1 AND
                r.of_reference IS NOT NULL GROUP BY 1, 2) r
                ON r.of_reference = c.reference AND r.of_kind = c.kind
             WHERE c.organization_id = $1 AND c.refunded <> coalesce(r.back, 0) ORDER BY c.entry_id LIMIT 1
            """),
    ];

    private static async Task<(LedgerFault?, LedgerCheck)> ChargesAsync(AuditSnapshot snapshot, Guid organizationId, CancellationToken ct)
    {
        var items =
            (await snapshot.QueryAsync("SELECT count(*) FROM bsp.charges c WHERE c.organization_id = $1", r => r.GetInt64(0), ct,
            organizationId))[0];
        foreach (var (code, detail, sql) in Charges)
        {
            if (await FirstAsync(snapshot, sql, code, detail, organizationId, ct) is { } fault)
            {
                return (fault, new("charges", "failed", items, null));
            }
        }

        var misplaced = await ChargeKeys.FirstAsync(snapshot, organizationId, ct);
        return (misplaced, new("charges", misplaced is null ? "passed" : "failed", items, null));
    }

    // What single sends have set aside stands twice: a row each, and their sum in the head row, by which commands are refused.
    private static async Task<(LedgerFault?, LedgerCheck)> ReservesAsync(AuditSnapshot snapshot, Guid organizationId, CancellationToken ct)
    {
        var wallets = await snapshot.QueryAsync("""
            SELECT h.currency, h.reserved, coalesce(r.sum, 0) FROM bsp.ledger_heads h
              LEFT JOIN (SELECT m.currency, sum(m.amount) AS sum FROM bsp.message_reserves m WHERE m.organization_id = $1 GROUP BY 1) r
                ON r.currency = h.currency WHERE h.organization_id = $1 ORDER BY h.currency
            """, r => (Currency: r.GetString(0), Head: r.GetDecimal(1), Rows: r.GetDecimal(2)), ct, organizationId);
        var wrong = wallets.Find(w => w.Head != w.Rows);
        return wrong.Currency is null ? (null, new("reserves", "passed", wallets.Count, null)) : (new(null, wrong.Currency, null, null,
            "reserve.differs", $"The head row has {Money.Text(wrong.Head)} reserved for single sends, and their rows come to "
                + $"{Money.Text(wrong.Rows)}."), new("reserves", "failed", wallets.Count, null));
    }

    private static async Task<(LedgerFault?, LedgerCheck)> StatementsAsync(AuditSnapshot snapshot, Guid organizationId,
        CancellationToken ct)
    {
        var items =
            (await snapshot.QueryAsync("SELECT count(*) FROM bsp.statement_days d WHERE d.organization_id = $1", r => r.GetInt64(0), ct,
            organizationId))[0];
        var fault = await FirstAsync(snapshot, Statements.DayEntries.Differing, "statement.differs",
            "The sums that statements are made of are not those of the entries of that day.", organizationId, ct);
        return (fault, new("statements", fault is null ? "passed" : "failed", items, null));
    }

    internal static async Task<LedgerFault?> FirstAsync(AuditSnapshot snapshot, string sql, string code, string detail,
        Guid organizationId, CancellationToken ct) =>
        (await snapshot.QueryAsync(sql, r => new LedgerFault(r.IsDBNull(0) ? null : r.GetGuid(0), r.IsDBNull(1) ? null : r.GetString(1),
            r.IsDBNull(2) ? null : r.GetString(2),
            r.IsDBNull(3) ? null : r.GetInt64(3), code, detail), ct, organizationId)).FirstOrDefault();
}
