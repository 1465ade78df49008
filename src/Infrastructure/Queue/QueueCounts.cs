namespace Bsp.Infrastructure.Queue;

/// <summary>Jobs by state at one moment. A paused queue keeps its jobs among the waiting.</summary>
public sealed record QueueCounts(
    long Waiting, long Active, long Delayed, long Completed, long Failed, long Prioritized, bool Paused);
