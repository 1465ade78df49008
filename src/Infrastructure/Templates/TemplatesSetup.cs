using Bsp.Application.Common;
using Bsp.Application.Templates;
using MediatR;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Templates;

/// <summary>What templates refer to, and the copies of their rows.</summary>
internal static class TemplatesSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<ITemplateReferences, TemplateReferences>();
        services.AddTransient<IPipelineBehavior<GetTemplate, TemplateView>, CachedTemplate>();
    }
}
