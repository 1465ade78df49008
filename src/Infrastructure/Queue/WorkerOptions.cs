namespace Bsp.Infrastructure.Queue;

/// <summary>How a worker works; the defaults are BullMQ's, except for the slots.</summary>
public sealed record WorkerOptions
{
    /// <summary>Shown on dashboards, as the connection's name and on each job.</summary>
    public string Name { get; init; } = Environment.MachineName;

    /// <summary>Jobs in hand at once; each holds a lock that is renewed.</summary>
    public int Slots { get; init; } = 200;

    /// <summary>Jobs handed to the handler together, 1–<see cref="MessageQueue.TakenMax"/>.</summary>
    public int BatchMax { get; init; } = MessageQueue.TakenMax;

    /// <summary>Time between two looks for jobs whose owner died; shared by all workers of the queue.</summary>
    public TimeSpan StalledInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>More stalls than this fail a job.</summary>
    public int StallsMax { get; init; } = 1;

    /// <summary>Longest sleep without a look at the queue; bounds the harm of a lost wake-up.</summary>
    public TimeSpan IdleMax { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>On stopping, running batches have this long before their token is cancelled and an unreachable Redis is given up.</summary>
    public TimeSpan StopGrace { get; init; } = TimeSpan.FromSeconds(10);
}
