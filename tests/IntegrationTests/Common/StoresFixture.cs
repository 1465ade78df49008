using Bsp.LocalStores;

[assembly: AssemblyFixture(typeof(Bsp.IntegrationTests.Common.StoresFixture))]

namespace Bsp.IntegrationTests.Common;

/// <summary>
/// The real stores, started once for the whole assembly; a test class takes it as constructor parameter. They come from one of three sources: servers that the environment names
/// (<c>BSP_TEST_POSTGRES|REDIS|CLICKHOUSE|MONGO</c>), containers (<c>BSP_TEST_STORES=containers</c>), and else private servers of LocalStores.
/// </summary>
public sealed class StoresFixture : IAsyncLifetime
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(2);
    private readonly ContainerStores containers = new();
    private Stores? _stores;

    /// <summary>Shared by all tests: take a database of your own in PostgreSQL (<see cref="Stores.CreateDatabaseAsync"/>) and ClickHouse, and keys of your own in Redis.</summary>
    public Stores Stores => _stores ?? throw new InvalidOperationException("The stores are not started.");

    public async ValueTask InitializeAsync()
    {
        using var patience = new CancellationTokenSource(StartPatience);
        var options = StoresOptions.ForTests();
        options = Environment.GetEnvironmentVariable("BSP_TEST_STORES") switch
        {
            null or "" or "local" => options,
            "containers" => await containers.StartAsync(options, patience.Token),
            var other => throw new InvalidOperationException($"BSP_TEST_STORES is '{other}': it may be 'local' or 'containers'."),
        };
        _stores = await Stores.StartAsync(options, patience.Token);
    }

    public async ValueTask DisposeAsync()
    {
        if (_stores is not null)
        {
            await _stores.DisposeAsync();
        }

        await containers.DisposeAsync();
    }
}
