using Bsp.Application.Common;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// Keeps <c>daily_stats</c>: the days that received rows are counted again as a whole, every few seconds while rows arrive. One rebuilder
/// at a time.
/// </summary>
public sealed partial class DailyStats(ClickHouseClient client, ClickHouseSchema schema, Shards shards, TimeProvider clock,
    ILogger<DailyStats> log) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);       // between two rebuilds
    private static readonly TimeSpan WithoutCall = TimeSpan.FromMinutes(1); // rows may come by Kafka, or through another process
    private const long Lock = 0x4273_705F_4461_696C;                        // "Bsp_Dail"
    // an insert that began before the last rebuild has become visible by then
    private const int OverlapSeconds = 300;

    private readonly SemaphoreSlim called = new(0, 1);

    /// <summary>Rows have arrived.</summary>
    public void Wake()
    {
        try
        {
            called.Release();
        }
        catch (SemaphoreFullException)
        {
            // It is called already; one rebuild counts all that has arrived until it begins.
        }
    }

    /// <summary>Counts all days again that received rows since the last time.</summary>
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

        await schema.EnsureAsync(ct);
        await client.ExecuteAsync(Rebuild, ct, ("overlap_seconds", OverlapSeconds));
        await transaction.CommitAsync(ct);
        return true;
    }

    /// <summary>Does something while no process counts days; waits its turn.</summary>
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

    /// <summary>The counting statement for other tables than those that serve.</summary>
    public static string RebuildOf(string rows, string days) =>
        Rebuild.Replace("daily_stats_data", days, StringComparison.Ordinal).Replace("message_analytics", rows, StringComparison.Ordinal);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (client.IsConfigured && !stoppingToken.IsCancellationRequested)
        {
            try
            {
                await called.WaitAsync(WithoutCall, stoppingToken);
                await RebuildAsync(stoppingToken);
                Loop.Worked();
                await Task.Delay(Pause, clock, stoppingToken);
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

    private static readonly string Rebuild = ClickHouseSchema.Text("Bsp.Infrastructure.ClickHouse.daily_rebuild.sql");

    [LoggerMessage(Level = LogLevel.Warning, Message = "daily_stats could not be counted again; next try in a few seconds")]
    private partial void LogFailed(Exception error);
}
