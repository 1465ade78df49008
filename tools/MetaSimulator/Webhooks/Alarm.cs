namespace Bsp.MetaSimulator.Webhooks;

/// <summary>Lets one loop sleep until a time, or until someone has something for it.</summary>
internal sealed class Alarm : IDisposable
{
    private readonly SemaphoreSlim _rung = new(0);
    private int _sleeping;

    /// <summary>Costs next to nothing while the loop is awake.</summary>
    public void Ring()
    {
        if (Interlocked.Exchange(ref _sleeping, 0) == 1)
        {
            _rung.Release();
        }
    }

    /// <param name="waitMs">Asked once the alarm is set, so that nothing put there before is overslept. -1 waits for a ring.</param>
    public async Task Sleep(Func<int> waitMs, CancellationToken ct)
    {
        Volatile.Write(ref _sleeping, 1);
        if (!await _rung.WaitAsync(waitMs(), ct) && Interlocked.Exchange(ref _sleeping, 0) == 0)
        {
            await _rung.WaitAsync(ct); // someone is ringing just now: take it, or the next sleep would be cut short
        }
    }

    public void Dispose() => _rung.Dispose();
}
