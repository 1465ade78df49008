using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using MediatR;

namespace Bsp.Application.Campaigns;

/// <summary>Starts a campaign: its audience is frozen and sending begins.</summary>
public sealed record LaunchCampaign(Guid OrganizationId, Guid CampaignId, long? SeenVersion = null) : ICommandOn
{
    Guid ICommandOn.Id => CampaignId;
}

public sealed class LaunchCampaignHandler(IEventStore store, ICampaignReferences references, ICampaignLaunch launch, TimeProvider clock) : IRequestHandler<LaunchCampaign, Done>
{
    public async Task<Done> Handle(LaunchCampaign command, CancellationToken ct)
    {
        var stored = (await store.LoadAsync(command.OrganizationId, command.CampaignId, ct)).Fold<Campaign, CampaignEvent>();
        if (stored is { Status: CampaignStatus.Draft or CampaignStatus.Scheduled, Plan: { } plan })
        {
            await references.RequireSendableAsync(command.OrganizationId, plan, ct);
        }

        return await launch.LaunchAsync(command.OrganizationId, command.CampaignId, state => Campaign.Launch(state, clock.GetUtcNow()), command.SeenVersion, ct);
    }
}
