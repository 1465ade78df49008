using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Idempotency;

/// <summary>Once only.</summary>
internal static class IdempotencySetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<BodyMacs>();
        services.AddSingleton<IdempotencyKeys>();
        services.AddSingleton<IIdempotencyKeys>(provider => provider.GetRequiredService<IdempotencyKeys>());
        services.AddHostedService<IdempotencySweep>();
    }
}
