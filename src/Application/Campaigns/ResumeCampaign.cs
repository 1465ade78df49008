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

public sealed class ResumeCampaignHandler(IEventStore store, TimeProvider clock) : IRequestHandler<ResumeCampaign, Done>
{
    public Task<Done> Handle(ResumeCampaign command, CancellationToken ct) =>
        store.Decide<Campaign, CampaignEvent>(command.OrganizationId, command.CampaignId,
            state => Campaign.Resume(state, clock.GetUtcNow()), command.SeenVersion, ct);
}
