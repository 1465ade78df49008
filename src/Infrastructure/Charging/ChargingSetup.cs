using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Charging;

/// <summary>What messages cost, and who pays.</summary>
internal static class ChargingSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton(options.Billing);
        services.AddSingleton<TariffSource>();
    }
}
