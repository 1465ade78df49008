using System.Text;
using Bsp.Application.Ai;
using Bsp.Application.Common;
using Bsp.Infrastructure.Search;

namespace Bsp.Infrastructure.Ai.Embedded;

/// <summary>
/// Reads sentiment and intent by word lists: what is said, denied, strengthened, asked and meant in scorn, clause by clause. A hint to
/// people, not a judgement; what it can do is measured by <c>./bench ai</c>.
/// </summary>
internal sealed class WordReader
{
    private const int NotReachesWords = 4;
    private const int VeryReachesWords = 2;
    private const double OughtDenied = -1.6;
    private const double GoodDenied = -0.8;
    private const double BadDenied = -0.7;
    private const double Strong = 1.3;
    private const double Asked = 0.2;      // in a question
    private const double Softness = 6;     // total → score: total / √(total² + this)
    private const double Later = 0.5;      // each further sign of one intent counts so much
    private const double Foreign = 0.6;    // a sign from the English list in a text of another language

    private static readonly HashSet<string> Scorn = ["🙄", "😒", "🤡", "🤦", "😑"];

    private static readonly HashSet<string> Buts =
        ["but", "however", "pero", "mais", "mas", "porem", "لكن", "بس", "लेकिन", "मगर", "lekin", "magar", "tapi",
            "tetapi", "padahal", "bs", "bas"];

    [Bounded("the embedded lists")]
    private readonly Dictionary<string, WordList> lists;

    public WordReader(IEnumerable<WordList> lists) => this.lists = lists.ToDictionary(l => l.Language);

    private sealed record Clause(List<string> Words, bool IsQuestion);

    private readonly record struct Hit(int At, int Length, Entry Entry);

    /// <summary>Sentiment from −1 to 1 and the intent with how sure it is.</summary>
    /// <param name="language">Two letters; null: all that is known of any language.</param>
    public (double Score, string Intent, double Confidence) Read(string text, string? language)
    {
        var clauses = Clauses(text);
        WordList[] own = language is not null && lists.TryGetValue(language, out var list) ? [list, lists["any"]]
            : [.. lists.Values.OrderBy(l => l.Language == "any")];
        var score = Score(clauses, own, text);
        var (intent, confidence) = Intent(clauses, own, language, score);
        return (score, intent, confidence);
    }

    private static List<Clause> Clauses(string text)
    {
        var clauses = new List<Clause>();
        var clause = new StringBuilder();
        foreach (var c in text)
        {
            clause.Append(c);
            if (c is '.' or ',' or ';' or '!' or '?' or '¡' or '¿' or '\n' or '\u060C' or '\u061F' or '\u061B' or '\u0964' or '…')
            {
                End(c is '?' or '\u061F');
            }
        }

        End(false);
        return clauses;

        void End(bool question)
        {
            var words = FoldedText.Words(clause.ToString()).ConvertAll(w => WordList.Bare(w.Text));
            clause.Clear();
            if (words.Count == 0 && question && clauses.Count > 0)
            {
                clauses[^1] = clauses[^1] with { IsQuestion = true }; // a blank before the mark, as French has it
            }

            while (words.Count > 1 && words.FindIndex(1, Buts.Contains) is > 0 and var but)
            {
                clauses.Add(new(words.GetRange(0, but), question));
                words.RemoveRange(0, but + 1);
            }

            if (words.Count > 0)
            {
                clauses.Add(new(words, question));
            }
        }
    }

