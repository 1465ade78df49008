using System.Reflection;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;

namespace Bsp.UnitTests.EventStore;

/// <summary>
/// The log in memory, with the verdicts of the real one: for handlers and for <see cref="Deciding"/>. One lock; nothing is lost and nothing
/// is quick.
/// </summary>
internal sealed class MemoryEventStore : IEventStore
{
    private readonly Lock all = new();
    private readonly Dictionary<(Guid Organization, Guid Stream), List<StoredEvent>> streams = [];
    private readonly HashSet<(Guid Organization, Guid Stream)> archived = [];
    private long sequence;

    /// <summary>Called before each append with the number of appends so far: another process that is faster.</summary>
    public Action<int>? BeforeAppend { get; set; }

    /// <summary>Appends that were tried, whatever became of them.</summary>
    public int Appends { get; private set; }

    /// <summary>Times that a state was read.</summary>
    public int Loads { get; private set; }

    /// <summary>Bodies of the stream's events, in order.</summary>
    public IReadOnlyList<object> Bodies(Guid organization, Guid stream)
    {
        lock (all)
        {
            return [.. Events(organization, stream).Select(e => e.Body!)];
        }
    }

    public Task<Done> Decide<TState, TEvent>(Guid organizationId, Guid streamId, Func<TState, IReadOnlyList<TEvent>> decide,
        long? seenVersion, CancellationToken ct)
        where TState : class, IAggregate<TState, TEvent> where TEvent : class =>
            Deciding.ByAppendingAsync(this, organizationId, streamId, decide, seenVersion, ct);

    public async Task<AppendOutcome> AppendAsync(Guid organizationId, IReadOnlyList<StreamAppend> streams, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        await Task.Yield();
        var before = Appends++;
        BeforeAppend?.Invoke(before);
        return Write(organizationId, streams);
    }

    public async Task<AppendOutcome[]> AppendManyAsync(IReadOnlyList<(Guid OrganizationId, IReadOnlyList<StreamAppend> Streams)> calls,
        CancellationToken ct)
    {
        var outcomes = new List<AppendOutcome>();
        foreach (var (organization, streams) in calls)
        {
            outcomes.Add(await AppendAsync(organization, streams, ct));
        }

        return [.. outcomes];
    }

    public async Task<LoadedState<TState>> LoadStateAsync<TState, TEvent>(Guid organizationId, Guid streamId, CancellationToken ct)
        where TState : class, IAggregate<TState, TEvent> where TEvent : class
    {
        Loads++;
        var stream = await LoadAsync(organizationId, streamId, ct);
        return new(stream.Fold<TState, TEvent>(), stream.Version, stream.IsArchived);
    }

    public async Task<LoadedStream> LoadAsync(Guid organizationId, Guid streamId, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        await Task.Yield();
        lock (all)
        {
            return archived.Contains((organizationId, streamId)) ? new(streamId, 0, [], IsArchived: true)
                : new(streamId, Events(organizationId, streamId).Count, [.. Events(organizationId, streamId)]);
        }
    }

    public async Task<IReadOnlyList<LoadedStream>> LoadManyAsync(Guid organizationId, IReadOnlyList<Guid> streamIds, CancellationToken ct,
        bool archivedToo = false)
    {
        var loaded = new List<LoadedStream>();
        foreach (var id in streamIds)
        {
            var stream = await LoadAsync(organizationId, id, ct);
            loaded.Add(stream.IsArchived && archivedToo
                ? new(id, Events(organizationId, id).Count, [.. Events(organizationId, id)], IsArchived: true) : stream);
        }

        return loaded;
    }

    public Task<int> ArchiveAsync(Guid organizationId, IReadOnlyList<(Guid StreamId, long Version)> streams, CancellationToken ct)
    {
        lock (all)
        {
            return Task.FromResult(streams.Count(s =>
                Events(organizationId, s.StreamId).Count == s.Version && archived.Add((organizationId, s.StreamId))));
        }
    }

    public Task RestoreAsync(Guid organizationId, IReadOnlyList<Guid> streamIds, CancellationToken ct)
    {
        lock (all)
        {
            archived.ExceptWith(streamIds.Select(id => (organizationId, id)));
        }

        return Task.CompletedTask;
    }

    /// <summary>Writes at once, as another process does.</summary>
    public AppendOutcome Write(Guid organization, IReadOnlyList<StreamAppend> appends)
    {
        lock (all)
        {
            var found = appends.Select(a => (long)Events(organization, a.StreamId).Count).ToList();
            if (appends.Any(a => archived.Contains((organization, a.StreamId))))
            {
                return new(AppendVerdict.Archived, found, Position.Start);
            }

            if (appends.Where((a, i) => a.ExpectedVersion is { } expected && expected != found[i]).Any())
            {
                return new(AppendVerdict.Conflict, found, Position.Start);
            }

            foreach (var append in appends)
            {
                var events = streams.TryGetValue((organization, append.StreamId), out var known) ? known
                    : streams[(organization, append.StreamId)] = [];
                events.AddRange(append.Events.Select(body =>
                    new StoredEvent(++sequence, Uuid.New(), organization, append.StreamId, events.Count + 1, NameOf(body), body,
                    DateTimeOffset.UnixEpoch, EventMetadata.None)));
            }

            return new(AppendVerdict.Ok, [.. appends.Select(a => (long)Events(organization, a.StreamId).Count)], new(1, sequence));
        }
    }

    private static string NameOf(object body) => body.GetType().GetCustomAttribute<StoredAsAttribute>()?.Name
        ?? throw new ArgumentException($"{body.GetType().Name} has no stored name.");

    private List<StoredEvent> Events(Guid organization, Guid stream) => streams.GetValueOrDefault((organization, stream)) ?? [];
}
