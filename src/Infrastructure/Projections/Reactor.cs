using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Projections;

/// <summary>What an event leads to on one stream.</summary>
/// <param name="Cause">The event; named as the causation of what is appended.</param>
/// <param name="Decide">The stream's facts so far → what is appended; none: nothing follows (any more).</param>
/// <param name="Committed">What is to be done after the commit when something was appended: cached copies are out of date. Given the
/// stream's version.</param>
public sealed record Reaction(StoredEvent Cause, Guid StreamId, string StreamType,
    Func<IReadOnlyList<object>, IReadOnlyList<object>> Decide, Func<long, Task> Committed);

/// <summary>
/// A process manager: follows the log and answers events by events. Its appends and its checkpoint are one transaction, so each event is
/// answered exactly once, whatever is killed
/// when and however many processes race. It makes no view and cannot be rebuilt. Decision: docs/decisions/0087.
/// </summary>
public abstract class Reactor(PostgresEventStore store) : PostgresProjection
{
    // An append holds readers of the shard back until its transaction ends, so the transaction is kept short.
    public override int PageEventsMax => 200;

    /// <summary>A parked event may be answered later: what it leads to is decided on the streams as they are then.</summary>
    public override bool OrderMatters => false;

    /// <summary>What the page's events lead to, in their order; most lead to nothing.</summary>
    protected abstract Task<IReadOnlyList<Reaction>> ReactionsAsync(TenantTransaction tx, EventPage page, CancellationToken ct);

    /// <exception cref="VersionConflict">Somebody appended to one of the streams meanwhile: the page is tried again, upon what is there
    /// then.</exception>
    protected sealed override async Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        foreach (var stream in (await ReactionsAsync(tx, page, ct)).GroupBy(r => (r.Cause.OrganizationId, r.StreamId)))
        {
            await AppendAsync(tx, page.Shard, stream.Key.OrganizationId, stream.Key.StreamId, [.. stream], ct);
        }
    }

    private async Task AppendAsync(TenantTransaction tx, Shard shard, Guid organizationId, Guid streamId, Reaction[] reactions,
        CancellationToken ct)
    {
        var stream = await store.LoadAsync(organizationId, streamId, ct);
        var facts = stream.Events.Select(e => e.Body).OfType<object>().ToList();
        var version = stream.Version;
        foreach (var reaction in reactions)
        {
            var events = reaction.Decide(facts);
            if (events.Count == 0)
            {
                continue;
            }

            using var request =
                new CurrentRequest { CorrelationId = reaction.Cause.Metadata.CorrelationId
                    ?? Name, CausationId = reaction.Cause.Id.ToString(), Caller = Name }.Enter();
            var outcome =
                (await store.AppendAsync(tx, shard, organizationId, [[new(streamId, reaction.StreamType, version, events)]], ct))[0];
            if (outcome.Verdict == AppendVerdict.Conflict)
            {
                throw new VersionConflict(streamId, named: false);
            }

            if (outcome.Verdict == AppendVerdict.Archived)
            {
                return; // nothing follows for what is over
            }

            version = outcome.Versions[0];
            var appended = version;
            tx.OnCommitted(() => reaction.Committed(appended));
            facts.AddRange(events);
        }
    }
}
