using Bsp.Application.Common;
using Bsp.Application.EventStore;

namespace Bsp.Infrastructure.EventStore;

/// <summary>
/// The end of one shard's log, read and decoded once for all projections that follow it closely. A projection that is further behind reads
/// by itself, with its own types only.
/// </summary>
/// <param name="wanted">Types that anybody here reads; null: all.</param>
/// <param name="signal">A look that found nothing stands for everybody until the next sign: a dozen projections ask after each page, and
/// a look costs PostgreSQL a walk over its locks. Decision: docs/decisions/0265.</param>
internal sealed class LogTail(LogReader reader, IReadOnlyCollection<string>? wanted, LogSignal signal, TimeProvider clock)
{
    // About 8 MB of decoded events: a status with its evidence takes about 2 KB.
    private const int KeptEventsMax = 4_000;
    private const int PageEventsMax = 1_000;

    // Foreign writers give no sign.
    private static readonly TimeSpan NothingFor = TimeSpan.FromMilliseconds(200);

    private readonly Lock gate = new();
    private readonly SemaphoreSlim fetching = new(1, 1);
    [Bounded("4,000 events, whose bodies are bounded where they are decided")]
    private readonly Queue<LogPage> pages = new();
    private int kept;
    private long from;
    private long to;
    private Task? since;            // the sign that was waited for when a look found nothing; null: the last look found something
    private long lookedAt;

    /// <summary>What follows <paramref name="after"/> is no longer kept.</summary>
    public bool IsPast(long after) => after < Volatile.Read(ref from);

    /// <summary>As <see cref="LogReader.ReadAsync"/>.</summary>
    public async Task<LogPage> ReadAsync(long after, IReadOnlySet<string>? types, int max, CancellationToken ct)
    {
        while (true)
        {
            lock (gate)
            {
                if (after >= from && after < to)
                {
                    return Kept(after, types, max);
                }
            }

            if (after < Volatile.Read(ref from))
            {
                return await reader.ReadAsync(after, types, max, ct);
            }

            if (!await FetchAsync(after, ct))
            {
                return new(after, after, []);
            }
        }
    }

    // True when there is more than before, perhaps fetched by somebody else meanwhile.
    private async Task<bool> FetchAsync(long after, CancellationToken ct)
    {
        await fetching.WaitAsync(ct);
        try
        {
            if (after < to)
            {
                return true;
            }

            if (after - to > KeptEventsMax)
            {
                Restart(after);
            }
            else if (since is { IsCompleted: false } && clock.GetElapsedTime(lookedAt) < NothingFor)
            {
                return false;
            }

            (var sign, lookedAt) = (signal.Next, clock.GetTimestamp()); // before the look, so that nothing in between is missed
            var page = await reader.ReadAsync(to, wanted, PageEventsMax, ct);
            since = page.UpTo == to ? sign : null;
            if (since is not null)
            {
                return false;
            }

            Keep(page);
            return true;
        }
        finally
        {
            fetching.Release();
        }
    }

    private void Restart(long at)
    {
        lock (gate)
        {
            pages.Clear();
            kept = 0;
            from = to = at;
        }
    }

    private void Keep(LogPage page)
    {
        lock (gate)
        {
            pages.Enqueue(page);
            kept += page.Events.Count;
            to = page.UpTo;
            while (kept > KeptEventsMax && pages.Count > 1)
            {
                var dropped = pages.Dequeue();
                kept -= dropped.Events.Count;
                from = dropped.UpTo;
            }
        }
    }

    private LogPage Kept(long after, IReadOnlySet<string>? types, int max)
    {
        var events = new List<StoredEvent>();
        foreach (var page in pages)
        {
            if (page.UpTo <= after)
            {
                continue;
            }

            foreach (var stored in page.Events)
            {
                if (stored.Sequence > after && (types is null || types.Contains(stored.Type)))
                {
                    events.Add(stored);
                    if (events.Count == max)
                    {
                        return new(after, stored.Sequence, events);
                    }
                }
            }
        }

        return new(after, to, events);
    }
}
