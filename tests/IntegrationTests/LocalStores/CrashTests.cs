using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text;
using Bsp.IntegrationTests.Common;
using Bsp.LocalStores;
using Bsp.LocalStores.Common;
using Npgsql;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.LocalStores;

/// <summary>
/// What is promised of kept stores. The directory may be entered by its owner only, so that under root PostgreSQL must keep its data
/// elsewhere.
/// </summary>
public sealed class CrashTests : IAsyncDisposable
{
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(150);
    private static readonly TimeSpan ProbeInterval = TimeSpan.FromMilliseconds(50);
    private readonly string _directory = Directory.CreateTempSubdirectory("bsp-crash-").FullName;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Stores_end_when_their_holder_is_killed()
    {
        await using var held = await HeldStores.StartAsync(_directory, Ct);
        await held.KillAsync();
        await NobodyListensAsync(held);
    }

    [Fact]
    public async Task Stores_end_when_the_guards_are_killed_too()
    {
        await using var held = await HeldStores.StartAsync(_directory, Ct);
        await held.KillWithGuardsAsync();
        await NobodyListensAsync(held);
    }

    [Fact]
    public async Task What_was_stored_is_there_after_a_kill()
    {
        await using (var held = await HeldStores.StartAsync(_directory, Ct))
        {
            await SqlAsync(held.Postgres, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)");
            await ClickAsync(held.ClickHouse, "CREATE TABLE kept (n Int32) ENGINE = MergeTree ORDER BY n");
            await ClickAsync(held.ClickHouse, "INSERT INTO kept VALUES (43)");
            await held.KillWithGuardsAsync();
        }

        await using var again = await StartAsync();
        (await SqlAsync(again.Postgres, "SELECT n FROM kept")).ShouldBe(42);
        (await ClickAsync(again.ClickHouse, "SELECT n FROM kept")).ShouldBe("43\n");
    }

    [Fact]
    public async Task A_pid_file_that_names_a_living_stranger_blocks_nothing()
    {
        string data;
        await using (var first = await StartAsync(StoreKinds.Postgres))
        {
            data = (string)(await SqlAsync(first.Postgres, "SHOW data_directory"))!;
        }

        await File.WriteAllTextAsync(Path.Combine(data, "postmaster.pid"), $"{Environment.ProcessId}\n{data}\n1\n1\n\n127.0.0.1\n", Ct);
        await using var again = await StartAsync(StoreKinds.Postgres);
        (await SqlAsync(again.Postgres, "SELECT 1")).ShouldBe(1);
    }

    [Fact]
    public async Task Two_starts_cannot_share_a_directory()
    {
        await using var first = await StartAsync(StoreKinds.Redis);
        (await Should.ThrowAsync<Obstacle>(() => StartAsync(StoreKinds.Redis))).Message.ShouldContain("in use by another start");
    }

    [Fact]
    public async Task A_stopped_store_comes_back_where_it_was()
    {
        await using var stores = await StartAsync(StoreKinds.Redis);
        await using (var redis = await ConnectionMultiplexer.ConnectAsync(stores.Redis))
        {
            await redis.GetDatabase().StringSetAsync("kept", "yes");
        }

        await stores.StopAsync(StoreKinds.Redis);
        (await IsOpenAsync(RedisPort(stores.Redis))).ShouldBeFalse();
        await stores.StartAgainAsync(StoreKinds.Redis, Ct);
        await using var again = await ConnectionMultiplexer.ConnectAsync(stores.Redis);
        ((string?)await again.GetDatabase().StringGetAsync("kept")).ShouldBe("yes");
    }

    [Fact]
    public async Task Throw_away_stores_leave_nothing_behind()
    {
        string inside, data;
        await using (var stores =
            await Stores.StartAsync(new StoresOptions(_directory) { Start = StoreKinds.Postgres | StoreKinds.Redis }, Ct))
        {
            inside = stores.Directory;
            data = (string)(await SqlAsync(stores.Postgres, "SHOW data_directory"))!;
            Directory.Exists(inside).ShouldBeTrue();
        }

        Directory.Exists(inside).ShouldBeFalse();
        Directory.Exists(data).ShouldBeFalse();
    }

    // A store whose port is closed already may write its last for a moment.
    public async ValueTask DisposeAsync()
    {
        var note = Path.Combine(_directory, "postgres.place");
        if (File.Exists(note))
        {
            await Litter.DeleteAsync((await File.ReadAllTextAsync(note)).Trim());
        }

        await Litter.DeleteAsync(_directory);
    }

    private Task<Stores> StartAsync(StoreKinds kinds = StoreKinds.All) =>
        Stores.StartAsync(new StoresOptions(_directory) { Persistent = true, Start = kinds }, Ct);

    private static async Task NobodyListensAsync(HeldStores held)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        patience.CancelAfter(EndPatience);
        using var timer = new PeriodicTimer(ProbeInterval);
        foreach (var port in new[] { new NpgsqlConnectionStringBuilder(held.Postgres).Port, RedisPort(held.Redis),
            new Uri(held.ClickHouse).Port })
        {
            while (await IsOpenAsync(port))
            {
                await timer.WaitForNextTickAsync(patience.Token);
            }
        }
    }

    private static int RedisPort(string connection) => ((IPEndPoint)ConfigurationOptions.Parse(connection).EndPoints[0]).Port;

    private static async Task<bool> IsOpenAsync(int port)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port, Ct);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static async Task<object?> SqlAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString + ";Pooling=false");
        await connection.OpenAsync(Ct);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Ct);
    }

    private static async Task<string> ClickAsync(string url, string sql)
    {
        var address = new Uri(url);
        using var http = new HttpClient();
        using var request =
            new HttpRequestMessage(HttpMethod.Post,
                new UriBuilder(address) { UserName = "", Password = "" }.Uri) { Content = new StringContent(sql) };
        request.Headers.Authorization =
            new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.ASCII.GetBytes(address.UserInfo)));
        using var answer = await http.SendAsync(request, Ct);
        var body = await answer.Content.ReadAsStringAsync(Ct);
        answer.IsSuccessStatusCode.ShouldBeTrue(body);
        return body;
    }
}
