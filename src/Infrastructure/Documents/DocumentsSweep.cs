using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Documents;

/// <summary>
/// Deletes JSONB documents past the specification's retention (§6): logs after 30 days, AI histories after 90, messages and
/// conversations after two years. MongoDB
/// does it by itself.
/// </summary>
public sealed partial class DocumentsSweep(Shards shards, TimeProvider clock, ILogger<DocumentsSweep> log)
    : ShardSweep(shards, clock, TimeSpan.FromMinutes(1))
{
    /// <summary>Rows deleted in one transaction.</summary>
    public const int PageRows = 2_000;

    /// <summary>Years a message is kept after it was written.</summary>
    public const int MessageYears = 2;

    // What is left after so many pages waits for the next round, so that a backlog does not load the database for hours.
    private const int PagesMax = 500;

    /// <inheritdoc/>
    public override async Task<int> SweepAsync(Shard shard, CancellationToken ct)
    {
        var now = Clock.GetUtcNow();
        var gone = await PagesAsync(shard, "SELECT documents.sweep_logs($1, $2)", now.AddDays(-MessageLogDocument.RetentionDays), ct)
            + await PagesAsync(shard, "SELECT documents.sweep_messages($1, $2)", now.AddYears(-MessageYears), ct)
            + await PagesAsync(shard, "SELECT documents.sweep_conversations($1, $2)", now, ct)
            + await PagesAsync(shard, "SELECT documents.sweep_ai($1, $2)", now.AddDays(-AiConversationDocument.RetentionDays), ct);
        if (gone > 0)
        {
            LogGone(gone, shard.Name);
        }

        return gone;
    }

    private static async Task<int> PagesAsync(Shard shard, string sql, DateTimeOffset before, CancellationToken ct)
    {
        var gone = 0;
        for (var page = 0; page < PagesMax; page++)
        {
            await using var command = shard.App.CreateCommand(sql);
            command.Parameters.Add(new() { Value = before.UtcDateTime });
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

    [LoggerMessage(Level = LogLevel.Information,
        Message = "retention: {Count} documents of shard {Shard} were past their time and are deleted")]
    private partial void LogGone(int count, string shard);

    [LoggerMessage(Level = LogLevel.Warning, Message = "retention: documents of shard {Shard} could not be swept; trying again in an hour")]
    protected override partial void LogFailed(Exception e, string shard);
}
