using System.Globalization;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Webhooks;

namespace Bsp.Infrastructure.Meta;

/// <summary>
/// Reads what Graph answers, forgivingly: a field of another type than expected is absent, never an exception, and nothing is longer than
/// our stores take.
/// </summary>
internal static class GraphText
{
    /// <summary>Characters of a message's id, at most. Meta's have about 60; an index of PostgreSQL takes 2,700 bytes.</summary>
    public const int MessageIdMax = 512;

    /// <summary>Characters of an id that becomes part of a path.</summary>
    public const int IdMax = 64;

    private const int DepthMax = 32;
    private const int NumberCharsMax = 40;
    private static readonly byte[] Mark = [0xEF, 0xBB, 0xBF];

    /// <summary>What can be sent as a bearer token.</summary>
    public static bool IsToken(string? text) => SecretText.IsHeader(text);

    /// <summary>What can be part of a path.</summary>
    public static bool IsId(string? text) =>
        text is { Length: > 0 and <= IdMax } && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-');

    /// <summary>Undefined when it is no JSON.</summary>
    public static JsonElement Parse(byte[] body) => ReadableJson.Parse(body.AsSpan().StartsWith(Mark) ? body[Mark.Length..] : body);

    /// <summary>A property of an object; null when the parent is none, or has none.</summary>
    public static JsonElement? Child(JsonElement parent, string name, JsonValueKind kind) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var child) && child.ValueKind == kind ? child : null;

    /// <summary>
    /// Text, or a number as text, of 1 to <paramref name="unitsMax"/> UTF-16 units; longer ones are absent: half an id is none.
    /// </summary>
    public static string? Text(JsonElement parent, string name, int unitsMax)
    {
        if (parent.ValueKind != JsonValueKind.Object || !parent.TryGetProperty(name, out var value))
        {
            return null;
        }

        var text = value.ValueKind switch { JsonValueKind.String => value.GetString(), JsonValueKind.Number => value.GetRawText(), _ =>
            null };
        return text is { Length: > 0 } && text.Length <= unitsMax && Domain.Common.Text.IsStorable(text) ? text : null;
    }

    /// <summary>Text for people, cut to <paramref name="unitsMax"/> UTF-16 units.</summary>
    public static string? Told(JsonElement parent, string name, int unitsMax) =>
        Child(parent, name, JsonValueKind.String)?.GetString() is { Length: > 0 } text ? Domain.Common.Text.Cut(text, unitsMax) : null;

    /// <summary>A whole number, also as text; null when it is none or too large.</summary>
    public static int? Number(JsonElement parent, string name) =>
        decimal.TryParse(Text(parent, name, NumberCharsMax), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint,
            CultureInfo.InvariantCulture, out var number)
        && number == decimal.Truncate(number) && number is >= int.MinValue and <= int.MaxValue ? (int)number : null;

    /// <summary>
    /// Whether it may be kept as JSON: not nested too deeply, every number one of decimal's and written shortly, so that jsonb does not
    /// write it out at length.
    /// </summary>
    public static bool IsKeepable(JsonElement value, int depth = 0) => depth <= DepthMax && value.ValueKind switch
    {
        JsonValueKind.Object => value.EnumerateObject().All(p => IsKeepable(p.Value, depth + 1)),
        JsonValueKind.Array => value.EnumerateArray().All(item => IsKeepable(item, depth + 1)),
        JsonValueKind.Number => value.GetRawText().Length <= NumberCharsMax && value.TryGetDecimal(out _)
        && !value.GetRawText().Contains("e-", StringComparison.OrdinalIgnoreCase),
        JsonValueKind.Undefined => false,
        _ => true,
    };
}
