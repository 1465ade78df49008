using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Bsp.Domain.Subscriptions;

/// <summary>
/// What an organization says of how it pays: names and tokens of a payment provider, kept as they came. Never a card: a number that could
/// be one is refused wherever it stands, and so are the names
/// under which codes of cards are sent.
/// </summary>
public static class PaymentMethod
{
    /// <summary>Bytes as stored.</summary>
    public const int BytesMax = 4 * 1024;

    private const int DigitsMin = 13;
    private const int DigitsMax = 19;
    private static readonly string[] Secrets =
        ["cvc", "cvv", "cvc2", "cvv2", "cid", "card_number", "cardnumber", "pan", "pin", "track1", "track2", "track_data"];

    /// <summary>What of it may not be kept, as a path (<c>card.number</c>); null: nothing.</summary>
    public static string? Card(JsonElement json) => Find(json, "");

    private static string? Find(JsonElement json, string path) => json.ValueKind switch
    {
        JsonValueKind.Object =>
            json.EnumerateObject().Select(member => Find(member, path.Length == 0 ? member.Name : $"{path}.{member.Name}"))
            .FirstOrDefault(found => found is not null),
        JsonValueKind.Array =>
            json.EnumerateArray().Select((element, i) => Find(element, $"{path}[{i}]")).FirstOrDefault(found => found is not null),
        JsonValueKind.String => LooksLikeACard(json.GetString()!) ? path : null,
        JsonValueKind.Number => LooksLikeACard(json.GetRawText()) ? path : null,
        _ => null,
    };

    private static string? Find(JsonProperty member, string path) =>
        (Secrets.Contains(member.Name.ToLowerInvariant().Replace('-', '_'))
            && member.Value.ValueKind is not (JsonValueKind.Null or JsonValueKind.False)) || LooksLikeACard(member.Name)
            ? path
            : Find(member.Value, path);

    // Thirteen to nineteen digits that begin and end as cards do and pass Luhn's check. Single blanks, points, dashes and the like between
    // groups of them do not hide them, nor digits of other scripts;
    // within a group nothing is looked for, since any long number holds some that pass by chance.
    private static bool LooksLikeACard(string text)
    {
        var (digits, groups, gap) = (new StringBuilder(), new List<int> { 0 }, 0);
        foreach (var rune in text.EnumerateRunes())
        {
            if (Rune.GetUnicodeCategory(rune) == UnicodeCategory.DecimalDigitNumber)
            {
                digits.Append((char)('0' + (int)Rune.GetNumericValue(rune)));
                gap = 0;
            }
            else if (Rune.IsLetter(rune) || ++gap > 1)
            {
                if (Holds(digits, groups))
                {
                    return true;
                }

                digits.Clear();
                groups = [0];
            }
            else if (groups[^1] != digits.Length)
            {
                groups.Add(digits.Length);
            }
        }

        return Holds(digits, groups);
    }

    private static bool Holds(StringBuilder digits, List<int> groups)
    {
        int[] ends = [.. groups.Where(g => g > 0), digits.Length];
        return groups.Any(start =>
            ends.Any(end =>
                end - start is >= DigitsMin and <= DigitsMax && IsIssued(digits, start, end - start) && Luhn(digits, start, end - start)));
    }

    // Beginnings and lengths of ISO/IEC 7812 that card networks use.
    private static bool IsIssued(StringBuilder digits, int start, int length) => (digits[start], digits[start + 1]) switch
    {
        ('3', '4' or '7') => length == 15,
        ('3', '0' or '6' or '8' or '9') => length is 14 or 16 or 19,
        ('3', '5') => length >= 16,
        ('4', _) => length is 13 or 16 or 19,
        ('2' or '5', _) => length == 16,
        ('6', _) => true,
        _ => false,
    };

    private static bool Luhn(StringBuilder digits, int start, int length)
    {
        var sum = 0;
        for (var i = 0; i < length; i++)
        {
            var digit = digits[start + length - 1 - i] - '0';
            sum += i % 2 == 0 ? digit : digit > 4 ? (digit * 2) - 9 : digit * 2;
        }

        return sum % 10 == 0;
    }
}
