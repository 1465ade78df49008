using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;

namespace Bsp.Infrastructure.Redis;

/// <summary>
/// The event store, and after each commit, before the caller is answered, the cached copies of what changed are out of date: whoever
/// changed something reads it so.
/// </summary>
public sealed class CacheInvalidatingEventStore(PostgresEventStore store, RowCaches caches) : IEventStore
{
    public async Task<Done> Decide<TState, TEvent>(Guid organizationId, Guid streamId, Func<TState, IReadOnlyList<TEvent>> decide,
        long? seenVersion, CancellationToken ct)
        where TState : class, IAggregate<TState, TEvent> where TEvent : class
    {
        var done = await store.Decide(organizationId, streamId, decide, seenVersion, ct);
        if (caches.Of(TState.StreamType) is { } cache)
        {
            await cache.ForgetAsync(streamId, done.Version);
        }

        return done;
    }

    public async Task<AppendOutcome> AppendAsync(Guid organizationId, IReadOnlyList<StreamAppend> streams, CancellationToken ct)
    {
        var outcome = await store.AppendAsync(organizationId, streams, ct);
        await ForgetAsync(streams, outcome);
        return outcome;
    }

    public async Task<AppendOutcome[]> AppendManyAsync(IReadOnlyList<(Guid OrganizationId, IReadOnlyList<StreamAppend> Streams)> calls,
        CancellationToken ct)
    {
        var outcomes = await store.AppendManyAsync(calls, ct);
        for (var i = 0; i < outcomes.Length; i++)
        {
            await ForgetAsync(calls[i].Streams, outcomes[i]);
        }

        return outcomes;
    }

    public Task<LoadedState<TState>> LoadStateAsync<TState, TEvent>(Guid organizationId, Guid streamId, CancellationToken ct)
        where TState : class, IAggregate<TState, TEvent> where TEvent : class =>
        store.LoadStateAsync<TState, TEvent>(organizationId, streamId, ct);

    public Task<LoadedStream> LoadAsync(Guid organizationId, Guid streamId, CancellationToken ct) =>
        store.LoadAsync(organizationId, streamId, ct);

    public Task<IReadOnlyList<LoadedStream>> LoadManyAsync(Guid organizationId, IReadOnlyList<Guid> streamIds, CancellationToken ct,
        bool archivedToo = false) =>
        store.LoadManyAsync(organizationId, streamIds, ct, archivedToo);

    public Task<int> ArchiveAsync(Guid organizationId, IReadOnlyList<(Guid StreamId, long Version)> streams, CancellationToken ct) =>
        store.ArchiveAsync(organizationId, streams, ct);

    public Task RestoreAsync(Guid organizationId, IReadOnlyList<Guid> streamIds, CancellationToken ct) =>
        store.RestoreAsync(organizationId, streamIds, ct);

    // It is committed: a caller who goes away now must not leave an old copy behind.
    private ValueTask ForgetAsync(IReadOnlyList<StreamAppend> streams, AppendOutcome outcome)
    {
        for (var i = 0; outcome.Verdict == AppendVerdict.Ok && i < streams.Count; i++)
        {
            if (caches.Of(streams[i].StreamType) is not null)
            {
                return new(ForgetAllAsync(streams, outcome));
            }
        }

        return ValueTask.CompletedTask;
    }

    private async Task ForgetAllAsync(IReadOnlyList<StreamAppend> streams, AppendOutcome outcome)
    {
        for (var i = 0; i < streams.Count; i++)
        {
            if (caches.Of(streams[i].StreamType) is { } cache)
            {
                await cache.ForgetAsync(streams[i].StreamId, outcome.Versions[i]);
            }
        }
    }
}
