using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;
using Bsp.Application.Common;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>
/// Parses what a webhook says so that all of it can be read and stored as text: half a surrogate pair (<c>\ud800</c>), NUL (<c>\u0000</c>), which PostgreSQL refuses, and bytes
/// that are no UTF-8 become U+FFFD. Numbers and depths without bounds are mended, too (<see cref="MendedJson"/>). One odd character must
/// not cost a customer's message; the journal keeps the bytes as they came.
/// </summary>
internal static class ReadableJson
{
    private const int DepthMax = 64;
    private const int EscapeLength = 6; // \uXXXX
    private static readonly byte[] Replacement = "\\ufffd"u8.ToArray();

    /// <param name="body">Changed in place where it cannot be read.</param>
    /// <returns>Undefined when it is no JSON, or nested deeper than 64.</returns>
    public static JsonElement Parse(byte[] body)
    {
        if (!Utf8.IsValid(body))
        {
            body = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(body));
        }

        Repair(body);
        try
        {
            using var document = JsonDocument.Parse(body, new JsonDocumentOptions { MaxDepth = DepthMax });
            return MendedJson.Of(document.RootElement).Clone();
        }
        catch (JsonException)
        {
            return default;
        }
    }

    private static void Repair(Span<byte> body)
    {
        for (var at = body.IndexOf((byte)'\\'); at >= 0 && at + 1 < body.Length; at = Next(body, at))
        {
            if (Unit(body[at..]) is not { } unit)
            {
                at += 2;
            }
            else if (char.IsHighSurrogate(unit) && Unit(body[(at + EscapeLength)..]) is { } low && char.IsLowSurrogate(low))
            {
                at += 2 * EscapeLength;
            }
            else
            {
                if (unit == '\0' || char.IsSurrogate(unit))
                {
                    Replacement.CopyTo(body[at..]);
                }

                at += EscapeLength;
            }
        }
    }

    private static int Next(ReadOnlySpan<byte> body, int from)
    {
        var more = from < body.Length ? body[from..].IndexOf((byte)'\\') : -1;
        return more < 0 ? -1 : from + more;
    }

    // The UTF-16 unit of an escape that stands here; null: none does.
    private static char? Unit(ReadOnlySpan<byte> text) =>
        text.Length >= EscapeLength && text[0] == '\\' && text[1] == 'u' && Utf8Parser.TryParse(text[2..EscapeLength], out ushort unit, out var read, 'x') && read == EscapeLength - 2 ? (char)unit : null;
}
