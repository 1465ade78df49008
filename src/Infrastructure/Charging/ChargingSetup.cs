using Bsp.Application.Charging;
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
        services.AddSingleton<Wallets>();
        services.AddSingleton<IPlans, PlansInForce>();
        services.AddSingleton<Charger>();
        services.AddSingleton<MessagePrices>();
        services.AddSingleton<RaisedHolds>();
        services.AddSingleton<MessageReserves>();
        services.AddSingleton<IMessageReserves>(provider => provider.GetRequiredService<MessageReserves>());
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<MessageReserves>());
        services.AddSingleton<ChargingBoard>();
        services.AddSingleton<IStoreHealth>(provider => provider.GetRequiredService<ChargingBoard>());
        services.AddHostedService<ChargingCatchUp>();
    }
}
