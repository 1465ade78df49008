using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Projections;

/// <summary>The runner of the projections and whoever waits for them. The projections themselves are found by themselves.</summary>
internal static class ProjectionsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<ProjectionRunner>();
        services.AddHostedService(provider => provider.GetRequiredService<ProjectionRunner>());
        services.AddSingleton<IStoreHealth, ProjectionsHealth>();
        services.AddSingleton<IViewWaiter, ViewWaiter>();
        services.AddSingleton<IProjections, Projections>();
    }
}
