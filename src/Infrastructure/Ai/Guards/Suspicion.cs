using System.Text.RegularExpressions;
using Bsp.Application.Ai;
using Bsp.Infrastructure.Search;

namespace Bsp.Infrastructure.Ai.Guards;

/// <summary>
/// What customers write to machines rather than to people. A sign leads to a person, never to a refusal: whoever writes so by chance is
/// answered by somebody. Not the wall, which is that a model can do nothing (docs/ai.md), but what keeps most of it from being asked.
/// </summary>
internal static partial class Suspicion
{
    private const int WindowWords = 7;
    private const int HiddenMax = 3;

    /// <summary>True: a person should look at it.</summary>
    public static bool Is(string text)
    {
        var words = FoldedText.Words(text).ConvertAll(w => w.Text);
        return Hidden(text) || Encoded().IsMatch(text) || Markup().IsMatch(text) || GuardWords.Suspicious.FoundIn(words)
            || OrdersNear(words);
    }

    private static bool OrdersNear(List<string> words)
    {
        for (var i = 0; i < words.Count; i++)
        {
            var window = words.GetRange(i, Math.Min(WindowWords, words.Count - i));
            if (GuardWords.Overriding.FoundIn(window) && GuardWords.Orders.FoundIn(window))
            {
                return true;
            }
        }

        return false;
    }

    // Joiners belong to emoji and Indic scripts; many of the others in one text belong to nobody.
    private static bool Hidden(string text) => text.Count(c => c is '\u200B' or '\u2060' or '\uFEFF' or (>= '\u202A' and <= '\u202E'))
        > HiddenMax;

    // Forty and more letters and digits without a blank, in both cases.
    [GeneratedRegex(@"(?=[A-Za-z0-9+/=]{0,200}[a-z])(?=[A-Za-z0-9+/=]{0,200}[A-Z])[A-Za-z0-9+/=]{40,}", RegexOptions.CultureInvariant,
        matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Encoded();

    [GeneratedRegex(
        @"</?[a-z_]{3,40}>|^\s*(system|assistant|developer)\s*:" +
        @"|\[/?(system|sistema|systeme|inst)\]|[a-z]{2,20}_[a-z]{2,20}|""\s{0,9}:\s{0,9}""",
        RegexOptions.CultureInvariant | RegexOptions.IgnoreCase | RegexOptions.Multiline, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Markup();
}

/// <summary>Two machines that answer each other, told by their pace and their words.</summary>
internal static class Loops
{
    private const int SameMax = 3;
    private const int QuickMax = 3;
    private static readonly TimeSpan SameWithin = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan Quick = TimeSpan.FromSeconds(2);

    /// <summary>The customer wrote the same three times within ten minutes, or three times within two seconds after us.</summary>
    /// <param name="lines">Oldest first.</param>
    public static bool Is(IReadOnlyList<Line> lines)
    {
        var theirs = lines.Where(l => l.FromCustomer).Select(l => (Text: Folded(l.Text), l.At)).Where(l => l.Text.Length > 0).ToList();
        if (theirs.GroupBy(l => l.Text).Any(same => same.Select(l => l.At).Order().ToList() is var times
            && times.Count >= SameMax && times[^1] - times[^SameMax] <= SameWithin))
        {
            return true;
        }

        var quick = 0;
        for (var i = 1; i < lines.Count; i++)
        {
            var pause = lines[i].At - lines[i - 1].At;
            quick += lines[i].FromCustomer && !lines[i - 1].FromCustomer && pause >= TimeSpan.Zero && pause < Quick ? 1 : 0;
        }

        return quick >= QuickMax;
    }

    private static string Folded(string text) => string.Join(' ', FoldedText.Words(text).Select(w => w.Text));
}
