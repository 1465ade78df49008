using System.Globalization;
using System.Text;

namespace Bsp.Domain.Common;

/// <summary>Text that strangers wrote, made fit for our stores.</summary>
public static class Text
{
    /// <summary>
    /// The longest beginning of <paramref name="text"/> of at most <paramref name="unitsMax"/> UTF-16 units that ends between two
    /// characters as
    /// people see them (grapheme clusters): a family emoji stays whole or goes. A single character that is longer than the bound goes
    /// whole.
    /// What no store takes (NUL, half surrogates) becomes U+FFFD first. Null stays null.
    /// </summary>
    [return: System.Diagnostics.CodeAnalysis.NotNullIfNotNull(nameof(text))]
    public static string? Cut(string? text, int unitsMax)
    {
        if (text is null) return null;
        text = Storable(text);
        if (text.Length <= unitsMax) return text;
        var end = 0;
        while (end < text.Length && StringInfo.GetNextTextElementLength(text, end) is var next && end + next <= unitsMax) end += next;
        return text[..end];
    }

    /// <summary>Whether PostgreSQL, MongoDB and ClickHouse take it as it is: no NUL, no half of a surrogate pair.</summary>
    public static bool IsStorable(string text)
    {
        for (var i = 0; i < text.Length; i++)
        {
            if (text[i] == '\0' || char.IsLowSurrogate(text[i])) return false;
            if (!char.IsHighSurrogate(text[i])) continue;
            if (i + 1 == text.Length || !char.IsLowSurrogate(text[i + 1])) return false;
            i++;
        }
        return true;
    }

    /// <summary>The text with U+FFFD in place of what no store takes; the same instance when there is none of it.</summary>
    public static string Storable(string text)
    {
        if (IsStorable(text)) return text;
        var mended = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes()) mended.Append(rune.Value == 0 ? Rune.ReplacementChar : rune);
        return mended.ToString();
    }
}
