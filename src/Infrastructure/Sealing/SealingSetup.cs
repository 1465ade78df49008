using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Sealing;

/// <summary>Days of the log, sealed and signed.</summary>
internal static class SealingSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<LogSigner>();
        services.AddSingleton<LogKeyRing>();
        services.AddHostedService<LogSealer>();
    }
}
