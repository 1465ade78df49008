using System.Globalization;
using System.Text;

namespace Bsp.Application.Common;

/// <summary>A phone number as people and their programs write it, down to its digits. What decorates is dropped; what could make it another
/// number is refused.</summary>
internal static class PhoneText
{
    /// <summary>Of the text, its decoration included.</summary>
    public const int CharactersMax = 120;

    private const string Example = "write one number, with + and country code, like +4915112345678";

    // Dashes that are in no dash category: minus, modifier minus, hyphen bullet, and the Japanese prolonged sound mark, which is typed for
    // one.
    private const string OtherDashes = "\u2212\u02D7\u2043\u30FC\uFF70";

    /// <summary>
    /// Decimal digits of any script, after a '+' where there is one, become ASCII. Blanks of any width, dashes between digits, paired round
    /// brackets, and marks that show nothing (direction, zero width) are dropped.
    /// Everything else is a fault: the rest of a sentence that begins with the field's name.
    /// </summary>
    /// <param name="partly">The beginning of a number is enough: it may break off anywhere.</param>
    public static (string? Digits, string? Fault) Tidy(string text, bool partly = false)
    {
        if (text.Length > CharactersMax)
        {
            return (null, string.Create(CultureInfo.InvariantCulture, $"has more than {CharactersMax} characters: {Example}"));
        }

        var digits = new StringBuilder(20);
        var open = 0;
        var dashed = false; // a dash that no digit has followed yet
        foreach (var rune in text.Trim().EnumerateRunes())
        {
            switch (Kind(rune))
            {
                case Part.Digit:
                    (dashed, _) = (false, digits.Append((int)Rune.GetNumericValue(rune)));
                    break;
                case Part.Plus when digits.Length == 0:
                    digits.Append('+');
                    break;
                case Part.Plus:
                    return (null, $"holds a '+' in its middle: {Example}");
                case Part.Dash when digits.Length > 0:
                    dashed = true;
                    break;
                case Part.Open when open == 0:
                    open = 1;
                    break;
                case Part.Close when open == 1:
                    open = 0;
                    break;
                case Part.Nothing:
                    break;
                default:
                    return (null, Refuse(text, rune));
            }
        }

        return digits.Length - (digits.Length > 0 && digits[0] == '+' ? 1 : 0) == 0 ? (null, "is no phone number with country code")
            : !partly && (open == 1 || dashed) ? (null, $"breaks off after '{(open == 1 ? "(" : "-")}': {Example}")
            : (digits.ToString(), null);
    }

    private enum Part
    {
        Digit,
        Plus,
        Dash,
        Open,
        Close,
        Nothing,
        Foreign,
    }

    private static Part Kind(Rune rune) => rune.Value switch
    {
        '+' or 0xFF0B or 0xFE62 => Part.Plus,
        '(' or 0xFF08 or 0xFE59 => Part.Open,
        ')' or 0xFF09 or 0xFE5A => Part.Close,
        >= 0xFE00 and <= 0xFE0F => Part.Nothing, // variation selectors
        _ when rune.IsBmp && OtherDashes.Contains((char)rune.Value) => Part.Dash,
        _ => Rune.GetUnicodeCategory(rune) switch
        {
            UnicodeCategory.DecimalDigitNumber => Part.Digit,
            UnicodeCategory.SpaceSeparator or UnicodeCategory.Format => Part.Nothing,
            UnicodeCategory.DashPunctuation => Part.Dash,
            _ => Part.Foreign,
        },
    };

    private static string Refuse(string text, Rune rune) => rune.Value switch
    {
        '.' => $"has a '.' in it, as a spreadsheet writes that took the number for a decimal one: keep the column as text, and {Example}",
        'e' or 'E' when text.Count(char.IsAsciiDigit) > 1 && text.Count(char.IsAsciiLetter) == 1 =>
            $"was rounded by a spreadsheet ({Short(text)}), and its last digits are lost: keep the column as text, and {Example}",
        '/' or ';' or ',' or '|' or '&' => $"has a '{rune}' in it, which may divide two numbers: {Example}",
        _ when !text.Any(char.IsDigit) => "is no phone number with country code",
        _ when Rune.IsControl(rune) => $"has a line break, a tab or another control character in it: {Example}",
        _ => $"has a '{rune}' in it, which is no part of a phone number: {Example}",
    };

    private static string Short(string text) => Domain.Common.Text.Cut(text.Trim(), 24);
}
