using Bsp.Application.Common;
using Bsp.Application.Streams;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Streams;

/// <summary>What happens, as it happens.</summary>
internal static class StreamsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<FrameMaker>();
        services.AddSingleton<StreamHub>();
        services.AddSingleton<IStreamHub>(provider => provider.GetRequiredService<StreamHub>());
        services.AddHostedService(provider => provider.GetRequiredService<StreamHub>());
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<StreamHub>().Memory);
        services.AddSingleton<IStreamTickets, StreamTickets>();
    }
}
