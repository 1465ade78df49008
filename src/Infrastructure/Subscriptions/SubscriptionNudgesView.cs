using Bsp.Application.EventStore;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Npgsql;

namespace Bsp.Infrastructure.Subscriptions;

/// <summary>
/// Money came to an organization that has a subscription: the clock is told, in the money's own transaction. A row of its own each time, so
/// that whoever tops up waits for nobody; what a subscription
/// itself gives back tells nothing.
/// </summary>
public sealed class SubscriptionNudgesView : IInlineView
{
    public IReadOnlyCollection<string> EventTypes { get; } = ["ledger_credited"];

    public bool NeedsTriggers => false;

    public void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch)
    {
        var organizations = events.Where(e => e.Body is LedgerCredited { Entry.Category: not EntryCategories.Subscription })
            .Select(e => e.OrganizationId).Distinct().ToArray();
        if (organizations.Length > 0)
        {
            batch.BatchCommands.Add(new("""
                INSERT INTO bsp.subscription_nudges (id, organization_id, at)
                SELECT gen_random_uuid(), o.id, now() FROM unnest($1) o (id) WHERE EXISTS (SELECT FROM bsp.subscription_clock c WHERE c.organization_id = o.id)
                """) { Parameters = { new() { Value = organizations } } });
        }
    }
}
