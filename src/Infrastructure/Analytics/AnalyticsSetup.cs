using Bsp.Application.Common;
using Bsp.Infrastructure.ClickHouse;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Analytics;

/// <summary>Figures by day, number and campaign; nothing is filled without a ClickHouse.</summary>
internal static class AnalyticsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<DailyStats>();
        services.AddSingleton<ReportReader>();
        services.AddSingleton<IAnalyticsEntry>(provider => Entry(provider, provider.GetRequiredService<IConfiguration>()));
        if (options.ClickHouse is not null)
        {
            services.AddHostedService(provider => provider.GetRequiredService<DailyStats>());
        }
    }

    private static IAnalyticsEntry Entry(IServiceProvider provider, IConfiguration configuration) =>
        configuration["Bsp:ClickHouse:KafkaBrokers"] is { Length: > 0 } brokers
            ? new KafkaEntry(provider.GetRequiredService<ClickHouseClient>(), provider.GetRequiredService<ClickHouseSchema>(),
                brokers, provider.GetRequiredService<TimeProvider>())
            : new HttpEntry(provider.GetRequiredService<ClickHouseClient>());
}
