using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// Keeps what reports are made from: the days, quarters of an hour and months that received rows are counted again as a whole, every few
/// seconds while rows arrive, and no others. One process counts at a time. Decision: docs/decisions/0311.
/// </summary>
public sealed partial class DailyStats(ClickHouseClient client, ClickHouseSchema schema, Shards shards, TimeProvider clock,
    ILogger<DailyStats> log) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);       // between two rounds, at least
    private static readonly TimeSpan PauseMax = TimeSpan.FromMinutes(1);
    private const int PauseTimesWork = 4;                                   // a fifth of the time at most is spent on counting
    private static readonly TimeSpan WithoutCall = TimeSpan.FromMinutes(1); // rows may come by Kafka, or through another process
    private static readonly TimeSpan WholeEvery = TimeSpan.FromHours(1);    // looks at older marks than two days
    private const long Lock = 0x4273_705F_4461_696C;                        // "Bsp_Dail"

    private readonly SemaphoreSlim called = new(0, 1);
    private readonly BucketCounting counting = new(client);
    private readonly AnalyticsCheckpoints checkpoints = new(client, schema);
    private DateTimeOffset wholeAt;

    /// <summary>Rows have arrived.</summary>
    public void Wake()
    {
        try
        {
            called.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is called already; one round counts all that has arrived until it begins.
        }
    }

    /// <summary>Counts what received rows since the last time.</summary>
    /// <returns>False: another process is at it.</returns>
    /// <exception cref="StoreUnavailable">ClickHouse cannot be reached.</exception>
    public async Task<bool> RebuildAsync(CancellationToken ct)
    {
        await using var connection = await shards.Directory.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct); // the lock ends with it, also when the connection breaks
        await using var take =
            new NpgsqlCommand("SELECT pg_try_advisory_xact_lock($1)", connection) { Parameters = { new() { Value = Lock } } };
        if (await take.ExecuteScalarAsync(ct) is not true)
        {
            return false;
        }

        await RoundAsync(ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    /// <summary>Does something while no process counts; waits its turn.</summary>
    public async Task AloneAsync(Func<Task> work, CancellationToken ct)
    {
        await using var connection = await shards.Directory.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        await using var take =
            new NpgsqlCommand("SELECT pg_advisory_xact_lock($1)", connection) { Parameters = { new() { Value = Lock } } };
        await take.ExecuteNonQueryAsync(ct);
        await work();
        await transaction.CommitAsync(ct);
    }

    // The places are read before the marks: what lies below them has its marks by then.
    private async Task RoundAsync(CancellationToken ct)
    {
        await schema.EnsureAsync(ct);
        var places = new List<(string Shard, long Position)>();
        foreach (var shard in shards.All)
        {
            var (_, sequence) = await checkpoints.StandsAsync(ViewNames.MessageAnalytics, shard, ct);
            places.Add((shard.Name, new Position(shard.Epoch, sequence).Packed));
        }

        var now = clock.GetUtcNow();
        var whole = now - wholeAt >= WholeEvery;
        await counting.CountMarkedAsync(whole, places, ct);
        wholeAt = whole ? now : wholeAt;
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (client.IsConfigured && !stoppingToken.IsCancellationRequested)
        {
            try
            {
                await called.WaitAsync(WithoutCall, stoppingToken);
                var began = clock.GetTimestamp();
                await RebuildAsync(stoppingToken);
                Loop.Worked();
                var rest = PauseTimesWork * clock.GetElapsedTime(began);
                await Task.Delay(rest < Pause ? Pause : rest > PauseMax ? PauseMax : rest, clock, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (e is StoreUnavailable or ClickHouseException or NpgsqlException)
            {
                LogFailed(e);
                Loop.Failed(e);
                Wake(); // its days are still uncounted
                await Task.Delay(Pause, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "the figures of reports could not be counted again; next try in a few seconds")]
    private partial void LogFailed(Exception error);
}
