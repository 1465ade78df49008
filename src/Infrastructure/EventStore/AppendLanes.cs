using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.EventStore;

/// <summary>
/// The writers of one shard. A caller that finds a lane idle sends the waiting calls itself, at once and without a timer; further lanes
/// start only when calls pile up
/// behind the running ones, so that few callers share few transactions. A stream is in one lane at a time.
/// </summary>
internal sealed class AppendLanes : IAsyncDisposable
{
    // Calls that must wait before a second lane is worth its connection; twice as many for each further one.
    private const int PressureCalls = 8;

    private readonly Lock gate = new();
    private readonly AppendQueue queue;
    [Application.Common.Bounded("LanesMax")]
    private readonly Stack<Lane> idle;
    private readonly SemaphoreSlim room;
    private readonly LogSignal signal;
    private readonly int lanes;
    private int running;
    private TaskCompletionSource? drained;

    public AppendLanes(Shard shard, EventStoreSettings settings, InlineViews views, LogSignal signal, TimeProvider clock)
    {
        lanes = settings.LanesMax;
        queue = new(settings.BatchEventsMax);
        room = new(settings.QueueCallsMax, settings.QueueCallsMax);
        idle = new(Enumerable.Range(0, lanes).Select(_ => new Lane(shard, settings, views, clock)));
        this.signal = signal;
    }

    /// <summary>Waits for room in the queue; give it back with <see cref="Leave"/> when the call is answered.</summary>
    public Task EnterAsync(CancellationToken ct) => room.WaitAsync(ct);

    public void Leave() => room.Release();

    /// <summary>Puts calls into the queue and starts lanes when that is due.</summary>
    public void Add(ReadOnlySpan<AppendCall> calls)
    {
        (Lane Lane, List<AppendCall> Batch)? due;
        lock (gate)
        {
            ObjectDisposedException.ThrowIf(drained is not null, this);
            foreach (var call in calls)
            {
                queue.Add(call);
            }

            due = NextDue();
        }

        while (due is var (lane, batch))
        {
            // The lane outlives the caller's request: it must not carry its context along.
            using (ExecutionContext.IsFlowSuppressed() ? default(AsyncFlowControl?) : ExecutionContext.SuppressFlow())
            {
                _ = RunAsync(lane, batch);
            }

            lock (gate)
            {
                due = NextDue();
            }
        }
    }

    /// <summary>Writes what is queued, then closes the connections.</summary>
    public async ValueTask DisposeAsync()
    {
        TaskCompletionSource waiting;
        lock (gate)
        {
            waiting = drained ??= new(TaskCreationOptions.RunContinuationsAsynchronously);
            if (running == 0)
            {
                waiting.TrySetResult();
            }
        }

        await waiting.Task;
        foreach (var lane in idle)
        {
            await lane.DisposeAsync();
        }
    }

    // Under the gate.
    private (Lane Lane, List<AppendCall> Batch)? NextDue()
    {
        if (running == lanes || queue.Count == 0 || (running > 0 && queue.Count < PressureCalls << (running - 1))
            || queue.Take() is not { } batch)
        {
            return null;
        }

        running++;
        return (idle.Pop(), batch);
    }

    private async Task RunAsync(Lane lane, List<AppendCall> batch)
    {
        for (var next = batch; next is not null;)
        {
            if (await lane.WriteAsync(next))
            {
                signal.Appended();
            }

            lock (gate)
            {
                queue.Release(next);
                next = queue.Take();
                if (next is null)
                {
                    running--;
                    idle.Push(lane);
                    if (running == 0)
                    {
                        drained?.TrySetResult();
                    }
                }
            }
        }
    }
}
