using Bsp.Infrastructure.Common;
using Npgsql;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>What a reader took.</summary>
/// <param name="Full">One of the two bounds was reached: there is more.</param>
/// <param name="Gone">The journal no longer has their bodies.</param>
/// <param name="Next">The lane at which the next page begins.</param>
internal sealed record TakenPage(List<Journaled> Webhooks, bool Full, List<Journaled> Gone, Guid Next)
{
    /// <summary>Something was left because another reader has what the same customer wrote before.</summary>
    public bool HeldBack { get; init; }

    public void Deconstruct(out List<Journaled> webhooks, out bool full, out List<Journaled> gone) =>
        (webhooks, full, gone) = (Webhooks, Full, Gone);
}

/// <summary>
/// The inbox of what the journal keeps. Each organization has a lane, and a page takes from all lanes alike, one webhook from each, then a
/// second: who sends much, or large bodies, waits alone. What one customer wrote is in one reader's hands at a time, oldest first, so that
/// it is carried out in the order of its coming. Decisions: docs/decisions/0160, 0281.
/// </summary>
internal static class WebhookInbox
{
    /// <summary>Bodies of one page together, at most; a larger one comes alone.</summary>
    internal const int PageBytesMax = 8 * 1024 * 1024;

    /// <summary>Bodies of a page that shall be over soon.</summary>
    internal const long QuickBytesMax = 512 * 1024;

    // The bodies are looked up one by one: a plan that read the journal or the inbox whole would depend on statistics.
    private const string TakeSql = """
        WITH RECURSIVE ahead AS (
          (SELECT i.lane, 1 AS n FROM bsp.webhook_inbox i WHERE i.lane >= $3 ORDER BY i.lane LIMIT 1)
          UNION ALL
          SELECT (SELECT i.lane FROM bsp.webhook_inbox i WHERE i.lane > a.lane ORDER BY i.lane LIMIT 1), a.n + 1 FROM ahead a WHERE a.lane IS NOT NULL AND a.n < $1),
        wrapped AS (
          (SELECT i.lane, $1 + 1 AS n FROM bsp.webhook_inbox i WHERE i.lane < $3 ORDER BY i.lane LIMIT 1)
          UNION ALL
          SELECT (SELECT i.lane FROM bsp.webhook_inbox i WHERE i.lane > b.lane AND i.lane < $3 ORDER BY i.lane LIMIT 1), b.n + 1 FROM wrapped b WHERE b.lane IS NOT NULL AND b.n < 2 * $1),
        -- left out here, not on the way: a step over one lane is one look into the index, however much waits in it
        lanes AS MATERIALIZED (
          SELECT lane, n FROM ahead WHERE lane IS NOT NULL AND lane <> ALL ($4) UNION ALL SELECT lane, n FROM wrapped WHERE lane IS NOT NULL AND lane <> ALL ($4)),
        head AS MATERIALIZED (
          SELECT h.journal_id, h.received_at, h.lane, h.senders, row_number() OVER (ORDER BY h.nth_of_lane, l.n) AS nth FROM lanes l
           CROSS JOIN LATERAL (
            SELECT k.journal_id, k.received_at, k.lane, k.senders, row_number() OVER (ORDER BY k.journal_id) AS nth_of_lane FROM (
             SELECT i.journal_id, i.received_at, i.lane, i.senders FROM bsp.webhook_inbox i WHERE i.lane = l.lane ORDER BY i.journal_id
              LIMIT (SELECT greatest(1, $1 / count(*)) FROM lanes) FOR UPDATE SKIP LOCKED) k) h
           ORDER BY nth LIMIT $1),
        -- what another reader has at this moment: seen, older than the last of ours, and not ours
        elsewhere AS MATERIALIZED (
          SELECT o.lane, o.journal_id, o.senders
            FROM (SELECT h.lane, max(h.journal_id) AS last FROM head h WHERE h.senders <> 0 GROUP BY h.lane) m
           CROSS JOIN LATERAL (SELECT i.lane, i.journal_id, i.senders FROM bsp.webhook_inbox i
             WHERE i.lane = m.lane AND i.journal_id < m.last ORDER BY i.journal_id LIMIT 5000) o
           WHERE o.senders <> 0 AND NOT EXISTS (SELECT 1 FROM head h WHERE h.journal_id = o.journal_id)),
        -- who wrote before waits there: what they wrote afterwards waits here
        behind AS MATERIALIZED (
          SELECT h.lane, h.journal_id, h.senders FROM head h
           WHERE EXISTS (SELECT 1 FROM elsewhere e WHERE e.lane = h.lane AND e.journal_id < h.journal_id AND e.senders & h.senders <> 0)),
        -- behind one of several senders everybody's messages of the lane wait
        barred AS MATERIALIZED (
          SELECT b.lane, min(b.journal_id) AS from_id FROM behind b WHERE b.senders & (b.senders - 1) <> 0 GROUP BY b.lane),
        free AS MATERIALIZED (
          SELECT h.journal_id, h.received_at, h.lane, h.senders, row_number() OVER (ORDER BY h.nth) AS nth FROM head h
           WHERE h.senders = 0 OR NOT EXISTS (SELECT 1 FROM behind b WHERE b.journal_id = h.journal_id)
             AND NOT EXISTS (SELECT 1 FROM barred r WHERE r.lane = h.lane AND r.from_id < h.journal_id)),
        sized AS MATERIALIZED (
          SELECT h.*, coalesce((SELECT octet_length(j.body) FROM bsp.webhook_journal j WHERE j.received_at = h.received_at AND j.id = h.journal_id), 0) AS size FROM free h),
        weighed AS MATERIALIZED (SELECT s.*, sum(s.size) OVER (PARTITION BY s.lane ORDER BY s.nth) AS of_lane FROM sized s),
        -- after the first, who says least in bytes: large bodies hold up their own lane only, and come when their lane is first
        summed AS MATERIALIZED (SELECT w.*, w.nth = 1 AND $5 OR sum(w.size) OVER (ORDER BY w.nth > 1 OR NOT $5, w.of_lane, w.nth) <= $2 AS fits FROM weighed w),
        taken AS (
          DELETE FROM bsp.webhook_inbox WHERE journal_id = ANY (ARRAY(SELECT journal_id FROM summed WHERE fits))
          RETURNING journal_id, received_at, lane, senders)
        SELECT t.journal_id, t.received_at, j.organization_id, j.body_sha256, j.body, (SELECT count(*) FROM free), j.signature, t.lane,
               coalesce((SELECT s.lane FROM summed s WHERE NOT s.fits ORDER BY s.nth LIMIT 1),
                        (SELECT h.lane FROM head h ORDER BY h.nth DESC LIMIT 1)), t.senders,
               (SELECT count(*) FROM head) - (SELECT count(*) FROM free)
          FROM (SELECT 1) one LEFT JOIN taken t ON true
          LEFT JOIN LATERAL (SELECT j.organization_id, j.body_sha256, j.body, j.signature FROM bsp.webhook_journal j WHERE j.received_at = t.received_at AND j.id = t.journal_id LIMIT 1) j ON true
         ORDER BY t.journal_id
        """;

