using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using Bsp.Infrastructure.ClickHouse;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EventStore;
using Bsp.IntegrationTests.Redis;
using Bsp.MetaSimulator;
using Npgsql;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>The application as a process of its own, that can be killed; its stores and its Meta outlive it.</summary>
public sealed class ApiProcess(StoresFixture stores) : IAsyncLifetime
{
    // Kills the program with -9 as soon as our end of the pipe closes: on request, or because this process died. Ends when the program ends
    // by itself.
    private const string Guard = """
        log=$1; shift
        exec 3<&0
        "$@" </dev/null 3<&- >>"$log" 2>&1 &
        child=$!
        (read -r _ <&3; kill -9 "$child") 2>/dev/null &
        wait "$child" 2>/dev/null
        """;

    private readonly RedisServer redis = new();
    private readonly string clickHouse = EndToEndApp.NewClickHouse(stores);
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("bsp-api-");
    private Process? guard;
    private NpgsqlDataSource? admin;
    private string connection = "";

    /// <summary>Meta. Its webhooks go to this application, and are repeated while it is dead.</summary>
    public Simulator Meta { get; private set; } = null!;

    public Uri Address { get; } = new($"http://127.0.0.1:{FreePort().ToString(CultureInfo.InvariantCulture)}");

    internal Views Views { get; private set; } = null!;

    /// <summary>To its database, as the application's own role.</summary>
    public string AppConnection =>
        new NpgsqlConnectionStringBuilder(connection) { Username = "bsp_app", Password = LogDatabase.AppPassword,
            MaxPoolSize = 30 }.ConnectionString;

    public async ValueTask InitializeAsync()
    {
        connection = await stores.NewDatabaseAsync($"api_{Guid.NewGuid():N}");
        admin = NpgsqlDataSource.Create(connection);
        Meta = await Simulator.StartAsync(new SimulatorOptions { WebhookUrl = new Uri(Address, "/webhooks/meta").ToString(),
            RetryMaxMs = 1_000 }, CancellationToken.None);
        Views = new(admin, redis.ConnectionString, new ClickHouseClient(clickHouse));
        await StartAsync();
    }

    /// <summary>Starts it (again) and waits until it is ready.</summary>
    public async Task StartAsync() => guard = await StartAsync(Address, Log);

    /// <summary>A second one on the same stores, at an address of its own; disposed of: killed.</summary>
    public async Task<IAsyncDisposable> StartBesideAsync() =>
        new Beside(await StartAsync(new($"http://127.0.0.1:{FreePort().ToString(CultureInfo.InvariantCulture)}"), Log + ".beside"));

    private async Task<Process> StartAsync(Uri address, string log)
    {
        var start = new ProcessStartInfo("sh",
            ["-c", Guard, "guard", log, Environment.ProcessPath!, Path.Combine(AppContext.BaseDirectory, "Bsp.Api.dll"),
                "serve"]) { RedirectStandardInput = true, WorkingDirectory = directory.FullName };
        if (!Path.GetFileNameWithoutExtension(Environment.ProcessPath!).Equals("dotnet", StringComparison.Ordinal))
        {
            start.ArgumentList[4] = "dotnet";
        }

        foreach (var (name, value) in Settings())
        {
            start.Environment[name] = value;
        }

        start.Environment["ASPNETCORE_URLS"] = address.ToString();
        var process = Process.Start(start)!;
        using var client = new HttpClient { BaseAddress = address };
        await Patience.UntilAsync(async () =>
        {
            process.HasExited.ShouldBeFalse($"the API ended: {await SaidAsync(log)}");
            try
            {
                using var answer = await client.GetAsync("/health/ready");
                return (Ready: answer.StatusCode == HttpStatusCode.OK, Said: await answer.Content.ReadAsStringAsync());
            }
            catch (HttpRequestException fault)
            {
                return (Ready: false, Said: $"{fault.Message} {await SaidAsync(log)}");
            }
        }, answer => answer.Ready, "the API is ready");
        return process;
    }

    private sealed class Beside(Process guard) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            guard.StandardInput.Close();
            await guard.WaitForExitAsync();
            guard.Dispose();
        }
    }

    /// <summary>kill -9.</summary>
    public async Task KillAsync()
    {
        if (guard is not null)
        {
            guard.StandardInput.Close();
            await guard.WaitForExitAsync();
            guard.Dispose();
            guard = null;
        }
    }

    /// <summary>All it said so far.</summary>
    public Task<string> LogAsync() => SaidAsync(Log);

    // Nothing yet: the shell has not come to open it.
    private static async Task<string> SaidAsync(string log) => File.Exists(log) ? await File.ReadAllTextAsync(log) : "";

    public async ValueTask DisposeAsync()
    {
        await KillAsync();
        await Meta.DisposeAsync();
        await Views.DisposeAsync();
        await admin!.DisposeAsync();
        redis.Dispose();
        directory.Delete(recursive: true);
    }

    private string Log => Path.Combine(directory.FullName, "api.log");

    private Dictionary<string, string> Settings() => new()
    {
        ["ASPNETCORE_ENVIRONMENT"] = "Production",
        ["ASPNETCORE_URLS"] = Address.ToString(),
        ["Logging__LogLevel__Default"] = "Warning",
        ["ConnectionStrings__Directory"] = connection,
        ["ConnectionStrings__DirectoryApp"] = AppConnection,
        ["Bsp__Billing__Mode"] = "wallets",
        ["Bsp__Billing__DemoRates"] = "true",
        ["ConnectionStrings__Redis"] = redis.ConnectionString,
        ["ConnectionStrings__ClickHouse"] = clickHouse,
        ["Bsp__PlatformKey"] = AppFixture.PlatformKey,
        ["Bsp__MasterKey"] = Convert.ToBase64String(SHA256.HashData("only for tests"u8)),
        ["Bsp__Meta__BaseUrl"] = new Uri(Meta.BaseUrl, "/v25.0").ToString(),
        ["Bsp__Meta__AppSecret"] = Meta.State.Options.AppSecret,
        ["Bsp__Webhooks__AllowedNetworks"] = "127.0.0.0/8",
        ["Bsp__Limits__KeyPerSecond"] = "10000",
        ["Bsp__Limits__OrganizationPerSecond"] = "20000",
    };

    // Below the range from which the system gives out ports: another test must not be given it while the process is dead.
    internal static int FreePort()
    {
        while (true)
        {
            var port = RandomNumberGenerator.GetInt32(20_000, 32_000);
            try
            {
                using var probe = new TcpListener(IPAddress.Loopback, port);
                probe.Start();
                return port;
            }
            catch (SocketException)
            {
                // taken: another one
            }
        }
    }
}