    private static double Score(List<Clause> clauses, WordList[] own, string text)
    {
        var (good, bad, praise, thanks) = (0.0, 0.0, 0.0, 0.0);
        foreach (var clause in clauses)
        {
            var hits = Hits(clause.Words, own, e => e.Mark != Mark.Intent);
            var nots = hits.Where(h => h.Entry.Mark == Mark.Not).ToList();
            var greeted = Covered(clause.Words, own, Intents.Greeting);
            var stopped = Covered(clause.Words, own, Intents.OptOut);
            foreach (var hit in hits.Where(h => !greeted.Contains(h.At) && !(h.Entry.Mark == Mark.Ought && stopped.Contains(h.At))))
            {
                var weight = Weight(hit, hits, nots, clause, own[0].Language);
                var isThanks = weight > 0 && own.Any(l => l.At(clause.Words, hit.At).Any(e => e.Intent == Intents.Thanks));
                (good, bad, praise, thanks) = hit.Entry.Mark == Mark.Praise && weight > 0 ? (good, bad, praise + weight, thanks)
                    : isThanks ? (good, bad, praise, thanks + weight)
                    : weight > 0 ? (good + weight, bad, praise, thanks) : (good, bad + weight, praise, thanks);
            }

            bad += own[0].Language == "ar" ? clause.Words.Count(IsFusedDenial) * OughtDenied : 0;
        }

        // whoever asks for something and thanks for it is not pleased yet
        thanks = clauses.Exists(c => c.IsQuestion) && good + praise == 0 ? 0 : thanks;
        if (clauses.SelectMany(c => c.Words).Any(Scorn.Contains))
        {
            (good, praise, thanks) = (good * -0.3, -praise, 0);
        }
        else if (bad <= -0.9)
        {
            (praise, thanks) = (-praise, thanks * 0.5);
        }

        var total = (good + bad + praise + thanks) * (1 + (0.1 * Math.Min(3, text.Count(c => c == '!'))));
        return Math.Round(total / Math.Sqrt((total * total) + Softness), 4);
    }

    private static double Weight(Hit hit, List<Hit> hits, List<Hit> nots, Clause clause, string language)
    {
        // a sign is meant as it stands, and "not bad" is no "bad" that is denied
        var sign = IsSign(clause.Words[hit.At]);
        var denied = !sign && !nots.Exists(n => n.At >= hit.At && n.At < hit.At + hit.Length) && !Holds(hit.Entry, nots)
            && nots.Exists(n => Denies(n, hit, language));
        var weight = hit.Entry.Mark switch
        {
            Mark.Ought => denied ? OughtDenied : 0,
            Mark.Polar or Mark.Praise => hit.Entry.Weight * (!denied ? 1 : hit.Entry.Weight > 0 ? GoodDenied : BadDenied),
            _ => 0,
        };
        if (weight == 0)
        {
            return 0;
        }

        var strong = hits.Exists(v => v.Entry.Mark == Mark.Very
            && ((v.At < hit.At && hit.At - v.At - v.Length < VeryReachesWords) || (v.At == hit.At + hit.Length)));
        return weight * (strong ? Strong : 1) * (clause.IsQuestion && !sign && Math.Abs(hit.Entry.Weight) < 3 ? Asked : 1);
    }

    private static bool Holds(Entry entry, List<Hit> nots) =>
        entry.Parts.Length > 1 && nots.Exists(n => n.Entry.Parts.Length == 1 && entry.Parts.Any(p => p.Text == n.Entry.Parts[0].Text));

    private static bool IsSign(string word) => word.Length > 0 && char.GetUnicodeCategory(word[0])
        is System.Globalization.UnicodeCategory.Surrogate or System.Globalization.UnicodeCategory.OtherSymbol;

    // Places of words that belong to phrases of an intent.
    private static HashSet<int> Covered(List<string> words, WordList[] own, string intent)
    {
        var covered = new HashSet<int>();
        for (var i = 0; i < words.Count; i++)
        {
            if (own.SelectMany(l => l.At(words, i)).Where(e => e.Intent == intent).MaxBy(e => e.Parts.Length) is { } entry)
            {
                covered.UnionWith(Enumerable.Range(i, entry.Parts.Length));
            }
        }

        return covered;
    }

    // Hindi denies behind the adjective, before the verb; the others before what is denied.
    private static bool Denies(Hit not, Hit hit, string language)
    {
        if (not.At < hit.At)
        {
            return hit.At - (not.At + not.Length) < NotReachesWords;
        }

        return language == "hi" && not.At >= hit.At + hit.Length && not.At - (hit.At + hit.Length) < 1;
    }

