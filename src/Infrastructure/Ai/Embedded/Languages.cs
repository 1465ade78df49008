using System.Collections.Frozen;
using Bsp.Infrastructure.Search;
using Lingua;

namespace Bsp.Infrastructure.Ai.Embedded;

/// <summary>
/// In which of the seven languages a text is: by its script, by our lists of common words (also of Arabic and Hindi in Latin letters,
/// which Lingua takes for anything), and among those of Latin script by Lingua. Its models are read at the first text.
/// </summary>
internal sealed class Languages(IReadOnlyDictionary<string, WordList> lists)
{
    private const double NativeShare = 0.3;       // of the letters
    private const double RomanLeast = 2;
    private const double LinguaWeight = 3;
    private const double Sure = 1.2;              // by so much the first is ahead of the second
    private const int LinguaLetters = 6;
    private const int NyaLeast = 5;

    private static readonly FrozenDictionary<Language, string> Latin = new Dictionary<Language, string>
    {
        [Language.English] = "en", [Language.Spanish] = "es", [Language.French] = "fr", [Language.Portuguese] = "pt",
        [Language.Indonesian] = "id",
    }.ToFrozenDictionary();

    private readonly Lazy<LanguageDetector> lingua = new(() => LanguageDetectorBuilder.FromLanguages([.. Latin.Keys])
        .WithLowAccuracyMode()
        .WithLanguageModelsDirectory(Path.Combine(AppContext.BaseDirectory, "Lingua", "LanguageModels")).Build());

    private readonly FrozenDictionary<string, int> spread = lists.Values.Where(l => l.Language != "any")
        .SelectMany(l => l.Language is "ar" or "hi" ? l.Roman : l.Common).GroupBy(w => w).ToFrozenDictionary(g => g.Key, g => g.Count());

    /// <summary>Two letters; null: it cannot be told.</summary>
    /// <param name="hint">Language of the conversation so far: what a text too short to tell has. Null: not known.</param>
    public string? Of(string text, string? hint)
    {
        var (arabic, devanagari, latin) = Letters(text);
        var all = arabic + devanagari + latin;
        if (all == 0)
        {
            return hint;
        }

        if (arabic >= all * NativeShare || devanagari >= all * NativeShare)
        {
            return arabic >= devanagari ? "ar" : "hi";
        }

        var words = FoldedText.Words(text).Where(w => w.Kind == WordKind.Plain).Select(w => w.Text).ToList();
        var scores = lists.Values.Where(l => l.Language != "any").ToDictionary(l => l.Language, l => Common(words, l));
        scores["ar"] += words.Count(IsArabizi);
        scores["id"] += words.Count(w => w.Length > NyaLeast && w.EndsWith("nya", StringComparison.Ordinal)); // barangnya, makanannya
        var roman = scores["ar"] >= scores["hi"] ? "ar" : "hi";
        if (scores[roman] >= RomanLeast && scores[roman] >= Latin.Values.Max(l => scores[l]))
        {
            return roman;
        }

        if (latin >= LinguaLetters)
        {
            foreach (var (language, confidence) in lingua.Value.ComputeLanguageConfidenceValues(text))
            {
                scores[Latin[language]] += confidence * LinguaWeight;
            }
        }

        var ranked = scores.OrderByDescending(s => s.Value).ThenBy(s => s.Key, StringComparer.Ordinal).ToList();
        return ranked[0].Value - ranked[1].Value >= Sure || hint is null
            ? ranked[0].Value > 0 ? ranked[0].Key : hint
            : scores.GetValueOrDefault(hint) + Sure >= ranked[0].Value ? hint : ranked[0].Key;
    }

    // A word that several languages have counts less.
    private double Common(List<string> words, WordList list)
    {
        var known = list.Language is "ar" or "hi" ? list.Roman : list.Common;
        return words.Where(known.Contains).Sum(w => 1.0 / spread[w]);
    }

    // Digits stand for letters that Latin has not: 3ayez, ba7eb.
    private static bool IsArabizi(string word) => word.Length >= 3 && word.Count(char.IsAsciiLetter) >= 2
        && word.Where((c, i) => c is '2' or '3' or '5' or '7' && ((i > 0 && char.IsAsciiLetter(word[i - 1]))
            || (i + 1 < word.Length && char.IsAsciiLetter(word[i + 1])))).Any()
        && !word.All(c => char.IsDigit(c) || c is 'x' or 'k' or 'm' or 'h');

    private static (int Arabic, int Devanagari, int Latin) Letters(string text)
    {
        var (arabic, devanagari, latin) = (0, 0, 0);
        foreach (var c in text)
        {
            arabic += c is >= '\u0600' and <= '\u06FF' && char.IsLetter(c) ? 1 : 0;
            devanagari += c is >= '\u0900' and <= '\u097F' ? 1 : 0;
            latin += c < '\u0250' && char.IsLetter(c) ? 1 : 0;
        }

        return (arabic, devanagari, latin);
    }
}
