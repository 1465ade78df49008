using System.Diagnostics;
using System.Globalization;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.IntegrationTests.EventStore;
using Npgsql;

namespace Bsp.IntegrationTests.Sharding;

/// <summary>
/// The application behind a PgBouncer of its own in transaction mode, with the second connection string past it. Without PgBouncer on the
/// machine the application is as ever, and the test says so.
/// </summary>
public sealed class PgBouncerApp(StoresFixture stores) : AppFixture(stores)
{
    private static readonly string? Program = new[] { "/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer" }
        .FirstOrDefault(File.Exists);

    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("bsp-pgbouncer-");
    private readonly int port = ApiProcess.FreePort();
    private Process? pooler;

    /// <summary>There is one.</summary>
    public static bool Is => Program is not null;

    protected override IEnumerable<(string Name, string? Value)> Settings => !Is ? [] :
    [
        ("ConnectionStrings:DirectoryDirect", AdminConnection),
        ("ConnectionStrings:Directory",
            new NpgsqlConnectionStringBuilder(AdminConnection) { Host = "127.0.0.1", Port = port }.ConnectionString),
        ("ConnectionStrings:DirectoryApp", new NpgsqlConnectionStringBuilder(AdminConnection) { Host = "127.0.0.1", Port = port,
            Username = "bsp_app", Password = LogDatabase.AppPassword, MaxPoolSize = 30 }.ConnectionString),
    ];

    public override async ValueTask InitializeAsync()
    {
        if (Is)
        {
            await StartPoolerAsync();
        }

        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (pooler is not null)
        {
            pooler.Kill(entireProcessTree: true);
            await pooler.WaitForExitAsync();
            pooler.Dispose();
        }

        directory.Delete(recursive: true);
        GC.SuppressFinalize(this);
    }

    private async Task StartPoolerAsync()
    {
        var server = new NpgsqlConnectionStringBuilder(Stores.Stores.Postgres);
        var (users, settings) = (Path.Combine(directory.FullName, "users"), Path.Combine(directory.FullName, "pgbouncer.ini"));
        await File.WriteAllTextAsync(users, $"\"bsp_app\" \"{LogDatabase.AppPassword}\"\n");
        await File.WriteAllTextAsync(settings, string.Create(CultureInfo.InvariantCulture, $"""
            [databases]
            * = host={server.Host} port={server.Port}
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = trust
            auth_file = {users}
            pool_mode = transaction
            default_pool_size = 10
            server_round_robin = 1
            ignore_startup_parameters = extra_float_digits

            """));
        using (var open = Process.Start("chmod", ["-R", "a+rX", directory.FullName]))
        {
            await open.WaitForExitAsync();
        }

        string[] command = Environment.UserName == "root"
            ? ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", Program!, settings] : [Program!, settings];
        pooler = Process.Start(
            new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        pooler.BeginErrorReadLine();
        pooler.BeginOutputReadLine();
        await Patience.UntilAsync(async () =>
        {
            pooler.HasExited.ShouldBeFalse("PgBouncer ended");
            using var client = new System.Net.Sockets.TcpClient();
            try
            {
                await client.ConnectAsync("127.0.0.1", port);
                return true;
            }
            catch (System.Net.Sockets.SocketException)
            {
                return false;
            }
        }, open => open, "PgBouncer listens");
    }
}

public sealed class PgBouncerTests(PgBouncerApp app) : IClassFixture<PgBouncerApp>
{
    [Fact]
    public async Task Behind_a_pooler_in_transaction_mode_a_campaign_goes_out_and_views_are_complete()
    {
        if (!PgBouncerApp.Is)
        {
            Assert.Skip("There is no PgBouncer on this machine: with Debian, apt-get install pgbouncer.");
        }

        using var tenant = await Tenant.NewAsync(app.Address, app.Meta, 1_000);
        await tenant.ImportAsync(Tenant.PlainNumbers(200));
        foreach (var _ in Enumerable.Range(0, 2))
        {
            var campaign = await tenant.LaunchAsync();
            await tenant.CompletedAsync(campaign);
            (await tenant.EndedAsync(campaign)).Select(m => app.Meta.State.CountOfCallback($"{m.MessageId}"))
                .ShouldAllBe(calls => calls.Equals(ValueTuple.Create(1, 1)));
        }

        var lists = await Task.WhenAll(Enumerable.Range(0, 40).Select(i =>
            tenant.Api.SendAsync("POST", "/v1/lists", new { name = $"L{i}" })));
        lists.ShouldAllBe(l => l.Status == 201);
        var ready = await Patience.UntilAsync(() => app.Anonymous.SendAsync("GET", "/health/ready"), r =>
            r["status"].GetString() == "ok", "everything is well");
        ready["stores"].GetProperty("appends").GetString().ShouldBe("ok");
    }
}
