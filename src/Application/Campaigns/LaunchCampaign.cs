using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using MediatR;

namespace Bsp.Application.Campaigns;

/// <summary>Starts a campaign: its audience is frozen and sending begins.</summary>
/// <param name="BySchedule">Its hour has come; false: somebody launches it.</param>
public sealed record LaunchCampaign(Guid OrganizationId, Guid CampaignId, long? SeenVersion = null, bool BySchedule = false) : ICommandOn
{
    Guid ICommandOn.Id => CampaignId;
}

public sealed class LaunchCampaignHandler(IEventStore store, ICampaignReferences references, ICampaignLaunch launch,
    ICampaignRetries retries, TimeProvider clock) : IRequestHandler<LaunchCampaign, Done>
{
    public async Task<Done> Handle(LaunchCampaign command, CancellationToken ct)
    {
        var stored = (await store.LoadAsync(command.OrganizationId, command.CampaignId, ct)).Fold<Campaign, CampaignEvent>();
        if (stored is { Status: CampaignStatus.Draft or CampaignStatus.Scheduled, Plan: { } plan })
        {
            await references.RequireSendableAsync(command.OrganizationId, plan, ct);
            await retries.AddLateAsync(command.OrganizationId, command.CampaignId, plan, ct);
        }

        return await launch.LaunchAsync(command.OrganizationId, command.CampaignId, state =>
            Campaign.Launch(state, clock.GetUtcNow(), command.BySchedule), command.SeenVersion, ct);
    }
}

/// <summary>The launch itself: the decision and what stands or falls with it, in one transaction.</summary>
public interface ICampaignLaunch
{
    /// <summary>Carries the decision out. No events: nothing else is asked for.</summary>
    /// <exception cref="Domain.Common.Refusal"><c>plan.limit_reached</c>, <c>plan.feature_missing</c> (<c>campaigns_per_month</c>),
    /// <c>rate_card.missing</c>, or of the decision</exception>
    /// <exception cref="RefusedFields"><c>wallet.insufficient</c>: what it may cost is set aside in the same transaction</exception>
    Task<Done> LaunchAsync(Guid organizationId, Guid campaignId, Func<Campaign, IReadOnlyList<CampaignEvent>> decide, long? seenVersion,
        CancellationToken ct);

    /// <summary>Carries out that a paused campaign goes on. What was set aside for it is raised when what is left became dearer.</summary>
    /// <exception cref="Domain.Common.Refusal">Of the decision</exception>
    /// <exception cref="RefusedFields"><c>wallet.insufficient</c>: it stays paused</exception>
    Task<Done> ResumeAsync(Guid organizationId, Guid campaignId, Func<Campaign, IReadOnlyList<CampaignEvent>> decide, long? seenVersion,
        CancellationToken ct);
}
