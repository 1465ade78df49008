namespace Bsp.Domain.Common;

/// <summary>
/// What a stream's facts come to, and all that is needed to find out: where a handler begins and how one fact changes it.
/// </summary>
/// <typeparam name="TSelf">The state itself: what the aggregate must remember to decide. One that Marten carries has a <c>Guid
/// Id</c>.</typeparam>
/// <typeparam name="TEvent">The family of its facts.</typeparam>
public interface IAggregate<TSelf, in TEvent> where TSelf : class, IAggregate<TSelf, TEvent> where TEvent : class
{
    /// <summary>The stored name of its streams: <c>mt_streams.type</c>. Lower case, never changed.</summary>
    static abstract string StreamType { get; }

    /// <summary>The state before the first fact.</summary>
    static abstract TSelf Initial { get; }

    /// <summary>The state after one more fact. Facts are facts: nothing here may refuse.</summary>
    static abstract TSelf Evolve(TSelf state, TEvent @event);
}
