using System.Text.RegularExpressions;
using Bsp.Application.Ai;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Search;

namespace Bsp.Infrastructure.Ai.Guards;

/// <summary>What a text of a model's is judged by.</summary>
/// <param name="Facts">What the organization lets be told.</param>
/// <param name="AllowedLinks">Hosts, lower case.</param>
/// <param name="Rules">The instructions that the model was given, without the facts.</param>
/// <param name="Customer">What the customer wrote, the history included.</param>
/// <param name="Business">What the business wrote before.</param>
internal sealed record FilterSources(IReadOnlyList<string> Facts, IReadOnlyList<string> AllowedLinks, string Rules,
    IReadOnlyList<string> Customer, IReadOnlyList<string> Business)
{
    public static FilterSources Of(AiSettings settings, Question question, string rules) => new(settings.Facts, settings.AllowedLinks,
        rules, [.. question.History.Concat(question.Burst).Where(l => l.FromCustomer).Select(l => l.Text)],
        [.. question.History.Where(l => !l.FromCustomer).Select(l => l.Text)]);
}

/// <summary>
/// What a model wrote goes to nobody before it passed here: whatever a customer talked a model into, no link, number, amount, promise,
/// secret or instruction leaves that the organization did not give. A text that fails is not mended: a person goes on.
/// </summary>
internal static partial class ReplyFilter
{
    /// <summary>UTF-16 units of an answer.</summary>
    public const int ReplyUnitsMax = 1_000;

    private const int NgramWords = 5;
    private const int FreeDigits = 3; // hours, days and sizes may be said as they come
    private const int OwnDigitsMax = 12;

    /// <summary>Why it must not go to the customer, in a word; null: it may.</summary>
    public static string? Fault(string? text, FilterSources sources, int unitsMax = ReplyUnitsMax)
    {
        if (string.IsNullOrWhiteSpace(text) || text.Length > unitsMax || !Text.IsStorable(text) || text.Any(IsHidden))
        {
            return "form";
        }

        var words = Words(text);
        return words.Count == 0 ? "form"
            : LinkFault(text, sources) ? "link"
            : NumberFault(text, sources) ? "number"
            : GuardWords.Secrets.FoundIn(words) && !Told(GuardWords.Secrets, sources) ? "secret"
            : GuardWords.Promises.FoundIn(words) && !Told(GuardWords.Promises, sources) ? "promise"
            : Leaks(words, sources.Rules) ? "instructions"
            : Echoes(words, sources.Customer) ? "echo"
            : null;
    }

    /// <summary>As above of a summary, which people read: it may consist of the customer's words.</summary>
    public static string? SummaryFault(string? text, FilterSources sources)
    {
        var fault = Fault(text, sources, unitsMax: 300);
        return fault == "echo" ? null : fault;
    }

    private static List<string> Words(string text) => FoldedText.Words(text).ConvertAll(w => w.Text);

    private static bool Told(GuardPhrases phrases, FilterSources sources) => sources.Facts.Any(fact => phrases.FoundIn(Words(fact)));

    private static bool IsHidden(char c) => (char.IsControl(c) && c is not ('\n' or '\r' or '\t'))
        || c is '\u200B' or '\u2060' or '\uFEFF' or (>= '\u202A' and <= '\u202E');

    private static bool LinkFault(string text, FilterSources sources)
    {
        if (text.Contains("](", StringComparison.Ordinal) || text.Contains("data:", StringComparison.OrdinalIgnoreCase)
            || text.Contains("javascript:", StringComparison.OrdinalIgnoreCase))
        {
            return true;
        }

        foreach (Match match in Host().Matches(text))
        {
            var host = match.Value.TrimEnd('.').ToLowerInvariant();
            var address = match.Index > 0 && text[match.Index - 1] == '@';
            var known = sources.AllowedLinks.Any(a => host == a || host.EndsWith("." + a, StringComparison.Ordinal));
            if (address ? !sources.Facts.Any(f => f.Contains("@" + host, StringComparison.OrdinalIgnoreCase))
                : !known && !sources.Facts.Any(f => f.Contains(host, StringComparison.OrdinalIgnoreCase)))
            {
                return true;
            }
        }

        return text.Contains("://", StringComparison.Ordinal) && !Host().IsMatch(text);
    }

    // Money and shares come from facts alone; other long numbers from facts, from what the business said, or from the customer.
    private static bool NumberFault(string text, FilterSources sources)
    {
        var facts = Numbers(sources.Facts);
        var known = Numbers(sources.Business);
        known.UnionWith(facts);
        var own = Numbers(sources.Customer);
        foreach (var (digits, money) in GuardNumbers.In(text))
        {
            if (money && !facts.Contains(digits))
            {
                return true;
            }

            if (digits.Length > FreeDigits && !known.Contains(digits) && !(digits.Length <= OwnDigitsMax && own.Contains(digits)))
            {
                return true;
            }
        }

        return false;
    }

    private static HashSet<string> Numbers(IEnumerable<string> texts) => [.. texts.SelectMany(GuardNumbers.In).Select(n => n.Digits)];

    private static bool Leaks(List<string> words, string rules)
    {
        var told = Words(rules);
        if (told.Count < NgramWords || words.Count < NgramWords)
        {
            return false;
        }

        var grams = Grams(told).ToHashSet();
        return Grams(words).Any(grams.Contains);
    }

    private static IEnumerable<string> Grams(List<string> words)
    {
        for (var i = 0; i + NgramWords <= words.Count; i++)
        {
            yield return string.Join(' ', words.GetRange(i, NgramWords));
        }
    }

    // An answer made of nothing but the customer's own words says what they wanted to be said.
    private static bool Echoes(List<string> words, IReadOnlyList<string> customer)
    {
        var own = customer.SelectMany(Words).ToHashSet();
        return own.Count > 0 && words.All(own.Contains);
    }

    [GeneratedRegex(@"(?:[\p{L}\p{N}\-]{1,63}\.){1,8}\p{L}{2,63}", RegexOptions.CultureInvariant, matchTimeoutMilliseconds: 1_000)]
    private static partial Regex Host();
}
