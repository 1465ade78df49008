using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Ai;

/// <summary>Deletes replays 90 days after they were asked for.</summary>
public sealed class AiSweep(TimeProvider clock) : ISweep
{
    public string Kind => "ai_replays";

    private const int PageRows = 20; // each with its 500 items
    private const int PagesMax = 100;
    private const int ShadowDays = 90;

    /// <inheritdoc/>
    public async Task<int> SweepAsync(Shard shard, CancellationToken ct)
    {
        var gone = 0;
        for (var page = 0; page < PagesMax; page++)
        {
            await using var command = shard.App.CreateCommand("SELECT bsp.sweep_ai($1, $2)");
            command.Parameters.Add(new() { Value = clock.GetUtcNow().AddDays(-ShadowDays).UtcDateTime });
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
}
