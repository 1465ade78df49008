using Bsp.Application.Common;
using Bsp.Application.Webhooks;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>Meta's webhooks: the journal, its readers, what is set aside.</summary>
internal static class WebhooksSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton(new JournalOptions(RetentionDays: 7));
        services.AddSingleton<WebhookSignal>();
        services.AddSingleton<BodyRoom>();
        services.AddSingleton(provider => FairShare.Of(options.Limits, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<BodyRoom>());
        services.AddSingleton<NumberDirectory>();
        services.AddSingleton<IBoundedMemory>(provider => provider.GetRequiredService<NumberDirectory>().Memory);
        services.AddSingleton<IOrganizationApps, OrganizationApps>();
        services.AddSingleton<IBoundedMemory>(provider => ((OrganizationApps)provider.GetRequiredService<IOrganizationApps>()).Memory);
        services.AddSingleton<NonMessageFields>();
        services.AddSingleton<AccountFields>();
        services.AddSingleton<Journal>();
        services.AddSingleton<IWebhookJournal>(provider => provider.GetRequiredService<Journal>());
        services.AddHostedService(provider => provider.GetRequiredService<Journal>());
        services.AddHostedService<JournalPartitions>();
        services.AddSingleton<ParkedStatuses>();
        services.AddHostedService(provider => provider.GetRequiredService<ParkedStatuses>());
        services.AddSingleton<ISetAsideWebhooks, SetAsideWebhooks>();
        services.AddSingleton<SetAsideBoard>();
        services.AddSingleton<IStoreHealth>(provider => provider.GetRequiredService<SetAsideBoard>());
        services.AddHostedService<WebhookReader>();
    }
}
