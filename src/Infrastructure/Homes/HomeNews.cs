using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Homes;

/// <summary>
/// Hears that an organization moved (<c>NOTIFY bsp_homes</c> in the directory, with its id), and forgets its home. Only a hint: a home is
/// believed for <see cref="Shards.HomeLife"/> anyhow, and a shard refuses what is written for an organization that has left.
/// </summary>
public sealed partial class HomeNews(Shards shards, BspOptions options, TimeProvider clock, ILogger<HomeNews> log) : BackgroundService
{
    /// <summary>Where it is told; the payload is the organization's id.</summary>
    public const string Channel = "bsp_homes";

    private static readonly TimeSpan SignOfLifeEvery = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan AgainAfter = TimeSpan.FromSeconds(2);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception lost) when (StoreTrouble.Is(lost))
            {
                LogLost(lost.Message);
                Loop.Failed(lost);
                await Task.Delay(AgainAfter, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task ListenAsync(CancellationToken ct)
    {
        var text = new NpgsqlConnectionStringBuilder(
            options.DirectoryDirect ?? shards.DirectoryPools.Of(WorkKind.Background).ConnectionString)
        {
            Pooling = false,
            ApplicationName = "bsp homes",
            CommandTimeout = 10,
        };
        await using var connection = new NpgsqlConnection(text.ConnectionString);
        await connection.OpenAsync(ct);
        connection.Notification += (_, heard) =>
        {
            if (Guid.TryParse(heard.Payload, out var moved))
            {
                shards.Forget(moved);
            }
        };
        await ExecuteAsync(connection, $"LISTEN {Channel}", ct);
        shards.ForgetAll();
        while (true)
        {
            await connection.WaitAsync(SignOfLifeEvery, ct);
            await ExecuteAsync(connection, "SELECT 1", ct);
            Loop.Worked();
        }
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "homes: the directory's news cannot be heard ({Reason}); listening again")]
    private partial void LogLost(string reason);
}
