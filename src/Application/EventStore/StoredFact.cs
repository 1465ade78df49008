using System.Text.Json;

namespace Bsp.Application.EventStore;

/// <summary>One event as people read it. Sealed parts stay sealed.</summary>
/// <param name="Data">Null: this build cannot read it.</param>
public sealed record StoredFact(long Sequence, long Version, string Type, DateTimeOffset Timestamp, string? CorrelationId,
    string? UserName, JsonElement? Data, string? Unreadable = null)
{
    /// <summary>From the log; an event this build does not know has no data.</summary>
    public static StoredFact Of(StoredEvent stored) =>
        new(stored.Sequence, stored.Version, stored.Type, stored.Timestamp, stored.Metadata.CorrelationId, stored.Metadata.UserName,
            DataOf(stored), UnreadableOf(stored));

    /// <summary>Why the body cannot be read; null: it can, or this build does not know the event.</summary>
    public static string? UnreadableOf(StoredEvent stored) => (stored.Body as UnreadableBody)?.Error;

    /// <summary>The event is one of a family, by its body or, when that cannot be read, by its name.</summary>
    public static bool IsOf<TFamily>(StoredEvent stored) =>
        stored.Body is TFamily || (stored.Body is UnreadableBody && EventTypes.NamesOf<TFamily>().Contains(stored.Type));

    /// <summary>The body as it is stored, with the names it is stored under.</summary>
    public static JsonElement? DataOf(StoredEvent stored) =>
        EventTypes.IsFact(stored.Body) ? JsonSerializer.SerializeToElement(stored.Body, stored.Body!.GetType(), EventTypes.Json) : null;
}
