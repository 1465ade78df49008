using Bsp.Application.Common;
using Bsp.Application.Plans;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Plans;

/// <summary>Plans and what they give.</summary>
internal static class PlansSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<Entitlements>();
        services.AddSingleton<IEntitlements>(provider => provider.GetRequiredService<Entitlements>());
    }
}
