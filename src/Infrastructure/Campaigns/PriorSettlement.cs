using Bsp.Application.EventStore;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>What a message had been before it was accepted after all.</summary>
/// <param name="Kind"><c>unknown</c>, <c>unknown_closed</c>, <c>rejected</c> or <c>cancelled</c>: the number that goes back by one.</param>
/// <param name="At">When that had been said.</param>
public sealed record PriorSettlement(string Kind, DateTimeOffset At)
{
    // Facts that say how an attempt stands: the last of them before the acceptance counts.
    private static readonly string[] Words =
    [
        "message_outcome_unknown", "message_unknown_closed", "message_rejected", "message_cancelled", "message_attempt_refused",
        "message_deferred",
    ];

    /// <summary>
    /// By event id of the <c>message_accepted</c>; those that were simply accepted are absent. Asked of the log itself, so the answer is
    /// the same in every
    /// replay. Only acceptances that are not the third event of their stream, or that a webhook proved, can have one: rarely any query is
    /// made.
    /// </summary>
    public static async Task<IReadOnlyDictionary<Guid, PriorSettlement>> FindAsync(EventPage page, CancellationToken ct)
    {
        var asked = page.Events.Where(MayHaveOne).ToList();
        if (asked.Count == 0)
        {
            return new Dictionary<Guid, PriorSettlement>();
        }

        var rows = await page.Shard.QueryAsync(page.Organizations, """
            SELECT DISTINCT ON (a.id) a.id, p.type, (p.data ->> 'at')::timestamptz
              FROM unnest($1::uuid[], $2::text[], $3::uuid[], $4::bigint[]) AS a (id, tenant, stream, version)
              JOIN mt_events p ON p.tenant_id = a.tenant AND p.stream_id = a.stream AND p.version < a.version
             WHERE p.type = ANY ($5)
             ORDER BY a.id, p.version DESC
            """, r => (Id: r.GetGuid(0), Prior: Of(r.GetString(1), r.GetFieldValue<DateTimeOffset>(2))), ct,
            asked.Select(e => e.Id).ToArray(), asked.Select(e => e.OrganizationId.ToString()).ToArray(), asked.Select(e => e.StreamId)
            .ToArray(), asked.Select(e => e.Version).ToArray(), Words);
        return rows.Where(r => r.Prior is not null).ToDictionary(r => r.Id, r => r.Prior!);
    }

    /// <summary>The same of an event among those of its stream before it, all of them or all that count; null: it has none.</summary>
    internal static PriorSettlement? Of(IReadOnlyList<StoredEvent> stream, int at)
    {
        if (!MayHaveOne(stream[at]))
        {
            return null;
        }

        var before = stream.Take(at).LastOrDefault(e => e.Body is MessageEvent && Words.Contains(e.Type));
        return before is null ? null : Of(before.Type, ((MessageEvent)before.Body!).At);
    }

    private static bool MayHaveOne(StoredEvent stored) =>
        stored.Body is MessageAccepted accepted && (stored.Version > 3 || accepted.Proof == "webhook");

    // Refused for now or waiting is no word that has to be taken back.
    private static PriorSettlement? Of(string type, DateTimeOffset at) => type switch
    {
        "message_attempt_refused" or "message_deferred" => null,
        "message_outcome_unknown" => new("unknown", at),
        _ => new(type["message_".Length..], at),
    };
}
