using Bsp.Application.Common;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Reconciliations;

/// <summary>Comparing the stores with the log: by the verb, and by itself every night.</summary>
internal static class ReconciliationsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton(provider => new Reconciliation(provider.GetRequiredService<IDocumentStore>(),
            provider.GetRequiredService<IDocumentDigests>(), provider.GetRequiredService<ClickHouseClient>(),
            provider.GetRequiredService<ClickHouseSchema>(), provider.GetRequiredService<RedisConnection>(),
            provider.GetRequiredService<CopySeal>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new MovedMessages(provider.GetRequiredService<IDocumentStore>(),
            provider.GetRequiredService<IDocumentDigests>(), provider.GetRequiredService<ClickHouseClient>(),
            provider.GetRequiredService<ClickHouseSchema>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new ReconciliationLoop(provider.GetRequiredService<Reconciliation>(),
            provider.GetRequiredService<MovedMessages>(), provider.GetRequiredService<Shards>(), provider.GetRequiredService<LogReaders>(),
            provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<ReconciliationLoop>>()));
        services.AddHostedService(provider => provider.GetRequiredService<ReconciliationLoop>());
    }
}
