using Bsp.Infrastructure.EventStore;

namespace Bsp.Infrastructure.Projections;

/// <summary>
/// Reads for one projection that is far behind: the next stretches of the log are read and decoded, several at once, while it applies the
/// present one. Stretches are of equal numbers of
/// the log; where its own types are rare they grow.
/// </summary>
internal sealed class LogAhead(LogReader reader, IReadOnlyCollection<string>? types, int pageEventsMax)
{
    /// <summary>Closer to the end than this the shared tail is read instead.</summary>
    public const long Near = 10_000;

    private const int StretchesMax = 3;             // 3 × a page's events decoded and waiting
    private const long StretchNumbersMax = 100_000; // what one statement may look through

    private readonly Queue<(long UpTo, Task<LogPage> Page)> stretches = new();
    private long stretch = pageEventsMax;
    private long expected = -1;
    private long next;
    private long end;

    /// <summary>Final end of the log when last asked.</summary>
    public long End => end;

    /// <summary>Asks for the end again; true: <paramref name="after"/> is far from it.</summary>
    public async Task<bool> LookAsync(long after, CancellationToken ct)
    {
        end = await reader.EndAsync(ct);
        return end - after > Near;
    }

    /// <summary>The next page after <paramref name="after"/>, which is below <see cref="End"/>.</summary>
    /// <param name="alone">True: one stretch at a time, because somebody else needs the machine.</param>
    public async Task<LogPage> ReadAsync(long after, bool alone, CancellationToken ct)
    {
        if (after != expected)
        {
            Clear();
            next = after;
        }

        while (stretches.Count < (alone ? 1 : StretchesMax) && next < end)
        {
            var (from, upTo) = (next, Math.Min(next + stretch, end));
            stretches.Enqueue((upTo, Task.Run(() => reader.ReadFinalAsync(from, upTo, types, pageEventsMax, ct), ct)));
            next = upTo;
        }

        var (wanted, reading) = stretches.Dequeue();
        expected = -1; // until it is known that this stretch was read
        var page = await reading;
        expected = page.UpTo;
        if (page.UpTo < wanted)
        {
            Clear(); // more events than a page may have: the stretches behind it begin too late
            (next, stretch) = (page.UpTo, pageEventsMax);
        }
        else if (page.Events.Count < pageEventsMax / 4)
        {
            stretch = Math.Min(stretch * 2, StretchNumbersMax);
        }

        return page;
    }

    // What is still being read is left to end by itself; its error, if any, was nobody's business.
    private void Clear()
    {
        foreach (var (_, page) in stretches)
        {
            _ = page.ContinueWith(static t => t.Exception, CancellationToken.None,
                TaskContinuationOptions.OnlyOnFaulted | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }

        stretches.Clear();
    }
}
