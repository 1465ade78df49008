using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Sharding;
using JasperFx;
using JasperFx.Events;
using Marten;
using Marten.Exceptions;
using Npgsql;

namespace Bsp.Infrastructure.EventStore.Marten;

/// <summary>
/// One decision on one aggregate by Marten's own way: FetchForWriting, decide, append, SaveChanges. It happens in our transaction, in which
/// the fence's announcement, the inline
/// views, the mark of the idempotency claim and the NOTIFY commit with the events or not at all.
/// </summary>
internal sealed class MartenAggregates(MartenStores stores, InlineViews views, LogSignals signals, EventStoreSettings settings,
    TimeProvider clock)
{
    private const int AttemptsMax = 100;
    private const int LossesMax = 5;
    private static readonly TimeSpan AskEvery = TimeSpan.FromMilliseconds(50);

    /// <summary>
    /// Decides in a transaction of its own; again when another process was faster or the connection was lost before anything was committed.
    /// </summary>
    /// <exception cref="VersionConflict">The named version is not the stored one, or tries ran out.</exception>
    /// <exception cref="StoreUnavailable">PostgreSQL cannot be reached.</exception>
    public async Task<Done> DecideAsync<TState, TEvent>(Shard shard, Guid organizationId, Guid streamId,
        Func<TState, IReadOnlyList<TEvent>> decide, long? seenVersion,
        CancellationToken ct) where TState : class, IAggregate<TState, TEvent> where TEvent : class
    {
        var losses = 0;
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            var written = new Written();
            try
            {
                return await OnceAsync(shard, organizationId, streamId, decide, seenVersion, written, ct);
            }
            catch (VersionConflict conflict) when (!conflict.Named)
            {
                // Another process was faster: decide again on what it left.
            }
            catch (Exception lost) when (Failure.Of(lost) is NpgsqlException error && Unreachable.Is(error))
            {
                if (written.Committing && await WasCommittedAsync(shard, organizationId, streamId, written, error))
                {
                    return Answer(shard, streamId, written);
                }

                if (++losses == LossesMax)
                {
                    throw new StoreUnavailable("postgres", error);
                }

                await Task.Delay(AskEvery, clock, ct);
            }
        }

        throw new VersionConflict(streamId, named: seenVersion is not null);
    }

    /// <summary>
    /// Decides inside somebody else's transaction, which sees the organization and commits, or not, with the rest of its work.
    /// </summary>
    /// <returns>What is in the transaction now; nothing was decided: the version found, and no position.</returns>
    /// <exception cref="VersionConflict">Somebody appended meanwhile; the transaction can only be rolled back.</exception>
    /// <exception cref="Refusal"><c>stream.archived</c>, or of the decision.</exception>
    public async Task<Decided> DecideAsync<TState, TEvent>(TenantTransaction tx, Shard shard,
        Guid organizationId, Guid streamId,
        Func<TState, ValueTask<IReadOnlyList<TEvent>>> decide, long? seenVersion, CancellationToken ct) where TState
        : class, IAggregate<TState, TEvent> where TEvent : class
    {
        var written = new Written();
        await AppendAsync(tx, shard, organizationId, streamId, decide, seenVersion, written, markClaim: false, ct);
        if (written.Any)
        {
            signals.Of(shard).AppendedWith(tx);
        }

        return new(streamId, written.Version, written.Position, written.Transaction, written.LastEvent);
    }

    /// <summary>Whether a transaction was committed whose COMMIT was never answered: told by its last event.</summary>
    /// <param name="lost">What went away.</param>
    /// <exception cref="StoreUnavailable">Nobody can be asked within the time for that; the outcome is unknown.</exception>
    public Task<bool> WasCommittedAsync(Shard shard, Guid organizationId, Decided decided, Exception lost) =>
        WasCommittedAsync(shard, organizationId, decided.StreamId, new()
        {
            Version = decided.Version, Position = decided.Position, Transaction = decided.Transaction, LastEvent = decided.LastEvent,
        }, lost);

    private async Task<Done> OnceAsync<TState, TEvent>(Shard shard, Guid organizationId, Guid streamId,
        Func<TState, IReadOnlyList<TEvent>> decide, long? seenVersion,
        Written written, CancellationToken ct) where TState : class, IAggregate<TState, TEvent> where TEvent : class
    {
        var claimed = CurrentRequest.Value is { Claim: not null, ClaimMarked: false };
        await using var tx = await shard.BeginAsync(claimed ? [organizationId, Guid.Empty] : [organizationId], ct);
        await AppendAsync<TState, TEvent>(tx, shard, organizationId, streamId, state =>
            ValueTask.FromResult(decide(state)), seenVersion, written, claimed, ct);
        if (written.Any)
        {
            // From here on a cancelled caller is not heard any more: the work is written whole.
            written.Committing = true;
            await tx.CommitUnmarkedAsync(CancellationToken.None);
            signals.Of(shard).Appended();
        }

        return Answer(shard, streamId, written);
    }

    private async Task AppendAsync<TState, TEvent>(TenantTransaction tx, Shard shard, Guid organizationId, Guid streamId,
        Func<TState, ValueTask<IReadOnlyList<TEvent>>> decide,
        long? seenVersion, Written written, bool markClaim, CancellationToken ct) where TState : class, IAggregate<TState, TEvent>
        where TEvent : class
    {
        await using var session = stores.Session(tx, shard, organizationId);
        try
        {
            var stream = await ReadableAsync(streamId, () => session.Events.FetchForWriting<TState>(streamId, ct));
            written.Version = stream.CurrentVersion ?? 0;
            if (stream.Aggregate is null && written.Version > 0)
            {
                throw new Refusal("stream.archived", "It is archived and takes no more changes.");
            }

            if (seenVersion is { } seen && seen != written.Version)
            {
                throw new VersionConflict(streamId, named: true);
            }

            var facts = await decide(stream.Aggregate ?? TState.Initial);
            if (facts.Count == 0)
            {
                return;
            }

            foreach (var fact in facts)
            {
                ReadableEvent.Written(fact);
                var built = session.Events.BuildEvent(fact);
                built.Id = Uuid.New();
                stream.AppendOne(built);
            }

            var announcement = new Announcement();
            session.QueueOperation(announcement);
            await session.SaveChangesAsync(ct);
            (written.Transaction, written.Claimed) = (announcement.Transaction, markClaim);
            var stored = await StoredAsync(tx, organizationId, streamId, written.Version, stream.Events, ct);
            (written.Version, written.Position, written.LastEvent) =
                (stored[^1].Version, new(shard.Epoch, stored[^1].Sequence), stored[^1].Id);
            await ProjectAsync(tx, stored, markClaim, ct);
        }
        catch (Exception error) when (Failure.IsConflict(error))
        {
            throw new VersionConflict(streamId, named: seenVersion is not null);
        }
        catch (Exception newer) when (Failure.IsOfANewerRelease(newer))
        {
            throw new NewerRelease(streamId, newer);
        }
    }

    private static async Task<T> ReadableAsync<T>(Guid streamId, Func<Task<T>> fetch)
    {
        try
        {
            return await fetch();
        }
        catch (Exception bad) when (Failure.IsUnreadable(bad))
        {
            throw new UnreadableStream(streamId, Failure.Of(bad).Message);
        }
    }

    // A stream that Marten begins draws its numbers in the insert and does not learn them: they are asked for.
    private static async Task<List<StoredEvent>> StoredAsync(TenantTransaction tx, Guid organizationId, Guid streamId, long after,
        IReadOnlyList<IEvent> events, CancellationToken ct)
    {
        var sequences = events.All(e => e.Sequence > 0) ? [.. events.Select(e => e.Sequence)] : await tx.QueryAsync(
            "SELECT e.seq_id FROM public.mt_events e WHERE e.tenant_id = $1 AND e.stream_id = $2 AND e.version > $3 ORDER BY e.version",
            row => row.GetInt64(0), ct,
            organizationId.ToString(), streamId, after);
        var metadata = CurrentRequest.Value is { } request ? new EventMetadata(request.CorrelationId, request.CausationId, request.Caller)
            : EventMetadata.None;
        return [.. events.Select((e, n) =>
            new StoredEvent(sequences[n], e.Id, organizationId, streamId, after + n + 1, e.EventTypeName, e.Data, e.Timestamp, metadata))];
    }

    private async Task ProjectAsync(TenantTransaction tx, List<StoredEvent> stored, bool markClaim, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(tx.Connection);
        views.AddStatements(stored, batch);
        if (markClaim)
        {
            batch.BatchCommands.Add(new("UPDATE bsp.idempotency_keys SET work_done = true WHERE claim_id = $1")
            {
                Parameters = { new() { Value = CurrentRequest.Value!.Claim!.ClaimId } },
            });
        }

        if (batch.BatchCommands.Count > 0)
        {
            await batch.ExecuteNonQueryAsync(ct);
        }
    }

    private static Done Answer(Shard shard, Guid streamId, Written written)
    {
        if (written.Any && CurrentRequest.Value is { } request)
        {
            request.ClaimMarked |= written.Claimed;
            request.LastPosition = written.Position > request.LastPosition ? written.Position : request.LastPosition;
        }

        return new(streamId, written.Version);
    }

    // The connection went away with the COMMIT on it. The transaction's number tells only that its backend is done: after a crash
    // PostgreSQL gives numbers that were not yet logged
    // to others, so whether it was committed is told by the event, which nobody else has (./bench chaos-http --seed 790245).
    private async Task<bool> WasCommittedAsync(Shard shard, Guid organizationId, Guid streamId, Written written, Exception lost)
    {
        using var deadline = new CancellationTokenSource(settings.RecheckMax, clock);
        while (true)
        {
            try
            {
                if (!await IsInProgressAsync(shard, written.Transaction!, deadline.Token))
                {
                    return await shard.FirstAsync(organizationId,
                        "SELECT true FROM public.mt_events e WHERE e.tenant_id = $1 AND e.stream_id = $2 AND e.version = $3 AND e.id = $4",
                        row => row.GetBoolean(0), deadline.Token, organizationId.ToString(), streamId, written.Version, written.LastEvent);
                }
            }
            catch (Exception error)
                when (error is OperationCanceledException || (error is NpgsqlException refused && Unreachable.Is(refused)))
            {
                // It is asked again until the deadline.
            }

            if (deadline.IsCancellationRequested)
            {
                throw new StoreUnavailable("postgres", lost, outcomeUnknown: true);
            }

            await Task.Delay(AskEvery, clock);
        }
    }

    private static async Task<bool> IsInProgressAsync(Shard shard, string transaction, CancellationToken ct)
    {
        try
        {
            await using var command = shard.App.CreateCommand("SELECT pg_xact_status($1::text::xid8)");
            command.Parameters.Add(new() { Value = transaction });
            return await command.ExecuteScalarAsync(ct) is "in progress";
        }
        catch (PostgresException future) when (future.SqlState == PostgresErrorCodes.InvalidParameterValue)
        {
            return false; // "in the future": lost in a crash, and not yet given to anybody else
        }
    }

    private sealed class Written
    {
        public long Version { get; set; }

        public Position Position { get; set; } = Position.Start;

        public string? Transaction { get; set; }

        public Guid LastEvent { get; set; }

        public bool Claimed { get; set; }

        public bool Committing { get; set; }

        public bool Any => Position > Position.Start;
    }
}

