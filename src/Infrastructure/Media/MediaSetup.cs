using Bsp.Application.Common;
using Bsp.Application.Media;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Media;

/// <summary>Files that are sent and received.</summary>
internal static class MediaSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<MediaVault>();
        services.AddSingleton<MediaSignal>();
        services.AddSingleton<MediaFiles>();
        services.AddSingleton<IMediaFiles>(provider => provider.GetRequiredService<MediaFiles>());
        services.AddSingleton<IMediaLinks, MediaLinks>();
        services.AddSingleton<MediaForSending>();
        services.AddSingleton<IMediaForSending>(provider => provider.GetRequiredService<MediaForSending>());
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<MediaForSending>().Memory);
        services.AddSingleton<IInboundMedia, InboundMedia>();
        services.AddSingleton<IMediaErasure, MediaErasure>();
        services.AddSingleton<MediaWorker>();
        services.AddHostedService(provider => provider.GetRequiredService<MediaWorker>());
        services.AddSingleton<MediaSweep>();
        services.AddHostedService(provider => provider.GetRequiredService<MediaSweep>());
    }
}
