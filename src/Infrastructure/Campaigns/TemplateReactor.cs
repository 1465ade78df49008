using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Templates;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// What becomes of running campaigns when their template changes under them: one that cannot be sent any more, or that is in another
/// category, and so has another price and other rules of consent, pauses them with the reason. What people did since stands: a campaign
/// resumed after it was learnt goes on. Decision: docs/decisions/0325.
/// </summary>
public sealed class TemplateReactor(PostgresEventStore store, RowCaches caches, TimeProvider clock) : Reactor(store)
{
    private const int ReasonMax = 200;

    public override string Name => ViewNames.CampaignTemplates;

    public override IReadOnlyCollection<string>? EventTypes { get; } =
        ["template_status_changed", "template_category_changed", "template_revised", "template_deleted"];

    protected override async Task<IReadOnlyList<Reaction>> ReactionsAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        var said = page.Events.Select(e => (Event: e, Word: WordOf(e.Body))).Where(s => s.Word is not null).ToList();
        var running = said.Count == 0 ? [] : await tx.QueryAsync("""
            SELECT u.n, c.id, t.name
              FROM unnest($1::uuid[], $2::uuid[], $3::boolean[]) WITH ORDINALITY AS u (organization, template, stopped, n)
              JOIN templates t ON t.id = u.template AND t.organization_id = u.organization
               AND (NOT u.stopped OR t.status <> 'APPROVED' OR t.deleted_at IS NOT NULL)
              JOIN campaigns c ON c.organization_id = u.organization AND c.status = 'RUNNING'
               AND (c.template_id = t.id OR c.options -> 'variants' @> jsonb_build_array(jsonb_build_object('template_id', t.id)))
            """, r => (N: (int)r.GetInt64(0), Campaign: r.GetGuid(1), Template: r.GetString(2)), ct,
            said.Select(s => s.Event.OrganizationId).ToArray(), said.Select(s => s.Event.StreamId).ToArray(),
            said.Select(s => s.Event.Body is not TemplateCategoryChanged).ToArray());
        return [.. running.OrderBy(r => r.N).Select(r => new Reaction(said[r.N - 1].Event, r.Campaign, "campaign",
            facts => Pause(facts, said[r.N - 1].Event, Text.Cut($"template {r.Template} {said[r.N - 1].Word}", ReasonMax)),
            version => caches.Campaigns.ForgetAsync(r.Campaign, version)))];
    }

    // Null: nothing follows. One that became cheaper, and needs no opt-in any more, stops nobody.
    private static string? WordOf(object? body) => body switch
    {
        TemplateStatusChanged { Status: not "APPROVED" } e =>
            $"is {e.StatusExact}{(e.Reason is { } reason ? $" ({reason})" : "")}: nothing of it can be sent; resume when it is approved",
        TemplateRevised => "was revised: nothing of it can be sent until Meta approves it",
        TemplateDeleted => "was deleted: nothing of it can be sent",
        TemplateCategoryChanged { PreviousCategory: "MARKETING" } => null,
        TemplateCategoryChanged e =>
            $"is {e.Category} now, no longer {e.PreviousCategory}: other prices and consent; resuming sets aside what the rest costs now",
        _ => null,
    };

    private CampaignEvent[] Pause(IReadOnlyList<object> facts, StoredEvent cause, string reason)
    {
        var state = facts.OfType<CampaignEvent>().Aggregate(Campaign.Initial, Campaign.Evolve);
        var resumedSince = facts.OfType<CampaignResumed>().Any(e => e.At > cause.Timestamp);
        return state.Status != CampaignStatus.Running || resumedSince ? [] : Campaign.Pause(state, reason, clock.GetUtcNow());
    }
}