/// <summary>A decision inside somebody's transaction, not yet committed.</summary>
/// <param name="Version">Of the stream afterwards; nothing was decided: as found.</param>
/// <param name="Transaction">Its number, by which it is seen that its backend is done; null: nothing was decided.</param>
/// <param name="LastEvent">Nobody else has an event of this id.</param>
public sealed record Decided(Guid StreamId, long Version, Position Position, string? Transaction, Guid LastEvent)
{
    /// <summary>Something was.</summary>
    public bool Any => Transaction is not null;
}

/// <summary>What an exception of Marten means.</summary>
internal static class Failure
{
    /// <summary>The store's own error, out of Marten's wrapping.</summary>
    public static Exception Of(Exception error) => error is MartenCommandException { InnerException: { } inner } ? inner : error;

    /// <summary>Somebody else appended to the stream meanwhile, or began it.</summary>
    public static bool IsConflict(Exception error) =>
        error is ConcurrencyException or EventStreamUnexpectedMaxEventIdException
            or global::Marten.Exceptions.ExistingStreamIdCollisionException or JasperFx.Events.ExistingStreamIdCollisionException
        || (Of(error) is PostgresException refused && Lane.Raced(refused));

    /// <summary>An event's stored name is none that this build knows.</summary>
    public static bool IsOfANewerRelease(Exception error) =>
        error is global::Marten.Exceptions.UnknownEventTypeException or JasperFx.Events.UnknownEventTypeException;

    /// <summary>An event of the stream cannot be read: PostgreSQL cannot give its body, or it is not what its name promises.</summary>
    public static bool IsUnreadable(Exception error) =>
        error is System.Text.Json.JsonException || error.InnerException is System.Text.Json.JsonException
        || (Of(error) is PostgresException { SqlState: ['5', '4', ..] or ['2', '2', ..] or ['X', 'X', ..] });
}
