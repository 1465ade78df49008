using System.Globalization;
using System.Reflection;
using Bsp.Application.Ai;
using Bsp.Application.Common;
using Bsp.Infrastructure.Search;

namespace Bsp.Infrastructure.Ai.Embedded;

/// <summary>What a word or phrase of a list says.</summary>
internal enum Mark
{
    /// <summary>Good or bad by itself.</summary>
    Polar,

    /// <summary>Praise that is scorn when something went wrong beside it.</summary>
    Praise,

    /// <summary>What things and people ought to do: bad when it is denied.</summary>
    Ought,

    /// <summary>Denies what stands near.</summary>
    Not,

    /// <summary>Strengthens what stands near.</summary>
    Very,

    /// <summary>Says what is wanted.</summary>
    Intent,
}

/// <summary>A word or phrase of a list; a part that <c>Begins</c> is the beginning of a word.</summary>
/// <param name="Weight">Of a polar one −3 to 3; of an intent how surely it is meant.</param>
internal sealed record Entry((string Text, bool Begins)[] Parts, Mark Mark, double Weight, string? Intent);

/// <summary>
/// The words of one language, read from <c>Words/{language}.txt</c>: what is good and bad, what denies and strengthens, what is wanted,
/// and the words by which the language is known. All are compared folded (<see cref="FoldedText"/>).
/// </summary>
internal sealed class WordList
{
    private const int KeyUnits = 2;

    [Bounded("the embedded list")]
    private readonly Dictionary<string, List<Entry>> exact = [];

    [Bounded("the embedded list")]
    private readonly Dictionary<string, List<Entry>> beginning = [];

    private WordList(string language) => Language = language;

    /// <summary>Two letters; <c>any</c>: words that travel.</summary>
    public string Language { get; }

    /// <summary>Words that are common in the language.</summary>
    [field: Bounded("the embedded list")]
    public HashSet<string> Common { get; } = [];

    /// <summary>Words of the language as they are typed in Latin letters, where it has others of its own.</summary>
    [field: Bounded("the embedded list")]
    public HashSet<string> Roman { get; } = [];

    public static WordList Load(string language)
    {
        var list = new WordList(language);
        var assembly = Assembly.GetExecutingAssembly();
        using var reader = new StreamReader(assembly.GetManifestResourceStream($"{assembly.GetName().Name}.Ai.Words.{language}.txt")
            ?? throw new InvalidOperationException($"The word list {language}.txt is not embedded."));
        while (reader.ReadLine() is { } line)
        {
            if (line.Length > 0 && line[0] != '#')
            {
                var cut = line.IndexOf(':', StringComparison.Ordinal);
                list.Add(line[..cut].Trim(), line[(cut + 1)..].Split('|', StringSplitOptions.TrimEntries));
            }
        }

        return list;
    }

    /// <summary>Entries of a kind that begin at this word; the longest first.</summary>
    public IEnumerable<Entry> At(IReadOnlyList<string> words, int at)
    {
        var word = words[at];
        var found = new List<Entry>();
        if (exact.TryGetValue(word, out var whole))
        {
            found.AddRange(whole);
        }

        if (word.Length >= KeyUnits && beginning.TryGetValue(word[..KeyUnits], out var begun))
        {
            found.AddRange(begun.Where(e => word.StartsWith(e.Parts[0].Text, StringComparison.Ordinal)));
        }

        return found.Where(e => Fits(words, at, e)).OrderByDescending(e => e.Parts.Length).ThenBy(e => e.Mark == Mark.Ought);
    }

    /// <summary>A folded word without what Arabic writes in front of it; runs of one letter as one.</summary>
    public static string Bare(string word)
    {
        var bare = Calm(word);
        if (bare.Length == 0 || bare[0] is < '\u0600' or > '\u06FF')
        {
            return bare;
        }

        if (bare.Length >= 5 && bare[0] is '\u0648' or '\u0641') // wa, fa
        {
            bare = bare[1..];
        }

        foreach (var article in (string[])["\u0628\u0627\u0644", "\u0643\u0627\u0644", "\u0627\u0644", "\u0644\u0644"])
        {
            if (bare.Length >= article.Length + 2 && bare.StartsWith(article, StringComparison.Ordinal))
            {
                return bare[article.Length..];
            }
        }

        return bare;
    }

    private static string Calm(string word)
    {
        for (var i = 2; i < word.Length; i++)
        {
            if (word[i] == word[i - 1] && word[i] == word[i - 2] && !char.IsDigit(word[i]))
            {
                var calm = new System.Text.StringBuilder(word.Length);
                foreach (var c in word)
                {
                    if (calm.Length < 1 || calm[^1] != c || char.IsDigit(c))
                    {
                        calm.Append(c);
                    }
                }

                return calm.ToString();
            }
        }

        return word;
    }

    private static bool Fits(IReadOnlyList<string> words, int at, Entry entry)
    {
        if (at + entry.Parts.Length > words.Count)
        {
            return false;
        }

        for (var i = 0; i < entry.Parts.Length; i++)
        {
            var (text, begins) = entry.Parts[i];
            if (begins ? !words[at + i].StartsWith(text, StringComparison.Ordinal) : words[at + i] != text)
            {
                return false;
            }
        }

        return true;
    }

    private void Add(string key, string[] items)
    {
        if (key is "lang" or "roman")
        {
            var known = key == "lang" ? Common : Roman;
            known.UnionWith(items.SelectMany(FoldedText.Words).Select(w => w.Text));
            return;
        }

        var (mark, weight, intent) = Meaning(key);
        foreach (var item in items.Where(i => i.Length > 0))
        {
            var parts = item.Split(' ', StringSplitOptions.RemoveEmptyEntries)
                .SelectMany(part => FoldedText.Words(part.TrimEnd('*')).Select(w => (Bare(w.Text), part.EndsWith('*')))).ToArray();
            if (parts.Length > 0)
            {
                Keep(new(parts, mark, weight, intent));
            }
        }
    }

    private void Keep(Entry entry)
    {
        var (text, begins) = entry.Parts[0];
        var (into, key) = begins && text.Length >= KeyUnits ? (beginning, text[..KeyUnits]) : (exact, text);
        if (!into.TryGetValue(key, out var known))
        {
            into[key] = known = [];
        }

        known.Add(entry);
    }

    private static (Mark Mark, double Weight, string? Intent) Meaning(string key) => key switch
    {
        "not" => (Mark.Not, 0, null),
        "very" => (Mark.Very, 0, null),
        "~" => (Mark.Ought, 0, null),
        ['@', ..] => (Mark.Praise, Number(key[1..]), null),
        ['+' or '-' or '0', ..] => (Mark.Polar, Number(key), null),
        _ when key.Split(' ') is ["intent", var name, var weight] && Intents.All.Contains(name) => (Mark.Intent, Number(weight), name),
        _ => throw new InvalidOperationException($"'{key}' begins no line of a word list."),
    };

    private static double Number(string text) =>
        double.Parse(text, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture);
}
