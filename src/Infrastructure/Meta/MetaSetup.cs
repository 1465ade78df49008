using Bsp.Application.Common;
using Bsp.Application.Meta;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Meta;

/// <summary>Meta's Graph API.</summary>
internal static class MetaSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton(new GraphOptions(options.Meta.BaseUrl, options.Meta.Timeout));
        services.AddSingleton<IMeta, GraphClient>();
        services.AddSingleton<IMetaMedia, GraphMedia>();
        services.AddSingleton<IMetaOnboarding>(provider => new GraphOnboarding(provider.GetRequiredService<GraphOptions>(), options.Meta));
    }
}
