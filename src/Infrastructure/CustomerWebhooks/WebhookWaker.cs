using Bsp.Application.CustomerWebhooks;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>
/// Makes the endpoints due that an event may concern, and tells whoever delivers to them already. It writes no view: it is there so that
/// ten thousand idle endpoints need not be asked, one after the other, whether something has happened.
/// </summary>
internal sealed class WebhookWaker(WebhookNews news, TimeProvider clock) : PostgresProjection
{
    public override string Name => ViewNames.WebhookWakes;

    public override IReadOnlyCollection<string>? EventTypes { get; } = PublicEvents.StoredNames;

    public override bool OrderMatters => false;

    public override int PageEventsMax => 2_000;

    protected override async Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        var organizations = page.Events.GroupBy(e => e.OrganizationId).OrderBy(g => g.Key).ToList();
        var woken = await tx.QueryAsync("SELECT woken_id, woken_owner FROM bsp.wake_webhooks_of($1, $2, $3, $4)", r =>
            (r.GetGuid(0), r.IsDBNull(1) ? (Guid?)null : r.GetGuid(1)), ct, organizations.Select(o => o.Key).ToArray(),
            organizations.Select(o => string.Join(',', o.Select(e => e.Type).Distinct())).ToArray(),
            organizations.Select(o => o.Max(e => e.Sequence)).ToArray(), clock.GetUtcNow());
        if (woken.Count > 0)
        {
            tx.OnCommitted(() => news.TellAsync(page.Shard, woken));
        }
    }
}
