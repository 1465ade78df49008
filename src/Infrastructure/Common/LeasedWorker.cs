using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;

namespace Bsp.Infrastructure.Common;

/// <summary>
/// Carries out long work that lies in the shards' tables: one piece of a shard at a time in this process, under a lease, so that a killed
/// process's piece is taken up by another. It looks when it is told of work, and by itself every five seconds; a shard that is away does
/// not hold up the others.
/// </summary>
public abstract class LeasedWorker(Shards shards, WorkSignal signal) : BackgroundService
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(5);

    /// <summary>One piece of each shard, as far as it goes. False: there was none.</summary>
    public async Task<bool> WorkAsync(CancellationToken ct)
    {
        var any = false;
        foreach (var shard in shards.All)
        {
            any |= await TakeAsync(shard, ct);
        }

        return any;
    }

    /// <summary>Leases one piece and carries it out. False: there was none.</summary>
    protected abstract Task<bool> TakeAsync(Shard shard, CancellationToken ct);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Bulk);
        while (!stoppingToken.IsCancellationRequested)
        {
            var any = false;
            foreach (var shard in shards.All)
            {
                any |= await TriedAsync(shard, stoppingToken);
            }

            if (!any)
            {
                await signal.WaitAsync(LookEvery, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task<bool> TriedAsync(Shard shard, CancellationToken ct)
    {
        try
        {
            var any = await TakeAsync(shard, ct);
            Loop.Worked(shard.Name);
            return any;
        }
        catch (Exception e) when (!ct.IsCancellationRequested)
        {
            LogLookFailed(e, shard.Name); // the store is down: keep looking
            Loop.Failed(e, shard.Name);
            return false;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    /// <summary>Says that a shard's work could not be looked up.</summary>
    protected abstract void LogLookFailed(Exception e, string shard);
}
