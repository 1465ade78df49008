using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using MediatR;

namespace Bsp.Application.Campaigns;

/// <summary>Launches the campaign by itself at a time.</summary>
/// <param name="ScheduledAt">In the future, at most <see cref="Campaign.ScheduleDaysMax"/> days ahead.</param>
public sealed record ScheduleCampaign(Guid OrganizationId, Guid CampaignId, DateTimeOffset ScheduledAt, long? SeenVersion = null)
    : ICommandOn
{
    Guid ICommandOn.Id => CampaignId;
}

public sealed class ScheduleCampaignHandler(IEventStore store, ICampaignReferences references, TimeProvider clock)
    : IRequestHandler<ScheduleCampaign, Done>
{
    public async Task<Done> Handle(ScheduleCampaign command, CancellationToken ct)
    {
        var stored = (await store.LoadAsync(command.OrganizationId, command.CampaignId, ct)).Fold<Campaign, CampaignEvent>();
        if (stored is { Status: CampaignStatus.Draft or CampaignStatus.Scheduled, Plan: { } plan })
        {
            await references.RequireParametersAsync(command.OrganizationId, plan, complete: true, ct);
        }

        return await store.Decide<Campaign, CampaignEvent>(command.OrganizationId, command.CampaignId,
            state => Campaign.Schedule(state, command.ScheduledAt, clock.GetUtcNow()), command.SeenVersion, ct);
    }
}
