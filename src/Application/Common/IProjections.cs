namespace Bsp.Application.Common;

/// <summary>A view that follows the log, on one shard.</summary>
/// <param name="Name">With version, <c>campaign_counters.v1</c>.</param>
/// <param name="State"><c>running</c>, <c>rebuilding</c> (running, and being built anew beside), <c>waiting</c> (a store is down),
/// <c>paused</c> or <c>stopped</c> (an event it must not leave out failed).</param>
/// <param name="Lag">Numbers of the log still to go through.</param>
/// <param name="EventsPerSecond">Of the last seconds, of its own event types.</param>
/// <param name="Parked">Events left out because they failed.</param>
/// <param name="Error">Why it waits or stopped; null otherwise.</param>
/// <param name="Pending"><c>pause</c>, <c>resume</c>, <c>rebuild</c>, <c>cancel</c> or <c>retry</c>: asked for and not carried out yet;
/// null: nothing.</param>
/// <param name="Rebuild">The one under way; null: none. The view serves and follows the log meanwhile.</param>
public sealed record ProjectionView(string Name, string Shard, string State, long Lag, double EventsPerSecond, long Parked, string? Error,
    string? Pending, DateTimeOffset UpdatedAt, RebuildView? Rebuild);

/// <summary>A view that is being built anew beside the one that serves.</summary>
/// <param name="State"><c>rebuilding</c>, <c>waiting</c>, <c>paused</c> or <c>stopped</c>.</param>
/// <param name="Percent">Of the log gone through, 0–100.</param>
/// <param name="EventsPerSecond">Of the last seconds, of its own event types.</param>
/// <param name="EtaSeconds">Until it serves, at the pace of the last seconds; null: it does not move.</param>
/// <param name="Parked">Events left out because they failed.</param>
/// <param name="Error">Why it waits or stopped; null otherwise.</param>
public sealed record RebuildView(string State, double Percent, double EventsPerSecond, long? EtaSeconds, long Parked, string? Error,
    DateTimeOffset StartedAt);

/// <summary>What a person may ask of a projection.</summary>
public enum ProjectionOrder
{
    Pause,
    Resume,

    /// <summary>
    /// Build the view anew beside the old one, and swap. While one is under way it goes on; one that stopped is begun afresh.
    /// </summary>
    Rebuild,

    /// <summary>Give up the rebuild that is under way.</summary>
    Cancel,

    /// <summary>Take the parked events once more: at once where their order does not matter, else by a rebuild.</summary>
    Retry,
}

/// <summary>The views as operators see them, whichever process runs them.</summary>
public interface IProjections
{
    /// <summary>By name, then shard.</summary>
    Task<IReadOnlyList<ProjectionView>> ListAsync(CancellationToken ct);

    /// <summary>Asks on every shard; carried out within about a second by whoever runs it.</summary>
    /// <exception cref="Domain.Common.Refusal"><c>projection.unknown</c>; <c>projection.no_rebuild</c>: it is a process manager, what it
    /// made is in the log</exception>
    Task OrderAsync(string name, ProjectionOrder order, CancellationToken ct);
}
