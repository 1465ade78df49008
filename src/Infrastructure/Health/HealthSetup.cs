using Bsp.Application.Common;
using Bsp.Infrastructure.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Health;

/// <summary>Whether the stores answer.</summary>
internal static class HealthSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<IStoreHealth, PostgresHealth>();
        services.AddSingleton<IStoreHealth, RedisHealth>();
        services.AddSingleton<LateMigrations>();
        services.AddHostedService(provider => provider.GetRequiredService<LateMigrations>());
        services.AddSingleton<IStoreHealth>(provider => provider.GetRequiredService<LateMigrations>());
        services.AddSingleton<IStoreHealth, AppendHealth>();
        services.AddSingleton<IStoreHealth, QueueHealth>();
    }
}
