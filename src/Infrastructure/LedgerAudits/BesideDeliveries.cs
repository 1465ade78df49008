using Bsp.Application.EventStore;
using Bsp.Application.Ledger;
using Bsp.Infrastructure.Common;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>
/// Messages and their charges: each charge has a delivered message of the same organization, each delivered message one bill, and each
/// bill exactly the entries it names. Only of organizations that are charged for messages; what the charging has not read yet is not
/// judged, and the check then says <c>behind</c>.
/// </summary>
internal static class BesideDeliveries
{
    /// <summary>Name of the check.</summary>
    public const string Name = "deliveries";

    // What was delivered is read once, for both directions and for what the charging has not come to yet. Each row of the answer is the
    // first of its kind. Messages of a group have an entry a person, under a key of its own.
    private const string Delivered = """
        WITH delivered AS MATERIALIZED (
               SELECT e.stream_id AS id, e.stream_id::text AS name, min(e.seq_id) AS place, min(e."timestamp") AS at FROM public.mt_events e
                WHERE e.tenant_id = $1::text AND e.type = 'message_delivered' GROUP BY e.stream_id),
             billed AS MATERIALIZED (SELECT DISTINCT b.message_id AS id FROM bsp.message_bills b WHERE b.organization_id = $1),
             began AS MATERIALIZED (
               SELECT (SELECT min(d.place) FROM delivered d JOIN billed b ON b.id = d.id) AS place,
                      (SELECT min(h.created_at) FROM bsp.ledger_heads h WHERE h.organization_id = $1) AS at)
        (SELECT 0 AS kind, t.id AS entry, t.currency, t.metadata ->> 'message_id' AS message
           FROM public.transactions t LEFT JOIN delivered d ON d.name = t.metadata ->> 'message_id'
          WHERE t.organization_id = $1 AND t.type = 'debit' AND t.category = 'message' AND d.id IS NULL ORDER BY t.id LIMIT 1)
        UNION ALL
        (SELECT 1, NULL, NULL, d.name FROM delivered d LEFT JOIN billed b ON b.id = d.id CROSS JOIN began g
          WHERE b.id IS NULL AND d.place <= $2 AND d.place > g.place AND d.at >= g.at ORDER BY d.place LIMIT 1)
        UNION ALL
        (SELECT 2, NULL, NULL, d.name FROM delivered d WHERE d.place > $2 ORDER BY d.place LIMIT 1)
        UNION ALL
        (SELECT 4, t.id, t.currency, t.metadata ->> 'message_id'
           FROM public.transactions t LEFT JOIN billed b ON b.id::text = t.metadata ->> 'message_id'
          WHERE t.organization_id = $1 AND t.type = 'debit' AND t.category = 'message' AND b.id IS NULL ORDER BY t.id LIMIT 1)
        ORDER BY 1
        """;

    // Of an organization without bills: were there any?
    private const string EverCharged = """
        SELECT EXISTS (SELECT FROM public.mt_events e WHERE e.tenant_id = $1::text AND e.type = 'messages_charged')
        """;

    private const string Misbilled = """
        SELECT 3, n.entry, b.currency, b.message_id::text FROM bsp.message_bills b
          LEFT JOIN (SELECT c.reference, min(c.entry_id::text)::uuid AS entry,
                            sum(CASE c.type WHEN 'debit' THEN c.amount ELSE -c.amount END) AS net
                       FROM bsp.charges c WHERE c.organization_id = $1 AND c.category = 'message' AND c.entry_id IS NOT NULL
                      GROUP BY 1) n
            ON n.reference = b.message_id
         WHERE b.organization_id = $1 AND b.participant = ''
           AND coalesce(n.net, 0) <> CASE b.outcome WHEN 'charged' THEN b.amount ELSE 0 END ORDER BY b.message_id LIMIT 1
        """;

    private const int Behind = 2;

    private static readonly Dictionary<int, (string Code, string Detail)> Faults = new()
    {
        [0] = ("charge.undelivered", "A charge is for a message that the log does not call delivered."),
        [1] = ("message.uncharged", "A message was delivered after the charging began and has no bill: nobody decided what it costs. "
            + "(Was billing turned off for a while?)"),
        [4] = ("charge.unbilled", "A message was charged and its bill is gone: nobody knows any more what it was charged for."),
        [3] = ("message.misbilled", "What was charged for a message and not given back is another sum than its bill names."),
    };

    private sealed record Found(int Kind, Guid? Entry, string? Currency, string? Message);

    public static async Task<(LedgerFault? Fault, LedgerCheck Check)> CheckAsync(AuditSnapshot snapshot, Guid organizationId,
        CancellationToken ct)
    {
        var bills = (await snapshot.QueryAsync("SELECT count(*) FROM bsp.message_bills b WHERE b.organization_id = $1", r => r.GetInt64(0),
            ct, organizationId))[0];
        if (bills == 0 && !(await snapshot.QueryAsync(EverCharged, r => r.GetBoolean(0), ct, organizationId))[0])
        {
            return (null, new(Name, "absent", 0, "No message was ever charged here."));
        }

        var found = await snapshot.QueryAsync(Delivered, Read, ct, organizationId,
            await ReadUpToAsync(snapshot, organizationId, ct));
        if (found.All(f => f.Kind == Behind))
        {
            found.AddRange(await snapshot.QueryAsync(Misbilled, Read, ct, organizationId));
        }

        if (found.Find(f => f.Kind != Behind) is { } fault)
        {
            var (code, detail) = Faults[fault.Kind];
            var named = $"{detail} Message {fault.Message ?? "(none is named)"}.";
            return (new(fault.Entry, fault.Currency, null, null, code, named), new(Name, "failed", bills, named));
        }

        var behind = found.Count > 0;
        return (null, new(Name, behind ? "behind" : "passed", bills,
            behind ? "Some deliveries are not read by the charging yet; of these nothing is said." : null));
    }

    private static Found Read(Npgsql.NpgsqlDataReader r) =>
        new(r.GetInt32(0), r.IsDBNull(1) ? null : r.GetGuid(1), r.TextOrNull(2), r.TextOrNull(3));

    // Up to which place of the log deliveries have been charged: a stopped organization's is its own.
    private static async Task<long> ReadUpToAsync(AuditSnapshot snapshot, Guid organizationId, CancellationToken ct) =>
        (await snapshot.QueryAsync("""
            SELECT least((SELECT p.sequence FROM bsp.projections p WHERE p.name = $2),
                         (SELECT c.stopped_after FROM bsp.charging c WHERE c.organization_id = $1))
            """, r => r.IsDBNull(0) ? 0 : r.GetInt64(0), ct, organizationId, ViewNames.Charging))[0];
}
