using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Sharding;
using Marten;
using Npgsql;

namespace Bsp.Infrastructure.EventStore.Marten;

/// <summary>Facts for a stream whose end the caller knows, because a row of its own keeps it and is locked.</summary>
/// <param name="Aggregate">Marten names a new stream after it.</param>
/// <param name="Version">Of the stream; 0: it begins.</param>
/// <param name="Events">At least one, each with the id that it is to have.</param>
public sealed record KnownEnd(Guid StreamId, Type Aggregate, long Version, IReadOnlyList<(Guid Id, object Body)> Events)
{
    /// <summary>The stream's type as Marten writes it.</summary>
    public string StreamType => Aggregate.Name.ToLowerInvariant();
}

/// <summary>
/// Appends by Marten without loading anything, inside somebody else's transaction: for streams that grow by pages of facts and whose state
/// is kept in a row. The fence's announcement goes
/// first; inline views and what the caller adds go in one batch behind.
/// </summary>
internal sealed class MartenAppends(MartenStores stores, InlineViews views, LogSignals signals)
{
    /// <param name="beside">Adds the caller's own statements, given the last event's number in the log. Checked by <paramref
    /// name="written"/> after they were carried out.</param>
    /// <returns>Place of the last event.</returns>
    /// <exception cref="VersionConflict">A stream is not where its row says; the transaction can only be rolled back.</exception>
    public async Task<Position> AppendAsync(TenantTransaction tx, Shard shard, Guid organizationId, IReadOnlyList<KnownEnd> streams,
        Action<NpgsqlBatch, long> beside, Action<NpgsqlBatch> written, CancellationToken ct)
    {
        var stored = await SaveAsync(tx, shard, organizationId, streams, ct);
        await using var batch = new NpgsqlBatch(tx.Connection);
        beside(batch, stored[^1].Sequence);
        views.AddStatements(stored, batch);
        if (batch.BatchCommands.Count > 0)
        {
            await batch.ExecuteNonQueryAsync(ct);
            written(batch);
        }

        signals.Of(shard).AppendedWith(tx);
        return new(shard.Epoch, stored[^1].Sequence);
    }

    private async Task<List<StoredEvent>> SaveAsync(TenantTransaction tx, Shard shard, Guid organizationId,
        IReadOnlyList<KnownEnd> streams, CancellationToken ct)
    {
        await using var session = stores.Session(tx, shard, organizationId);
        try
        {
            var actions = streams.Select(stream => (stream, Action: Queue(session, stream))).ToList();
            session.QueueOperation(new Announcement());
            await session.SaveChangesAsync(ct);
            var stored = new List<StoredEvent>();
            foreach (var (stream, action) in actions)
            {
                stored.AddRange(await StoredAsync(tx, organizationId, stream, action.Events, ct));
            }

            return stored;
        }
        catch (Exception error) when (Failure.IsConflict(error))
        {
            throw new VersionConflict(streams[0].StreamId, named: false);
        }
    }

    private static JasperFx.Events.StreamAction Queue(IDocumentSession session, KnownEnd stream)
    {
        var events = stream.Events.Select(fact =>
        {
            ReadableEvent.Written(fact.Body);
            var built = session.Events.BuildEvent(fact.Body);
            built.Id = fact.Id;
            return (object)built;
        }).ToArray();
        return stream.Version == 0
            ? session.Events.StartStream(stream.Aggregate, stream.StreamId, events)
            : session.Events.Append(stream.StreamId, stream.Version + events.Length, events);
    }

    // A stream that Marten begins draws its numbers in the insert and does not learn them: they are asked for.
    private static async Task<IEnumerable<StoredEvent>> StoredAsync(TenantTransaction tx, Guid organizationId, KnownEnd stream,
        IReadOnlyList<JasperFx.Events.IEvent> events, CancellationToken ct)
    {
        var sequences = events.All(e => e.Sequence > 0) ? [.. events.Select(e => e.Sequence)] : await tx.QueryAsync(
            "SELECT e.seq_id FROM public.mt_events e WHERE e.tenant_id = $1 AND e.stream_id = $2 AND e.version > $3 ORDER BY e.version",
            row => row.GetInt64(0), ct, organizationId.ToString(), stream.StreamId, stream.Version);
        var metadata = CurrentRequest.Value is { } request ? new EventMetadata(request.CorrelationId, request.CausationId, request.Caller)
            : EventMetadata.None;
        return events.Select((e, n) =>
            new StoredEvent(sequences[n], e.Id, organizationId, stream.StreamId, stream.Version + n + 1, e.EventTypeName, e.Data,
                e.Timestamp, metadata));
    }
}
