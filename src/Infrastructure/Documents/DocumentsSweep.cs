using Bsp.Application.Messages;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Documents;

/// <summary>Deletes JSONB documents past the specification's retention (§6): logs after 30 days, messages and conversations after two years. MongoDB does it by itself.</summary>
public sealed partial class DocumentsSweep(Shards shards, TimeProvider clock, ILogger<DocumentsSweep> log) : BackgroundService
{
    /// <summary>Rows deleted in one transaction.</summary>
    public const int PageRows = 2_000;

    /// <summary>Years a message is kept after it was written.</summary>
    public const int MessageYears = 2;

    // What is left after so many pages waits for the next round, so that a backlog does not load the database for hours.
    private const int PagesMax = 500;
    private static readonly TimeSpan Every = TimeSpan.FromHours(1);
    private static readonly TimeSpan First = TimeSpan.FromMinutes(1);

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

    /// <summary>One round over one shard; how many documents it deleted.</summary>
    public async Task<int> SweepAsync(Shard shard, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var gone = await PagesAsync(shard, "SELECT documents.sweep_logs($1, $2)", now.AddDays(-MessageLogDocument.RetentionDays), ct)
            + await PagesAsync(shard, "SELECT documents.sweep_messages($1, $2)", now.AddYears(-MessageYears), ct)
            + await PagesAsync(shard, "SELECT documents.sweep_conversations($1, $2)", now, ct);
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

    [LoggerMessage(Level = LogLevel.Information, Message = "retention: {Count} documents of shard {Shard} were past their time and are deleted")]
    private partial void LogGone(int count, string shard);

    [LoggerMessage(Level = LogLevel.Warning, Message = "retention: documents of shard {Shard} could not be swept; trying again in an hour")]
    private partial void LogFailed(Exception e, string shard);
}
