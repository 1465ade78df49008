using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text;
using Bsp.LocalStores.Common;

namespace Bsp.LocalStores.ClickHouse;

/// <summary>
/// ClickHouse's HTTP interface, served by <see cref="ClickHouseHost"/> in a process of its own. User <c>bsp</c> may touch databases
/// <c>bsp*</c> only.
/// </summary>
internal sealed class ClickHouseServer(string directory, string log, string password) : LocalServer("ClickHouse")
{
    private const string User = "bsp";
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(10) };

    public override string ConnectionString => $"http://bsp:{password}@127.0.0.1:{Port}/?database=bsp";

    public static async Task<ClickHouseServer> PrepareAsync(string directory, string log, CancellationToken ct)
    {
        var own = Path.Combine(directory, "clickhouse");
        Directory.CreateDirectory(own, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        await Leftovers.StopAsync(own, ct);
        return new ClickHouseServer(own, log, Secret.LoadOrCreate(Path.Combine(own, "password"), Secret.Create));
    }

    protected override ChildProgram Program()
    {
        var configuration = Path.Combine(directory, "config.xml");
        Secret.Write(configuration, Configuration(password));
        Secret.Write(Path.Combine(directory, "users.xml"), Users(password));
        var self = typeof(ClickHouseServer).Assembly.Location;
        return new("ClickHouse", "dotnet",
            [self, "clickhouse-host", ClickHouseEngine.Library(), Path.Combine(directory, "data"), $"{Port}",
                $"--config-file={configuration}"], directory, log);
    }

    protected override async Task<bool> AnswersAsync(CancellationToken ct)
    {
        try
        {
            using var pong = await Http.GetAsync($"http://127.0.0.1:{Port}/ping", ct);
            return pong.IsSuccessStatusCode;
        }
        // nobody there, or a slow answer: look again
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !ct.IsCancellationRequested))
        {
            return false;
        }
    }

    /// <summary>A request that names a database needs it to exist, so the first one is made here.</summary>
    protected override async Task AfterStartAsync(CancellationToken ct)
    {
        using var request =
            new HttpRequestMessage(HttpMethod.Post,
                $"http://127.0.0.1:{Port}/") { Content = new StringContent("CREATE DATABASE IF NOT EXISTS bsp ENGINE = Atomic") };
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Credentials(password));
        using var answer = await Http.SendAsync(request, ct);
        if (!answer.IsSuccessStatusCode)
        {
            throw new Obstacle($"ClickHouse refused to create its database: {await answer.Content.ReadAsStringAsync(ct)}");
        }
    }

    // The embedded engine's defaults are a command line tool's, not a server's: it would take 90 % of the memory and buffer inserts.
    // Its own session is user 'default', which can be neither removed nor given a password, and whose file() reads whatever we can. So the
    // HTTP
    // interface answers only requests that carry bsp's name and password in a header; anything else but /ping is a 404.
    private static string Configuration(string password) => $"""
        <clickhouse>
          <max_server_memory_usage>1000000000</max_server_memory_usage>
          <mark_cache_size>67108864</mark_cache_size>
          <max_concurrent_queries>64</max_concurrent_queries>
          <users_config>users.xml</users_config>
          <http_handlers>
            <rule><url>/ping</url><handler><type>ping</type></handler></rule>
            <rule>
              <headers><Authorization>Basic {Credentials(password)}</Authorization></headers>
              <handler><type>dynamic_query_handler</type><query_param_name>query</query_param_name></handler>
            </rule>
            <rule>
              <headers><X-ClickHouse-User>{User}</X-ClickHouse-User><X-ClickHouse-Key>{password}</X-ClickHouse-Key></headers>
              <handler><type>dynamic_query_handler</type><query_param_name>query</query_param_name></handler>
            </rule>
          </http_handlers>
        </clickhouse>
        """;

    private static string Credentials(string password) => Convert.ToBase64String(Encoding.ASCII.GetBytes($"{User}:{password}"));

    private static string Users(string password) => $"""
        <clickhouse>
          <profiles><default><async_insert>0</async_insert><implicit_select>0</implicit_select></default></profiles>
          <quotas><default/></quotas>
          <users>
            <default>
              <password></password><networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
              <grants>
                <query>GRANT SYSTEM LISTEN ON *.*</query><query>GRANT CREATE TEMPORARY TABLE ON *.*</query><query>GRANT READ ON FILE</query>
              </grants>
            </default>
            <bsp>
              <password_sha256_hex>{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(password)))}</password_sha256_hex>
              <networks><ip>127.0.0.1</ip></networks><profile>default</profile><quota>default</quota>
              <grants>
                <query>GRANT SELECT, INSERT, ALTER, CREATE TABLE, CREATE VIEW, CREATE DATABASE, DROP TABLE, DROP VIEW, DROP DATABASE, TRUNCATE, OPTIMIZE, SHOW ON `bsp`*.*</query>
                <query>GRANT TABLE ENGINE ON *</query><query>GRANT SELECT ON system.*</query>
              </grants>
            </bsp>
          </users>
        </clickhouse>
        """;
}
