using Bsp.Application.EventStore;
using Bsp.Application.Ledger;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>
/// Messages and their charges: each charge has a delivered message of the same organization, each delivered message one bill, and each
/// bill exactly the entries it names. Only of organizations that are charged for messages; what the charging has not read yet is not
/// judged, and the check then says <c>behind</c>.
/// </summary>
internal static class BesideDeliveries
{
    private const string Name = "deliveries";

    // What was delivered is read once for both directions. Messages of a group have an entry a person, under a key of its own.
    private static readonly (string Code, string Detail, string Sql)[] All =
    [
        ("charge.undelivered", "A charge is for a message that the log does not call delivered.", """
            SELECT t.id, t.currency, t.metadata ->> 'message_id' FROM public.transactions t
              LEFT JOIN (SELECT DISTINCT e.stream_id::text AS id FROM public.mt_events e WHERE e.tenant_id = $1::text
                          AND e.type = 'message_delivered') d ON d.id = t.metadata ->> 'message_id'
             WHERE t.organization_id = $1 AND t.type = 'debit' AND t.category = 'message' AND d.id IS NULL ORDER BY t.id LIMIT 1
            """),
        ("message.uncharged", "A message was delivered after the charging began and has no bill: nobody decided what it costs. "
            + "(Was billing turned off for a while?)", """
            SELECT NULL::uuid, NULL::text, e.stream_id::text FROM public.mt_events e
              LEFT JOIN bsp.message_bills b ON b.organization_id = $1 AND b.message_id = e.stream_id
             WHERE e.tenant_id = $1::text AND e.type = 'message_delivered' AND b.message_id IS NULL AND e.seq_id <= $2
               AND e.seq_id > (SELECT min(f.seq_id) FROM public.mt_events f JOIN bsp.message_bills x ON x.organization_id = $1
                                AND x.message_id = f.stream_id WHERE f.tenant_id = $1::text AND f.type = 'message_delivered')
               AND e."timestamp" >= (SELECT min(h.created_at) FROM bsp.ledger_heads h WHERE h.organization_id = $1)
             ORDER BY e.seq_id LIMIT 1
            """),
        ("message.misbilled", "What was charged for a message and not given back is another sum than its bill names.", """
            SELECT n.entry, b.currency, b.message_id::text FROM bsp.message_bills b
              LEFT JOIN (SELECT c.reference, min(c.entry_id::text)::uuid AS entry,
                                sum(CASE c.type WHEN 'debit' THEN c.amount ELSE -c.amount END) AS net
                           FROM bsp.charges c WHERE c.organization_id = $1 AND c.category = 'message' AND c.entry_id IS NOT NULL
                          GROUP BY 1) n
                ON n.reference = b.message_id
             WHERE b.organization_id = $1 AND b.participant = ''
               AND coalesce(n.net, 0) <> CASE b.outcome WHEN 'charged' THEN b.amount ELSE 0 END ORDER BY b.message_id LIMIT 1
            """),
    ];

    public static async Task<(LedgerFault? Fault, LedgerCheck Check)> CheckAsync(AuditSnapshot snapshot, Guid organizationId,
        CancellationToken ct)
    {
        var bills = (await snapshot.QueryAsync("SELECT count(*) FROM bsp.message_bills b WHERE b.organization_id = $1", r => r.GetInt64(0),
            ct, organizationId))[0];
        if (bills == 0)
        {
            return (null, new(Name, "absent", 0, "No message was ever charged here."));
        }

        var read = await ReadUpToAsync(snapshot, organizationId, ct);
        foreach (var (code, detail, sql) in All)
        {
            var found = await snapshot.QueryAsync(sql, r => (Entry: r.IsDBNull(0) ? (Guid?)null : r.GetGuid(0),
                Currency: r.IsDBNull(1) ? null : r.GetString(1), Message: r.IsDBNull(2) ? null : r.GetString(2)), ct,
                sql.Contains("$2", StringComparison.Ordinal) ? [organizationId, read.Place] : [organizationId]);
            if (found is [var (entry, currency, message)])
            {
                var named = $"{detail} Message {message ?? "(none is named)"}.";
                return (new(entry, currency, null, null, code, named), new(Name, "failed", bills, named));
            }
        }

        return (null, new(Name, read.Behind ? "behind" : "passed", bills,
            read.Behind ? "Some deliveries are not read by the charging yet; of these nothing is said." : null));
    }

    // Up to which place of the log deliveries have been charged: a stopped organization's is its own.
    private static async Task<(long Place, bool Behind)> ReadUpToAsync(AuditSnapshot snapshot, Guid organizationId, CancellationToken ct) =>
        (await snapshot.QueryAsync("""
            SELECT r.place, EXISTS (SELECT FROM public.mt_events e WHERE e.tenant_id = $1::text AND e.seq_id > r.place
                                       AND e.type = 'message_delivered')
              FROM (SELECT least((SELECT p.sequence FROM bsp.projections p WHERE p.name = $2),
                                 (SELECT c.stopped_after FROM bsp.charging c WHERE c.organization_id = $1)) AS place) r
            """, r => (r.IsDBNull(0) ? 0 : r.GetInt64(0), r.GetBoolean(1)), ct, organizationId, ViewNames.Charging))[0];
}
