using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Infrastructure.EventStore;
using Npgsql;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// The driver's work, made in the launch's own transaction: a launch that is committed is carried out, one that is rolled back is not.
/// It is the state of a process and not a view of the specification: what it holds beside the campaign's ids is written by the driver.
/// </summary>
public sealed class CampaignDispatchView : IInlineView
{
    public IReadOnlyCollection<string> EventTypes { get; } = ["campaign_launched"];

    public void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch) =>
        batch.BatchCommands.Add(new("""
            INSERT INTO bsp.campaign_dispatch (campaign_id, organization_id, account_id)
            SELECT c.id, c.organization_id, c.account_id FROM campaigns c WHERE c.id = ANY($1) ON CONFLICT (campaign_id) DO NOTHING
            """)
        {
            Parameters = { new() { Value = events.Select(e => e.Body).OfType<CampaignLaunched>().Select(e => e.CampaignId).ToArray() } },
        });
}
