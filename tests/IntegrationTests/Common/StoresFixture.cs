using Bsp.Infrastructure.Schema;
using Bsp.IntegrationTests.EventStore;
using Bsp.LocalStores;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

[assembly: AssemblyFixture(typeof(Bsp.IntegrationTests.Common.StoresFixture))]

namespace Bsp.IntegrationTests.Common;

/// <summary>
/// The real stores, started once for the whole assembly by the first test that asks for them; a test class takes it as constructor
/// parameter. They come from one of three sources: servers
/// that the environment names (<c>BSP_TEST_POSTGRES|REDIS|CLICKHOUSE|MONGO</c>), containers (<c>BSP_TEST_STORES=containers</c>), and else
/// private servers of LocalStores.
/// </summary>
public sealed class StoresFixture : IAsyncDisposable
{
    /// <summary>How long one statement of a test may take.</summary>
    public const int StatementSeconds = 300;

    /// <summary>How long a connection of a test may take to come about.</summary>
    public const int ConnectSeconds = 60;

    /// <summary>How long one request of a test may take: an answer that comes late is one that comes.</summary>
    public static readonly TimeSpan AnswerPatience = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(5);
    private readonly ContainerStores containers = new();
    private readonly Lazy<Stores> started;

    private readonly Lazy<Task<string>> template;

    public StoresFixture()
    {
        started = new(() => Task.Run(StartAsync).GetAwaiter().GetResult());
        template = new(MigrateTemplateAsync);
    }

    /// <summary>
    /// Shared by all tests: take a database of your own in PostgreSQL (<see cref="Stores.CreateDatabaseAsync"/>) and ClickHouse, and keys
    /// of your own in Redis. Waits until they run.
    /// </summary>
    public Stores Stores => started.Value;

    /// <summary>
    /// An empty database of this build's schema: a copy of one that was migrated once for all tests. An application that starts on it finds
    /// nothing to migrate; that migrating works from
    /// the first file on is shown by <c>MigratorTests</c>, by the template itself, and by every start of <c>./run</c>.
    /// </summary>
    /// <returns>The administrator's connection string, with its password.</returns>
    public async Task<string> NewDatabaseAsync(string name)
    {
        var source = await template.Value;
        var text = new NpgsqlConnectionStringBuilder(Stores.Postgres) { Database = name, PersistSecurityInfo = true }.ConnectionString;
        await CopyAsync(source, name);
        // What the schema's files set for the database as such is not in the copy.
        await ExecuteAsync(text, $"""
            DO $do$ DECLARE s record; BEGIN
              FOR s IN SELECT r.rolname, split_part(c, '=', 1) AS name, substr(c, strpos(c, '=') + 1) AS value
                         FROM pg_db_role_setting d JOIN pg_roles r ON r.oid = d.setrole CROSS JOIN LATERAL unnest(d.setconfig) AS c
                        WHERE d.setdatabase = (SELECT oid FROM pg_database WHERE datname = '{source}')
              LOOP EXECUTE format('ALTER ROLE %I IN DATABASE %I SET %I = %L', s.rolname, current_database(), s.name, s.value); END LOOP;
            END $do$
            """);
        return text;
    }

    public async ValueTask DisposeAsync()
    {
        if (started.IsValueCreated)
        {
            await started.Value.DisposeAsync();
        }

        await containers.DisposeAsync();
    }

    private async Task<Stores> StartAsync()
    {
        using var patience = new CancellationTokenSource(StartPatience);
        var options = StoresOptions.ForTests();
        options = Environment.GetEnvironmentVariable("BSP_TEST_STORES") switch
        {
            null or "" or "local" => options,
            "containers" => await containers.StartAsync(options, patience.Token),
            var other => throw new InvalidOperationException($"BSP_TEST_STORES is '{other}': it may be 'local' or 'containers'."),
        };
        return await Stores.StartAsync(options, patience.Token);
    }

    private async Task<string> MigrateTemplateAsync()
    {
        var name = $"template_{Guid.NewGuid():N}";
        await new Migrator(NullLogger<Migrator>.Instance)
            .MigrateAsync(await Stores.CreateDatabaseAsync(name, CancellationToken.None), LogDatabase.AppPassword, CancellationToken.None);
        return name;
    }

    // A copy needs its source to itself; who is just leaving it (a worker of autovacuum, say) is waited for.
    private async Task CopyAsync(string source, string name)
    {
        for (var waited = System.Diagnostics.Stopwatch.StartNew(); ;)
        {
            try
            {
                await ExecuteAsync(Stores.Postgres, $"CREATE DATABASE \"{name}\" TEMPLATE \"{source}\"");
                return;
            }
            catch (PostgresException used) when (used.SqlState == PostgresErrorCodes.ObjectInUse && waited.Elapsed < StartPatience)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(200));
            }
        }
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        var patient = new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false, Timeout = ConnectSeconds,
            CommandTimeout = StatementSeconds };
        await using var connection = new NpgsqlConnection(patient.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 300 }; // others' checkpoints are waited for
        await command.ExecuteNonQueryAsync();
    }
}
