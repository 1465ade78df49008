using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.EventStore;

/// <summary>
/// The log, its readers and their settings (<c>Bsp:EventStore:*</c>). Whoever asks for <see cref="IEventStore"/> gets the one that also
/// forgets copies in Redis.
/// </summary>
internal static class EventStoreSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton(provider => EventStoreSettings.From(provider.GetRequiredService<IConfiguration>()));
        services.AddSingleton<LogSignals>();
        services.AddSingleton<LogReaders>();
        services.AddSingleton<PostgresEventStore>();
        services.AddSingleton<IEventLog, OrganizationLog>();
    }
}
