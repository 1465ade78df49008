using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.IntegrationTests.Views;
using Npgsql;

namespace Bsp.IntegrationTests.Sharding;

/// <summary>
/// A directory and three shards, each a database of its own; before the directory and before the shard N-Z stands something that can be
/// taken away.
/// </summary>
public class ThreeShardsApp(StoresFixture stores) : AppFixture(stores)
{
    public static readonly string[] Names = ["A-M", "N-Z", "0-9"];

    private readonly Dictionary<string, string> shards = [];
    private StoppableProxy? directory;
    private StoppableProxy? nz;

    /// <summary>Settings of the next start beside the usual ones.</summary>
    public Dictionary<string, string?> More { get; } = [];

    internal StoppableProxy Directory => directory!;

    internal StoppableProxy Nz => nz!;

    protected override IEnumerable<(string Name, string? Value)> Settings =>
    [
        ("ConnectionStrings:DirectoryApp", Through(directory!, new NpgsqlConnectionStringBuilder(AdminConnection) { Username = "bsp_app",
            Password = EventStore.LogDatabase.AppPassword }.ConnectionString)),
        ("Bsp:Shards:A-M", shards["A-M"]), ("Bsp:Shards:N-Z", Through(nz!, shards["N-Z"])), ("Bsp:Shards:0-9", shards["0-9"]),
        ("Bsp:EventStore:LoadConnectionsMax", "3"), ("Bsp:Pools:Webhooks", "4"), ("Bsp:Pools:Sending", "4"), ("Bsp:Pools:People", "6"),
        ("Bsp:Pools:Background", "6"), ("Bsp:Pools:Bulk", "3"), ("ConnectionStrings:Mongo", null),
        ("Bsp:Moves:FreezeMs", "20000"), // however busy the machine: that a freeze is given up and tried again is ChaosMove's
        .. More.Select(m => (m.Key, m.Value)),
    ];

    public override async ValueTask InitializeAsync()
    {
        foreach (var name in Names)
        {
            shards[name] = new NpgsqlConnectionStringBuilder(await Stores.NewDatabaseAsync($"shard_{Guid.NewGuid():N}"))
                { PersistSecurityInfo = true }.ConnectionString;
        }

        var server = new NpgsqlConnectionStringBuilder(shards["A-M"]);
        var address = new Uri($"tcp://{server.Host}:{server.Port}");
        (directory, nz) = (new(address), new(address));
        await base.InitializeAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        directory?.Start();
        nz?.Start();
        await base.DisposeAsync();
        directory?.Dispose();
        nz?.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>A shard's database, as the role that owns the server.</summary>
    public string ConnectionOf(string shard) => shards[shard];

    /// <summary>A number out of a shard's database.</summary>
    public async Task<long> CountAsync(string shard, string sql)
    {
        await using var connection = new NpgsqlConnection(shards[shard] + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return Convert.ToInt64(await command.ExecuteScalarAsync());
    }

    /// <summary>Readiness as a proxy asks for it, once it is as wanted.</summary>
    internal Task<Answer> ReadyAsync(Func<Answer, bool> wanted, string what)
    {
        var anonymous = Client(null); // each start has a port of its own
        return Patience.UntilAsync(() => anonymous.SendAsync("GET", "/health/ready"), wanted, what);
    }

    // A pooled connection that the test cut is found broken at its next use, at once.
    private static string Through(StoppableProxy proxy, string connection) =>
        new NpgsqlConnectionStringBuilder(connection) { Host = "127.0.0.1", Port = proxy.Port }.ConnectionString;
}
