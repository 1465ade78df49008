using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Health;

/// <summary>Whether the stores answer.</summary>
internal static class HealthSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<IStoreHealth, PostgresHealth>();
        services.AddSingleton<IStoreHealth, RedisHealth>();
    }
}
