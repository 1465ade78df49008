using System.Collections.Concurrent;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text.Json;
using Bsp.Api;
using Bsp.IntegrationTests.EventStore;
using Bsp.MetaSimulator;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.Common;

/// <summary>
/// The whole application on a free port, with a database and a Meta simulator of its own. Use as class fixture, or derive to change its
/// settings.
/// </summary>
public class AppFixture(StoresFixture stores) : IAsyncLifetime
{
    public const string PlatformKey = "platform-key-only-for-tests";
    private readonly List<HttpClient> clients = [];

    // Which simulator stands behind an application: a number is told to it before it is connected.
    private static readonly ConcurrentDictionary<string, Simulator> Simulators = new();

    // Queue, progress and analytics belong to one log: two applications must not share them. Redis has 16 databases; 0 is left to other
    // tests.
    private static readonly ConcurrentQueue<int> FreeRedis = new(Enumerable.Range(1, 15));
    private readonly string clickHouse =
        new UriBuilder(stores.Stores.ClickHouse) { Query = $"database=bsp_{Guid.NewGuid():N}" }.Uri.AbsoluteUri;
    private readonly int redisDatabase = FreeRedis.TryDequeue(out var free) ? free
        : throw new InvalidOperationException("More than fifteen applications at once.");
    private WebApplication? app;

    /// <summary>The stores behind it: to stop and start them again, or to look inside.</summary>
    public StoresFixture Stores => stores;

    /// <summary>Meta. Its webhooks go to this application.</summary>
    public Simulator Meta { get; private set; } = null!;

    public WebApplication App => app ?? throw new InvalidOperationException("The application is not started.");

    public IServiceProvider Services => App.Services;

    public Uri Address => new(App.Urls.First());

    /// <summary>The application's database, as the role that owns the server: sees everything.</summary>
    public NpgsqlDataSource Admin { get; private set; } = null!;

    /// <summary>Where its files lie; gone with it.</summary>
    public string Files { get; } = Directory.CreateTempSubdirectory("bsp-files-").FullName;

    /// <summary>With the platform key and no organization.</summary>
    public HttpClient Platform { get; private set; } = null!;

    /// <summary>Without any key.</summary>
    public HttpClient Anonymous { get; private set; } = null!;

    /// <summary>A database of its own on the server that BSP_TEST_MONGO names; null: documents are JSONB.</summary>
    protected string? Mongo { get; } = stores.Stores.Mongo is { } server
        ? new MongoDB.Driver.MongoUrlBuilder(server) { DatabaseName = $"bsp_{Guid.NewGuid():N}" }.ToString() : null;

    protected string AdminConnection { get; private set; } = "";

    /// <summary>Its database, as the role that owns the server.</summary>
    public string AdminConnectionString => AdminConnection;

    /// <summary>More or other settings, by name (<c>Bsp:Limits:KeyPerSecond</c>).</summary>
    protected virtual IEnumerable<(string Name, string? Value)> Settings => [];

    /// <summary>Last word on services before the application is built.</summary>
    protected virtual void Configure(WebApplicationBuilder builder)
    {
    }

