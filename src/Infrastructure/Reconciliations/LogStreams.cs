using System.Runtime.CompilerServices;
using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Domain.Charging;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Charging;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Reconciliations;

/// <summary>
/// One organization's log, stream after stream instead of in its order: a message is folded and forgotten before the next one is read, so
/// that
/// millions need no memory.
/// </summary>
internal sealed class LogStreams(Shard shard, Guid organizationId)
{
    private const int PageEvents = 4_000;
    private const int ChargesOfPart = 150_000; // some 300 bytes each are kept while a part is read
    private const int PartsMax = 4_096;

    private static readonly string[] Types =
        [.. EventTypes.NamesOf<MessageEvent>(), "campaign_created", "campaign_audience_frozen"];

    private readonly UnreadableEvents unreadable = UnreadableEvents.Of(shard);

    /// <summary>Ranges of stream ids, as many as their charges need.</summary>
    public async Task<IReadOnlyList<(string From, string To)>> PartsAsync(int least, IReadOnlyCollection<Guid> charging,
        CancellationToken ct)
    {
        var charges = await shard.QueryAsync(organizationId, """
            SELECT coalesce(sum(jsonb_array_length(e.data -> 'charges')), 0)::bigint FROM unnest($2::uuid[]) AS s (id)
             CROSS JOIN LATERAL (SELECT x.data FROM public.mt_events x WHERE x.tenant_id = $1 AND x.stream_id = s.id
                                   AND x.type = 'messages_charged' OFFSET 0) e
            """, row => row.GetInt64(0), ct, organizationId.ToString(), charging.ToArray());
        var parts = (int)Math.Clamp(charges[0] / ChargesOfPart, least, PartsMax);
        return [.. Enumerable.Range(0, parts).Select(i => (Bound(i, parts, "0"), Bound(i + 1, parts, "f")))];
    }

    /// <summary>Streams in which charges may stand: one a calendar month since the organization exists.</summary>
    public async Task<IReadOnlyList<Guid>> ChargingStreamsAsync(DateTimeOffset now, CancellationToken ct)
    {
        var since = await shard.FirstAsync(organizationId, "SELECT created_at FROM organizations WHERE id = $1",
            row => (DateTimeOffset?)row.GetFieldValue<DateTimeOffset>(0), ct, organizationId) ?? now;
        var first = new DateTimeOffset(since.UtcDateTime.Year, since.UtcDateTime.Month, 1, 0, 0, 0, TimeSpan.Zero).AddMonths(-1);
        return [.. Enumerable.Range(0, 12 * 50).Select(n => first.AddMonths(n)).TakeWhile(month => month <= now.AddMonths(1))
            .Select(month => Charger.StreamOf(organizationId, month))];
    }

    /// <summary>Every stream of a range of ids, whole, in the order of its events; charges stand among them, each under its
    /// message.</summary>
    public async IAsyncEnumerable<IReadOnlyList<StoredEvent>> ReadAsync((string From, string To) part, IReadOnlyCollection<Guid> charging,
        [EnumeratorCancellation] CancellationToken ct)
    {
        var charges = await ChargesAsync(part, null, charging, ct);
        var stream = new List<StoredEvent>();
        var (last, version) = (Guid.Parse(part.From), -1L);
        for (var full = true; full;)
        {
            var page = await PageAsync(last, version, part.To, ct);
            full = page.Count == PageEvents;
            foreach (var stored in page)
            {
                if (stream.Count > 0 && stream[^1].StreamId != stored.StreamId)
                {
                    yield return With(stream, charges);
                    stream = [];
                }

                stream.Add(stored);
                (last, version) = (stored.StreamId, stored.Version);
            }
        }

        if (stream.Count > 0)
        {
            yield return With(stream, charges);
        }
    }

