using System.Collections.Concurrent;
using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Configuration;

/// <summary>
/// Migrates at the start what can be reached. A shard that is down then keeps nobody of the others waiting: it is migrated when it is back,
/// and shown in <c>/health/ready</c> until then. Without the directory, and with no shard at all, there is no start.
/// </summary>
public sealed partial class LateMigrations(BspOptions options, ILoggerFactory loggers, TimeProvider clock, ILogger<LateMigrations> log)
    : BackgroundService, IStoreHealth
{
    private static readonly TimeSpan AgainEvery = TimeSpan.FromSeconds(5);

    [Bounded("one a shard")]
    private readonly ConcurrentDictionary<string, ShardOptions> late = new();

    public string Name => "schema";

    public Task<string?> CheckAsync(CancellationToken ct) => Task.FromResult(late.IsEmpty ? null
        : $"{string.Join(", ", late.Keys.Order(StringComparer.Ordinal))}: was away at the start and is migrated when it is back.");

    /// <summary>Once, before anything is served.</summary>
    /// <exception cref="NpgsqlException">The directory, or all shards, cannot be reached.</exception>
    public async Task BeginAsync(CancellationToken ct)
    {
        var shards = options.Shards.DistinctBy(s => s.Owner).Count();
        foreach (var database in DataSources.Owned(options))
        {
            try
            {
                await DataSources.MigrateAsync(options, database, loggers, ct);
            }
            catch (Exception away) when (IsAway(away) && database.Name != DataSources.DirectoryName && late.Count + 1 < shards)
            {
                late[database.Name] = database;
                LogLate(database.Name, away.Message);
            }
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!late.IsEmpty && !stoppingToken.IsCancellationRequested)
        {
            foreach (var database in late.Values)
            {
                try
                {
                    await DataSources.MigrateAsync(options, database, loggers, stoppingToken);
                    late.TryRemove(database.Name, out _);
                    LogMigrated(database.Name);
                }
                catch (Exception away) when (IsAway(away) && !stoppingToken.IsCancellationRequested)
                {
                    Loop.Failed(away, database.Name);
                }
            }

            await Task.Delay(AgainEvery, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static bool IsAway(Exception error) => error is not PostgresException and (NpgsqlException or TimeoutException or IOException)
        || error is PostgresException { SqlState: ['5', '7', 'P', '0', _] };

    [LoggerMessage(Level = LogLevel.Error, Message = "schema: shard {Shard} is away ({Reason}); it is migrated when it is back")]
    private partial void LogLate(string shard, string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "schema: shard {Shard} is back and migrated")]
    private partial void LogMigrated(string shard);
}
