using Bsp.Application.EventStore;

namespace Bsp.Application.Common;

/// <summary>Lets a reader wait for a view to reach what it wrote (<c>Bsp-Min-Position</c>).</summary>
public interface IViewWaiter
{
    /// <summary>Returns when the view of the organization's shard has reached <paramref name="position"/>; waits at most 5 s.</summary>
    /// <param name="view">Name of the projection, <c>campaign_counters.v1</c>.</param>
    /// <exception cref="ViewBehind">It has not, within the wait.</exception>
    Task WaitAsync(string view, Guid organizationId, Position position, CancellationToken ct);
}
