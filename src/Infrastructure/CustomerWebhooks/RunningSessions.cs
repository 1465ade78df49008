using System.Collections.Concurrent;
using Bsp.Application.Common;
using Bsp.Domain.Common;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>The sessions of this process: two never run for one endpoint. Whoever learns of something new tells them here.</summary>
internal sealed class RunningSessions
{
    /// <summary>Endpoints that one process tells at the same time, at most.</summary>
    public const int Max = 4_096;

    // Beyond, a session that has nothing to do ends at once instead of staying for a moment.
    private const int StayMax = 1_000;

    // What all sessions keep of events that are read and not delivered yet, about; and what each may have in any case, and at most.
    private const int BytesOfAll = 64 * 1024 * 1024;
    private const int BytesLeast = 64 * 1024;
    private const int BytesMost = 4 * 1024 * 1024;

    // From here on other processes are told that something is due.
    private const int ShareFrom = 512;

    [Bounded("Max")]
    private readonly ConcurrentDictionary<(string Shard, Guid Id), (DeliverySession Session, Task Task)> sessions = new();

    private int count; // asked with every page: the dictionary would lock itself to tell

    /// <summary>This process, as cursors name their owner.</summary>
    public Guid Owner { get; } = Uuid.New();

    public int Count => Volatile.Read(ref count);

    /// <summary>A session that has nothing more to do may wait a moment for what comes next.</summary>
    public bool MayStay => Count <= StayMax;

    /// <summary>There is so much to do here that others should look.</summary>
    public bool IsBusy => Count >= ShareFrom;

    /// <summary>Bytes of events that one session keeps, about: the more sessions, the fewer.</summary>
    public int BytesOfOne => Math.Clamp(BytesOfAll / Math.Max(1, Count), BytesLeast, BytesMost);

    public bool TryAdd(string shard, DeliverySession session, Task task)
    {
        var added = sessions.TryAdd((shard, session.Claim.Id), (session, task));
        Interlocked.Add(ref count, added ? 1 : 0);
        return added;
    }

    public void Remove(string shard, Guid webhookId) =>
        Interlocked.Add(ref count, sessions.TryRemove((shard, webhookId), out _) ? -1 : 0);

    public IEnumerable<DeliverySession> Of(string shard) => sessions.Where(s => s.Key.Shard == shard).Select(s => s.Value.Session);

    /// <summary>Completes when those that run now have ended, however.</summary>
    public Task EndedAsync() => Task.WhenAll(sessions.Values.Select(s => s.Task));

    /// <summary>Something that concerns the endpoint is new in the log.</summary>
    public void News(string shard, Guid webhookId)
    {
        if (sessions.TryGetValue((shard, webhookId), out var running))
        {
            running.Session.News();
        }
    }
}
