using Bsp.LocalStores;
using Bsp.LocalStores.Common;
using Bsp.LocalStores.Up;
using Npgsql;

namespace Bsp.Benchmarks;

/// <summary>Everything of a real installation in processes of its own: throw-away stores, simulator and API.</summary>
internal sealed class Installation : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly Dictionary<string, string> NoLimits = new()
    {
        ["Bsp__Limits__KeyPerSecond"] = "100000", ["Bsp__Limits__OrganizationPerSecond"] = "1000000",
            ["Bsp__Limits__OrganizationAtOnce"] = "1000",
        ["Bsp__Limits__BesideOthersPercent"] = "100", ["Bsp__Limits__OwnWebhookKbPerSecond"] = "1000000",
    };

    private readonly Stores stores;
    private readonly string checkout;
    private readonly List<LocalServer> servers = [];
    private readonly string masterKey = Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32));
    private readonly List<DotnetServer> apis = [];

    private Installation(Stores stores, string checkout, string database) =>
        (this.stores, this.checkout, Database) = (stores, checkout, database);

    /// <summary>Where everything lies; a store may be stopped and started again.</summary>
    public Stores Stores => stores;

    /// <summary>Superuser's connection string to the API's database.</summary>
    public string Database { get; }

    /// <summary>Superuser's connection strings to the shards' databases; none: everything lies in <see cref="Database"/>.</summary>
    public Dictionary<string, string> ShardDatabases { get; } = [];

    public string ApiUrl { get; private set; } = "";

    /// <summary>Of every API process; Meta's webhooks go to the first.</summary>
    public IReadOnlyList<string> ApiUrls { get; private set; } = [];

    public string SimulatorUrl { get; private set; } = "";

    public string AppSecret { get; } = Secret.Create();

    private const string VerifyToken = "bench-verify-token";

    public string PlatformKey { get; } = Secret.Create();

    public static Task<Stores> StoresAsync(StoreKinds kinds, CancellationToken ct) =>
        Stores.StartAsync(new(Path.Combine(Root(), ".local", "bench")) { Start = kinds }, ct);

    /// <param name="ownLimits">The limits that the product has unless told otherwise; else none that a benchmark reaches.</param>
    /// <param name="more">Further settings of the API.</param>
    /// <param name="processes">API processes.</param>
    /// <param name="shards">Names of shards, each in a database of its own; null: one, in the API's.</param>
    public static async Task<Installation> StartAsync(CancellationToken ct, bool ownLimits = false,
        Dictionary<string, string>? more = null, int processes = 1, IReadOnlyList<string>? shards = null)
    {
        var stores = await StoresAsync(StoreKinds.All, ct);
        var own = new Installation(stores, Root(), await stores.CreateDatabaseAsync("bsp", ct));
        foreach (var shard in shards ?? [])
        {
            var letters = string.Concat(shard.Where(char.IsAsciiLetterOrDigit)).ToLowerInvariant();
            own.ShardDatabases[shard] = await stores.CreateDatabaseAsync($"shard_{letters}", ct);
        }

        try
        {
            var apiPort = FreePort.Next();
            own.ApiUrl = $"http://127.0.0.1:{apiPort}";
            own.SimulatorUrl =
                await own.StartAsync(own.Server("simulator", "tools/MetaSimulator", "Bsp.MetaSimulator.dll", [], port => new()
            {
                ["Simulator__Url"] = $"http://127.0.0.1:{port}", ["Simulator__WebhookUrl"] = own.ApiUrl + "/webhooks/meta",
                    ["Simulator__AppSecret"] = own.AppSecret,
                ["Simulator__VerifyToken"] = VerifyToken, ["Simulator__MagicNumbers"] = "false",
            }, "/_control/settings"), ct);
            own.ApiUrls = [own.ApiUrl, .. Enumerable.Range(1, processes - 1).Select(_ => $"http://127.0.0.1:{FreePort.Next()}")];
            foreach (var (url, i) in own.ApiUrls.Select((url, i) => (url, i)))
            {
                var api = own.Server(i == 0 ? "api" : $"api{i + 1}", "src/Api", "Bsp.Api.dll", ["serve"],
                    _ => own.ApiEnvironment(url, ownLimits, more ?? []), "/health/ready");
                await api.PrepareAsync(ct);
                own.servers.Add(api);
                await api.StartOnAsync(new Uri(url).Port, ct);
                own.apis.Add(api);
            }

            return own;
        }
        catch
        {
            await own.DisposeAsync();
            throw;
        }
    }

    /// <summary>The bare endpoint that webhooks are measured against, with a table of its own in a database of its own.</summary>
    public async Task<string> BareEndpointAsync(CancellationToken ct)
    {
        var database = await stores.CreateDatabaseAsync("bare", ct);
        return await StartAsync(Server("bare", "tools/Benchmarks", "Bsp.Benchmarks.dll", [BareEndpoint.Verb], port => new()
        {
            ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}", [BareEndpoint.DatabaseVariable] = database,
                [BareEndpoint.SecretVariable] = AppSecret,
        }, "/"), ct);
    }

    /// <summary>An empty database on the same server.</summary>
    public Task<string> CreateDatabaseAsync(string name, CancellationToken ct) => stores.CreateDatabaseAsync(name, ct);

    /// <summary>One number from the API's database, as superuser.</summary>
    public async Task<long> NumberAsync(string sql, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(Database + ";Pooling=true;Application Name=bench");
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand(sql, connection);
        return Convert.ToInt64(await command.ExecuteScalarAsync(ct), System.Globalization.CultureInfo.InvariantCulture);
    }

    /// <summary>
    /// With <c>BSP_BENCH_STATEMENTS=1</c>: says which statements took most of PostgreSQL's time since the last call, and forgets them.
    /// </summary>
    public async Task TellStatementsAsync(string what, CancellationToken ct)
    {
        if (Environment.GetEnvironmentVariable("BSP_BENCH_STATEMENTS") is not "1")
        {
            return;
        }

        await ExecuteAsync("CREATE EXTENSION IF NOT EXISTS pg_stat_statements", ct);
        await using var connection = new NpgsqlConnection(Database + ";Pooling=true;Application Name=bench");
        await connection.OpenAsync(ct);
        await using (var rows = new NpgsqlCommand("""
            SELECT total_exec_time, calls, rows, shared_blks_hit + shared_blks_read,
                   left(regexp_replace(query, '\s+', ' ', 'g'), 150)
              FROM pg_stat_statements s JOIN pg_database d ON d.oid = s.dbid
             WHERE d.datname = current_database() AND toplevel ORDER BY 1 DESC LIMIT 40
            """, connection))
        await using (var reader = await rows.ExecuteReaderAsync(ct))
        {
            Report.Say($"{what}: ms, calls, rows, pages, statement");
            while (await reader.ReadAsync(ct))
            {
                var (calls, returned, pages) = (reader.GetInt64(1), reader.GetInt64(2), reader.GetInt64(3));
                Report.Say($"{reader.GetDouble(0),8:0} {calls,7} {returned,8} {pages,9} {reader.GetString(4)}");
            }
        }

        await ExecuteAsync("SELECT pg_stat_statements_reset()", ct);
    }

    /// <summary>A statement on the API's database, as superuser.</summary>
    public async Task ExecuteAsync(string sql, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(Database + ";Pooling=true;Application Name=bench;Command Timeout=0");
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>The API's process.</summary>
    public ChildProcess Api() => Api(0);

    private ChildProcess Api(int which) =>
        ChildProcess.In(Path.Combine(stores.Directory, which == 0 ? "api" : $"api{which + 1}"), "Bsp.Api.dll");

    /// <summary>kill -9 of the API's process; then it is started again, in the same place.</summary>
    public Task KillApiAsync(CancellationToken ct) => KillApiAsync(0, ct);

    /// <summary>The same of one of several.</summary>
    public async Task KillApiAsync(int which, CancellationToken ct)
    {
        using (var process = System.Diagnostics.Process.GetProcessById(Api(which).Id))
        {
            process.Kill();
        }

        await apis[which].StopAsync();
        await apis[which].StartAgainAsync(ct);
    }

    /// <summary>Processor time used so far by <c>api</c>, <c>redis</c>, <c>clickhouse</c>, <c>simulator</c> or <c>bare</c>.</summary>
    public TimeSpan ProcessorOf(string server) => ChildProcess.ProcessorIn(Path.Combine(stores.Directory, server));

    /// <summary>Processor time used so far by PostgreSQL, wherever its data lies.</summary>
    public async Task<TimeSpan> ProcessorOfPostgresAsync(CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(Database + ";Pooling=true;Application Name=bench");
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand("SHOW data_directory", connection);
        return ChildProcess.ProcessorIn((string)(await command.ExecuteScalarAsync(ct))!);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var server in Enumerable.Reverse(servers))
        {
            await server.StopAsync();
        }

        NpgsqlConnection.ClearAllPools();
        await stores.DisposeAsync();
    }

    private static string Root() => Checkout.Root ?? throw new Obstacle("This program was moved out of its checkout: start with ./bench.");

    private async Task<string> StartAsync(DotnetServer server, CancellationToken ct)
    {
        await server.PrepareAsync(ct);
        servers.Add(server);
        await server.StartAsync(ct);
        return server.ConnectionString;
    }

    private DotnetServer Server(string name, string project, string file, string[] arguments,
        Func<int, Dictionary<string, string>> environment, string readyPath) =>
        new(name, Path.Combine(checkout, project, "bin", "Release", "net10.0", file), arguments, Path.Combine(stores.Directory, name),
            Path.Combine(stores.Directory, "logs", name + ".log"), environment, readyPath, Patience);

    private Dictionary<string, string> ApiEnvironment(string url, bool ownLimits, Dictionary<string, string> more)
    {
        var environment = new Dictionary<string, string>(ownLimits ? [] : NoLimits)
        {
            ["ConnectionStrings__Directory"] = Database,
            ["ConnectionStrings__Redis"] = stores.Redis,
            ["ConnectionStrings__ClickHouse"] = stores.ClickHouse,
            ["Bsp__Meta__BaseUrl"] = SimulatorUrl + "/v25.0",
            ["Bsp__Meta__AppSecret"] = AppSecret,
            ["Bsp__Meta__VerifyToken"] = VerifyToken,
            ["Bsp__Billing__Mode"] = "wallets", // nobody has one, unless a bench gives it
            ["Bsp__Billing__DemoRates"] = "true",
            ["Bsp__PlatformKey"] = PlatformKey,
            ["Bsp__MasterKey"] = masterKey,
            ["Bsp__Webhooks__AllowedNetworks"] = "127.0.0.0/8",
            ["ASPNETCORE_URLS"] = url,
            ["ASPNETCORE_ENVIRONMENT"] = "Development",
            ["ASPNETCORE_CONTENTROOT"] = Path.Combine(checkout, "src", "Api"),
        };
        foreach (var (name, value) in more.Concat(ShardDatabases.Select(s => KeyValuePair.Create($"Bsp__Shards__{s.Key}", s.Value))))
        {
            environment[name] = value;
        }

        return environment;
    }
}
