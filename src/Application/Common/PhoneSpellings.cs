using System.Text.RegularExpressions;

namespace Bsp.Application.Common;

/// <summary>
/// Countries whose numbers have two spellings for one telephone: what people save, and the id that WhatsApp gave it at another time. A rule
/// is here only where it leads from each spelling to exactly one other
/// and both can mean nobody else. The same rules stand in <c>bsp.phone_key</c> and <c>bsp.phone_spellings</c>. Decision:
/// docs/decisions/0156.
/// </summary>
public static partial class PhoneSpellings
{
    private const int AlikeDigits = 6;

    // Brazil: mobiles have a 9 before their eight digits since 2012–2016; landlines begin with 2–5 and never had it. Mexico: 1 before
    // mobiles until 2019. Argentina: 9 before mobiles, of the same ten digits.
    // Ivory Coast: 01, 05, 07 by operator before the old eight digits since 2021. Benin: 01 before them since 2024.
    private static readonly (Regex Long, string ToShort, Regex Short, string ToLong)[] Rules =
    [
        (BrazilNine(), "+55$1$2", BrazilEight(), "+55${1}9$2"),
        (MexicoPlain(), "+521$1", MexicoOne(), "+52$1"),
        (ArgentinaNine(), "+54$1", ArgentinaPlain(), "+549$1"),
        (IvoryCoastMoov(), "+225$1", IvoryCoastOldMoov(), "+22501$1"),
        (IvoryCoastMtn(), "+225$1", IvoryCoastOldMtn(), "+22505$1"),
        (IvoryCoastOrange(), "+225$1", IvoryCoastOldOrange(), "+22507$1"),
        (BeninNew(), "+229$1", BeninOld(), "+22901$1"),
    ];

    /// <summary>Every spelling of the same telephone, today's first; only the number itself where the country has one spelling.</summary>
    /// <param name="e164">Digits after a '+'.</param>
    public static IReadOnlyList<string> Of(string e164)
    {
        foreach (var (today, toOther, other, toToday) in MayDiffer(e164) ? Rules : [])
        {
            if (today.IsMatch(e164))
            {
                return [e164, today.Replace(e164, toOther)];
            }

            if (other.IsMatch(e164))
            {
                return [other.Replace(e164, toToday), e164];
            }
        }

        return [e164];
    }

    /// <summary>The number is of a country whose numbers may have two spellings: only those have a <c>phone_key</c>.</summary>
    public static bool MayDiffer(string? e164) => e164 is ['+', '5', '2' or '4' or '5', ..] or ['+', '2', '2', '5' or '9', ..];

    /// <summary>
    /// Two numbers that one telephone may well have in a country that no rule is known of: the same country, the same last six digits, and
    /// another length. Only with Meta's word that they are one are they taken for it.
    /// </summary>
    public static bool Alike(string one, string other) =>
        one.Length != other.Length && one.Length > AlikeDigits && other.Length > AlikeDigits && one[^AlikeDigits..] == other[^AlikeDigits..]
        && E164.CallingCode(one) is { } code && code == E164.CallingCode(other);

    [GeneratedRegex("^\\+55([1-9][1-9])9([6-9][0-9]{7})\\z")]
    private static partial Regex BrazilNine();

    [GeneratedRegex("^\\+55([1-9][1-9])([6-9][0-9]{7})\\z")]
    private static partial Regex BrazilEight();

    [GeneratedRegex("^\\+52([2-9][0-9]{9})\\z")]
    private static partial Regex MexicoPlain();

    [GeneratedRegex("^\\+521([2-9][0-9]{9})\\z")]
    private static partial Regex MexicoOne();

    [GeneratedRegex("^\\+549([1-3][0-9]{9})\\z")]
    private static partial Regex ArgentinaNine();

    [GeneratedRegex("^\\+54([1-3][0-9]{9})\\z")]
    private static partial Regex ArgentinaPlain();

    [GeneratedRegex("^\\+22501([04-9][0-3][0-9]{6})\\z")]
    private static partial Regex IvoryCoastMoov();

    [GeneratedRegex("^\\+225([04-9][0-3][0-9]{6})\\z")]
    private static partial Regex IvoryCoastOldMoov();

    [GeneratedRegex("^\\+22505([04-9][4-6][0-9]{6})\\z")]
    private static partial Regex IvoryCoastMtn();

    [GeneratedRegex("^\\+225([04-9][4-6][0-9]{6})\\z")]
    private static partial Regex IvoryCoastOldMtn();

    [GeneratedRegex("^\\+22507([04-9][7-9][0-9]{6})\\z")]
    private static partial Regex IvoryCoastOrange();

    [GeneratedRegex("^\\+225([04-9][7-9][0-9]{6})\\z")]
    private static partial Regex IvoryCoastOldOrange();

    [GeneratedRegex("^\\+22901([0-9]{8})\\z")]
    private static partial Regex BeninNew();

    [GeneratedRegex("^\\+229([0-9]{8})\\z")]
    private static partial Regex BeninOld();
}
