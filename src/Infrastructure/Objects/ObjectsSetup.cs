using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Objects;

/// <summary>Where files lie: a directory, or S3.</summary>
internal static class ObjectsSetup
{
    public static void Add(IServiceCollection services, BspOptions options) =>
        services.AddSingleton<IObjectStore>(_ =>
            options.Media.S3 is { } s3 ? new S3Objects(s3) : new DirectoryObjects(options.Media.Directory));
}
