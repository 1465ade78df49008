using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Ai;

/// <summary>Deletes replays 90 days after they were asked for.</summary>
public sealed partial class AiSweep(Shards shards, TimeProvider clock, ILogger<AiSweep> log)
    : ShardSweep(shards, clock, TimeSpan.FromMinutes(3))
{
    private const int PageRows = 20; // each with its 500 items
    private const int PagesMax = 100;
    private const int ShadowDays = 90;

    /// <inheritdoc/>
    public override async Task<int> SweepAsync(Shard shard, CancellationToken ct)
    {
        var gone = 0;
        for (var page = 0; page < PagesMax; page++)
        {
            await using var command = shard.App.CreateCommand("SELECT bsp.sweep_ai($1, $2)");
            command.Parameters.Add(new() { Value = Clock.GetUtcNow().AddDays(-ShadowDays).UtcDateTime });
            command.Parameters.Add(new() { Value = PageRows });
            var rows = (int)(await command.ExecuteScalarAsync(ct))!;
            gone += rows;
            if (rows < PageRows)
            {
                break;
            }
        }

        return gone;
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "retention: replays of shard {Shard} could not be swept; trying again in an hour")]
    protected override partial void LogFailed(Exception e, string shard);
}
