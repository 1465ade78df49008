using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Infrastructure.EventStore;
using Npgsql;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// What running campaigns listen to, and from where their error budgets count, in the transaction that starts, stops or ends them. The
/// state of a process as <see cref="CampaignDispatchView"/> is, and no view.
/// </summary>
public sealed class CampaignTriggersView : IInlineView
{
    public IReadOnlyCollection<string> EventTypes { get; } =
        ["campaign_launched", "campaign_paused", "campaign_resumed", "campaign_cancelled", "campaign_completed"];

    public void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch)
    {
        foreach (var stored in events)
        {
            switch (stored.Body)
            {
                case CampaignLaunched e:
                    Arm(batch, e.CampaignId, e.At);
                    break;
                case CampaignResumed e:
                    Arm(batch, e.CampaignId, e.At);
                    Forgive(batch, e.CampaignId);
                    break;
                case CampaignPaused e:
                    Disarm(batch, e.CampaignId);
                    break;
                case CampaignCompleted e:
                    Disarm(batch, e.CampaignId);
                    break;
                case CampaignCancelled e:
                    Disarm(batch, e.CampaignId);
                    Add(batch, "DELETE FROM bsp.campaign_causes WHERE campaign_id = $1", e.CampaignId);
                    break;
            }
        }
    }

    // From now on what happens is noted for it.
    private static void Arm(NpgsqlBatch batch, Guid campaignId, DateTimeOffset at) => Add(batch, """
        INSERT INTO bsp.campaign_triggers (campaign_id, organization_id, account_id, kind, key, armed_at)
        SELECT c.id, c.organization_id, c.account_id, c.options -> 'trigger' ->> 'on', k, $2
          FROM campaigns c CROSS JOIN unnest(c.trigger_keys) AS k
         WHERE c.id = $1 AND c.type = 'TRIGGERED' ON CONFLICT (campaign_id, key) DO NOTHING
        """, campaignId, at.UtcDateTime);

    // What happens while it is paused is not its matter; what was noted before waits for its going on.
    private static void Disarm(NpgsqlBatch batch, Guid campaignId) =>
        Add(batch, "DELETE FROM bsp.campaign_triggers WHERE campaign_id = $1", campaignId);

    // Whoever lets it go on knows of the failures so far.
    private static void Forgive(NpgsqlBatch batch, Guid campaignId)
    {
        Add(batch, "UPDATE bsp.campaign_errors SET base = failures WHERE campaign_id = $1 AND base <> failures", campaignId);
        Add(batch, """
            UPDATE bsp.campaign_dispatch d SET budget_outcomes = p.accepted + p.rejected, budget_failed = p.failed
              FROM bsp.campaign_progress p
             WHERE d.campaign_id = $1 AND p.campaign_id = d.campaign_id
               AND EXISTS (SELECT FROM bsp.campaign_errors e WHERE e.campaign_id = $1)
            """, campaignId);
    }

    private static void Add(NpgsqlBatch batch, string sql, params object[] arguments)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        batch.BatchCommands.Add(command);
    }
}
