using Bsp.Application.EventStore;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Messages;

/// <summary>Failures of campaigns' messages by Meta's code, as their error budgets count them (docs/decisions/0323).</summary>
internal static class CampaignErrors
{
    /// <summary>Counts a page's failures, each once: in the transaction that moves the place up to which they were read.</summary>
    public static async Task CountAsync(TenantTransaction transaction, IReadOnlyList<StoredEvent> events, CancellationToken ct)
    {
        var rows = events.Select(FailureOf).OfType<(Guid Organization, Guid Campaign, int Code)>().GroupBy(f => f)
            .OrderBy(f => f.Key.Campaign).ThenBy(f => f.Key.Code).ToList();
        if (rows.Count > 0)
        {
            await transaction.ExecuteAsync("""
                INSERT INTO bsp.campaign_errors AS e (campaign_id, code, organization_id, failures)
                SELECT u.campaign, u.code, u.organization, u.failures
                  FROM unnest($1::uuid[], $2::int[], $3::uuid[], $4::int[]) AS u (campaign, code, organization, failures)
                ON CONFLICT (campaign_id, code) DO UPDATE SET failures = e.failures + excluded.failures
                """, ct, rows.Select(r => r.Key.Campaign).ToArray(), rows.Select(r => r.Key.Code).ToArray(),
                rows.Select(r => r.Key.Organization).ToArray(), rows.Select(r => r.Count()).ToArray());
        }
    }

    // Code 0: Meta named none.
    private static (Guid Organization, Guid Campaign, int Code)? FailureOf(StoredEvent stored) => stored.Body switch
    {
        MessageRejected { Ref.CampaignId: { } campaign } e => (stored.OrganizationId, campaign, e.Code),
        MessageFailed { Ref.CampaignId: { } campaign } e => (stored.OrganizationId, campaign, e.Code ?? 0),
        _ => null,
    };
}
