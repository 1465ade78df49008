using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;

namespace Bsp.Infrastructure.EventStore;

/// <summary>
/// What PostgreSQL could not give back, or only as megabytes of digits, stops every reader of the log: whoever let it get this far, it is
/// not
/// written, by none of the ways into the log.
/// </summary>
internal static class ReadableEvent
{
    // Nothing so short can become too long: a number has at most 147,455 digits there, and nine bytes with its comma here.
    private const int SurelyReadableBytes = 1_000;

    /// <summary>The body as it is stored.</summary>
    /// <exception cref="Refusal"><c>event.too_large</c>: more than <see cref="KeptJson.EventBytesMax"/> as it is stored.</exception>
    public static byte[] Written(object body)
    {
        var json = JsonSerializer.SerializeToUtf8Bytes(body, body.GetType(), EventTypes.Json);
        return json.Length <= SurelyReadableBytes || (KeptJson.StoredBytes(json) is var bytes && bytes <= KeptJson.EventBytesMax) ? json
            : throw new Refusal("event.too_large",
                $"A {body.GetType().Name} would have {bytes} bytes as it is stored; an event has at most "
                + $"{KeptJson.EventBytesMax}. Nothing was written.");
    }
}
