using Bsp.Application.Common;

namespace Bsp.Application.EventStore;

/// <summary>New events for one stream.</summary>
/// <param name="StreamType">Alias of the aggregate (<c>campaign</c>, <c>message</c>, …): <c>mt_streams.type</c>.</param>
/// <param name="ExpectedVersion">0: the stream must not exist; n: its version must be n; null: whatever it is.</param>
/// <param name="Events">At least one, each of a type with <c>[StoredAs]</c>.</param>
public sealed record StreamAppend(Guid StreamId, string StreamType, long? ExpectedVersion, IReadOnlyList<object> Events);

/// <summary>What became of one call.</summary>
public enum AppendVerdict
{
    /// <summary>Committed.</summary>
    Ok,

    /// <summary>A stream was not at the expected version; nothing of this call was written.</summary>
    Conflict,

    /// <summary>A stream is archived; nothing of this call was written.</summary>
    Archived,
}

/// <summary>What became of one call.</summary>
/// <param name="Versions">Of each stream of the call, in its order: after the append when <c>Ok</c>, else as found.</param>
/// <param name="LastPosition">Of its last event; <see cref="Position.Start"/> unless <c>Ok</c>.</param>
public sealed record AppendOutcome(AppendVerdict Verdict, IReadOnlyList<long> Versions, Position LastPosition);

/// <summary>The log. Appends of a moment share transactions; each call is atomic over its streams and has its own verdict.</summary>
public interface IEventStore
{
    /// <summary>
    /// Carries out one decision on one aggregate: load, fold, decide, append; again when somebody was faster. No events: nothing is written
    /// and the version found is returned. Which
    /// machinery carries a kind of stream is the store's matter.
    /// </summary>
    /// <param name="decide">Pure: it may be asked again.</param>
    /// <param name="seenVersion">If-Match; null decides on whatever is stored and tries again after a conflict until <paramref name="ct"/>
    /// or 100 tries.</param>
    /// <exception cref="Common.VersionConflict">The named version is not the stored one, or tries ran out.</exception>
    /// <exception cref="Domain.Common.Refusal"><c>stream.archived</c>, or of the decision.</exception>
    /// <exception cref="Common.StoreUnavailable">PostgreSQL cannot be reached.</exception>
    Task<Common.Done> Decide<TState, TEvent>(Guid organizationId, Guid streamId, Func<TState, IReadOnlyList<TEvent>> decide,
        long? seenVersion, CancellationToken ct)
        where TState : class, Domain.Common.IAggregate<TState, TEvent> where TEvent : class;

    /// <summary>
    /// Appends to one or several streams of one organization, all or nothing, together with the inline views and the idempotency mark of
    /// <see cref="Common.CurrentRequest"/>.
    /// Waits when the queue is full. A cancelled call is written whole or not at all.
    /// </summary>
    /// <exception cref="Common.StoreUnavailable">PostgreSQL cannot be reached; whether the call was written is then re-checked by event id
    /// before giving up, so this means it was not, or (<c>OutcomeUnknown</c>) could not be found out.</exception>
    Task<AppendOutcome> AppendAsync(Guid organizationId, IReadOnlyList<StreamAppend> streams, CancellationToken ct);

    /// <summary>
    /// Many independent calls at once, each with its own outcome, in their order. They go into the queue together and so share few
    /// transactions.
    /// </summary>
    /// <exception cref="AggregateException">Some calls failed otherwise than by a verdict (inner exceptions say how); the others have been
    /// carried out.</exception>
    Task<AppendOutcome[]> AppendManyAsync(IReadOnlyList<(Guid OrganizationId, IReadOnlyList<StreamAppend> Streams)> calls,
        CancellationToken ct);

    /// <summary>
    /// What a stream's events come to, in one round trip. Where the state's type asks for snapshots
    /// (<see cref="Domain.Common.SnapshotEveryAttribute"/>) only what came after the last
    /// one is read and folded; a snapshot that does not belong to this very stream and this very code is as if it were not there.
    /// </summary>
    Task<LoadedState<TState>> LoadStateAsync<TState, TEvent>(Guid organizationId, Guid streamId, CancellationToken ct)
        where TState : class, Domain.Common.IAggregate<TState, TEvent> where TEvent : class;

    /// <summary>A whole stream in one round trip, without a snapshot; version 0 and no events when there is none.</summary>
    Task<LoadedStream> LoadAsync(Guid organizationId, Guid streamId, CancellationToken ct);

    /// <summary>Many short streams in one round trip, in the order asked for (≤ 5,000).</summary>
    /// <param name="archivedToo">False: an archived stream is as if it were not there, but says that it is archived.</param>
    Task<IReadOnlyList<LoadedStream>> LoadManyAsync(Guid organizationId, IReadOnlyList<Guid> streamIds, CancellationToken ct,
        bool archivedToo = false);

    /// <summary>
    /// Puts finished streams away: they take no events until <see cref="RestoreAsync"/>. Returns how many: not those that are no longer at
    /// the version that was judged.
    /// </summary>
    /// <param name="streams">At most 5,000, each with the version at which it was found finished.</param>
    Task<int> ArchiveAsync(Guid organizationId, IReadOnlyList<(Guid StreamId, long Version)> streams, CancellationToken ct);

    /// <summary>Takes streams out again; those that are not archived stay as they are.</summary>
    Task RestoreAsync(Guid organizationId, IReadOnlyList<Guid> streamIds, CancellationToken ct);
}
