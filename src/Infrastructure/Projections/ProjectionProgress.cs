namespace Bsp.Infrastructure.Projections;

/// <summary>How far one projection on one shard is, known at once to those who wait in the process that runs it.</summary>
internal sealed class ProjectionProgress
{
    /// <summary>Not run by this process.</summary>
    public const long Elsewhere = -1;

    private TaskCompletionSource next = NewSource();
    private long complete = Elsewhere;

    /// <summary>Complete up to here; <see cref="Elsewhere"/> when another process runs it.</summary>
    public long Complete
    {
        get => Volatile.Read(ref complete);
        set
        {
            Volatile.Write(ref complete, value);
            Interlocked.Exchange(ref next, NewSource()).TrySetResult();
        }
    }

    /// <summary>Completes at the next move. Take it before looking.</summary>
    public Task Next => Volatile.Read(ref next).Task;

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
