using Bsp.Application.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Homes;

/// <summary>Where organizations live.</summary>
internal static class HomesSetup
{
    public static void Add(IServiceCollection services, BspOptions options) => services.AddHostedService<HomeNews>();
}
