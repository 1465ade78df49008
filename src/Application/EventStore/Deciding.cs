using Bsp.Application.Common;
using Bsp.Domain.Common;

namespace Bsp.Application.EventStore;

/// <summary>
/// Load, fold, decide, append; again when somebody was faster: <see cref="IEventStore.Decide"/> for a store that appends with an expected
/// version.
/// </summary>
public static class Deciding
{
    private const int AttemptsMax = 100;

    /// <summary>Carries out one decision on one stream. No events: nothing is written and the version found is returned.</summary>
    /// <param name="seenVersion">If-Match; null decides on whatever is stored and tries again after a conflict until <paramref name="ct"/>
    /// or 100 tries.</param>
    /// <param name="decide">Pure: it may be asked again, first about what this process wrote last, then about what is stored.</param>
    /// <exception cref="VersionConflict">The named version is not the stored one, or tries ran out.</exception>
    public static async Task<Done> ByAppendingAsync<TState, TEvent>(IEventStore store, Guid organizationId, Guid streamId,
        Func<TState, IReadOnlyList<TEvent>> decide, long? seenVersion, CancellationToken ct) where TState
        : class, IAggregate<TState, TEvent> where TEvent : class
    {
        using var turn = await TurnAsync(store, organizationId, streamId, ct);
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            var (state, version, events) = Remembered(store, organizationId, streamId, decide, seenVersion)
                ?? await FromStoreAsync(store, organizationId, streamId, decide, seenVersion, ct);
            if (events.Count == 0)
            {
                return new(streamId, version);
            }

            var outcome = await store.AppendAsync(organizationId, [new(streamId, TState.StreamType, version, events)], ct);
            if (outcome.Verdict == AppendVerdict.Ok)
            {
                RememberedStates<TState>.Keep(store, organizationId, streamId, events.Aggregate(state, TState.Evolve), outcome.Versions[0]);
                return new(streamId, outcome.Versions[0]);
            }

            RememberedStates<TState>.Forget(streamId);
            if (outcome.Verdict == AppendVerdict.Archived)
            {
                throw Archived();
            }
        }

        throw new VersionConflict(streamId, named: seenVersion is not null);
    }

    /// <summary>
    /// Callers of one stream in this process queue, so that a storm of them does not conflict with itself; conflicts with other processes
    /// are tried again.
    /// </summary>
    public static ValueTask<IDisposable> TurnAsync(IEventStore store, Guid organizationId, Guid streamId, CancellationToken ct) =>
        StreamGates.EnterAsync(store, organizationId, streamId, ct);

    // Null: nothing is remembered, or what is remembered leads to an answer that only the stored state may give.
    private static (TState State, long Version, IReadOnlyList<TEvent> Events)? Remembered<TState, TEvent>(IEventStore store,
        Guid organizationId, Guid streamId,
        Func<TState, IReadOnlyList<TEvent>> decide, long? seenVersion)
    {
        if (RememberedStates<TState>.Find(store, organizationId, streamId) is not { } remembered
            || (seenVersion is { } seen && seen != remembered.Version))
        {
            return null;
        }

        try
        {
            return decide(remembered.State) is { Count: > 0 } events ? (remembered.State, remembered.Version, events) : null;
        }
        catch (Exception)
        {
            return null; // whatever it was: about the stored state it is said again, or not
        }
    }

    private static async Task<(TState State, long Version, IReadOnlyList<TEvent> Events)> FromStoreAsync<TState, TEvent>(IEventStore store,
        Guid organizationId,
        Guid streamId, Func<TState, IReadOnlyList<TEvent>> decide, long? seenVersion, CancellationToken ct) where TState
        : class, IAggregate<TState, TEvent> where TEvent : class
    {
        var stored = await store.LoadStateAsync<TState, TEvent>(organizationId, streamId, ct);
        if (stored.IsArchived)
        {
            throw Archived();
        }

        return seenVersion is { } seen && seen != stored.Version ? throw new VersionConflict(streamId, named: true)
            : (stored.State, stored.Version, decide(stored.State));
    }

    private static Refusal Archived() => new("stream.archived", "It is archived and takes no more changes.");
}
