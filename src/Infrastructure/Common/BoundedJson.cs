using System.Buffers;
using System.Globalization;
using System.Text.Json;
using Bsp.Domain.Common;

namespace Bsp.Infrastructure.Common;

/// <summary>
/// What Meta sends, as much of it as we keep: numbers that every store takes (jsonb writes <c>1e131071</c> as 131,072 digits; such ones are
/// kept as their text), texts and depth within
/// bounds, and all of it within a size. What was left out says so in <see cref="CutName"/>; the journal has the whole for its days.
/// </summary>
internal static class BoundedJson
{
    /// <summary>Member of an object that is not whole.</summary>
    public const string CutName = "bsp_cut";

    private const int DepthMax = 24;
    private const int NameUnitsMax = 128;
    private const int NumberCharactersMax = 64;
    private const int ExponentMax = 28; // of a decimal

    /// <summary>The same element within bounds.</summary>
    /// <param name="textUnitsMax">UTF-16 units of one text.</param>
    /// <param name="bytesMax">Of all of it, about.</param>
    /// <param name="without">Members of the element itself that are left out.</param>
    public static JsonElement Of(JsonElement element, int textUnitsMax, int bytesMax, IReadOnlySet<string>? without = null)
    {
        var buffer = new ArrayBufferWriter<byte>(256);
        using (var writer = new Utf8JsonWriter(buffer))
        {
            new Copy(writer, textUnitsMax, bytesMax).Write(element, 0, without);
        }

        var reader = new Utf8JsonReader(buffer.WrittenSpan);
        return JsonElement.ParseValue(ref reader);
    }

    private sealed class Copy(Utf8JsonWriter writer, int textUnitsMax, int bytesMax)
    {
        private bool Full => writer.BytesCommitted + writer.BytesPending >= bytesMax;

        public void Write(JsonElement element, int depth, IReadOnlySet<string>? without)
        {
            switch (element.ValueKind)
            {
                case JsonValueKind.Object or JsonValueKind.Array when depth >= DepthMax:
                    writer.WriteStringValue("…");
                    break;
                case JsonValueKind.Object:
                    WriteObject(element, depth, without);
                    break;
                case JsonValueKind.Array:
                    writer.WriteStartArray();
                    foreach (var item in element.EnumerateArray().TakeWhile(_ => !Full))
                    {
                        Write(item, depth + 1, null);
                    }

                    writer.WriteEndArray();
                    break;
                case JsonValueKind.String:
                    writer.WriteStringValue(Text.Cut(element.GetString(), textUnitsMax));
                    break;
                case JsonValueKind.Number:
                    WriteNumber(element.GetRawText());
                    break;
                case JsonValueKind.True or JsonValueKind.False:
                    writer.WriteBooleanValue(element.GetBoolean());
                    break;
                default:
                    writer.WriteNullValue();
                    break;
            }
        }

        private void WriteObject(JsonElement element, int depth, IReadOnlySet<string>? without)
        {
            writer.WriteStartObject();
            var left = false;
            foreach (var member in element.EnumerateObject())
            {
                if (Full)
                {
                    left = true;
                    break;
                }

                if (without?.Contains(member.Name) != true)
                {
                    writer.WritePropertyName(Text.Cut(member.Name, NameUnitsMax));
                    Write(member.Value, depth + 1, null);
                }
            }

            if (left)
            {
                writer.WriteBoolean(CutName, true);
            }

            writer.WriteEndObject();
        }

        private void WriteNumber(string number)
        {
            var exponent = number.IndexOfAny(['e', 'E']);
            var small = number.Length <= NumberCharactersMax
                && (exponent < 0
                    || (int.TryParse(number.AsSpan(exponent + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture,
                        out var power) && Math.Abs(power) <= ExponentMax))
                && decimal.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out _);
            if (small)
            {
                writer.WriteRawValue(number);
            }
            else
            {
                writer.WriteStringValue(Text.Cut(number, NumberCharactersMax));
            }
        }
    }
}
