namespace Bsp.Application.EventStore;

/// <summary>Who and why, beside the fact.</summary>
/// <param name="CorrelationId">The request or job it all belongs to; null when unknown.</param>
/// <param name="CausationId">The event or message that caused it; null when a request did.</param>
/// <param name="UserName">The key's prefix or the person; null for the platform itself.</param>
public sealed record EventMetadata(string? CorrelationId, string? CausationId, string? UserName)
{
    /// <summary>Nothing known.</summary>
    public static readonly EventMetadata None = new(null, null, null);
}

/// <summary>One event as the log holds it.</summary>
/// <param name="Sequence">Place in the shard's log (<c>seq_id</c>), from 1, with gaps.</param>
/// <param name="Version">Place in its stream, from 1, without gaps.</param>
/// <param name="Type">Stored name.</param>
/// <param name="Body">The fact; null when this build does not know <paramref name="Type"/> (kept, shown by name, skipped);
/// <see cref="UnreadableBody"/> when it cannot be read.</param>
/// <param name="Timestamp">When it was appended, UTC.</param>
public sealed record StoredEvent(long Sequence, Guid Id, Guid OrganizationId, Guid StreamId, long Version, string Type, object? Body,
    DateTimeOffset Timestamp, EventMetadata Metadata);

/// <summary>What a stream's events come to.</summary>
/// <param name="Version">0: it does not exist, or is archived.</param>
/// <param name="IsArchived">It is archived and takes no events; the state is then the initial one.</param>
public readonly record struct LoadedState<TState>(TState State, long Version, bool IsArchived);

/// <summary>A stream, whole.</summary>
/// <param name="Version">0: it does not exist, or is archived.</param>
/// <param name="IsArchived">It is archived and takes no events; whoever loads it for deciding gets none either, whoever reads the log
/// does.</param>
public sealed record LoadedStream(Guid StreamId, long Version, IReadOnlyList<StoredEvent> Events, bool IsArchived = false)
{
    /// <summary>The aggregate's state, as by the other overload.</summary>
    /// <exception cref="UnreadableStream">As there.</exception>
    public TState Fold<TState, TEvent>() where TState : class, Domain.Common.IAggregate<TState, TEvent> where TEvent : class =>
        Fold<TState, TEvent>(TState.Initial, TState.Evolve);

    /// <summary>Folds the events this build knows, for deciding; unknown ones are skipped.</summary>
    /// <exception cref="UnreadableStream">One cannot be read: nothing may be decided without it.</exception>
    public TState Fold<TState, TEvent>(TState initial, Func<TState, TEvent, TState> evolve) where TEvent : class =>
        Unreadable is { Body: UnreadableBody body } bad ? throw new UnreadableStream(bad, body.Error) : FoldReadable(initial, evolve);

    /// <summary>Folds what can be read, for showing and for erasing.</summary>
    public TState FoldReadable<TState, TEvent>(TState initial, Func<TState, TEvent, TState> evolve) where TEvent : class
    {
        var state = initial;
        foreach (var stored in Events)
        {
            if (stored.Body is TEvent body)
            {
                state = evolve(state, body);
            }
        }

        return state;
    }

    /// <summary>The first event whose body cannot be read; null: all can.</summary>
    public StoredEvent? Unreadable => Events.FirstOrDefault(stored => stored.Body is UnreadableBody);
}
