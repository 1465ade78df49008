using Bsp.Infrastructure.ClickHouse;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.Redis;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>
/// The whole application with a Redis and a ClickHouse database of its own, because their checkpoints and queues belong to one log. Graph
/// calls time out after five seconds: on a busy machine an answer of the simulator may take one or two.
/// </summary>
public class EndToEndApp(StoresFixture stores) : AppFixture(stores)
{
    private readonly RedisServer redis = new();
    private readonly string clickHouse = NewClickHouse(stores);

    /// <summary>Address of its own database.</summary>
    protected string ClickHouse => clickHouse;

    /// <summary>With <c>allowAdmin</c>: it may be wiped.</summary>
    public string Redis => redis.ConnectionString;

    internal Views Views { get; private set; } = null!;

    protected override IEnumerable<(string Name, string? Value)> Settings =>
        [("ConnectionStrings:Redis", Redis), ("ConnectionStrings:ClickHouse", clickHouse), ("Bsp:Meta:TimeoutSeconds", "5")];

    /// <summary>Address of a database that nobody else has; made when the application first writes.</summary>
    internal static string NewClickHouse(StoresFixture stores) =>
        new UriBuilder(stores.Stores.ClickHouse) { Query = $"database=bsp_{Guid.NewGuid():N}" }.Uri.AbsoluteUri;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Views = new(Admin, Redis, new ClickHouseClient(clickHouse), Mongo);
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        await Views.DisposeAsync();
        redis.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>A statement as the role that owns the server.</summary>
    public async Task AdminAsync(string sql, params object[] arguments)
    {
        await using var command = Admin.CreateCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        command.CommandTimeout = 300;
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>A command on its Redis that clients may not give.</summary>
    public async Task AdminRedisAsync(Func<StackExchange.Redis.IDatabase, Task> command)
    {
        await using var connection = await StackExchange.Redis.ConnectionMultiplexer.ConnectAsync(Redis);
        await command(connection.GetDatabase());
    }

    /// <summary>An organization of this application with an approved template on a connected number.</summary>
    internal Task<Tenant> NewTenantAsync(int messagesPerSecondMax = 1_000) => Tenant.NewAsync(Address, Meta, messagesPerSecondMax);
}

/// <summary>With one organization for all tests of the class.</summary>
public class TenantApp(StoresFixture stores) : EndToEndApp(stores)
{
    internal Tenant Tenant { get; private set; } = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Tenant = await NewTenantAsync();
    }

    public override async ValueTask DisposeAsync()
    {
        Tenant.Dispose();
        await base.DisposeAsync();
    }
}