    public virtual async ValueTask InitializeAsync()
    {
        AdminConnection = await NewDatabaseAsync($"app_{Guid.NewGuid():N}");
        // Tests wait for a condition as long as it takes; a statement on a busy machine may take long, too.
        Admin = NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(AdminConnection)
        {
            CommandTimeout = StoresFixture.StatementSeconds, Timeout = StoresFixture.ConnectSeconds,
        });
        await EmptyRedisAsync();
        Meta = await Simulator.StartAsync(new SimulatorOptions(), CancellationToken.None);
        await StartAsync();
        Platform = Client(PlatformKey);
        Anonymous = Client(null);
    }

    /// <summary>An empty, migrated database for it.</summary>
    /// <returns>The administrator's connection string, with its password.</returns>
    protected virtual Task<string> NewDatabaseAsync(string name) => stores.NewDatabaseAsync(name);

    private async Task EmptyRedisAsync()
    {
        await using var redis =
            await ConnectionMultiplexer.ConnectAsync($"{stores.Stores.Redis},defaultDatabase={redisDatabase},allowAdmin=true");
        await redis.GetDatabase().ExecuteAsync("FLUSHDB");
    }

    /// <summary>Starts the application (again) on its database.</summary>
    public async Task StartAsync()
    {
        var builder =
            WebApplication.CreateBuilder(new WebApplicationOptions { ApplicationName = typeof(Program).Assembly.GetName().Name,
                EnvironmentName = "Production" });
        builder.Configuration.Sources.Clear();
        builder.Configuration.AddInMemoryCollection(Standard().Concat(Settings).GroupBy(s => s.Name)
            .ToDictionary(g => g.Key, g => g.Last().Value));
        builder.Logging.ClearProviders().AddSimpleConsole(console => console.SingleLine = true).SetMinimumLevel(LogLevel.Warning);
        Configure(builder);
        app = await Program.PrepareAsync(builder);
        await app.StartAsync();
        // A view that is late on a busy machine is waited for: tests do not want the 504.
        ((Bsp.Infrastructure.Projections.ViewWaiter)app.Services.GetRequiredService<Bsp.Application.Common.IViewWaiter>()).WaitMax =
            TimeSpan.FromSeconds(60);
        // The demo's prices are there before anybody counts rows.
        await app.Services.GetRequiredService<Bsp.Infrastructure.Charging.TariffSource>().CurrentAsync(CancellationToken.None);
        Simulators[Address.Authority] = Meta;
        using var control = new HttpClient { BaseAddress = Meta.BaseUrl };
        (await control.PutAsJsonAsync("/_control/settings", new { webhook_url = new Uri(Address, "/webhooks/meta").ToString() }))
            .EnsureSuccessStatusCode();
    }

    /// <summary>Stops the application; its database stays.</summary>
    public async Task StopAsync()
    {
        if (app is not null)
        {
            await app.StopAsync();
            await app.DisposeAsync();
            app = null;
        }
    }

    public virtual async ValueTask DisposeAsync()
    {
        // Whatever of it fails, the number in Redis is free for the next. A start that failed left some of it null.
        try
        {
            await StopAsync();
            clients.ForEach(client => client.Dispose());
            await (Meta?.DisposeAsync() ?? default);
            await (Admin?.DisposeAsync() ?? default);
        }
        finally
        {
            FreeRedis.Enqueue(redisDatabase);
        }

        await Litter.DeleteAsync(Files);
        GC.SuppressFinalize(this);
    }

    /// <summary>A client with a key (null: none), for the platform key acting for an organization.</summary>
    public HttpClient Client(string? key, Guid? organization = null)
    {
        var client = new HttpClient { BaseAddress = Address, Timeout = StoresFixture.AnswerPatience };
        client.DefaultRequestHeaders.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        if (organization is { } id)
        {
            client.DefaultRequestHeaders.Add("Bsp-Organization", id.ToString());
        }

        clients.Add(client);
        return client;
    }

    /// <summary>An organization with a key of each kind and a connected number.</summary>
    public async Task<TestOrganization> NewOrganizationAsync(string name = "Acme")
    {
        var organization = await CreatedAsync(Platform, "/v1/organizations", new { name, slug = $"acme-{Guid.NewGuid():N}"[..30] });
        var id = organization.GetProperty("id").GetGuid();
        var keys = new List<string>();
        foreach (var permissions in new[] { "admin", "write", "read" })
        {
            keys.Add((await CreatedAsync(Client(PlatformKey, id), "/v1/api-keys", new { name = permissions, permissions }))
                .GetProperty("key").GetString()!);
        }

        var admin = Client(keys[0]);
        var account = await NewAccountAsync(admin);
        return new(id, account, keys[0], keys[1], keys[2], admin, Client(keys[1]), Client(keys[2]));
    }

    /// <summary>A connected number with a messaging limit of 100,000.</summary>
    public static async Task<Guid> NewAccountAsync(HttpClient client)
    {
        var digits = RandomNumberGenerator.GetString("0123456789", 14);
        Simulators[client.BaseAddress!.Authority].State.AddAccount(new("2" + digits, "1" + digits, "1555" + digits[..7],
            AccessTokens: ["EAA-test", "EAA-" + digits]));
        var account = await CreatedAsync(client, "/v1/accounts", new
        {
            phone_number_id = "1" + digits,
            phone_number = "+1555" + digits[..7],
            display_name = "Acme",
            meta_waba_id = "2" + digits,
            messaging_limit = 100_000,
            messages_per_second_max = 1_000,
            credentials = new { access_token = "EAA-test" },
        });
        var id = account.GetProperty("id").GetGuid();
        using var connected = await client.PostAsync($"/v1/accounts/{id}/connect", null);
        connected.EnsureSuccessStatusCode();
        return id;
    }

    /// <summary>Posts; 201 is expected and the resource returned.</summary>
    public static async Task<JsonElement> CreatedAsync(HttpClient client, string path, object body)
    {
        using var response = await client.PostAsJsonAsync(path, body);
        var text = await response.Content.ReadAsStringAsync();
        ((int)response.StatusCode).ShouldBe(201, text);
        return JsonSerializer.Deserialize<JsonElement>(text);
    }

    private IEnumerable<(string Name, string? Value)> Standard() =>
    [
        ("urls", "http://127.0.0.1:0"),
        ("ConnectionStrings:Directory", AdminConnection),
        ("ConnectionStrings:DirectoryApp",
            new NpgsqlConnectionStringBuilder(AdminConnection) { Username = "bsp_app", Password = LogDatabase.AppPassword,
                MaxPoolSize = 30 }.ConnectionString),
        ("ConnectionStrings:Redis", $"{stores.Stores.Redis},defaultDatabase={redisDatabase}"),
        ("ConnectionStrings:ClickHouse", clickHouse),
        ("ConnectionStrings:Mongo", Mongo),
        ("Bsp:PlatformKey", PlatformKey),
        ("Bsp:MasterKey", Convert.ToBase64String(SHA256.HashData("only for tests"u8))),
        ("Bsp:Meta:BaseUrl", new Uri(Meta.BaseUrl, "/v25.0").ToString()),
        ("Bsp:Meta:AppId", new SimulatorOptions().AppId),
        ("Bsp:Meta:AppSecret", new SimulatorOptions().AppSecret),
        ("Bsp:Meta:VerifyToken", new SimulatorOptions().VerifyToken),
        ("Bsp:Webhooks:AllowedNetworks", "127.0.0.0/8"),
        ("Bsp:Media:Directory", Files),
        ("Bsp:Uploads:Directory", Path.Combine(Files, "uploads")),
        ("Bsp:Mail:Directory", Path.Combine(Files, "mail")),
        ("Bsp:PublicUrl", "http://127.0.0.1"),
        ("Bsp:Limits:KeyPerSecond", "10000"),
        ("Bsp:Limits:OrganizationPerSecond", "20000"),
        ("Bsp:Limits:BesideOthersPercent", "100"), // nobody rests: PoisonedLaneTests and RestTests say when somebody does
        ("Bsp:Billing:Mode", "wallets"), // organizations without a wallet send as ever
        ("Bsp:Billing:DemoRates", "true"),
    ];
}

/// <summary>An organization to test with.</summary>
/// <param name="AccountId">A connected number.</param>
public sealed record TestOrganization(Guid Id, Guid AccountId, string AdminKey, string WriteKey, string ReadKey, HttpClient Admin,
    HttpClient Writer, HttpClient Reader);