    /// <summary>
    /// Takes the oldest of every lane that nobody holds: as many as asked for and as <see cref="PageBytesMax"/> allows, at least one.
    /// </summary>
    /// <param name="from">The lane that comes first.</param>
    /// <param name="resting">Lanes that are left alone; null: none.</param>
    /// <param name="quick">A page of small bodies only, <see cref="QuickBytesMax"/> together; perhaps none.</param>
    internal static async Task<TakenPage> TakeAsync(NpgsqlConnection connection, int max, CancellationToken ct, Guid
        from = default, Guid[]? resting = null, bool quick = false)
    {
        await using var command = new NpgsqlCommand(TakeSql, connection)
        {
            Parameters =
            {
                new() { Value = max }, new() { Value = quick ? QuickBytesMax : (long)PageBytesMax }, new() { Value = from },
                    new() { Value = resting ?? [] }, new() { Value = !quick },
            },
        };
        long there = 0;
        var next = from;
        var (webhooks, gone) = (new List<Journaled>(), new List<Journaled>());
        await using var reader = await command.ExecuteReaderAsync(ct);
        long held = 0;
        while (await reader.ReadAsync(ct))
        {
            held = reader.GetInt64(10);
            if (reader.IsDBNull(0))
            {
                break; // nothing was taken
            }

            (there, next) = (reader.GetInt64(5), reader.GetGuid(8));
            var (id, receivedAt, lane) = (reader.GetInt64(0), reader.GetDateTime(1), reader.GetGuid(7));
            if (reader.IsDBNull(4))
            {
                gone.Add(new(id, receivedAt, null, "", default) { Lane = lane, Senders = reader.GetInt64(9) });
                continue;
            }

            webhooks.Add(new(id, receivedAt, reader.IsDBNull(2) ? null
                : reader.GetGuid(2), reader.GetString(3), ReadableJson.Parse(reader, 4))
            {
                SignedBy = reader.GetString(6), Lane = lane, Senders = reader.GetInt64(9),
            });
        }

        return new(webhooks, there == max || there > webhooks.Count + gone.Count, gone, next) { HeldBack = held > 0 };
    }

    /// <summary>Back to the head of their lanes, for the next page; in the transaction that took them.</summary>
    internal static async Task PutBackAsync(NpgsqlConnection connection, IReadOnlyCollection<Journaled> webhooks, CancellationToken ct)
    {
        if (webhooks.Count == 0)
        {
            return;
        }

        await using var command =
            new NpgsqlCommand(
                "INSERT INTO bsp.webhook_inbox (journal_id, received_at, lane, senders) "
                + "SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::uuid[], $4::bigint[])", connection)
        {
            Parameters =
            {
                new() { Value = webhooks.Select(w => w.Id).ToArray() }, new() { Value = webhooks.Select(w => w.ReceivedAt).ToArray() },
                    new() { Value = webhooks.Select(w => w.Lane).ToArray() }, new() { Value = webhooks.Select(w => w.Senders).ToArray() },
            },
        };
        await command.ExecuteNonQueryAsync(ct);
    }
}
