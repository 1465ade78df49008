using System.Text.Json;

namespace Bsp.Application.EventStore;

/// <summary>
/// Stands where the body of a stored event cannot be read: too large to be printed, damaged, or not what its name promises. It is no fact:
/// nothing is decided from it.
/// </summary>
/// <param name="Error">Why, in a sentence.</param>
public sealed record UnreadableBody(string Error);

/// <summary>
/// An event of a stream cannot be read, so nothing may be decided on that stream. A problem of this stream alone: 409
/// <c>stream.unreadable</c>.
/// </summary>
/// <param name="what">Which of its events.</param>
public sealed class UnreadableStream(Guid streamId, string error, string what = "An event") : JsonException(
    $"{what} of stream {streamId} cannot be read: {error} Nothing is decided on this stream until the event is mended; all others work.")
{
    public UnreadableStream(StoredEvent bad, string error)
        : this(bad.StreamId, error, $"Event {bad.Version} ({bad.Type}, number {bad.Sequence})")
    {
    }
}
