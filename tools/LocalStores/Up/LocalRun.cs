using Bsp.LocalStores.Common;
using Npgsql;

namespace Bsp.LocalStores.Up;

/// <summary>The checkout's own installation: its stores, and what the simulator and the API are told.</summary>
internal sealed class LocalRun : IAsyncDisposable
{
    private const int UsualPort = 8080;
    private const string DatabaseName = "bsp";
    private static readonly TimeSpan SimulatorPatience = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan ApiPatience = TimeSpan.FromMinutes(2); // the first start applies the whole schema

    private readonly string _checkout;
    private readonly Stores _stores;
    private readonly List<LocalServer> _servers = []; // in the order of their start

    private LocalRun(string checkout, Stores stores, string database)
    {
        _checkout = checkout;
        _stores = stores;
        Database = database;
    }

    /// <summary>Directory of what is kept between starts.</summary>
    public string Local => Path.Combine(_checkout, ".local");

    /// <summary>Connection string of the directory database, for a role that may migrate.</summary>
    public string Database { get; }

    public Stores Stores => _stores;

    public string PlatformKey =>
        Environment.GetEnvironmentVariable("Bsp__PlatformKey") is { Length: > 0 } given ? given : Kept("platform_key", Secret.Create);

    /// <summary>Of the demo's people, made at the first start.</summary>
    public string DemoPassword => Kept("demo_password", () => Secret.Create()[..16]);

    public string ApiUrl { get; private set; } = "";

    /// <summary>Without a simulator an address where nobody listens, never the real Meta.</summary>
    public string SimulatorUrl { get; private set; } = "http://127.0.0.1:1";

    private static string HostEnvironment =>
        Environment.GetEnvironmentVariable("ASPNETCORE_ENVIRONMENT") is { Length: > 0 } given ? given : "Development";

    /// <summary>Starts the stores that nobody gave a server for.</summary>
    public static async Task<LocalRun> StartAsync(CancellationToken ct)
    {
        var checkout = Checkout.Root ?? throw new Obstacle("This program was moved out of its checkout: start with ./run.");
        var local = Path.Combine(checkout, ".local");
        var options = GivenServers.Apply(new StoresOptions(local) { Persistent = true }, ApiProject(checkout), HostEnvironment);
        await Missing.InstallAsync(options, checkout, ct);
        var stores = await Stores.StartAsync(options, ct);
        try
        {
            return new LocalRun(checkout, stores, options.Postgres ?? await OwnDatabaseAsync(stores, ct));
        }
        catch
        {
            await stores.DisposeAsync();
            throw;
        }
    }

    /// <summary>Uses the stores and the simulator of a ./run at work in this checkout; null: none is.</summary>
    public static async Task<LocalRun?> JoinAsync(CancellationToken ct)
    {
        var checkout = Checkout.Root ?? throw new Obstacle("This program was moved out of its checkout: start with ./run.");
        var local = Path.Combine(checkout, ".local");
        if (!StoresDirectory.IsHeld(local) || RunFile.Read(local) is not { } running)
        {
            return null;
        }

        var given = new StoresOptions(Path.Combine(local, "joined")) { Postgres = running.Postgres, Redis = running.Redis,
            ClickHouse = running.Clickhouse, Mongo = running.Mongo };
        return new LocalRun(checkout, await Stores.StartAsync(given, ct), running.Postgres) { SimulatorUrl = running.SimulatorUrl };
    }

    /// <summary>Starts the simulator and the API, which know each other.</summary>
    public async Task ServeAsync(CancellationToken ct)
    {
        var apiPort = ChoosePort();
        ApiUrl = $"http://127.0.0.1:{apiPort}";
        var simulator = Server("Simulator", "tools/MetaSimulator", "Bsp.MetaSimulator.dll", [], port => new()
        {
            ["Simulator__Url"] = $"http://127.0.0.1:{port}",
            ["ASPNETCORE_URLS"] = $"http://127.0.0.1:{port}",
            ["Simulator__WebhookUrl"] = ApiUrl + "/webhooks/meta",
            ["Simulator__AppSecret"] = Kept("app_secret", Secret.Create),
            ["Simulator__VerifyToken"] = Kept("verify_token", Secret.Create),
            ["Simulator__StateFile"] = Path.Combine(Local, "simulator", "state.json"),
        }, "/_control/settings", SimulatorPatience);
        await simulator.PrepareAsync(ct);
        _servers.Add(simulator);
        await simulator.StartAsync(ct);
        SimulatorUrl = simulator.ConnectionString;

        var api = Server("Api", "src/Api", "Bsp.Api.dll", ["serve"], _ => ApiEnvironment(), "/health/ready", ApiPatience);
        await api.PrepareAsync(ct);
        _servers.Add(api);
        await api.StartOnAsync(apiPort, ct);
    }

