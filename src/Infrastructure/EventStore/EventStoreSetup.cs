using Bsp.Application.EventStore;
using Bsp.Infrastructure.Projections;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Bsp.Infrastructure.EventStore;

/// <summary>Wires the event store. <c>Shards</c>, inline views and projections are registered by whoever owns them.</summary>
public static class EventStoreSetup
{
    /// <summary>The log, its readers, the runner of the projections and their settings (<c>Bsp:EventStore:*</c>).</summary>
    public static IServiceCollection AddEventStore(this IServiceCollection services)
    {
        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton(provider => EventStoreSettings.From(provider.GetRequiredService<IConfiguration>()));
        services.AddSingleton<LogSignals>();
        services.AddSingleton<LogReaders>();
        services.AddSingleton<ProjectionRunner>();
        services.AddHostedService(provider => provider.GetRequiredService<ProjectionRunner>());
        services.AddSingleton<Application.Common.IStoreHealth, ProjectionsHealth>();
        services.AddSingleton<PostgresEventStore>();
        services.AddSingleton<IEventStore>(provider => provider.GetRequiredService<PostgresEventStore>());
        services.AddSingleton<IEventLog, OrganizationLog>();
        services.AddSingleton<IProjection, LogPlacesProjection>();
        return services;
    }
}
