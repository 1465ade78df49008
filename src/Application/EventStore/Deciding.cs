using Bsp.Application.Common;

namespace Bsp.Application.EventStore;

/// <summary>Load, fold, decide, append; again when somebody was faster.</summary>
public static class Deciding
{
    private const int AttemptsMax = 100;

    /// <summary>Carries out one decision on one stream. No events: nothing is written and the version found is returned.</summary>
    /// <param name="seenVersion">If-Match; null decides on whatever is stored and tries again after a conflict until <paramref name="ct"/> or 100 tries.</param>
    /// <exception cref="VersionConflict">The named version is not the stored one, or tries ran out.</exception>
    public static async Task<Done> Decide<TState, TEvent>(this IEventStore store, Guid organizationId, Guid streamId, string streamType, TState initial,
        Func<TState, TEvent, TState> evolve, Func<TState, IReadOnlyList<TEvent>> decide, long? seenVersion, CancellationToken ct) where TEvent : class
    {
        // Callers of one stream here queue, so that a storm of them does not conflict with itself; conflicts with other processes are tried again.
        using var turn = await StreamGates.EnterAsync(store, organizationId, streamId, ct);
        for (var attempt = 1; attempt <= AttemptsMax; attempt++)
        {
            var stream = await store.LoadAsync(organizationId, streamId, ct);
            if (seenVersion is { } seen && seen != stream.Version)
            {
                throw new VersionConflict(streamId, named: true);
            }

            var events = decide(stream.Fold(initial, evolve));
            if (events.Count == 0)
            {
                return new(streamId, stream.Version);
            }

            var outcome = await store.AppendAsync(organizationId, [new(streamId, streamType, stream.Version, events)], ct);
            if (outcome.Verdict == AppendVerdict.Ok)
            {
                return new(streamId, outcome.Versions[0]);
            }

            if (outcome.Verdict == AppendVerdict.Archived)
            {
                throw new Domain.Common.Refusal("stream.archived", "It is archived and takes no more changes.");
            }
        }

        throw new VersionConflict(streamId, named: seenVersion is not null);
    }
}
