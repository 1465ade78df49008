using Bsp.Application.Common;

namespace Bsp.Infrastructure.EventStore;

/// <summary>
/// Calls that wait for a lane, by organization, each organization's in the order of arrival. A batch takes an equal share from every
/// organization that waits, so that one
/// with thousands of calls does not push back one with a single call. Not thread-safe: the lanes guard it.
/// </summary>
internal sealed class AppendQueue(int batchEventsMax)
{
    // Calls that wait for a stream in flight are looked at again by every batch until then; this bounds the looking.
    private const int LookedAtMax = 4_096;

    [Bounded("QueueCallsMax unanswered calls; an organization without one has no line")]
    private readonly Dictionary<Guid, Line> lines = [];

    [Bounded("the lines")]
    private readonly Queue<Line> turns = new();

    [Bounded("streams of the calls that lanes hold")]
    private readonly Dictionary<StreamKey, List<AppendCall>> inFlight = [];

    [Bounded("emptied by every batch")]
    private readonly HashSet<StreamKey> passedOver = [];
    private int lookedAt;

    /// <summary>Calls waiting.</summary>
    public int Count { get; private set; }

    public void Add(AppendCall call)
    {
        if (!lines.TryGetValue(call.Organization, out var line))
        {
            lines[call.Organization] = line = new(call.Organization);
            turns.Enqueue(line);
        }

        line.Calls.AddLast(call);
        Count++;
    }

    /// <summary>
    /// The next batch, or null when nothing can go: everything left waits for a stream in flight. Streams of the batch stay reserved until
    /// <see cref="Release"/>.
    /// </summary>
    public List<AppendCall>? Take()
    {
        if (Count == 0)
        {
            return null;
        }

        passedOver.Clear();
        lookedAt = 0;
        var batch = new List<AppendCall>(Math.Min(Count, 256));
        var waiting = turns.Count;
        var room = TakeInTurn(batch, batchEventsMax, share: Math.Max(1, batchEventsMax / waiting));
        if (room > 0 && turns.Count > 0 && waiting > 1)
        {
            passedOver.Clear();
            TakeInTurn(batch, room, share: room);
        }

        return batch.Count == 0 ? null : batch;
    }

    /// <summary>The batch is answered: others may write its streams.</summary>
    public void Release(List<AppendCall> batch)
    {
        foreach (var call in batch)
        {
            foreach (var stream in call.Streams)
            {
                inFlight.Remove(stream.Key);
            }
        }
    }

    private int TakeInTurn(List<AppendCall> batch, int room, int share)
    {
        for (var left = turns.Count; left > 0 && room > 0; left--)
        {
            var line = turns.Dequeue();
            room -= TakeFrom(line.Calls, Math.Min(share, room), batch);
            if (line.Calls.Count > 0)
            {
                turns.Enqueue(line);
            }
            else
            {
                lines.Remove(line.Organization);
            }
        }

        return room;
    }

    private int TakeFrom(LinkedList<AppendCall> calls, int share, List<AppendCall> batch)
    {
        var taken = 0;
        for (var node = calls.First; node is not null && taken < share && lookedAt < LookedAtMax; lookedAt++)
        {
            var (next, call) = (node.Next, node.Value);
            if (IsFree(call, batch))
            {
                calls.Remove(node);
                Count--;
                taken += Take(call, batch);
            }
            else
            {
                PassOver(call);
            }

            node = next;
        }

        return taken;
    }

    private int Take(AppendCall call, List<AppendCall> batch)
    {
        if (!call.TryTake())
        {
            return 0;
        }

        foreach (var stream in call.Streams)
        {
            inFlight[stream.Key] = batch;
        }

        batch.Add(call);
        return call.EventCount;
    }

    private bool IsFree(AppendCall call, List<AppendCall> batch)
    {
        foreach (var stream in call.Streams)
        {
            if ((inFlight.TryGetValue(stream.Key, out var holder) && !ReferenceEquals(holder, batch))
                || (passedOver.Count > 0 && passedOver.Contains(stream.Key)))
            {
                return false;
            }
        }

        return true;
    }

    // Its other streams wait too, else a call on several streams could be overtaken for ever.
    private void PassOver(AppendCall call)
    {
        foreach (var stream in call.Streams)
        {
            passedOver.Add(stream.Key);
        }
    }

    [Application.Common.Bounded("QueueCallsMax unanswered calls")]
    private sealed class Line(Guid organization)
    {
        public Guid Organization => organization;

        public LinkedList<AppendCall> Calls { get; } = new();
    }
}
