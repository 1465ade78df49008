using System.Collections.Concurrent;
using Bsp.LocalStores.ClickHouse;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Postgres;
using Bsp.LocalStores.Redis;
using Npgsql;

namespace Bsp.LocalStores;

/// <summary>
/// Private PostgreSQL, Redis and ClickHouse servers on free loopback ports, started together. They end with this process, even when it is
/// killed.
/// </summary>
public sealed class Stores : IAsyncDisposable
{
    private readonly StoresOptions _options;
    private readonly StoresDirectory _directory;
    private readonly ConcurrentDictionary<StoreKinds, LocalServer> _servers = [];

    private Stores(StoresOptions options, StoresDirectory directory)
    {
        _options = options;
        _directory = directory;
    }

    /// <summary>Where data and logs of this start lie.</summary>
    public string Directory => _directory.Path;

    /// <summary>Administrator's connection string (superuser when started here), database <c>postgres</c>.</summary>
    public string Postgres => _options.Postgres ?? Of(StoreKinds.Postgres);

    /// <summary><c>127.0.0.1:port,password=…</c>, as StackExchange.Redis takes it.</summary>
    public string Redis => _options.Redis ?? Of(StoreKinds.Redis);

    /// <summary>
    /// <c>http://bsp:password@127.0.0.1:port/?database=bsp</c>; the user may create databases whose names begin with <c>bsp</c>.
    /// </summary>
    public string ClickHouse => _options.ClickHouse ?? Of(StoreKinds.ClickHouse);

    /// <summary>Null: there is no MongoDB server.</summary>
    public string? Mongo => _options.Mongo;

    /// <summary>
    /// Completes when a store that runs here ends without being asked; the text says which, and shows its last log lines.
    /// </summary>
    public async Task<string> AnyEndedAsync(CancellationToken ct)
    {
        var ends = _servers.Values.Select(server => server.EndedAsync(ct)).ToList();
        return ends.Count > 0 ? await await Task.WhenAny(ends) : await new TaskCompletionSource<string>().Task.WaitAsync(ct);
    }

    /// <exception cref="Obstacle">a store is not installed or does not start, or the directory is in use</exception>
    public static async Task<Stores> StartAsync(StoresOptions options, CancellationToken ct)
    {
        var directory = options.Persistent ? StoresDirectory.Open(options.Directory)
            : await StoresDirectory.OpenThrowAwayAsync(options.Directory, ct);
        var stores = new Stores(options, directory);
        try
        {
            await stores.StartAllAsync(ct);
            return stores;
        }
        catch
        {
            await stores.DisposeAsync();
            throw;
        }
    }

    /// <summary>Stops one store that was started here, as a failure would; its clients keep the address.</summary>
    public Task StopAsync(StoreKinds one) => _servers[one].StopAsync();

    /// <summary>Starts it again on the same port, with its data (Redis keeps data only in a persistent directory).</summary>
    public Task StartAgainAsync(StoreKinds one, CancellationToken ct) => _servers[one].StartAgainAsync(ct);

    /// <summary>Creates an empty database and returns the administrator's connection string to it.</summary>
    /// <param name="name">Letters, digits and underscores.</param>
    public async Task<string> CreateDatabaseAsync(string name, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(Postgres + ";Pooling=false");
        await connection.OpenAsync(ct);
        await using var create =
            new NpgsqlCommand($"CREATE DATABASE \"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"", connection)
            {
                CommandTimeout = 300, // of a server that works for others: it waits for their checkpoint
            };
        await create.ExecuteNonQueryAsync(ct);
        return new NpgsqlConnectionStringBuilder(Postgres) { Database = name }.ConnectionString;
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_servers.Values.Select(s => s.StopAsync()));
        await _directory.DisposeAsync();
    }

    private Task StartAllAsync(CancellationToken ct) => Task.WhenAll(
        StartOneAsync(StoreKinds.Postgres, _options.Postgres, async () =>
            await PostgresServer.PrepareAsync(Directory, Log("postgres"), ct), ct),
        StartOneAsync(StoreKinds.Redis, _options.Redis, async () =>
            await RedisServer.PrepareAsync(Directory, Log("redis"), _options.Persistent, ct), ct),
        StartOneAsync(StoreKinds.ClickHouse, _options.ClickHouse, async () =>
            await ClickHouseServer.PrepareAsync(Directory, Log("clickhouse"), ct), ct));

    private async Task StartOneAsync(StoreKinds one, string? given, Func<Task<LocalServer>> prepare, CancellationToken ct)
    {
        if (given is null && _options.Start.HasFlag(one))
        {
            var server = _servers[one] = await prepare();
            await server.StartAsync(ct);
        }
    }

    private string Log(string name) => Path.Combine(Directory, "logs", name + ".log");

    private string Of(StoreKinds one) => _servers.TryGetValue(one, out var server)
        ? server.ConnectionString
        : throw new InvalidOperationException($"{one} was neither started nor given.");
}
