using Bsp.Application.Common;
using Bsp.Application.CustomerWebhooks;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>What organizations' own systems are told.</summary>
internal static class CustomerWebhooksSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton(new OutboundRules(options.WebhookNetworks));
        services.AddSingleton<OutboundHttp>();
        services.AddSingleton<PublicEventReader>();
        services.AddSingleton<IPublicEvents>(provider => provider.GetRequiredService<PublicEventReader>());
        services.AddSingleton<DeliverySignal>();
        services.AddSingleton<WebhookClaims>();
        services.AddSingleton<WebhookSwitch>();
        services.AddSingleton<SessionParts>();
        services.AddSingleton(provider => provider.GetRequiredService<SessionParts>().Running);
        services.AddSingleton<WebhookNews>();
        services.AddHostedService<WebhookSweep>();
        services.AddHostedService<DeliveryWorker>();
    }
}