    /// <summary>What the API's program is told, whatever its verb. What a person set in our environment stays as it is.</summary>
    public Dictionary<string, string> ApiEnvironment()
    {
        var told = new Dictionary<string, string>
        {
            ["ConnectionStrings__Directory"] = Database,
            ["ConnectionStrings__Redis"] = _stores.Redis,
            ["ConnectionStrings__ClickHouse"] = _stores.ClickHouse,
            ["Bsp__Meta__BaseUrl"] = SimulatorUrl + "/v25.0",
            ["Bsp__Meta__AppId"] = "100200300400500", // the simulator's
            ["Bsp__Meta__AppSecret"] = Kept("app_secret", Secret.Create),
            ["Bsp__Meta__VerifyToken"] = Kept("verify_token", Secret.Create),
            ["Bsp__Webhooks__AllowedNetworks"] = "127.0.0.0/8,::1/128", // receivers on this machine
            ["Bsp__Media__Directory"] = Path.Combine(_checkout, ".local", "objects"),
            ["Bsp__Mail__Directory"] = Path.Combine(_checkout, ".local", "mail"),
            ["Bsp__PublicUrl"] = ApiUrl.Length > 0 ? ApiUrl : "http://127.0.0.1:8080",
            ["Bsp__Billing__Mode"] = "wallets",
            ["Bsp__Billing__DemoRates"] = "true",
            ["Bsp__PlatformKey"] = PlatformKey,
            ["Bsp__MasterKey"] =
            Kept("master_key", () => Convert.ToBase64String(System.Security.Cryptography.RandomNumberGenerator.GetBytes(32))),
            ["ASPNETCORE_URLS"] = ApiUrl.Length > 0 ? ApiUrl : "http://127.0.0.1:0",
            ["ASPNETCORE_ENVIRONMENT"] = HostEnvironment,
            ["ASPNETCORE_CONTENTROOT"] = ApiProject(_checkout),
        };
        if (_stores.Mongo is { } mongo)
        {
            told["ConnectionStrings__Mongo"] = mongo;
        }

        return told.Where(pair => Environment.GetEnvironmentVariable(pair.Key) is not { Length: > 0 }).ToDictionary();
    }

    /// <summary>Completes when something that was started here ends; the text says what.</summary>
    public async Task<string> AnyEndedAsync(CancellationToken ct) =>
        await await Task.WhenAny([_stores.AnyEndedAsync(ct), .. _servers.Select(s => s.EndedAsync(ct))]);

    /// <summary>The API first, so that it can still write what it holds; then the simulator, then the stores.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var server in Enumerable.Reverse(_servers))
        {
            await server.StopAsync();
        }

        await _stores.DisposeAsync();
    }

    public string Assembly(string project, string file) => Path.Combine(_checkout, project, "bin", "Release", "net10.0", file);

    private static string ApiProject(string checkout) => Path.Combine(checkout, "src", "Api");

    private DotnetServer Server(string name, string project, string file, string[] arguments,
        Func<int, Dictionary<string, string>> environment, string readyPath, TimeSpan patience)
    {
        var own = Path.Combine(Local, name.ToLowerInvariant());
        return new(name, Assembly(project, file), arguments, own, Path.Combine(Local, "logs", name.ToLowerInvariant() + ".log"),
            environment, readyPath, patience);
    }

    private string Kept(string name, Func<string> create)
    {
        Directory.CreateDirectory(Path.Combine(Local, "secrets"));
        return Secret.LoadOrCreate(Path.Combine(Local, "secrets", name), create);
    }

    private static int ChoosePort()
    {
        if (Environment.GetEnvironmentVariable("ASPNETCORE_URLS") is not { Length: > 0 } wanted)
        {
            return FreePort.FirstFrom(UsualPort);
        }

        if (!Uri.TryCreate(wanted.Split(';')[0].Replace("//+", "//127.0.0.1", StringComparison.Ordinal)
            .Replace("//*", "//127.0.0.1", StringComparison.Ordinal), UriKind.Absolute, out var url))
        {
            throw new Obstacle($"ASPNETCORE_URLS={wanted} is no address: use http://127.0.0.1:<port>.");
        }

        return FreePort.IsFree(url.Port) ? url.Port
            : throw new Obstacle($"Port {url.Port} (from ASPNETCORE_URLS) is taken: stop what listens there, or choose another.");
    }

    private static async Task<string> OwnDatabaseAsync(Stores stores, CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(stores.Postgres + ";Pooling=false");
        await connection.OpenAsync(ct);
        await using var exists =
            new NpgsqlCommand("SELECT 1 FROM pg_database WHERE datname = $1",
                connection) { Parameters = { new() { Value = DatabaseName } } };
        return await exists.ExecuteScalarAsync(ct) is null
            ? await stores.CreateDatabaseAsync(DatabaseName, ct)
            : new NpgsqlConnectionStringBuilder(stores.Postgres) { Database = DatabaseName }.ConnectionString;
    }
}
