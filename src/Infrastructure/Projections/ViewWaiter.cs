using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Projections;

/// <summary>Waits on the runner. A position of an earlier epoch was reached before the organization moved here.</summary>
public sealed class ViewWaiter(ProjectionRunner runner, IEnumerable<IProjection> projections, Shards shards) : IViewWaiter
{
    /// <summary>How long a reader waits at most. Tests on a busy machine wait longer.</summary>
    internal TimeSpan WaitMax { get; set; } = TimeSpan.FromSeconds(5);

    [Application.Common.Bounded("one a projection")]
    private readonly HashSet<string> views = [.. projections.Select(p => p.Name)];

    public async Task WaitAsync(string view, Guid organizationId, Position position, CancellationToken ct)
    {
        if (!views.Contains(view))
        {
            return; // its store is not configured here; the query itself says so
        }

        var shard = await shards.OfAsync(organizationId, ct);
        if (position.Epoch >= shard.Epoch)
        {
            await runner.WaitAsync(view, shard, position.Sequence, WaitMax, ct);
        }
    }
}
