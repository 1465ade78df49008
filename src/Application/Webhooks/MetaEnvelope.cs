using System.Globalization;
using System.Text.Json;

namespace Bsp.Application.Webhooks;

/// <summary>One change of Meta's envelope.</summary>
/// <param name="EntryId">The WABA's id (for partner events the portfolio's).</param>
/// <param name="Field"><c>messages</c>, <c>message_template_status_update</c>, …</param>
public sealed record MetaChange(string EntryId, string Field, JsonElement Value);

/// <summary>
/// Reads what Meta sends, forgivingly: unknown fields stay, missing ones are null, numbers may come as text and text as numbers.
/// Source of the shapes: Meta's webhook reference and other people's fixtures.
/// </summary>
public static class MetaEnvelope
{
    /// <summary>All changes; none when it is not an envelope.</summary>
    public static IEnumerable<MetaChange> Changes(JsonElement root)
    {
        foreach (var entry in Items(root, "entry"))
        {
            var id = Text(entry, "id") ?? "";
            foreach (var change in Items(entry, "changes"))
            {
                if (Child(change, "value") is { } value)
                {
                    yield return new(id, Text(change, "field") ?? "", value);
                }
            }
        }
    }

    /// <summary>The objects of an array property; none when it is absent or something else.</summary>
    public static IEnumerable<JsonElement> Items(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var array) && array.ValueKind == JsonValueKind.Array
            ? array.EnumerateArray().Where(item => item.ValueKind == JsonValueKind.Object)
            : [];

    /// <summary>An object property; null when it is absent or something else.</summary>
    public static JsonElement? Child(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var child) && child.ValueKind == JsonValueKind.Object ? child : null;

    /// <summary>Text, or a number as text; null when absent, empty or something else.</summary>
    public static string? Text(JsonElement parent, string name)
    {
        if (parent.ValueKind != JsonValueKind.Object || !parent.TryGetProperty(name, out var value))
        {
            return null;
        }

        return value.ValueKind switch
        {
            JsonValueKind.String => Readable(value) is { Length: > 0 } text ? text : null,
            JsonValueKind.Number => value.GetRawText(),
            _ => null,
        };
    }

    /// <summary>A whole number, also as text.</summary>
    public static int? Number(JsonElement parent, string name) => int.TryParse(Text(parent, name), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) ? number : null;

    /// <summary>Unix seconds as text or number; null when absent, unreadable or outside the years 2009 (WhatsApp's first) to 2100.</summary>
    public static DateTimeOffset? Time(JsonElement parent, string name = "timestamp") =>
        long.TryParse(Text(parent, name), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds) && seconds is > 1_230_768_000 and < 4_102_444_800 ? DateTimeOffset.FromUnixTimeSeconds(seconds) : null;

    // \ud83d without its other half cannot be read as text; PostgreSQL would refuse NUL.
    private static string? Readable(JsonElement value)
    {
        try
        {
            return value.GetString()?.Replace("\0", "", StringComparison.Ordinal);
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
