using System.Runtime.ExceptionServices;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Messages;

namespace Bsp.Application.Messages;

/// <summary>What was decided on one message.</summary>
/// <param name="Before">As found; <see cref="MessagePhase.None"/>: there is no such message, or an event of it cannot be read.</param>
/// <param name="Events">What was appended; none when nothing had to change.</param>
/// <param name="Version">Stream version afterwards.</param>
public sealed record Ruling(Guid MessageId, Message Before, IReadOnlyList<MessageEvent> Events, Message After, long Version);

/// <summary>A message as somebody here knows it; the log may be ahead.</summary>
/// <param name="Version">Of its stream at that state.</param>
public readonly record struct KnownMessage(Message State, long Version);

/// <summary>
/// Decides on many messages at once: one round trip to load, one shared transaction to append; those that somebody else moved meanwhile are
/// decided again. A fact about one that
/// was archived takes it out again: nothing Meta says is lost, however late.
/// </summary>
public static class MessageLedger
{
    /// <summary>Messages one call takes.</summary>
    public const int MessagesMax = 2_000;

    private const int AttemptsMax = 50;

    // Version of a message of which an event cannot be read.
    private const long Unreadable = -1;

    /// <summary>Decides on each message; rulings come in the order of <paramref name="messageIds"/> (distinct).</summary>
    /// <param name="known">States of some of them: taken first, which spares the load. What is appended upon one is guarded by its version;
    /// when there is nothing to append, the log is asked. Null: load all.</param>
    public static async Task<IReadOnlyList<Ruling>> RuleAsync(this IEventStore store, Guid organizationId, IReadOnlyList<Guid> messageIds,
        Func<Guid, Message, MessageEvent[]> decide,
        CancellationToken ct, IReadOnlyDictionary<Guid, KnownMessage>? known = null)
    {
        var rulings = new Dictionary<Guid, Ruling>(messageIds.Count);
        IReadOnlyList<Guid> open = messageIds;
        for (var attempt = 1; open.Count > 0; attempt++)
        {
            if (attempt > AttemptsMax)
            {
                throw new VersionConflict(open[0], named: false);
            }

            var found = await FindAsync(store, organizationId, open, attempt == 1 ? known : null, ct);
            open = await AppendAsync(store, organizationId, found, decide, rulings, ct);
        }

        return [.. messageIds.Select(id => rulings[id])];
    }

    private readonly record struct Found(Guid Id, Message State, long Version, bool FromLog);

    private static async Task<List<Found>> FindAsync(IEventStore store, Guid organizationId, IReadOnlyList<Guid> ids,
        IReadOnlyDictionary<Guid, KnownMessage>? known, CancellationToken ct)
    {
        var found = new List<Found>(ids.Count);
        var others = new List<Guid>();
        foreach (var id in ids)
        {
            if (known is not null && known.TryGetValue(id, out var message))
            {
                found.Add(new(id, message.State, message.Version, FromLog: false));
            }
            else
            {
                others.Add(id);
            }
        }

        var loaded = others.Count == 0 ? [] : await store.LoadManyAsync(organizationId, others, ct, archivedToo: true);
        found.AddRange(loaded.Select(s => s.Unreadable is null
            ? new Found(s.StreamId, s.Fold<Message, MessageEvent>(), s.Version, FromLog: true)
            : new Found(s.StreamId, Message.Initial, Unreadable, FromLog: true)));
        return found;
    }

    // Returns those to decide again: moved by somebody else meanwhile, or nothing to do on a state that the log may be ahead of.
    private static async Task<IReadOnlyList<Guid>> AppendAsync(IEventStore store, Guid organizationId, IReadOnlyList<Found> found,
        Func<Guid, Message, MessageEvent[]> decide, Dictionary<Guid, Ruling> rulings, CancellationToken ct)
    {
        var pending = new List<Ruling>(found.Count);
        var calls = new List<(Guid, IReadOnlyList<StreamAppend>)>(found.Count);
        var again = new List<Guid>();
        foreach (var (id, state, version, fromLog) in found)
        {
            if (version == Unreadable)
            {
                // nothing is decided on what cannot be read, and its neighbours are
                rulings[id] = new(id, Message.Initial, [], Message.Initial, version);
                continue;
            }

            var events = decide(id, state);
            if (events.Length == 0 && !fromLog)
            {
                again.Add(id);
                continue;
            }

            if (events.Length == 0)
            {
                rulings[id] = new(id, state, [], state, version);
                continue;
            }

            pending.Add(new(id, state, events, events.Aggregate(state, Message.Evolve), version + events.Length));
            calls.Add((organizationId, [new(id, "message", version, events)]));
        }

        var outcomes = await AppendAsync(store, calls, ct);
        var archived = new List<Guid>();
        foreach (var (ruling, outcome) in pending.Zip(outcomes))
        {
            if (outcome.Verdict == AppendVerdict.Ok)
            {
                rulings[ruling.MessageId] = ruling;
            }
            else if (outcome.Verdict == AppendVerdict.Conflict)
            {
                again.Add(ruling.MessageId);
            }
            else
            {
                archived.Add(ruling.MessageId);
            }
        }

        if (archived.Count > 0)
        {
            await store.RestoreAsync(organizationId, archived, ct);
            again.AddRange(archived);
        }

        return again;
    }

    // All at once, so that they share a transaction; the caller knows the single store's exceptions.
    private static async Task<AppendOutcome[]> AppendAsync(IEventStore store, IReadOnlyList<(Guid, IReadOnlyList<StreamAppend>)> calls,
        CancellationToken ct)
    {
        try
        {
            return calls.Count == 0 ? [] : await store.AppendManyAsync(calls, ct);
        }
        catch (AggregateException failed)
        {
            ExceptionDispatchInfo.Throw(failed.InnerExceptions[0]);
            throw;
        }
    }
}
