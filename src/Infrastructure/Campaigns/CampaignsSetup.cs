using Bsp.Application.Campaigns;
using Bsp.Application.Common;
using Bsp.Application.Messages;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>Campaigns, their audience and the driver that works through it.</summary>
internal static class CampaignsSetup
{
    public static void Add(IServiceCollection services, BspOptions options)
    {
        services.AddSingleton<IMergedRecipients, MergedRecipients>();
        services.AddSingleton<CampaignEstimator>();
        services.AddSingleton<CampaignWaits>();
        services.AddSingleton<ICampaignLaunch, CampaignLaunch>();
        services.AddSingleton<ICampaignReferences, CampaignReferences>();
        services.AddSingleton<CampaignFirings>();
        services.AddSingleton<ICampaignFirings>(provider => provider.GetRequiredService<CampaignFirings>());
        services.AddSingleton<CampaignRetries>();
        services.AddSingleton<ICampaignRetries>(provider => provider.GetRequiredService<CampaignRetries>());
        services.AddSingleton<ICampaignTests, CampaignTests>();
        services.AddSingleton<CampaignBudgets>();
        services.AddHostedService<CampaignDriver>();
    }
}
