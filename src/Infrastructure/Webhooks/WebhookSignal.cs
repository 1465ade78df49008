namespace Bsp.Infrastructure.Webhooks;

/// <summary>
/// Between the journal and the readers of the inbox in this process: wakes them when something was written (what other processes wrote is
/// found by looking), and asks them
/// to stand back while answers to Meta pile up.
/// </summary>
public sealed class WebhookSignal(TimeProvider clock)
{
    /// <summary>
    /// A reader stands back at most this long before a page, and not after a full one, however many webhooks come: what is read late is
    /// read in fuller pages, but it is read.
    /// </summary>
    public static readonly TimeSpan StandBackMax = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan PressedFor = TimeSpan.FromMilliseconds(25);

    private readonly Lock gate = new();
    private readonly SemaphoreSlim pulse = new(0, 1);
    private readonly SemaphoreSlim helper = new(0, 1);
    private bool waits; // whoever is woken first has nothing to do
    private long pressedUntil;

    /// <summary>There is something to read. Where the first reader is at work, the other is woken, too.</summary>
    public void Set()
    {
        lock (gate)
        {
            Release(pulse);
            if (!waits)
            {
                Release(helper);
            }
        }
    }

    /// <summary>There is something that the first reader leaves to the other.</summary>
    public void Help()
    {
        lock (gate)
        {
            Release(helper);
        }
    }

    /// <summary>Of the first reader. Returns when set, or after <paramref name="max"/>.</summary>
    public async Task WaitAsync(TimeSpan max, CancellationToken ct)
    {
        Volatile.Write(ref waits, true);
        try
        {
            await pulse.WaitAsync(max, ct);
        }
        finally
        {
            Volatile.Write(ref waits, false);
        }
    }

    /// <summary>Of the others.</summary>
    public Task WaitToHelpAsync(TimeSpan max, CancellationToken ct) => helper.WaitAsync(max, ct);

    private static void Release(SemaphoreSlim one)
    {
        if (one.CurrentCount == 0)
        {
            one.Release();
        }
    }

    /// <summary>More webhooks wait to be answered than one commit at a time takes.</summary>
    public void Pressed() =>
        Volatile.Write(ref pressedUntil, clock.GetTimestamp() + (long)(PressedFor.TotalSeconds * clock.TimestampFrequency));

    /// <summary>Returns when the journal is no longer pressed, at the latest after <see cref="StandBackMax"/>.</summary>
    public async Task CalmAsync(CancellationToken ct)
    {
        var end = clock.GetTimestamp() + (long)(StandBackMax.TotalSeconds * clock.TimestampFrequency);
        for (var now = clock.GetTimestamp(); now < end && now < Volatile.Read(ref pressedUntil); now = clock.GetTimestamp())
        {
            await Task.Delay(clock.GetElapsedTime(now, Math.Min(end, Volatile.Read(ref pressedUntil))) + TimeSpan.FromMilliseconds(1),
                clock, ct);
        }
    }
}
