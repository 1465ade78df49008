using Bsp.Application.Ai;
using Bsp.Infrastructure.Search;

namespace Bsp.Infrastructure.Ai.Models;

/// <summary>Which of an organization's canned replies fit a text: by their shortcut, their language, and words that both have.</summary>
internal static class CannedTexts
{
    private const int SuggestionsMax = 3;
    private const int LetterMin = 4; // shorter words are everywhere

    /// <summary>A shortcut is an intent's when it is its name, with whatever behind an underscore or a dash.</summary>
    public static bool IsOf(string shortcut, string intent) => shortcut.TrimStart('/', '#') is var name
        && name.StartsWith(intent, StringComparison.OrdinalIgnoreCase)
        && (name.Length == intent.Length || name[intent.Length] is '_' or '-' or '.');

    /// <summary>It is of the language, or of none.</summary>
    public static bool Speaks(CannedText canned, string? language) => canned.Language is null || language is null
        || canned.Language.StartsWith(language, StringComparison.OrdinalIgnoreCase);

    /// <summary>At most three that may answer a text, the likeliest first.</summary>
    public static IReadOnlyList<string> For(string text, string? language, string intent, IReadOnlyList<CannedText> canned)
    {
        var words = Words(text);
        return
        [
            .. canned.Where(c => Speaks(c, language))
                .Select(c => (c.Text, Score: (IsOf(c.Shortcut, intent) ? 3 : 0) + Words($"{c.Shortcut} {c.Text}").Count(words.Contains)))
                .Where(c => c.Score > 0).OrderByDescending(c => c.Score).ThenBy(c => c.Text, StringComparer.Ordinal)
                .Select(c => c.Text).Distinct().Take(SuggestionsMax),
        ];
    }

    private static HashSet<string> Words(string text) => [.. FoldedText.Words(text.Replace('_', ' ')).Select(w => w.Text)
        .Where(w => w.Length >= LetterMin)];
}