    // Egyptian writes the denial around the verb: ma-…-sh.
    private static bool IsFusedDenial(string word) =>
        (word.Length >= 5 && word[0] == '\u0645' && word[^1] == '\u0634')
        || (word.Length >= 6 && word.StartsWith("ma", StringComparison.Ordinal) && word.EndsWith("sh", StringComparison.Ordinal));

    // The longest at each place; what it covers is not looked at again.
    private static List<Hit> Hits(List<string> words, WordList[] own, Func<Entry, bool> kind)
    {
        var hits = new List<Hit>();
        for (var i = 0; i < words.Count; i++)
        {
            var entry = own.Select(l => l.At(words, i).FirstOrDefault(kind)).OfType<Entry>().MaxBy(e => e.Parts.Length);
            if (entry is not null)
            {
                hits.Add(new(i, entry.Parts.Length, entry));
                i += entry.Parts.Length - 1;
            }
        }

        return hits;
    }

    private (string Intent, double Confidence) Intent(List<Clause> clauses, WordList[] own, string? language, double score)
    {
        var signs = new Dictionary<string, List<double>>();
        Collect(signs, clauses, own, 1);
        if (language is not null and not "en")
        {
            Collect(signs, clauses, [lists["en"]], Foreign);
        }

        var words = clauses.Sum(c => c.Words.Count);
        // praise of those who treated somebody is thanks
        if (score >= 0.5 && signs.ContainsKey(Intents.Appointment) && !clauses.Exists(c => c.IsQuestion))
        {
            (signs.TryGetValue(Intents.Thanks, out var thanked) ? thanked : signs[Intents.Thanks] = []).Add(2.5);
        }

        var ranked = signs.Select(s => (Name: s.Key, Sum: Sum(s.Value))).Where(s => s.Name != Intents.Greeting || words <= 4)
            .OrderByDescending(s => s.Sum).ThenBy(s => Rank(s.Name)).ToList();
        var best = ranked.Count == 0 ? (Name: Intents.Other, Sum: 0.0) : ranked[0];
        var second = ranked.Count > 1 ? ranked[1].Sum : 0;
        var name = best.Sum < 1.2 ? score switch
        {
            >= 0.2 => Intents.Thanks,
            <= -0.2 => Intents.Complaint,
            _ => Intents.Other,
        }
            : best.Name == Intents.Complaint && score > 0.2 ? Intents.Thanks
            : best.Name == Intents.Thanks && score < -0.2 ? Intents.Complaint
            : best.Name;
        return (name, Math.Round(best.Sum == 0 ? Math.Abs(score) * 0.6 : best.Sum / (best.Sum + (second * 0.7) + 1), 4));
    }

    private static void Collect(Dictionary<string, List<double>> signs, List<Clause> clauses, WordList[] own, double share)
    {
        foreach (var clause in clauses)
        {
            // what stands inside a longer phrase does not count by itself
            var (end, longest) = (0, 0);
            for (var i = 0; i < clause.Words.Count; i++)
            {
                var here = own.SelectMany(l => l.At(clause.Words, i)).Where(e => e.Mark == Mark.Intent)
                    .Where(e => i >= end || e.Parts.Length >= longest).ToList();
                (end, longest) = here.Count > 0 && here.Max(e => e.Parts.Length) is var length && (i >= end || length > longest)
                    ? (i + length, length) : (end, longest);
                foreach (var of in here.GroupBy(e => e.Intent!))
                {
                    (signs.TryGetValue(of.Key, out var known) ? known : signs[of.Key] = []).Add(of.Max(e => e.Weight) * share);
                }
            }
        }
    }

    private static double Sum(List<double> weights) => weights.OrderDescending().Select((w, i) => i == 0 ? w : w * Later).Take(4).Sum();

    // Of two that are as likely, what is more specific.
    private static int Rank(string intent) => intent switch
    {
        Intents.OptOut => 0,
        Intents.Human => 1,
        Intents.Cancel => 2,
        Intents.RefundReturn => 3,
        Intents.Appointment => 4,
        Intents.Account => 5,
        Intents.Payment => 6,
        Intents.OrderStatus => 7,
        Intents.StoreInfo => 8,
        Intents.ProductInfo => 9,
        Intents.Complaint => 10,
        _ => 11,
    };
}
