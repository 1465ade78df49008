using System.Diagnostics;
using Bsp.Application.Ai;
using Bsp.Domain.Common;

namespace Bsp.Infrastructure.Ai.Embedded;

/// <summary>
/// The default, which needs no key and no network: languages by Lingua and lists, sentiment and intent by word lists. Everything is read
/// at the first text, some 50 MB: a process of which no organization lets machines read anything does without.
/// </summary>
public sealed class EmbeddedReader
{
    /// <summary>What events call it; changes with its lists.</summary>
    public const string Version = "word-lists-1";

    private const int SummaryCharactersMax = 120;
    private const int TextUnitsMax = 2_000;
    private static readonly string[] Known = ["ar", "en", "es", "fr", "hi", "id", "pt", "any"];

    private readonly Lazy<(Languages Languages, WordReader Reader)> parts = new(() =>
    {
        var lists = Known.ToDictionary(l => l, WordList.Load);
        return (new(lists), new(lists.Values));
    });

    /// <summary>Languages that it reads.</summary>
    public static IReadOnlyList<string> LanguagesRead => Known[..^1];

    /// <summary>Never fails, whatever the text.</summary>
    public TextReading Read(TextToRead text)
    {
        var said = Text.Cut(text.Text, TextUnitsMax);
        var language = parts.Value.Languages.Of(said, text.Hint);
        var (score, intent, confidence) = parts.Value.Reader.Read(said, language);
        return new(language, score, intent, confidence, Summary(intent, said), []);
    }

    /// <summary>As above, with what it took.</summary>
    public ReadText ReadWithUse(TextToRead text, string? fallback)
    {
        var began = Stopwatch.GetTimestamp();
        var reading = Read(text);
        return new(reading, Use((int)Stopwatch.GetElapsedTime(began).TotalMilliseconds), fallback);
    }

    /// <summary>That it took nothing but a moment.</summary>
    public static ModelUse Use(int latencyMs) => new(AiProviders.Embedded, Version, "", 0, 0, latencyMs, 0, "USD", Calls: 0);

    // The customer's words are quoted, never told as facts.
    private static string Summary(string intent, string text)
    {
        var line = text.ReplaceLineEndings(" ").Trim();
        var shown = line.Length <= SummaryCharactersMax ? line : Text.Cut(line, SummaryCharactersMax) + "…";
        return $"{char.ToUpperInvariant(intent[0])}{intent[1..].Replace('_', ' ')}: “{shown}”";
    }
}
