using Bsp.Application.Privacy;
using Bsp.Infrastructure;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Configuration;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Redis;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.Redis;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Views;

/// <summary>
/// The product's own container over a database of views, with a Redis and a ClickHouse database of its own: which projections there are is
/// asked of it, so that none is forgotten.
/// </summary>
internal sealed class ViewsContainer : IAsyncDisposable
{
    private readonly RedisServer server = new();
    private readonly ServiceProvider provider;

    public ViewsContainer(StoresFixture fixture, ViewsDatabase database)
    {
        var configuration = new ConfigurationBuilder().AddInMemoryCollection(new Dictionary<string, string?>
        {
            ["ConnectionStrings:Directory"] = database.AdminConnection,
            ["ConnectionStrings:Redis"] = server.ConnectionString,
            ["ConnectionStrings:ClickHouse"] =
            new UriBuilder(fixture.Stores.ClickHouse) { Query = $"database=bsp_{Guid.NewGuid():N}" }.Uri.AbsoluteUri,
            ["Bsp:PlatformKey"] = AppFixture.PlatformKey,
            ["Bsp:MasterKey"] = Convert.ToBase64String(new byte[32]),
        }).Build();
        provider = new ServiceCollection().AddLogging().AddSingleton<IConfiguration>(configuration)
            .AddBsp(BspConfiguration.Read(configuration, development: true))
            .AddSingleton(database.Shards).AddSingleton<IPersonalData>(new Plain()).BuildServiceProvider();
        Views = [.. provider.GetServices<IProjection>().Where(projection => projection.Beside is not null)];
        ViewContents.Unknown(Views.Select(view => view.Name))
            .ShouldBeEmpty(
                "Views/ViewContents.cs must say which tables the view fills and how they are spoiled, or which other tests rebuild it.");
    }

    /// <summary>Every projection that can be built anew.</summary>
    public IReadOnlyList<IProjection> Views { get; }

    public RedisConnection Redis => provider.GetRequiredService<RedisConnection>();

    public ClickHouseClient ClickHouse => provider.GetRequiredService<ClickHouseClient>();

    public ClickHouseSchema ClickHouseSchema => provider.GetRequiredService<ClickHouseSchema>();

    public DailyStats Daily => provider.GetRequiredService<DailyStats>();

    public Infrastructure.Reconciliations.Reconciliation Reconciliation =>
        provider.GetRequiredService<Infrastructure.Reconciliations.Reconciliation>();

    public async ValueTask DisposeAsync()
    {
        await provider.DisposeAsync();
        server.Dispose();
    }
}
