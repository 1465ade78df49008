using Bsp.Application.Common;
using Bsp.Domain.Messages;

namespace Bsp.Application.Messages;

/// <summary>
/// What this process last knew of the messages it moved: Meta's statuses of a message mostly come within seconds of each other and of the
/// send, and loading the stream
/// for each was a fifth of all that the process allocated. Only a guess, judged by the stream's version
/// (<see cref="MessageLedger.RuleAsync"/>): another process may have moved it on.
/// </summary>
public sealed class RecentMessages
{
    /// <summary>Messages remembered, at most; about 0.6 KB each.</summary>
    public const int MessagesMax = 6_000;

    private const int MessageBytes = 4_096;

    private readonly Lock gate = new();
    [Bounded("half of MessagesMax, without content; texts in it are bounded where they are decided")]
    private Dictionary<(Guid Organization, Guid Message), KnownMessage> young = [];

    [Bounded("half of MessagesMax")]
    private Dictionary<(Guid Organization, Guid Message), KnownMessage> old = [];

    /// <summary>What they take.</summary>
    public IBoundedMemory Memory => new BoundedMemory("recent_messages", MessagesMax * MessageBytes, Bytes);

    /// <summary>Those of the asked messages that are remembered, without their content.</summary>
    public IReadOnlyDictionary<Guid, KnownMessage> Find(Guid organizationId, IReadOnlyCollection<Guid> messageIds)
    {
        var found = new Dictionary<Guid, KnownMessage>(messageIds.Count);
        lock (gate)
        {
            foreach (var id in messageIds)
            {
                if (young.TryGetValue((organizationId, id), out var known) || old.TryGetValue((organizationId, id), out known))
                {
                    found[id] = known;
                }
            }
        }

        return found;
    }

    /// <summary>Remembers how they stand now; those that have been read are forgotten, for they seldom come again.</summary>
    public void Remember(Guid organizationId, IReadOnlyList<Ruling> rulings)
    {
        lock (gate)
        {
            foreach (var ruling in rulings)
            {
                var key = (organizationId, ruling.MessageId);
                old.Remove(key);
                if (ruling.After is { Phase: MessagePhase.None } or { ReadAt: not null })
                {
                    young.Remove(key);
                    continue;
                }

                young[key] = new(ruling.After with { Content = null, Template = null }, ruling.Version);
                if (young.Count >= MessagesMax / 2)
                {
                    (old, young) = (young, []);
                }
            }
        }
    }

    // By the most that one can take: an error's text and Meta's ids are its only texts.
    private long Bytes()
    {
        lock (gate)
        {
            return (long)(young.Count + old.Count) * MessageBytes;
        }
    }
}
