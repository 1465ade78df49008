using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>What a message had been before it was accepted after all.</summary>
/// <param name="Kind"><c>unknown</c>, <c>unknown_closed</c>, <c>rejected</c> or <c>cancelled</c>: the number that goes back by one.</param>
/// <param name="At">When that had been said.</param>
public sealed record PriorSettlement(string Kind, DateTimeOffset At)
{
    /// <summary>
    /// By event id of the <c>message_accepted</c>; those that were simply accepted are absent. Asked of the log itself, so the answer is
    /// the same in every
    /// replay. Only acceptances that are not the third event of their stream, or that a webhook proved, can have one: rarely any query is
    /// made.
    /// </summary>
    public static async Task<IReadOnlyDictionary<Guid, PriorSettlement>> FindAsync(EventPage page, CancellationToken ct)
    {
        var asked = page.Events.Where(e => e.Body is MessageAccepted a && (e.Version > 3 || a.Proof == "webhook")).ToList();
        if (asked.Count == 0)
        {
            return new Dictionary<Guid, PriorSettlement>();
        }

        var rows = await page.Shard.QueryAsync(page.Organizations, """
            SELECT DISTINCT ON (a.id) a.id, p.type, (p.data ->> 'at')::timestamptz
              FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[]) AS a (id, tenant, stream, version)
              JOIN mt_events p ON p.tenant_id = a.tenant AND p.stream_id = a.stream AND p.version < a.version
             WHERE p.type IN ('message_outcome_unknown', 'message_unknown_closed', 'message_rejected', 'message_cancelled',
                              'message_attempt_refused', 'message_deferred')
             ORDER BY a.id, p.version DESC
            """, r => (Id: r.GetGuid(0), Type: r.GetString(1), At: r.GetFieldValue<DateTimeOffset>(2)), ct,
            asked.Select(e => e.Id).ToArray(), asked.Select(e => e.OrganizationId.ToString()).ToArray(), asked.Select(e => e.StreamId)
            .ToArray(), asked.Select(e => e.Version).ToArray());
        // the last word before it: refused for now or waiting is none that has to be taken back
        return rows.Where(r => r.Type is not ("message_attempt_refused" or "message_deferred")).ToDictionary(r => r.Id, r =>
            new PriorSettlement(r.Type == "message_outcome_unknown" ? "unknown" : r.Type["message_".Length..], r.At));
    }
}
