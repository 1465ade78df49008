using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using MediatR;

namespace Bsp.Application.Campaigns;

/// <summary>Lets a paused campaign go on.</summary>
/// <param name="SeenVersion">Version the caller last saw (If-Match); null decides on whatever is stored.</param>
public sealed record ResumeCampaign(Guid OrganizationId, Guid CampaignId, long? SeenVersion = null) : ICommandOn
{
    Guid ICommandOn.Id => CampaignId;
}

public sealed class ResumeCampaignHandler(IEventStore store, ICampaignReferences references, ICampaignLaunch launch, TimeProvider clock)
    : IRequestHandler<ResumeCampaign, Done>
{
    public async Task<Done> Handle(ResumeCampaign command, CancellationToken ct)
    {
        var stored = (await store.LoadAsync(command.OrganizationId, command.CampaignId, ct)).Fold<Campaign, CampaignEvent>();
        if (stored is { Status: CampaignStatus.Paused, Plan: { } plan })
        {
            // the template may have changed meanwhile
            await references.RequireApprovedAsync(command.OrganizationId, plan, ct);
            await references.RequireParametersAsync(command.OrganizationId, plan, complete: true, ct);
        }

        return await launch.ResumeAsync(command.OrganizationId, command.CampaignId,
            state => Campaign.Resume(state, clock.GetUtcNow()), command.SeenVersion, ct);
    }
}
