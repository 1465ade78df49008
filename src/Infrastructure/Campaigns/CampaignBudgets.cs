using System.Text.Json;
using Bsp.Application.Campaigns;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// Whether so many of a campaign's messages failed that it has to pause. Failures are counted by code as they are learnt
/// (<c>send_consequences.v1</c>); it is asked only when there are new ones. Decision: docs/decisions/0323.
/// </summary>
public sealed class CampaignBudgets
{
    /// <summary>Why it has to pause; null: it has not.</summary>
    /// <remarks>Share and sample come from one row of one view, so that they are of one moment, however far it is behind. Until it knows of
    /// all failures that were counted by code, the campaign is looked at again.</remarks>
    internal async Task<string?> SpentAsync(Shard shard, Guid organizationId, Guid campaignId, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        var errors = await transaction.QueryAsync(
            "SELECT code, failures - base, failures FROM bsp.campaign_errors WHERE campaign_id = $1 AND (organization_id = $2) IS TRUE",
            r => (Code: r.GetInt32(0), Count: r.GetInt32(1), All: r.GetInt32(2)), ct, campaignId, organizationId);
        var (budget, failed, outcomes, known) = await CountedAsync(transaction, organizationId, campaignId, ct);
        var byCode = errors.ToDictionary(f => f.Code, f => f.Count);
        if (budget.Counted(failed, byCode) is var counted && budget.IsSpent(counted, outcomes))
        {
            return budget.Reason(counted, outcomes, byCode);
        }

        if (known >= errors.Sum(e => e.All) || await IsUpToDateAsync(transaction, ct))
        {
            await transaction.ExecuteAsync("""
                UPDATE bsp.campaign_errors e SET judged = u.judged FROM unnest($2::int[], $3::int[]) AS u (code, judged)
                 WHERE e.campaign_id = $1 AND e.code = u.code
                """, ct, campaignId, errors.Select(f => f.Code).ToArray(), errors.Select(f => f.All).ToArray());
            await transaction.CommitAsync(ct);
        }

        return null;
    }

    private static async Task<(ErrorBudget Budget, int Failed, int Outcomes, int Known)> CountedAsync(TenantTransaction transaction,
        Guid organizationId, Guid campaignId, CancellationToken ct) =>
        (await transaction.QueryAsync($"""
            SELECT c.options, o.settings -> '{CampaignSettings.ErrorBudget}', coalesce(p.failed, 0) - d.budget_failed,
                   coalesce(p.accepted + p.rejected, 0) - d.budget_outcomes, coalesce(p.failed, 0)
              FROM campaigns c JOIN organizations o ON o.id = c.organization_id JOIN bsp.campaign_dispatch d ON d.campaign_id = c.id
              LEFT JOIN bsp.campaign_progress p ON p.campaign_id = c.id WHERE c.organization_id = $1 AND c.id = $2
            """, r => ((r.IsDBNull(0) ? null : OptionsOf(r.Json(0))?.ErrorBudget)
                ?? (r.IsDBNull(1) ? null : CampaignSettings.Read<ErrorBudget>(r.Json(1))) ?? ErrorBudget.Standard,
                r.GetInt32(2), r.GetInt32(3), r.GetInt32(4)), ct, organizationId, campaignId))[0];

    // Of overruled failures the view knows fewer than were counted.
    private static async Task<bool> IsUpToDateAsync(TenantTransaction transaction, CancellationToken ct)
    {
        var places = (await transaction.QueryAsync("SELECT name, sequence FROM bsp.projections WHERE name = ANY ($1)",
            r => (Name: r.GetString(0), At: r.GetInt64(1)), ct, (string[])[ViewNames.CampaignCounters, ViewNames.SendConsequences]))
            .ToDictionary(p => p.Name, p => p.At);
        return places.GetValueOrDefault(ViewNames.CampaignCounters) >= places.GetValueOrDefault(ViewNames.SendConsequences);
    }

    /// <summary>A campaign's options as its row holds them.</summary>
    internal static CampaignOptions? OptionsOf(JsonElement stored) => stored.Deserialize<CampaignOptions>(EventTypes.Json);
}
