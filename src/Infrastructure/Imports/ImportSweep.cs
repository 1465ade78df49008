using Bsp.Application.Imports;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Imports;

/// <summary>Deletes the bad rows of imports that ended <see cref="ImportView.RejectsKeptDays"/> ago, and what failed ones left in staging.</summary>
public sealed partial class ImportSweep(Shards shards, TimeProvider clock, ILogger<ImportSweep> log) : BackgroundService
{
    private const int PageRows = 2_000;

    // What is left after so many pages waits for the next round.
    private const int PagesMax = 500;
    private static readonly TimeSpan Every = TimeSpan.FromHours(1);
    private static readonly TimeSpan First = TimeSpan.FromMinutes(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        for (var pause = First; !stoppingToken.IsCancellationRequested; pause = Every)
        {
            await Task.Delay(pause, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            foreach (var shard in shards.All)
            {
                try
                {
                    await SweepAsync(shard, stoppingToken);
                }
                catch (Exception e) when (e is NpgsqlException or IOException or TimeoutException)
                {
                    LogFailed(e, shard.Name);
                }
                catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
                {
                    return;
                }
            }
        }
    }

    /// <summary>One round over one shard.</summary>
    public async Task SweepAsync(Shard shard, CancellationToken ct)
    {
        var before = clock.GetUtcNow().AddDays(-ImportView.RejectsKeptDays);
        for (var page = 0; page < PagesMax && await PageAsync(shard, before, ct) > 0; page++)
        {
        }
    }

    private static async Task<int> PageAsync(Shard shard, DateTimeOffset before, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT bsp.sweep_imports($1, $2)");
        command.Parameters.Add(new() { Value = before.UtcDateTime });
        command.Parameters.Add(new() { Value = PageRows });
        return (int)(await command.ExecuteScalarAsync(ct))!;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "bad rows of old imports on {Shard} could not be deleted; trying again in an hour")]
    private partial void LogFailed(Exception exception, string shard);
}
