using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Schema;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Bsp.Benchmarks;

/// <summary>A migrated database with our event store on it, as one process has it; dropped at the end.</summary>
internal sealed class OwnLog : IAsyncDisposable
{
    private const string AppPassword = "only-for-bench";

    private readonly string server;
    private readonly string name;

    private OwnLog(string server, string name, int organizations)
    {
        (this.server, this.name) = (server, name);
        Organizations = [.. Enumerable.Range(0, organizations).Select(_ => Uuid.New())];
        Admin = Database(server, name).ConnectionString;
        var text = new NpgsqlConnectionStringBuilder(Admin) { Username = "bsp_app", Password = AppPassword, MaxAutoPrepare = 100 };
        var app = NpgsqlDataSource.Create(text.ConnectionString);
        Shard = new("A-Z", 1, app) { ConnectionString = text.ConnectionString };
        Shards = new(app, [Shard]);
        Store = new(Shards, [], new(TimeProvider.System, NullLogger<LogSignal>.Instance), new(), TimeProvider.System);
    }

    /// <summary>To the database, as the role that owns the server.</summary>
    public string Admin { get; }

    public Shards Shards { get; }

    public Shard Shard { get; }

    public PostgresEventStore Store { get; }

    public IReadOnlyList<Guid> Organizations { get; }

    public Guid Organization => Organizations[0];

    /// <param name="server">A role that may create databases and roles.</param>
    /// <param name="organizations">Of them, <see cref="Organization"/> is the first.</param>
    public static async Task<OwnLog> CreateAsync(string server, CancellationToken ct, int organizations = 1)
    {
        var name = $"bench_{Guid.NewGuid():N}";
        await ExecuteAsync(server, $"CREATE DATABASE {name}", ct);
        await new Migrator(NullLogger<Migrator>.Instance).MigrateAsync(Database(server, name).ConnectionString, AppPassword, ct);
        var log = new OwnLog(server, name, organizations);
        foreach (var organization in log.Organizations)
        {
            await ExecuteAsync(log.Admin,
                $"INSERT INTO bsp.directory_organizations (organization_id, slug, shard) VALUES ('{organization}', '{organization}', 'A-Z')", ct);
        }

        return log;
    }

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        await Shards.DisposeAsync();
        NpgsqlConnection.ClearAllPools();
        await ExecuteAsync(server, $"DROP DATABASE {name} WITH (FORCE)", CancellationToken.None);
    }

    private static NpgsqlConnectionStringBuilder Database(string server, string name) =>
        new(server) { Database = name, PersistSecurityInfo = true };

    private static async Task ExecuteAsync(string connectionString, string sql, CancellationToken ct)
    {
        await using var connection =
            new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }
}
