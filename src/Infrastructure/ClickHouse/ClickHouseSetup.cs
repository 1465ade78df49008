using Bsp.Application.Common;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.ClickHouse;

/// <summary>The client of ClickHouse and its schema; without a connection string every statement says that there is none.</summary>
internal static class ClickHouseSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton(new ClickHouseClient(options.ClickHouse));
        services.AddSingleton(provider => new ClickHouseSchema(
            provider.GetRequiredService<ClickHouseClient>(), provider.GetRequiredService<IConfiguration>()["Bsp:ClickHouse:KafkaBrokers"]));
        if (options.ClickHouse is not null)
        {
            services.AddSingleton<IStoreHealth, ClickHouseHealth>();
        }
    }
}
