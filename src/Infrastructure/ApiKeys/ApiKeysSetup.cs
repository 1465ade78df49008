using Bsp.Application.ApiKeys;
using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.ApiKeys;

/// <summary>Keys, and which account a key is restricted to.</summary>
internal static class ApiKeysSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<KeyDirectory>();
        services.AddSingleton<IKeyDirectory>(provider => provider.GetRequiredService<KeyDirectory>());
        services.AddHostedService(provider => provider.GetRequiredService<KeyDirectory>());
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<KeyDirectory>().Memory);
        services.AddSingleton<IAccountScope, AccountScope>();
    }
}
