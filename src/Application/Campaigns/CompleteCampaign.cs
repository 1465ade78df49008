using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using MediatR;

namespace Bsp.Application.Campaigns;

/// <summary>Said by the campaign driver when nothing is left to send or to wait for.</summary>
public sealed record CompleteCampaign(Guid OrganizationId, Guid CampaignId) : ICommandOn
{
    Guid ICommandOn.Id => CampaignId;
}

public sealed class CompleteCampaignHandler(IEventStore store, TimeProvider clock) : IRequestHandler<CompleteCampaign, Done>
{
    public Task<Done> Handle(CompleteCampaign command, CancellationToken ct) =>
        store.Decide<Campaign, CampaignEvent>(command.OrganizationId, command.CampaignId,
            state => Campaign.Complete(state, clock.GetUtcNow()), null, ct);
}
