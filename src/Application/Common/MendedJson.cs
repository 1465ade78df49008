using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Bsp.Application.Common;

/// <summary>
/// JSON from somebody who cannot be told that it is wrong (Meta's webhooks and answers), made fit for what we keep: a number that no
/// store gives back at a known size becomes a text of its first digits, what is nested
/// deeper than <see cref="KeptJson.DepthMax"/> becomes null. One odd value must not cost a customer's message, nor a reader of the log
/// 131,072 digits.
/// </summary>
public static class MendedJson
{
    private const int DigitsKept = 40;

    /// <summary>The same instance when nothing is to be mended.</summary>
    public static JsonElement Of(JsonElement json)
    {
        if (json.ValueKind == JsonValueKind.Undefined || IsFit(JsonMarshal.GetRawUtf8Value(json)))
        {
            return json;
        }

        var written = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(written, new JsonWriterOptions { SkipValidation = true }))
        {
            Write(writer, json, 0);
        }

        var reader = new Utf8JsonReader(written.WrittenSpan);
        return JsonElement.ParseValue(ref reader);
    }

    private static bool IsFit(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = 1_000 });
        while (reader.Read())
        {
            var unbounded = reader.TokenType == JsonTokenType.Number && !KeptNumber.IsBounded(reader.ValueSpan);
            if (unbounded || reader.CurrentDepth > KeptJson.DepthMax)
            {
                return false;
            }
        }

        return true;
    }

    private static void Write(Utf8JsonWriter writer, JsonElement json, int depth)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object or JsonValueKind.Array when depth == KeptJson.DepthMax:
                writer.WriteNullValue();
                break;
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var member in json.EnumerateObject())
                {
                    writer.WritePropertyName(member.Name);
                    Write(writer, member.Value, depth + 1);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var element in json.EnumerateArray())
                {
                    Write(writer, element, depth + 1);
                }

                writer.WriteEndArray();
                break;
            case JsonValueKind.Number when JsonMarshal.GetRawUtf8Value(json) is var digits && !KeptNumber.IsBounded(digits):
                writer.WriteStringValue(digits[..Math.Min(digits.Length, DigitsKept)]);
                break;
            default:
                json.WriteTo(writer);
                break;
        }
    }
}
