using Bsp.Application.EventStore;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;

namespace Bsp.Infrastructure.Projections;

/// <summary>
/// What others said about time, bounded by when the event was appended: a view that sorts, partitions or expires by it must not be led to
/// any year whatever. The bounds come from the
/// event alone, so that every replay finds the same.
/// </summary>
internal static class FactTime
{
    // Analytics keep five years; clocks differ, and Meta tells whole seconds.
    private static readonly TimeSpan PastMax = TimeSpan.FromDays(5 * 365);
    private static readonly TimeSpan FutureMax = TimeSpan.FromDays(1);

    /// <summary>The event with its times within five years before and a day after it was appended; itself when they are.</summary>
    public static StoredEvent Bounded(StoredEvent stored) => stored.Body switch
    {
        MessageDelivered e when !(Is(stored, e.At) && Is(stored, e.SentAt) && (e.FailedAt is not { } failed || Is(stored, failed))) =>
            stored with { Body =
                e with { At = Of(stored, e.At), SentAt = Of(stored, e.SentAt), FailedAt = e.FailedAt is { } f ? Of(stored, f) : null } },
        MessageRead e when !(Is(stored, e.At) && Is(stored, e.DeliveredAt)) =>
            stored with { Body = e with { At = Of(stored, e.At), DeliveredAt = Of(stored, e.DeliveredAt) } },
        MessageEvent e when !Is(stored, e.At) => stored with { Body = e with { At = Of(stored, e.At) } },
        CustomerWindowOpened e when e.Until > WindowMax(stored) => stored with { Body = e with { Until = WindowMax(stored) } },
        _ => stored,
    };

    private static bool Is(StoredEvent stored, DateTimeOffset at) => Of(stored, at) == at;

    private static DateTimeOffset Of(StoredEvent stored, DateTimeOffset at)
    {
        var (least, most) = (stored.Timestamp - PastMax, stored.Timestamp + FutureMax);
        return at < least ? least : at > most ? most : at;
    }

    private static DateTimeOffset WindowMax(StoredEvent stored) =>
        stored.Timestamp + FutureMax + TimeSpan.FromHours(Conversation.WindowHours);
}
