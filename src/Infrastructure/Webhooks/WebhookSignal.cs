namespace Bsp.Infrastructure.Webhooks;

/// <summary>
/// Between the journal and the readers of the inbox in this process: wakes them when something was written (what other processes wrote is found by looking), and asks them
/// to stand back while answers to Meta pile up.
/// </summary>
public sealed class WebhookSignal(TimeProvider clock)
{
    /// <summary>A reader stands back at most this long before a page, and not after a full one, however many webhooks come: what is read late is read in fuller pages, but it is read.</summary>
    public static readonly TimeSpan StandBackMax = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan PressedFor = TimeSpan.FromMilliseconds(25);

    private readonly Lock gate = new();
    private readonly SemaphoreSlim pulse = new(0, 1);
    private long pressedUntil;

    /// <summary>There is something to read.</summary>
    public void Set()
    {
        lock (gate)
        {
            if (pulse.CurrentCount == 0)
            {
                pulse.Release();
            }
        }
    }

    /// <summary>Returns when set, or after <paramref name="max"/>.</summary>
    public Task WaitAsync(TimeSpan max, CancellationToken ct) => pulse.WaitAsync(max, ct);

    /// <summary>More webhooks wait to be answered than one commit at a time takes.</summary>
    public void Pressed() => Volatile.Write(ref pressedUntil, clock.GetTimestamp() + (long)(PressedFor.TotalSeconds * clock.TimestampFrequency));

    /// <summary>Returns when the journal is no longer pressed, at the latest after <see cref="StandBackMax"/>.</summary>
    public async Task CalmAsync(CancellationToken ct)
    {
        var end = clock.GetTimestamp() + (long)(StandBackMax.TotalSeconds * clock.TimestampFrequency);
        for (var now = clock.GetTimestamp(); now < end && now < Volatile.Read(ref pressedUntil); now = clock.GetTimestamp())
        {
            await Task.Delay(clock.GetElapsedTime(now, Math.Min(end, Volatile.Read(ref pressedUntil))) + TimeSpan.FromMilliseconds(1), clock, ct);
        }
    }
}
