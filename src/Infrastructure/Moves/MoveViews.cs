using System.Diagnostics;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Moves;

/// <summary>Waits for every projection of a shard, whichever process runs it: process managers have answered, views have what there
/// is.</summary>
public sealed class MoveViews(ProjectionRunner runner, IEnumerable<IProjection> projections)
{
    private readonly IProjection[] all = [.. projections];

    /// <summary>Who hinders a move on this shard, in a sentence; null: nobody.</summary>
    public async Task<string?> TroubleAsync(Shard shard, CancellationToken ct)
    {
        var statuses = (await runner.StatusAsync(ct)).Where(s => s.Shard == shard.Name && all.Any(p => p.Name == s.Name)).ToList();
        if (statuses.Find(s => s.State is ProjectionState.Paused or ProjectionState.Stopped) is { } stands)
        {
            return $"The view {stands.Name} on shard '{shard.Name}' is {stands.State.ToString().ToLowerInvariant()}: resume it first.";
        }

        return statuses.Find(s => s.Rebuild is not null) is { } built
            ? $"The view {built.Name} on shard '{shard.Name}' is being built anew: the move goes on when it serves." : null;
    }

    /// <summary>True: all are complete up to this number of the shard's log.</summary>
    public async Task<bool> ReachAsync(Shard shard, long sequence, TimeSpan max, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        var reached = await Task.WhenAll(all.Select(async projection =>
        {
            try
            {
                await runner.WaitAsync(projection.Name, shard, sequence, max, ct);
                return true;
            }
            catch (Application.Common.ViewBehind)
            {
                return false;
            }
        }));
        return reached.All(r => r) && Stopwatch.GetElapsedTime(began) <= max + TimeSpan.FromSeconds(1);
    }
}
