using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Imports;

/// <summary>Files of contacts.</summary>
internal static class ImportsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<ImportSignal>();
        services.AddSingleton(new UploadSpool(options.Uploads));
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<UploadSpool>());
        services.AddHostedService<ImportWorker>();
        services.AddSingleton<ISweep, ImportSweep>();
    }
}
