using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Bsp.Domain.Common;

namespace Bsp.Application.Webhooks;

/// <summary>One change of Meta's envelope.</summary>
/// <param name="EntryId">The WABA's id (for partner events the portfolio's).</param>
/// <param name="Field"><c>messages</c>, <c>message_template_status_update</c>, …</param>
/// <param name="First">Place that the first item of the value had in the webhook as Meta sent it: not 0 in a part of one only.</param>
public sealed record MetaChange(string EntryId, string Field, JsonElement Value, int First = 0);

/// <summary>
/// Reads what Meta sends, forgivingly: unknown fields stay, missing ones are null, numbers may come as text and text as numbers. What is
/// kept or looked up is bounded here.
/// Source of the shapes: Meta's webhook reference and other people's fixtures.
/// </summary>
public static class MetaEnvelope
{
    /// <summary>Member of a change that says <see cref="MetaChange.First"/>; Meta sends none of this name.</summary>
    public const string FirstName = "bsp_first";

    /// <summary>Characters (UTF-16 units) of one of Meta's words: a status, a type, an event.</summary>
    public const int WordUnitsMax = 64;

    /// <summary>
    /// Longest pause between what happened and its webhook that is believed. Meta repeats for days, and people read months later.
    /// </summary>
    private static readonly TimeSpan PastMax = TimeSpan.FromDays(2 * 365);

    /// <summary>Characters (UTF-16 units) of any text: WhatsApp's longest message.</summary>
    private const int TextUnitsMax = 65_536;

    private const int NumberUnitsMax = 64;

    // A character more than was asked for shows that there was more.
    private const int MoreUnits = 16;

    // As it was written: of a longer one, an id spelled with escapes is another than the same without.
    private const int LongIdBytes = 4_096;

    private const long WhatsAppsFirstYear = 1_230_768_000; // 2009, in Unix seconds

