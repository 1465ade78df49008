namespace Bsp.Infrastructure.Common;

/// <summary>Tells a worker of this process that there is something to do, so that it need not wait for its next look.</summary>
public abstract class WorkSignal : IDisposable
{
    private readonly SemaphoreSlim raised = new(0, 1);

    /// <summary>There is something to do.</summary>
    public void Raise()
    {
        try
        {
            raised.Release();
        }
        catch (SemaphoreFullException)
        {
            // Raised already and not yet seen: one look finds both.
        }
    }

    /// <summary>Waits until raised, or for <paramref name="patience"/>.</summary>
    public Task WaitAsync(TimeSpan patience, CancellationToken ct) => raised.WaitAsync(patience, ct);

    public void Dispose()
    {
        raised.Dispose();
        GC.SuppressFinalize(this);
    }
}
