using System.Buffers;
using System.Buffers.Text;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Npgsql;

namespace Bsp.Infrastructure.Common;

/// <summary>
/// Parses what a webhook says so that all of it can be read and stored as text: half a surrogate pair (<c>\ud800</c>), NUL (<c>\u0000</c>),
/// which PostgreSQL refuses, and bytes
/// that are no UTF-8 become U+FFFD. One odd character must not cost a customer's message; the journal keeps the bytes as they came.
/// A byte order mark, UTF-16, UTF-32, raw control characters, comments, trailing commas and whatever follows the value are read over.
/// </summary>
internal static class ReadableJson
{
    private const int DepthMax = 1_000; // containers are parsed on a stack of their own; what is kept is bounded by BoundedJson
    private const int EscapeLength = 6; // \uXXXX
    private static readonly byte[] Replacement = "\\ufffd"u8.ToArray();

    /// <param name="body">Changed in place where it cannot be read.</param>
    /// <returns>Undefined when it is no JSON, or nested deeper than 1,000.</returns>
    public static JsonElement Parse(Memory<byte> body)
    {
        var text = Utf8Of(body);
        Repair(text.Span);
        try
        {
            using var document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = DepthMax });
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return ParseForgivingly(text.Span);
        }
    }

    /// <summary>A column of bytes, parsed: large ones are read into a buffer that is used again.</summary>
    public static JsonElement Parse(NpgsqlDataReader reader, int column)
    {
        var length = (int)reader.GetBytes(column, 0, null, 0, 0);
        var body = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            reader.GetBytes(column, 0, body, 0, length);
            return Parse(body.AsMemory(0, length));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(body);
        }
    }

    /// <summary>
    /// The same as a tree that can be changed; of members of one name the last, as everywhere else. Null: it is no JSON object.
    /// </summary>
    public static JsonObject? ParseNode(byte[] body) => Node(Parse(body.ToArray())) as JsonObject;

    private static JsonNode? Node(JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                var fields = new JsonObject();
                foreach (var member in element.EnumerateObject())
                {
                    fields[member.Name] = Node(member.Value);
                }

                return fields;
            case JsonValueKind.Array:
                return new JsonArray([.. element.EnumerateArray().Select(Node)]);
            default:
                return element.ValueKind == JsonValueKind.Undefined ? null : JsonValue.Create(element);
        }
    }

    private static JsonElement ParseForgivingly(Span<byte> text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            text[i] = text[i] < (byte)' ' ? (byte)' ' : text[i]; // between values blanks as well, within texts not allowed
        }

        try
        {
            var reader =
                new Utf8JsonReader(text,
                    new JsonReaderOptions { MaxDepth = DepthMax, AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
            using var document = JsonDocument.ParseValue(ref reader); // what follows is not looked at
            return document.RootElement.Clone();
        }
        catch (JsonException)
        {
            return default;
        }
    }

    private static Memory<byte> Utf8Of(Memory<byte> body)
    {
        var encoding = body.Span switch
        {
            [0xFF, 0xFE, 0, 0, ..] or [(byte)'{', 0, 0, 0, ..] => Encoding.UTF32,
            [0, 0, 0xFE, 0xFF, ..] or [0, 0, 0, (byte)'{', ..] => new UTF32Encoding(bigEndian: true, byteOrderMark: true),
            [0xFF, 0xFE, ..] or [(byte)'{', 0, ..] => Encoding.Unicode,
            [0xFE, 0xFF, ..] or [0, (byte)'{', ..] => Encoding.BigEndianUnicode,
            _ when !Utf8.IsValid(body.Span) => Encoding.UTF8,
            _ => null,
        };
        var text = encoding is null ? body : Encoding.UTF8.GetBytes(encoding.GetString(body.Span));
        while (text.Span.StartsWith("\uFEFF"u8))
        {
            text = text[3..];
        }

        return text;
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
        text.Length >= EscapeLength && text[0] == '\\' && text[1] == 'u'
        && Utf8Parser.TryParse(text[2..EscapeLength], out ushort unit, out var read, 'x') && read == EscapeLength - 2 ? (char)unit : null;
}
