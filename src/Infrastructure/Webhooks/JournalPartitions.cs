using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Webhooks;

/// <param name="RetentionDays">Days a webhook can be replayed. Default 7, the time Meta repeats for and the specification keeps webhook
/// logs.</param>
public sealed record JournalOptions(int RetentionDays);

/// <summary>
/// Makes the journal's partitions some days ahead and drops those past retention, with their notes and what was set aside.
/// </summary>
public sealed partial class JournalPartitions(Shards shards, JournalOptions options, TimeProvider clock, ILogger<JournalPartitions> log)
    : BackgroundService
{
    private const int AheadDays = 3;
    private static readonly TimeSpan Every = TimeSpan.FromHours(1);
    private static readonly TimeSpan RetryAfter = TimeSpan.FromSeconds(10);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Webhooks);
        while (!stoppingToken.IsCancellationRequested)
        {
            var pause = Every;
            try
            {
                await MaintainAsync(stoppingToken);
                Loop.Worked();
            }
            catch (Exception e) when (e is NpgsqlException or IOException or TimeoutException)
            {
                LogFailed(e);
                Loop.Failed(e);
                pause = RetryAfter;
            }

            await Task.Delay(pause, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>One round; also called before the first webhook is taken.</summary>
    public async Task MaintainAsync(CancellationToken ct)
    {
        var today = DateOnly.FromDateTime(clock.GetUtcNow().UtcDateTime);
        await RunAsync("SELECT bsp.journal_make_partitions($1, $2)", ct, today, AheadDays);
        await RunAsync("SELECT bsp.journal_drop_before($1)", ct, today.AddDays(-options.RetentionDays));
        await RunAsync("DELETE FROM bsp.webhook_set_aside WHERE set_aside_at < $1", ct, clock.GetUtcNow()
            .AddDays(-options.RetentionDays).UtcDateTime);
        await RunAsync("DELETE FROM bsp.webhook_notes WHERE noted_at < $1", ct, clock.GetUtcNow()
            .AddDays(-options.RetentionDays).UtcDateTime);
    }

    private async Task RunAsync(string sql, CancellationToken ct, params object[] arguments)
    {
        await using var command = shards.Directory.CreateCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        await command.ExecuteNonQueryAsync(ct);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "journal: partitions could not be looked after; trying again soon")]
    private partial void LogFailed(Exception e);
}
