using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Media;

/// <summary>Removes objects that are nobody's (any more), and in time what is known of files that were deleted.</summary>
public sealed partial class MediaSweep(Shards shards, MediaVault vault, TimeProvider clock, ILogger<MediaSweep> log) : BackgroundService
{
    private const int AtOnce = 100;
    private const int RowsAtOnce = 1_000;
    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(2);

    // Meta repeats webhooks for 7 days: until then a message that comes again must not bring back what was deleted.
    private static readonly TimeSpan DeletedKept = TimeSpan.FromDays(30);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Background);
        while (!stoppingToken.IsCancellationRequested)
        {
            foreach (var shard in shards.All)
            {
                try
                {
                    while (await RoundAsync(shard, stoppingToken) == AtOnce)
                    {
                    }

                    Loop.Worked(shard.Name);
                }
                catch (Exception e) when (StoreTrouble.Is(e) && !stoppingToken.IsCancellationRequested)
                {
                    LogRound(e, shard.Name);
                    Loop.Failed(e, shard.Name);
                }
            }

            await Task.Delay(LookEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Removes what is due in a shard; how many objects.</summary>
    public async Task<int> RoundAsync(Shard shard, CancellationToken ct)
    {
        var due = new List<(Guid OrganizationId, string Key)>();
        var now = clock.GetUtcNow();
        await using (var command =
            shard.App.CreateCommand("SELECT organization_id, object_key FROM bsp.take_object_removals($1, $2, $3)"))
        {
            command.Parameters.Add(new() { Value = now.UtcDateTime });
            command.Parameters.Add(new() { Value = (now + Lease).UtcDateTime });
            command.Parameters.Add(new() { Value = AtOnce });
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                due.Add((reader.GetGuid(0), reader.GetString(1)));
            }
        }

        foreach (var (organizationId, key) in due)
        {
            await vault.RemoveAsync(key, ct);
            await using var transaction = await shard.BeginAsync(organizationId, ct);
            await transaction.ExecuteAsync("DELETE FROM bsp.object_removals WHERE object_key = $1", ct, key);
            await transaction.CommitUnmarkedAsync(ct);
        }

        await using var sweep = shard.App.CreateCommand("SELECT bsp.sweep_media($1, $2)");
        sweep.Parameters.Add(new() { Value = (now - DeletedKept).UtcDateTime });
        sweep.Parameters.Add(new() { Value = RowsAtOnce });
        await sweep.ExecuteScalarAsync(ct);
        return due.Count;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "media: objects of shard {Shard} could not be removed; trying again")]
    private partial void LogRound(Exception e, string shard);
}
