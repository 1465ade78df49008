using Bsp.Application.Common;
using Bsp.Infrastructure.Schema;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Configuration;

/// <summary>Opens the directory and the shards as the configuration names them.</summary>
public static class DataSources
{
    /// <summary>The directory among the databases that are migrated.</summary>
    internal const string DirectoryName = "directory";

    private const int ConnectTimeoutSeconds = 5;
    private const int FirstEpoch = 1;
    private const int PreparedMax = 200; // statements a connection: more than any kind of work has
    private const int PrepareAfter = 2;  // uses

    /// <summary>Five pools a database (<see cref="WorkKind"/>); a shard on the directory's database shares its pools.</summary>
    public static Shards Open(BspOptions options, ILoggerFactory log)
    {
        var known = new Dictionary<string, DatabasePools>();
        var shards = options.Shards.Select(s => new Shard(s.Name, FirstEpoch, Pools(s.App, s.Direct is not null))
            { ConnectionString = Tuned(s.Direct ?? s.App, "bsp") }).ToList();
        return new(Pools(options.DirectoryApp, options.DirectoryDirect is not null), shards);

        DatabasePools Pools(string connection, bool pooler) =>
            known.TryGetValue(connection, out var pools) ? pools : known[connection] = new(kind =>
        {
            var name = $"bsp {kind.ToString().ToLowerInvariant()}";
            var text = Tuned(connection, name, ConnectionBudget.SizeOf(kind, options.Pools, connection), pooler);
            return new NpgsqlDataSourceBuilder(text) { Name = name }.UseLoggerFactory(log).Build();
        });
    }

    /// <summary>Connections to a shard's streaming replica.</summary>
    internal static NpgsqlDataSource Replica(BspOptions options, ShardOptions shard, ILoggerFactory log)
    {
        const string Name = "bsp replica";
        var text = Tuned(shard.Replica!, Name, ConnectionBudget.SizeOf(WorkKind.People, options.Pools, shard.Replica!));
        return new NpgsqlDataSourceBuilder(text) { Name = $"{Name} {shard.Name}" }.UseLoggerFactory(log).Build();
    }

    /// <summary>Brings every database of the configuration up to this build, one after the other.</summary>
    public static async Task MigrateAsync(BspOptions options, ILoggerFactory log, CancellationToken ct)
    {
        foreach (var database in Owned(options))
        {
            await MigrateAsync(options, database, log, ct);
        }
    }

    /// <summary>One database of <see cref="Owned"/>.</summary>
    internal static Task MigrateAsync(BspOptions options, ShardOptions database, ILoggerFactory log, CancellationToken ct) =>
        new Migrator(log.CreateLogger<Migrator>())
            .MigrateAsync(database.Owner!, PasswordOf(database.App) ?? BspConfiguration.AppPassword(options.MasterKey), ct);

    /// <summary>Databases that may be migrated from here, each once; the directory's is named <c>directory</c>.</summary>
    internal static IReadOnlyList<ShardOptions> Owned(BspOptions options) =>
        [.. options.Shards.Prepend(new(DirectoryName, options.DirectoryOwner, options.DirectoryApp)).Where(s => s.Owner is not null)
            .DistinctBy(s => s.Owner)];

    // A connection for bsp_app that was given with a password decides it.
    private static string? PasswordOf(string app) =>
        new NpgsqlConnectionStringBuilder(app) is { Username: "bsp_app", Password: { Length: > 0 } password } ? password : null;

    // Behind a pooler a statement that was prepared is another session's the next time: nothing is, unless the connection string says so.
    // What the connection string says itself stands. Nothing but transaction-local settings is made on these connections
    // (SourceTests), so that seven statements that reset the session before each use are spared.
    private static string Tuned(string connection, string application, int? poolSize = null, bool pooler = false)
    {
        var builder = new NpgsqlConnectionStringBuilder(connection) { ApplicationName = application, PersistSecurityInfo = true };
        builder.MaxPoolSize = poolSize ?? builder.MaxPoolSize;
        builder.Timeout = builder.ShouldSerialize("Timeout") ? builder.Timeout : ConnectTimeoutSeconds;
        builder.MaxAutoPrepare = builder.ShouldSerialize("Max Auto Prepare") ? builder.MaxAutoPrepare : pooler ? 0 : PreparedMax;
        builder.AutoPrepareMinUsages = builder.ShouldSerialize("Auto Prepare Min Usages") ? builder.AutoPrepareMinUsages : PrepareAfter;
        builder.NoResetOnClose = !builder.ShouldSerialize("No Reset On Close") || builder.NoResetOnClose;
        return builder.ConnectionString;
    }
}
