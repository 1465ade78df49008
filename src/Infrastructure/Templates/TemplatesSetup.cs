using Bsp.Application.Common;
using Bsp.Application.Templates;
using MediatR;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Templates;

/// <summary>Templates.</summary>
internal static class TemplatesSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddTransient<IPipelineBehavior<GetTemplate, TemplateView>, CachedTemplate>();
    }
}
