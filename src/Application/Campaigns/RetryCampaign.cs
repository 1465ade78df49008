using Bsp.Application.Common;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using MediatR;

namespace Bsp.Application.Campaigns;

/// <summary>
/// Makes a campaign of those whom another one could not reach: a draft, to be launched. While it is a draft, asking again finds the same
/// one
/// and adds who failed since; afterwards whoever failed since has a further one, and nobody is in two.
/// </summary>
/// <exception cref="Refusal"><c>campaign.unknown</c>, <c>campaign.not_retryable</c>, <c>campaign.nothing_to_retry</c></exception>
public sealed record RetryCampaign(Guid OrganizationId, Guid CampaignId) : IRequest<Done>;

/// <summary>Campaigns of the failed members of others.</summary>
public interface ICampaignRetries
{
    /// <summary>The draft, with all who failed and are in no other retry; else the latest retry.</summary>
    /// <exception cref="Refusal"><c>campaign.unknown</c>, <c>campaign.not_retryable</c>, <c>campaign.nothing_to_retry</c></exception>
    Task<Done> RetryAsync(Guid organizationId, Guid sourceId, CancellationToken ct);

    /// <summary>Adds to a retry that is about to begin who has failed since; nothing when the plan is of none.</summary>
    Task AddLateAsync(Guid organizationId, Guid campaignId, CampaignPlan plan, CancellationToken ct);
}

public sealed class RetryCampaignHandler(ICampaignRetries retries) : IRequestHandler<RetryCampaign, Done>
{
    public Task<Done> Handle(RetryCampaign command, CancellationToken ct) =>
        retries.RetryAsync(command.OrganizationId, command.CampaignId, ct);
}
