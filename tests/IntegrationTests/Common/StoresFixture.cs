using Bsp.LocalStores;

[assembly: AssemblyFixture(typeof(Bsp.IntegrationTests.Common.StoresFixture))]

namespace Bsp.IntegrationTests.Common;

/// <summary>The real stores, started once for the whole assembly. A test class takes it as constructor parameter.</summary>
public sealed class StoresFixture : IAsyncLifetime
{
    private static readonly TimeSpan StartPatience = TimeSpan.FromMinutes(2);
    private Stores? _stores;

    /// <summary>Shared by all tests: take a database of your own in PostgreSQL (<see cref="Stores.CreateDatabaseAsync"/>) and ClickHouse, and keys of your own in Redis.</summary>
    public Stores Stores => _stores ?? throw new InvalidOperationException("The stores are not started.");

    public async ValueTask InitializeAsync()
    {
        using var patience = new CancellationTokenSource(StartPatience);
        _stores = await Stores.StartAsync(StoresOptions.ForTests(), patience.Token);
    }

    public ValueTask DisposeAsync() => _stores?.DisposeAsync() ?? ValueTask.CompletedTask;
}
