using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace Bsp.Infrastructure.Common;

/// <summary>Tidying up, shard after shard, every hour. A shard that cannot be reached waits for the next round.</summary>
/// <param name="first">Pause before the first round.</param>
public abstract class ShardSweep(Shards shards, TimeProvider clock, TimeSpan first) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromHours(1);

    protected TimeProvider Clock => clock;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var pause = first; !stoppingToken.IsCancellationRequested; pause = Every)
        {
            await Task.Delay(pause, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var shard in shards.All)
            {
                try
                {
                    await SweepAsync(shard, stoppingToken);
                    Loop.Worked(shard.Name);
                }
                catch (Exception e) when (e is NpgsqlException or IOException or TimeoutException or StoreUnavailable)
                {
                    LogFailed(e, shard.Name);
                    Loop.Failed(e, shard.Name);
                }
                catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
                {
                    return;
                }
            }
        }
    }

    /// <summary>One round over one shard; how many rows (or streams) it dealt with.</summary>
    public abstract Task<int> SweepAsync(Shard shard, CancellationToken ct);

    /// <summary>Says that a round over a shard failed.</summary>
    protected abstract void LogFailed(Exception e, string shard);
}
