using Bsp.Domain.Common;
using JasperFx.Events;
using Marten.Events.Aggregation;

namespace Bsp.Infrastructure.EventStore.Marten;

/// <summary>
/// Lets Marten fold an aggregate by its own pure function, so that the domain knows nothing of Marten. Always registered live: a stored
/// snapshot of Marten's would not see what
/// a lane appends to the same stream, and an append decided on it would be accepted (docs/decisions/0195).
/// </summary>
/// <typeparam name="TState">A record with a <c>Guid Id</c>.</typeparam>
public sealed class AggregateFold<TState, TEvent> : SingleStreamProjection<TState, Guid> where TState : class, IAggregate<TState, TEvent>
    where TEvent : class
{
    /// <summary>The state after one more event; events of other families change nothing.</summary>
    public override TState? Evolve(TState? snapshot, Guid id, IEvent e) =>
        e.Data is TEvent body ? TState.Evolve(snapshot ?? TState.Initial, body) : snapshot;
}
