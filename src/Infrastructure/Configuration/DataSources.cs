using Bsp.Application.Common;
using Bsp.Infrastructure.Schema;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Configuration;

/// <summary>Opens the directory and the shards as the configuration names them.</summary>
public static class DataSources
{
    // PostgreSQL's own default is 100 connections for everybody; writers, listeners and locks hold some outside the pool.
    private const int PoolSizeMax = 40;
    private const int ConnectTimeoutSeconds = 5;
    private const int FirstEpoch = 1;

    /// <summary>One pool a database; a shard on the directory's database shares its pool.</summary>
    public static Shards Open(BspOptions options, ILoggerFactory log)
    {
        var pools = new Dictionary<string, NpgsqlDataSource>();
        var shards = options.Shards.Select(s => new Shard(s.Name, FirstEpoch, Pool(s.App)) { ConnectionString = Tuned(s.App) }).ToList();
        return new(Pool(options.DirectoryApp), shards);

        NpgsqlDataSource Pool(string connection) =>
            pools.TryGetValue(connection, out var pool) ? pool : pools[connection] = new NpgsqlDataSourceBuilder(Tuned(connection)) { Name = "bsp" }.UseLoggerFactory(log).Build();
    }

    /// <summary>Brings every database of the configuration up to this build, one after the other.</summary>
    public static async Task MigrateAsync(BspOptions options, ILoggerFactory log, CancellationToken ct)
    {
        var migrator = new Migrator(log.CreateLogger<Migrator>());
        foreach (var (owner, app) in options.Shards.Select(s => (s.Owner, s.App)).Append((options.DirectoryOwner, options.DirectoryApp)).Where(pair => pair.Item1 is not null).DistinctBy(pair => pair.Item1))
        {
            await migrator.MigrateAsync(owner!, PasswordOf(app) ?? BspConfiguration.AppPassword(options.MasterKey), ct);
        }
    }

    // A connection for bsp_app that was given with a password decides it.
    private static string? PasswordOf(string app) => new NpgsqlConnectionStringBuilder(app) is { Username: "bsp_app", Password: { Length: > 0 } password } ? password : null;

    private static string Tuned(string connection)
    {
        var builder = new NpgsqlConnectionStringBuilder(connection) { MaxAutoPrepare = 200, AutoPrepareMinUsages = 2, ApplicationName = "bsp", PersistSecurityInfo = true };
        builder.MaxPoolSize = builder.ShouldSerialize("Maximum Pool Size") ? builder.MaxPoolSize : PoolSizeMax;
        builder.Timeout = builder.ShouldSerialize("Timeout") ? builder.Timeout : ConnectTimeoutSeconds;
        return builder.ConnectionString;
    }
}
