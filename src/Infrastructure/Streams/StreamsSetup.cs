using Bsp.Application.Common;
using Bsp.Application.Streams;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Streams;

/// <summary>What happens, as it happens.</summary>
internal static class StreamsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        // Made when they are asked for: how frames are written is the API's.
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<FrameMaker>(provider));
        services.AddSingleton(provider => ActivatorUtilities.CreateInstance<StreamHub>(provider));
        services.AddSingleton<IStreamHub>(provider => provider.GetRequiredService<StreamHub>());
        services.AddHostedService(provider => provider.GetRequiredService<StreamHub>());
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<StreamHub>().Memory);
        services.AddSingleton<IStreamTickets, StreamTickets>();
    }
}
