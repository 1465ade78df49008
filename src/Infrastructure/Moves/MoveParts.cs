using Bsp.Application.Common;
using Bsp.Application.Moves;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Moves;

/// <summary>What every move uses.</summary>
internal sealed partial class MoveParts(Shards shards, MovesTable moves, MoveViews views, CampaignProgressHandover progress,
    BspOptions options, TimeProvider clock, ILogger<MoveParts> log)
{
    public Shards Shards => shards;

    public MovesTable Moves => moves;

    public MoveViews Views => views;

    public BspOptions Options => options;

    /// <summary>Longest that commands may be refused before the switch; what takes longer is given up and tried again.</summary>
    public TimeSpan FreezeMax => options.Moves.FreezeMax;

    /// <summary>So long the log stays at the former shard.</summary>
    public TimeSpan KeepLog => options.Moves.KeepLog;

    public DateTime Now => clock.GetUtcNow().UtcDateTime;

    /// <summary>As the directory has it now.</summary>
    public async Task<string?> StateAsync(Guid move, CancellationToken ct) =>
        (await moves.RowsAsync("SELECT state FROM bsp.moves WHERE id = $1", r => r.GetString(0), ct, move)).FirstOrDefault();

    /// <summary>As it is now; null: it is over.</summary>
    public async Task<MoveView?> FindAsync(Guid move, CancellationToken ct) => (await moves.RowsAsync(
        $"SELECT {MovesTable.Columns} FROM bsp.moves WHERE id = $1 AND state NOT IN ('dropped', 'cancelled')", MovesTable.Row, ct, move))
        .FirstOrDefault();

    /// <summary>It lives at the target still, so that what is left at the source is nobody's.</summary>
    public async Task<bool> LivesElsewhereAsync(MoveView move, CancellationToken ct) => (await moves.RowsAsync(
        "SELECT shard <> $2 FROM bsp.directory_organizations WHERE organization_id = $1", r => r.GetBoolean(0), ct, move.OrganizationId,
        move.Source)) is [true];

    /// <exception cref="MoveFault">It lives elsewhere than when the move was asked for: nothing of it may be cleared away.</exception>
    public async Task StillAtHomeAsync(MoveView move, CancellationToken ct)
    {
        var home = await moves.RowsAsync("SELECT shard, epoch FROM bsp.directory_organizations WHERE organization_id = $1", r =>
            (r.GetString(0), r.GetInt32(1)), ct, move.OrganizationId);
        if (home is not [var found] || found != (move.Source, move.Epoch))
        {
            throw new MoveFault("The directory has another home for the organization than when this move was asked for.");
        }
    }

    /// <summary>The counting of its campaigns goes on at the target. Without Redis the target counts anew from the log.</summary>
    public async Task HandOverAsync(MoveView move, NpgsqlConnection source, CancellationToken ct)
    {
        try
        {
            var campaigns = await source.RowsAsync("SELECT id FROM campaigns WHERE organization_id = $1", r => r.GetGuid(0), ct,
                move.OrganizationId);
            await progress.HandOverAsync(shards.Named(move.Source), shards.Named(move.Target), campaigns, ct);
        }
        catch (StoreUnavailable away)
        {
            LogNotHanded(move.OrganizationId, away.Message);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "move of {OrganizationId}: the progress of its campaigns was not handed over ({Reason}); it is counted anew from "
            + "the log")]
    private partial void LogNotHanded(Guid organizationId, string reason);
}
