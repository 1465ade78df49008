namespace Bsp.Infrastructure.Webhooks;

/// <summary>
/// So many bytes may be held at once; whoever wants more waits, in the order of asking, so that large ones are not overtaken for ever.
/// </summary>
/// <param name="bytes">What one asks for beyond this counts as this.</param>
internal sealed class ByteBudget(long bytes)
{
    private readonly Lock gate = new();
    [Application.Common.Bounded("requests that wait for room, each for 8 s at most")]
    private readonly Queue<(long Bytes, TaskCompletionSource Granted)> asking = new();
    private readonly long most = bytes;
    private long free = bytes;

    /// <summary>Returns when they are free, and takes them.</summary>
    /// <exception cref="OperationCanceledException">Nothing was taken.</exception>
    public async Task TakeAsync(long wanted, CancellationToken ct)
    {
        TaskCompletionSource granted;
        lock (gate)
        {
            wanted = Math.Min(wanted, most);
            if (asking.Count == 0 && wanted <= free)
            {
                free -= wanted;
                return;
            }

            granted = new(TaskCreationOptions.RunContinuationsAsynchronously);
            asking.Enqueue((wanted, granted));
        }

        await using var _ = ct.UnsafeRegister(static (source, token) => ((TaskCompletionSource)source!).TrySetCanceled(token), granted);
        await granted.Task;
    }

    /// <summary>Gives back what was taken.</summary>
    public void Return(long taken)
    {
        lock (gate)
        {
            free += Math.Min(taken, most);
            while (asking.TryPeek(out var next) && (next.Granted.Task.IsCompleted || next.Bytes <= free))
            {
                asking.Dequeue();
                if (next.Granted.TrySetResult()) // false: the caller gave up
                {
                    free -= next.Bytes;
                }
            }
        }
    }
}
