using System.Collections.Frozen;
using System.Globalization;
using System.Reflection;
using System.Text;
using Bsp.Infrastructure.Auth.Unicode;

namespace Bsp.Infrastructure.Search;

/// <summary>How a word is looked for.</summary>
internal enum WordKind
{
    /// <summary>Letters and digits, by three at a time.</summary>
    Plain = 'p',

    /// <summary>Of a script that writes no blanks (Han, kana, Thai, Lao, Khmer, Burmese), by two at a time.</summary>
    Dense = 'd',

    /// <summary>An emoji or another sign, as a whole.</summary>
    Sign = 's',
}

/// <summary>A word of a text, folded.</summary>
internal readonly record struct FoldedWord(string Text, WordKind Kind);

/// <summary>
/// Text as it is compared in searches: without case, accents, Arabic vowel signs, variants of letters, widths and invisible characters,
/// with every script's digits as ASCII. Needs no ICU, which is not on every machine: canonical
/// forms come from our own table, and what those leave out from a few more. Devanagari's signs stay: they are vowels. Decision:
/// docs/decisions/0254.
/// </summary>
internal static class FoldedText
{
    /// <summary>UTF-16 units of a text that are looked at; a message at WhatsApp has 4,096.</summary>
    public const int UnitsMax = 8_192;

    private static readonly FrozenDictionary<int, string> Compatible = Read();

    // Letters that no canonical form takes apart, and variants that people type for one another.
    private static readonly FrozenDictionary<int, string> Variants = new Dictionary<int, string>
    {
        ['ß'] = "ss", ['ẞ'] = "ss", ['æ'] = "ae", ['Æ'] = "ae", ['œ'] = "oe", ['Œ'] = "oe", ['ø'] = "o", ['Ø'] = "o", ['đ'] = "d",
            ['Đ'] = "d", ['ð'] = "d", ['Ð'] = "d", ['þ'] = "th", ['Þ'] = "th",
        ['ł'] = "l", ['Ł'] = "l", ['ħ'] = "h", ['Ħ'] = "h", ['ı'] = "i", ['ŋ'] = "n", ['Ŋ'] = "n", ['ς'] = "σ",
        ['\u0671'] = "\u0627", ['\u0649'] = "\u064A", ['\u0629'] = "\u0647", ['\u06CC'] = "\u064A", ['\u06A9'] = "\u0643",
        ['\u06BE'] = "\u0647", ['\u06C1'] = "\u0647",
    }.ToFrozenDictionary();

    /// <summary>The words of a text, in its order.</summary>
    public static List<FoldedWord> Words(string text)
    {
        var words = new List<FoldedWord>();
        var word = new StringBuilder();
        var kind = WordKind.Plain;
        foreach (var rune in CanonicalForm.Decomposed(text.Length > UnitsMax ? Domain.Common.Text.Cut(text, UnitsMax) : text)
            .EnumerateRunes())
        {
            if (IsLeftOut(rune.Value))
            {
                continue;
            }

            var category = Rune.GetUnicodeCategory(rune);
            if (category is UnicodeCategory.OtherSymbol)
            {
                End();
                words.Add(new(rune.ToString(), WordKind.Sign));
            }
            else if (IsOfWord(category))
            {
                var own = IsDense(rune.Value) ? WordKind.Dense : WordKind.Plain;
                if (own != kind)
                {
                    End();
                    kind = own;
                }

                Append(word, rune);
            }
            else
            {
                End();
            }
        }

        End();
        return words;

        void End()
        {
            if (word.Length > 0)
            {
                words.Add(new(word.ToString(), kind));
                word.Clear();
            }
        }
    }

    private static bool IsOfWord(UnicodeCategory category) =>
        category is UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter or UnicodeCategory.ModifierLetter
        or UnicodeCategory.OtherLetter or UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark;

    private static void Append(StringBuilder word, Rune rune)
    {
        var value = rune.Value;
        if (value is >= 0xFF01 and <= 0xFF5E)
        {
            value -= 0xFEE0; // full width
        }
        else if (value is >= 0x30A1 and <= 0x30F6)
        {
            value -= 0x60; // katakana as hiragana
        }

        if (Variants.TryGetValue(value, out var letters) || Compatible.TryGetValue(value, out letters))
        {
            foreach (var letter in letters)
            {
                word.Append(Variants.TryGetValue(letter, out var again) ? again : char.ToLowerInvariant(letter).ToString());
            }

            return;
        }

        var known = new Rune(value);
        var digit = Rune.GetUnicodeCategory(known) == UnicodeCategory.DecimalDigitNumber
            ? CharUnicodeInfo.GetDecimalDigitValue(known.ToString(), 0) : -1;
        _ = digit >= 0 ? word.Append((char)('0' + digit)) : word.Append(Rune.ToLowerInvariant(known).ToString());
    }

    // Accents, vowel signs of Arabic and Hebrew, what nobody sees, and what only colours.
    private static bool IsLeftOut(int c) =>
        c is (>= 0x300 and <= 0x36F) or (>= 0x1AB0 and <= 0x1AFF) or (>= 0x1DC0 and <= 0x1DFF) or (>= 0x20D0 and <= 0x20FF) or (
            >= 0xFE20 and <= 0xFE2F)
        or (>= 0x591 and <= 0x5C7) or (>= 0x610 and <= 0x61A) or (>= 0x64B and <= 0x65F) or 0x670 or (>= 0x6D6 and <= 0x6ED) or 0x640
        or 0xAD or 0x61C or 0x180E or (>= 0x200B and <= 0x200F) or (>= 0x202A and <= 0x202E) or (>= 0x2060 and <= 0x2069) or 0xFEFF or (
            >= 0xFE00 and <= 0xFE0F) or (>= 0xE0000 and <= 0xE01EF)
        or (>= 0x1F3FB and <= 0x1F3FF) or 0xFFFD;

    private static bool IsDense(int c) =>
        c is (>= 0x3040 and <= 0x30FF) or (>= 0x3400 and <= 0x4DBF) or (>= 0x4E00 and <= 0x9FFF) or (>= 0xF900 and <= 0xFAFF) or (
            >= 0x20000 and <= 0x3FFFF)
        or (>= 0x0E00 and <= 0x0EFF) or (>= 0x1000 and <= 0x109F) or (>= 0x1780 and <= 0x17FF);

    private static FrozenDictionary<int, string> Read()
    {
        var assembly = Assembly.GetExecutingAssembly();
        using var reader =
            new StreamReader(assembly.GetManifestResourceStream($"{assembly.GetName().Name}.Search.compatible_forms.txt")
                ?? throw new InvalidOperationException("compatible_forms.txt is not embedded."));
        var forms = new Dictionary<int, string>();
        while (reader.ReadLine() is { } line)
        {
            if (line is not ['#', ..])
            {
                var parts = line.Split('=');
                forms[Hex(parts[0])] = string.Concat(parts[1].Split(' ').Select(hex => char.ConvertFromUtf32(Hex(hex))));
            }
        }

        return forms.ToFrozenDictionary();

        static int Hex(string text) => int.Parse(text, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
