using Bsp.LocalStores;
using DotNet.Testcontainers.Builders;
using DotNet.Testcontainers.Containers;
using Testcontainers.MongoDb;
using Testcontainers.PostgreSql;
using Testcontainers.Redis;

namespace Bsp.IntegrationTests.Common;

/// <summary>
/// The stores as containers of the images that docker-compose.yml names (<c>BSP_TEST_STORES=containers</c>). Needs a Docker engine; none
/// runs where this was written.
/// </summary>
public sealed class ContainerStores : IAsyncDisposable
{
    private const string User = "bsp";
    private const string Password = "only-for-tests";
    private const ushort ClickHousePort = 8123;

    private readonly List<IContainer> containers = [];

    /// <summary>Starts them and says where they are.</summary>
    /// <exception cref="InvalidOperationException">No Docker engine answers.</exception>
    public async Task<StoresOptions> StartAsync(StoresOptions options, CancellationToken ct)
    {
        try
        {
            var postgres = Add(new PostgreSqlBuilder("postgres:17").WithCommand("-c", "max_connections=300").Build());
            var redis = Add(new RedisBuilder("redis:7.4").Build());
            var mongo = Add(new MongoDbBuilder("mongo:7").Build());
            var clickHouse =
                Add(new ContainerBuilder("clickhouse/clickhouse-server:25.8").WithPortBinding(ClickHousePort, assignRandomHostPort: true)
                .WithEnvironment("CLICKHOUSE_USER", User).WithEnvironment("CLICKHOUSE_PASSWORD", Password)
                .WithEnvironment("CLICKHOUSE_DEFAULT_ACCESS_MANAGEMENT", "1")
                .WithWaitStrategy(Wait.ForUnixContainer()
                    .UntilHttpRequestIsSucceeded(ping => ping.ForPath("/ping").ForPort(ClickHousePort))).Build());
            await Task.WhenAll(containers.Select(container => container.StartAsync(ct)));
            return options with
            {
                Postgres = postgres.GetConnectionString(),
                Redis = redis.GetConnectionString(),
                Mongo = mongo.GetConnectionString(),
                ClickHouse =
                $"http://{User}:{Password}@{clickHouse.Hostname}:{clickHouse.GetMappedPublicPort(ClickHousePort)}/?database=default",
            };
        }
        catch (DockerUnavailableException none)
        {
            throw new InvalidOperationException(
                "BSP_TEST_STORES=containers, but no Docker engine answers: start one, or leave BSP_TEST_STORES away (private servers are started then).", none);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var container in containers)
        {
            await container.DisposeAsync();
        }
    }

    private T Add<T>(T container) where T : IContainer
    {
        containers.Add(container);
        return container;
    }
}