    /// <summary>These streams only, as above; absent ones are left out.</summary>
    public async Task<IReadOnlyList<IReadOnlyList<StoredEvent>>> ReadAsync(IReadOnlyCollection<Guid> streams,
        IReadOnlyCollection<Guid> charging, CancellationToken ct)
    {
        var charges = await ChargesAsync((Bound(0, 1, "0"), Bound(1, 1, "f")), streams.ToHashSet(), charging, ct);
        var events = await shard.QueryAsync(organizationId, $"""
            SELECT e.* FROM unnest($2::uuid[]) AS s (id)
             CROSS JOIN LATERAL (SELECT {EventRows.Columns("$3")} FROM public.mt_events e WHERE e.tenant_id = $1 AND e.stream_id = s.id
                                  ORDER BY e.version OFFSET 0) e
            """, row => EventRows.Read(row, organizationId, unreadable), ct, organizationId.ToString(), streams.ToArray(),
            EventRows.LeftOut(unreadable));
        return [.. events.Where(e => Types.Contains(e.Type)).GroupBy(e => e.StreamId).Select(s => With([.. s], charges))];
    }

    private Task<List<StoredEvent>> PageAsync(Guid after, long version, string to, CancellationToken ct) =>
        shard.QueryAsync(organizationId, $"""
            SELECT {EventRows.Columns("$5")} FROM public.mt_events e
             WHERE e.tenant_id = $1 AND (e.stream_id, e.version) > ($2, $3) AND e.stream_id <= $4 AND e.type = ANY ($6)
             ORDER BY e.stream_id, e.version LIMIT {PageEvents}
            """, row => EventRows.Read(row, organizationId, unreadable), ct, organizationId.ToString(), after, version, Guid.Parse(to),
            EventRows.LeftOut(unreadable), Types);

    // In the order of the log; the numbers of one event's charges follow each other.
    private async Task<Dictionary<Guid, List<(long Sequence, DateTimeOffset At, MessageCharge Charge)>>> ChargesAsync(
        (string From, string To) part, HashSet<Guid>? only, IReadOnlyCollection<Guid> charging, CancellationToken ct)
    {
        var found = new Dictionary<Guid, List<(long, DateTimeOffset, MessageCharge)>>();
        await shard.QueryAsync(organizationId, """
            SELECT e.seq_id, e.timestamp, c.charge::text FROM unnest($2::uuid[]) AS s (id)
             CROSS JOIN LATERAL (SELECT x.seq_id, x.timestamp, x.data FROM public.mt_events x WHERE x.tenant_id = $1 AND x.stream_id = s.id
                                   AND x.type = 'messages_charged' ORDER BY x.version OFFSET 0) e
             CROSS JOIN LATERAL jsonb_array_elements(e.data -> 'charges') WITH ORDINALITY AS c (charge, n)
             WHERE c.charge ->> 'message_id' BETWEEN $3 AND $4 ORDER BY e.seq_id, c.n
            """, row =>
        {
            var charge = JsonSerializer.Deserialize<MessageCharge>(row.GetString(2), EventTypes.Json)!;
            if (only?.Contains(charge.MessageId) is false)
            {
                return 0;
            }

            if (!found.TryGetValue(charge.MessageId, out var own))
            {
                found[charge.MessageId] = own = [];
            }

            own.Add((row.GetInt64(0), new(row.GetDateTime(1)), charge));
            return 0;
        }, ct, organizationId.ToString(), charging.ToArray(), part.From, part.To);
        return found;
    }

    private IReadOnlyList<StoredEvent> With(List<StoredEvent> stream,
        Dictionary<Guid, List<(long Sequence, DateTimeOffset At, MessageCharge Charge)>> charges) =>
        !charges.TryGetValue(stream[0].StreamId, out var own) ? stream
            : [.. stream.Concat(own.Select(c => new StoredEvent(c.Sequence, Guid.Empty, organizationId, stream[0].StreamId, long.MaxValue,
                "messages_charged", c.Charge, c.At, EventMetadata.None))).OrderBy(e => e.Sequence)];

    // Bound n of so many: as text, because that is how charges name their messages, in the order of ids.
    private static string Bound(int n, int parts, string fill)
    {
        var at = ((long)n << 16) / parts;
        var first = fill == "f" ? at - 1 : at;
        var four = new string(fill[0], 4);
        return $"{first:x4}{four}-{four}-{four}-{four}-{four}{four}{four}";
    }
}
