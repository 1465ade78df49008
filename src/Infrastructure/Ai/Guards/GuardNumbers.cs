using System.Globalization;
using System.Text;
using Bsp.Infrastructure.Search;

namespace Bsp.Infrastructure.Ai.Guards;

/// <summary>Numbers in texts, in digits of any script.</summary>
internal static class GuardNumbers
{
    private const int NearUnits = 12;
    private const int LongDigits = 7;

    private static readonly HashSet<string> MoneyWords =
    [
        "usd", "eur", "gbp", "inr", "idr", "brl", "mxn", "aed", "sar", "egp", "dollar", "dollars", "euro", "euros", "pound", "pounds",
        "rupee", "rupees", "rs", "rp", "ribu", "juta", "rupiah", "real", "reais", "peso", "pesos", "dolar", "dolares", "riyal", "dirham",
        "ريال", "درهم", "جنيه", "دولار", "دينار", "रुपये", "रुपए", "रुपया", "percent", "por", "pourcent", "persen", "प्रतिशत",
    ];

    /// <summary>Each number's digits as ASCII, without separators, and whether it is an amount of money or a share.</summary>
    public static IEnumerable<(string Digits, bool Money)> In(string text)
    {
        for (var i = 0; i < text.Length;)
        {
            if (Digit(text, i) < 0)
            {
                i++;
                continue;
            }

            var (start, digits) = (i, new StringBuilder());
            // one separator between digits belongs to the number: 1,000.50, +44 20 7946
            while (i < text.Length && (Digit(text, i) >= 0 || (IsSeparator(text[i]) && i + 1 < text.Length && Digit(text, i + 1) >= 0)))
            {
                if (Digit(text, i) is >= 0 and var digit)
                {
                    digits.Append((char)('0' + digit));
                }

                i++;
            }

            yield return (digits.ToString(), IsMoney(text, start, i));
        }
    }

    /// <summary>The text without numbers of seven and more digits, and without e-mail addresses.</summary>
    public static string Blanked(string text)
    {
        var shown = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length;)
        {
            var end = i;
            var digits = 0;
            while (end < text.Length
                && (Digit(text, end) >= 0 || (digits > 0 && IsSeparator(text[end]) && end + 1 < text.Length && Digit(text, end + 1) >= 0)))
            {
                digits += Digit(text, end) >= 0 ? 1 : 0;
                end++;
            }

            if (digits >= LongDigits)
            {
                shown.Append("[number]");
                i = end;
            }
            else if (end > i)
            {
                shown.Append(text, i, end - i);
                i = end;
            }
            else
            {
                shown.Append(text[i++]);
            }
        }

        return WithoutAddresses(shown.ToString());
    }

    private static string WithoutAddresses(string text) => !text.Contains('@', StringComparison.Ordinal) ? text
        : string.Join(' ', text.Split(' ').Select(word => word.IndexOf('@', StringComparison.Ordinal) is > 0 and var at
            && word.IndexOf('.', at) > at + 1 ? "[e-mail]" : word));

    private static int Digit(string text, int at) => char.IsDigit(text[at]) ? CharUnicodeInfo.GetDecimalDigitValue(text[at]) : -1;

    private static bool IsSeparator(char c) => c is '.' or ',' or ' ' or '-' or '/' or '\u00A0' or '\u066B' or '\u066C' or '\'';

    private static bool IsMoney(string text, int start, int end)
    {
        var around = text[Math.Max(0, start - NearUnits)..Math.Min(text.Length, end + NearUnits)];
        return around.Any(c => c is '%' or '٪' || char.GetUnicodeCategory(c) == UnicodeCategory.CurrencySymbol)
            || FoldedText.Words(around).Any(w => MoneyWords.Contains(w.Text));
    }
}
