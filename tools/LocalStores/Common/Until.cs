namespace Bsp.LocalStores.Common;

/// <summary>Waits for a condition, never for a time.</summary>
internal static class Until
{
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(20);

    /// <summary>Probes until the condition holds. False when <paramref name="patience"/> ended first.</summary>
    public static async Task<bool> TrueAsync(Func<CancellationToken, Task<bool>> condition, TimeSpan patience, CancellationToken ct)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(ct);
        deadline.CancelAfter(patience);
        using var timer = new PeriodicTimer(ProbeInterval);
        try
        {
            while (!await condition(deadline.Token))
            {
                await timer.WaitForNextTickAsync(deadline.Token);
            }

            return true;
        }
        catch (OperationCanceledException) when (deadline.IsCancellationRequested && !ct.IsCancellationRequested)
        {
            return false;
        }
    }

    public static Task<bool> TrueAsync(Func<bool> condition, TimeSpan patience, CancellationToken ct) =>
        TrueAsync(_ => Task.FromResult(condition()), patience, ct);
}
