using System.Runtime.InteropServices;
using System.Text.Json;

namespace Bsp.Application.Common;

/// <summary>What is wrong with JSON that was to be kept.</summary>
/// <param name="Path">Where, from the root: <c>custom_fields.age</c>, <c>buttons[2].text</c>; empty: the root itself.</param>
/// <param name="Message">Without a subject: <c>has more than …</c>.</param>
public sealed record KeptFault(string Path, string Message)
{
    /// <summary>The member of the root in which it is; empty: the root itself.</summary>
    public string Member => Path.IndexOfAny(['.', '[']) is var end and > 0 ? Path[..end] : Path;

    /// <summary>A sentence's end for whoever names the field itself: <c>has …</c>, or <c>has at age …</c> deeper inside.</summary>
    /// <param name="field">The path of the field that is named.</param>
    public string For(string field) => Path == field || Path.Length == 0 ? Message : $"at {Path}: {Message}";
}

/// <summary>
/// Bounds of JSON that is kept as it came: custom fields, settings, filters, template components, bodies of messages and whatever else
/// nobody here reads member by member. One set of rules for all of it, so that
/// each of our stores takes it and gives it back at a known size: jsonb writes <c>1e131071</c> as 131,072 digits, refuses <c>\u0000</c>
/// and half a surrogate pair, and keeps the last of two members of one name.
/// </summary>
public static class KeptJson
{
    /// <summary>Levels of objects and arrays, from the root.</summary>
    public const int DepthMax = 24;

    /// <summary>Members and elements together, on all levels.</summary>
    public const int PartsMax = 20_000;

    /// <summary>UTF-16 units of a member's name.</summary>
    public const int KeyCharactersMax = 256;

    /// <summary>UTF-16 units of one text.</summary>
    public const int TextCharactersMax = 65_536;

    /// <summary>Bytes of one field, written as PostgreSQL writes it. Fields with bounds of their own have smaller ones.</summary>
    public const int BytesMax = 512 * 1024;

    /// <summary>Bytes of an object that describes something (settings, preferences, features, components), as stored.</summary>
    public const int ObjectBytesMax = 64 * 1024;

    /// <summary>Bytes of an event's body as stored: more would be a bomb for whoever reads the log.</summary>
    public const long EventBytesMax = 16 * 1024 * 1024;

    /// <summary>Digits behind the point; those of <see cref="decimal"/>.</summary>
    internal const int ScaleMax = 28;

    /// <summary>
    /// The first thing wrong with a value that is to be kept; null when it may be. Of an undefined value nothing is wrong.
    /// </summary>
    /// <param name="bytesMax">As stored, of the whole value.</param>
    public static KeptFault? Fault(JsonElement json, int bytesMax = BytesMax) =>
        json.ValueKind == JsonValueKind.Undefined ? null : KeptJsonWalk.Run(JsonMarshal.GetRawUtf8Value(json), bytesMax, ofMembers: false);

    /// <summary>The first thing wrong with a request's body: each member of its root may have <see cref="BytesMax"/>.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public static KeptFault? BodyFault(ReadOnlySpan<byte> utf8) => KeptJsonWalk.Run(utf8, BytesMax, ofMembers: true);

    /// <summary>What is wrong with a text that is to be kept; null when it may be.</summary>
    public static string? TextFault(string text) => Domain.Common.Text.IsStorable(text) ? null : KeptJsonWalk.TextMessage;

    /// <summary>Bytes of a value as PostgreSQL writes it.</summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public static long StoredBytes(JsonElement json) => StoredBytes(JsonMarshal.GetRawUtf8Value(json));

    /// <summary>
    /// Bytes of JSON as PostgreSQL writes it: numbers without exponents, a blank after each comma and colon. Never fewer.
    /// </summary>
    /// <exception cref="JsonException">It is no JSON.</exception>
    public static long StoredBytes(ReadOnlySpan<byte> utf8)
    {
        var reader = new Utf8JsonReader(utf8, new JsonReaderOptions { MaxDepth = 1_000 });
        var bytes = 0L;
        while (reader.Read())
        {
            bytes += reader.TokenType == JsonTokenType.Number ? KeptNumber.StoredBytes(reader.ValueSpan) : reader.ValueSpan.Length;
            bytes += KeptJsonWalk.FramingBytes(reader.TokenType);
        }

        return bytes;
    }
}

/// <summary>A JSON number, by its text: what PostgreSQL's numeric makes of it.</summary>
internal static class KeptNumber
{
    private const int DigitsMax = 64; // of what was written; decimal has 29
    private const int ExponentMax = 10_000_000;

    /// <summary>Whether a decimal has room for it: below 7.9e28, at most 28 digits behind the point.</summary>
    public static bool IsBounded(ReadOnlySpan<byte> text)
    {
        var (_, fraction, exponent) = Parts(text);
        return text.Length <= DigitsMax && fraction - exponent <= KeptJson.ScaleMax
            && decimal.TryParse(text, System.Globalization.NumberStyles.Float, System.Globalization.CultureInfo.InvariantCulture, out _);
    }

    /// <summary>Characters that it has without an exponent; never fewer than there are.</summary>
    public static long StoredBytes(ReadOnlySpan<byte> text)
    {
        var (whole, fraction, exponent) = Parts(text);
        var scale = Math.Max(0, fraction - exponent);
        return 1 + Math.Max(1, whole + exponent) + (scale > 0 ? 1 + scale : 0);
    }

    // Digits before and behind the point as written, and the exponent; one that is too long to read is a large one.
    private static (long Whole, long Fraction, long Exponent) Parts(ReadOnlySpan<byte> text)
    {
        var at = text.IndexOfAny((byte)'e', (byte)'E');
        var mantissa = at < 0 ? text : text[..at];
        var point = mantissa.IndexOf((byte)'.');
        var whole = (point < 0 ? mantissa.Length : point) - (mantissa[0] == '-' ? 1 : 0);
        var fraction = point < 0 ? 0 : mantissa.Length - point - 1;
        return (whole, fraction, at < 0 ? 0 : Exponent(text[(at + 1)..]));
    }

    private static long Exponent(ReadOnlySpan<byte> text)
    {
        var value = 0L;
        foreach (var digit in text.TrimStart("+-"u8))
        {
            value = Math.Min(ExponentMax, (value * 10) + digit - '0');
        }

        return text[0] == '-' ? -value : value;
    }
}
