using Bsp.Domain.Common;
using System.Buffers;
using System.Text.Json;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// JSON of others as every store can keep it, and give it back: PostgreSQL writes 1e131071 as 131,072 digits, MongoDB has no such number at
/// all.
/// </summary>
internal static class KeptJson
{
    private const int NumberCharactersMax = 64;

    /// <summary>
    /// The same element when all its numbers are within those of decimal; else a copy in which the others are text, as they were written.
    /// </summary>
    public static JsonElement Of(JsonElement value)
    {
        if (IsKept(value))
        {
            return value;
        }

        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            Write(writer, value);
        }

        var reader = new Utf8JsonReader(buffer.WrittenSpan);
        return JsonElement.ParseValue(ref reader);
    }

    private static bool IsKept(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().All(member => IsKept(member.Value)),
        JsonValueKind.Array => value.EnumerateArray().All(IsKept),
        JsonValueKind.Number => IsNumber(value),
        _ => true,
    };

    // Of 1e-30 decimal keeps 0: too small is no better than too large.
    private static bool IsNumber(JsonElement value) =>
        value.TryGetDecimal(out var number) && (number != 0 || !Digits(value.GetRawText()).ContainsAnyInRange('1', '9'));

    private static ReadOnlySpan<char> Digits(string number) =>
        number.AsSpan(0, number.AsSpan().IndexOfAny('e', 'E') is var exponent && exponent < 0 ? number.Length : exponent);

    private static void Write(Utf8JsonWriter writer, JsonElement value)
    {
        switch (value.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var member in value.EnumerateObject())
                {
                    writer.WritePropertyName(member.Name);
                    Write(writer, member.Value);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in value.EnumerateArray())
                {
                    Write(writer, item);
                }

                writer.WriteEndArray();
                break;
            case JsonValueKind.Number when !IsNumber(value):
                var text = value.GetRawText();
                writer.WriteStringValue(Text.Cut(text, NumberCharactersMax));
                break;
            default:
                value.WriteTo(writer);
                break;
        }
    }
}
