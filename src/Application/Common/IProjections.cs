namespace Bsp.Application.Common;

/// <summary>A view that follows the log, on one shard.</summary>
/// <param name="Name">With version, <c>campaign_counters.v1</c>.</param>
/// <param name="State"><c>running</c>, <c>rebuilding</c>, <c>waiting</c> (a store is down), <c>paused</c> or <c>stopped</c> (an event it must not leave out failed).</param>
/// <param name="Lag">Numbers of the log still to go through.</param>
/// <param name="EventsPerSecond">Of the last seconds, of its own event types.</param>
/// <param name="Parked">Events left out because they failed.</param>
/// <param name="Error">Why it waits or stopped; null otherwise.</param>
/// <param name="Pending"><c>pause</c>, <c>resume</c> or <c>rebuild</c>: asked for and not carried out yet; null: nothing.</param>
public sealed record ProjectionView(string Name, string Shard, string State, long Lag, double EventsPerSecond, long Parked, string? Error, string? Pending, DateTimeOffset UpdatedAt);

/// <summary>What a person may ask of a projection.</summary>
public enum ProjectionOrder
{
    Pause,
    Resume,

    /// <summary>Empty the view and replay the log.</summary>
    Rebuild,
}

/// <summary>The views as operators see them, whichever process runs them.</summary>
public interface IProjections
{
    /// <summary>By name, then shard.</summary>
    Task<IReadOnlyList<ProjectionView>> ListAsync(CancellationToken ct);

    /// <summary>Asks on every shard; carried out within about a second by whoever runs it.</summary>
    /// <exception cref="Domain.Common.Refusal"><c>projection.unknown</c></exception>
    Task OrderAsync(string name, ProjectionOrder order, CancellationToken ct);
}
