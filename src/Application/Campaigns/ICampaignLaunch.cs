using Bsp.Application.Common;
using Bsp.Domain.Campaigns;

namespace Bsp.Application.Campaigns;

/// <summary>Starts a campaign and sets aside what it may cost, in one transaction.</summary>
public interface ICampaignLaunch
{
    /// <param name="decide">What the launch comes to; no events: it has been launched already, and nothing is set aside.</param>
    /// <exception cref="RefusedFields"><c>wallet.insufficient</c></exception>
    /// <exception cref="Domain.Common.Refusal"><c>rate_card.missing</c>, or of the decision.</exception>
    Task<Done> LaunchAsync(Guid organizationId, Guid campaignId, Func<Campaign, CampaignEvent[]> decide, long? seenVersion, CancellationToken ct);
}
