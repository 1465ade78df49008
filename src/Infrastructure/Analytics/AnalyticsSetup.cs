using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Analytics;

/// <summary>Figures by day, number and campaign; nothing is filled without a ClickHouse.</summary>
internal static class AnalyticsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<DailyStats>();
        if (options.ClickHouse is not null)
        {
            services.AddHostedService(provider => provider.GetRequiredService<DailyStats>());
        }
    }
}
