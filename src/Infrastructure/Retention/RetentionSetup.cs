using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Objects;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Retention;

/// <summary>How long everything is kept: one engine for all kinds.</summary>
internal static class RetentionSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<RetentionSignal>().AddSingleton<IStoreHealth, RetentionHealth>().AddTransient<RetentionReport>();
        services.AddSingleton(provider => new ArchiveBook(provider.GetRequiredService<IObjectStore>(),
            provider.GetRequiredService<IContactKeys>(), provider.GetRequiredService<PostgresEventStore>(),
            provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new ArchiveRestores(provider.GetRequiredService<Shards>(),
            provider.GetRequiredService<IObjectStore>(), provider.GetRequiredService<IContactKeys>(),
            provider.GetRequiredService<IDocumentStore>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new ArchiveCheck(provider.GetRequiredService<Shards>(),
            provider.GetRequiredService<IObjectStore>(), provider.GetRequiredService<ArchiveBook>(),
            provider.GetRequiredService<IEventStore>()));
        services.AddSingleton<IRetentionStep>(provider => new MessageLogsStep(provider.GetRequiredService<Shards>(),
            provider.GetRequiredService<IOldDocuments>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IRetentionStep>(provider => new MessagesStep(provider.GetRequiredService<Shards>(),
            provider.GetRequiredService<IOldDocuments>(), provider.GetRequiredService<IDocumentStore>(),
            provider.GetRequiredService<ArchiveBook>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IRetentionStep>(provider => new AiConversationsStep(provider.GetRequiredService<Shards>(),
            provider.GetRequiredService<IOldDocuments>(), provider.GetRequiredService<IDocumentStore>(),
            provider.GetRequiredService<ArchiveBook>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IRetentionStep>(provider => new AnalyticsStep(provider.GetRequiredService<Shards>(),
            provider.GetRequiredService<ClickHouseClient>(), provider.GetRequiredService<ClickHouseSchema>(),
            provider.GetRequiredService<IObjectStore>(), provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(provider => new RetentionWorker(provider.GetRequiredService<Shards>(),
            [.. provider.GetServices<IRetentionStep>(), .. provider.GetServices<ISweep>().Select(sweep => new SweepStep(sweep))],
            provider.GetRequiredService<RetentionSignal>(), provider.GetRequiredService<TimeProvider>(),
            provider.GetRequiredService<ILogger<RetentionWorker>>()));
        services.AddHostedService(provider => provider.GetRequiredService<RetentionWorker>());
    }
}
