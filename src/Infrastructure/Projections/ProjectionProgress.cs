namespace Bsp.Infrastructure.Projections;

/// <summary>How far one projection on one shard is, known at once to those who wait in the process that runs it.</summary>
internal sealed class ProjectionProgress
{
    /// <summary>Not run by this process.</summary>
    public const long Elsewhere = -1;

    private TaskCompletionSource next = NewSource();
    private TaskCompletionSource hurried = NewSource();
    private long complete = Elsewhere;

    /// <summary>Complete up to here; <see cref="Elsewhere"/> when another process runs it.</summary>
    public long Complete
    {
        get => Volatile.Read(ref complete);
        set
        {
            if (Interlocked.Exchange(ref complete, value) != value)
            {
                Interlocked.Exchange(ref next, NewSource()).TrySetResult();
            }
        }
    }

    /// <summary>Of the last seconds, of its own types; for metrics.</summary>
    public double EventsPerSecond { get; set; }

    /// <summary>As last reported; for metrics.</summary>
    public ProjectionState State { get; set; }

    /// <summary>Why the last run here ended; null: it did not, or has worked since.</summary>
    public string? Ended { get; set; }

    /// <summary>It waits for a store, has stopped, or its runs end.</summary>
    public bool IsTrouble => Ended is not null || (Complete != Elsewhere && State is ProjectionState.Waiting or ProjectionState.Stopped);

    /// <summary>Completes at the next move. Take it before looking.</summary>
    public Task Next => Volatile.Read(ref next).Task;

    /// <summary>Completes when somebody waits for the view. Take it before the page that they may wait for is read.</summary>
    public Task Hurried => Volatile.Read(ref hurried).Task;

    /// <summary>Somebody waits for the view: it does not rest now.</summary>
    public void Hurry() => Volatile.Read(ref hurried).TrySetResult();

    /// <summary>It has looked again: whoever waits still says so again.</summary>
    public void Looked()
    {
        if (Hurried.IsCompleted)
        {
            Volatile.Write(ref hurried, NewSource());
        }
    }

    private static TaskCompletionSource NewSource() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
