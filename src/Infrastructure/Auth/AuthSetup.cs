using Bsp.Application.Auth;
using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Auth;

/// <summary>People who sign in.</summary>
internal static class AuthSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton(new Passwords());
        services.AddSingleton<LoginGate>();
        services.AddSingleton<OwnPassword>();
        services.AddSingleton<SecondFactors>();
        services.AddSingleton<SessionStarter>();
        services.AddHostedService<LoginSweep>();
        services.AddSingleton<SessionDirectory>();
        services.AddSingleton<ISessions>(provider => provider.GetRequiredService<SessionDirectory>());
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<SessionDirectory>().Memory);
    }
}