    /// <summary>All changes; none when it is not an envelope.</summary>
    public static IEnumerable<MetaChange> Changes(JsonElement root)
    {
        foreach (var entry in Items(root, "entry"))
        {
            var id = Id(entry, "id") ?? "";
            foreach (var change in Items(entry, "changes"))
            {
                if (Child(change, "value") is { } value)
                {
                    yield return new(id, Word(change, "field") ?? "", value, Number(change, FirstName) ?? 0);
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
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var child) && child.ValueKind == JsonValueKind.Object
        ? child : null;

    /// <summary>
    /// Text, or a number as text, cut to <see cref="TextUnitsMax"/>; null when absent, empty or something else.
    /// </summary>
    public static string? Text(JsonElement parent, string name) => Line(parent, name, TextUnitsMax);

    /// <summary>
    /// <see cref="Text"/>, cut to at most <paramref name="unitsMax"/> UTF-16 units; null also when nothing is left of it.
    /// </summary>
    public static string? Line(JsonElement parent, string name, int unitsMax) =>
        Of(parent, name) is { } value && Domain.Common.Text.Cut(Beginning(value, unitsMax), unitsMax) is { Length: > 0 } line ? line : null;

    /// <summary>One of Meta's words: <see cref="Line"/> of at most <see cref="WordUnitsMax"/>.</summary>
    public static string? Word(JsonElement parent, string name) => Line(parent, name, WordUnitsMax);

    /// <summary>An id as it is stored and looked up (<see cref="MetaId.Of"/>); null when absent, empty or something else.</summary>
    public static string? Id(JsonElement parent, string name)
    {
        if (Of(parent, name) is not { } value)
        {
            return null;
        }

        var raw = Raw(value);
        if (raw.Length > LongIdBytes)
        {
            return Beginning(value, MetaId.UnitsMax) is { } beginning ? MetaId.OfLong(beginning, raw) : null;
        }

        return Beginning(value, raw.Length) is { } id ? MetaId.Of(id) : null;
    }

    /// <summary>A whole number, also as text.</summary>
    public static int? Number(JsonElement parent, string name) =>
        int.TryParse(Line(parent, name, NumberUnitsMax), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number : null;

    /// <summary>
    /// When something happened: Unix seconds as text or number, also with a fraction; milliseconds and microseconds are known by their
    /// size. Nothing happens after we were told of it:
    /// what lies after <paramref name="told"/> becomes it, what lies more than two years before becomes that moment. Null when absent,
    /// unreadable, or before 2009, WhatsApp's first year.
    /// </summary>
    /// <param name="told">When the webhook came, by our clock.</param>
    public static DateTimeOffset? Time(JsonElement parent, DateTimeOffset told, string name = "timestamp") =>
        Seconds(parent, name) is not { } seconds || seconds < WhatsAppsFirstYear ? null
        : seconds > told.ToUnixTimeMilliseconds() / 1000m ? told
        : seconds < (told - PastMax).ToUnixTimeSeconds() ? told - PastMax : DateTimeOffset.FromUnixTimeSeconds((long)seconds);

    /// <summary>A time as it was said, only to put what Meta said in an order; the least when there is none.</summary>
    public static DateTimeOffset Order(JsonElement parent, string name = "timestamp") =>
        Seconds(parent, name) is { } seconds && seconds >= WhatsAppsFirstYear ? DateTimeOffset.FromUnixTimeSeconds((long)seconds)
        : DateTimeOffset.MinValue;

    // Before 2104. In seconds, what was meant as milliseconds lies after the year 40000.
    private static decimal? Seconds(JsonElement parent, string name) =>
        decimal.TryParse(Line(parent, name, NumberUnitsMax),
            NumberStyles.AllowDecimalPoint | NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite,
            CultureInfo.InvariantCulture, out var said)
            ? said <= uint.MaxValue ? said : said / 1_000 <= uint.MaxValue ? said / 1_000 : said / 1_000_000 <= uint.MaxValue
            ? said / 1_000_000 : null
            : null;

    private static JsonElement? Of(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var value)
        && value.ValueKind is JsonValueKind.String or JsonValueKind.Number ? value : null;

    // Without quotes, escapes as they were written.
    private static ReadOnlySpan<byte> Raw(JsonElement value)
    {
        var raw = JsonMarshal.GetRawUtf8Value(value);
        return value.ValueKind == JsonValueKind.String ? raw[1..^1] : raw;
    }

    // At least unitsMax units of it, if it has so many, and not much more: what somebody made a megabyte long is not made a string of two.
    // Null: nothing, or \ud83d without its other half, which cannot be read as text.
    private static string? Beginning(JsonElement value, int unitsMax)
    {
        var raw = Raw(value);
        if (value.ValueKind == JsonValueKind.Number)
        {
            return Encoding.ASCII.GetString(raw[..Math.Min(raw.Length, unitsMax + 1)]);
        }

        try
        {
            var text = raw.Length <= unitsMax + MoreUnits ? value.GetString() : Begun(raw, unitsMax + MoreUnits);
            return text is { Length: > 0 } ? Domain.Common.Text.Storable(text) : null; // PostgreSQL would refuse NUL
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }

    // Ends between two characters, and not within an escape.
    private static string Begun(ReadOnlySpan<byte> raw, int unitsMax)
    {
        var end = 0;
        for (var units = 0; units < unitsMax && end < raw.Length; units++)
        {
            end += StepAt(raw[end..]);
        }

        Span<byte> quoted = new byte[Math.Min(end, raw.Length) + 2];
        raw[..(quoted.Length - 2)].CopyTo(quoted[1..]);
        quoted[0] = quoted[^1] = (byte)'"';
        var reader = new Utf8JsonReader(quoted);
        reader.Read();
        return reader.GetString()!;
    }

    // Bytes of the character that begins here.
    private static int StepAt(ReadOnlySpan<byte> raw) => raw[0] switch
    {
        (byte)'\\' when raw.Length < 2 || raw[1] != (byte)'u' => 2,
        (byte)'\\' => raw.Length > 3 && (raw[2] | 0x20) == 'd' && (raw[3] | 0x20) is '8' or '9' or 'a' or 'b' ? 12 : 6, // two halves
        < 0xC0 => 1,
        < 0xE0 => 2,
        < 0xF0 => 3,
        _ => 4,
    };
}
