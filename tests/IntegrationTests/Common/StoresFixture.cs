using Bsp.LocalStores;

[assembly: AssemblyFixture(typeof(Bsp.IntegrationTests.Common.StoresFixture))]

namespace Bsp.IntegrationTests.Common;

/// <summary>
/// The real stores, started once for the whole assembly by the first test that asks for them; a test class takes it as constructor parameter. They come from one of three sources: servers
/// that the environment names (<c>BSP_TEST_POSTGRES|REDIS|CLICKHOUSE|MONGO</c>), containers (<c>BSP_TEST_STORES=containers</c>), and else private servers of LocalStores.
/// </summary>
public sealed class StoresFixture : IAsyncDisposable
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(2);
    private readonly ContainerStores containers = new();
    private readonly Lazy<Stores> started;

    public StoresFixture() => started = new(() => Task.Run(StartAsync).GetAwaiter().GetResult());

    /// <summary>
    /// Shared by all tests: take a database of your own in PostgreSQL (<see cref="Stores.CreateDatabaseAsync"/>) and ClickHouse, and keys of your own in Redis. Waits until they run.
    /// </summary>
    public Stores Stores => started.Value;

    public async ValueTask DisposeAsync()
    {
        if (started.IsValueCreated)
        {
            await started.Value.DisposeAsync();
        }

        await containers.DisposeAsync();
    }

    private async Task<Stores> StartAsync()
    {
        using var patience = new CancellationTokenSource(StartPatience);
        var options = StoresOptions.ForTests();
        options = Environment.GetEnvironmentVariable("BSP_TEST_STORES") switch
        {
            null or "" or "local" => options,
            "containers" => await containers.StartAsync(options, patience.Token),
            var other => throw new InvalidOperationException($"BSP_TEST_STORES is '{other}': it may be 'local' or 'containers'."),
        };
        return await Stores.StartAsync(options, patience.Token);
    }
}
