using System.Text.RegularExpressions;

namespace Bsp.Domain.Templates;

/// <summary>Variables in a template's text: <c>{{1}}</c> or <c>{{first_name}}</c>.</summary>
public static partial class TemplateText
{
    /// <summary>Names in order of first appearance, each once.</summary>
    public static IReadOnlyList<string> Variables(string text) => [.. Variable().Matches(text).Select(m => m.Groups[1].Value).Distinct()];

    /// <summary>All of them are numbers.</summary>
    public static bool IsPositional(IReadOnlyList<string> variables) => variables.All(v => v.All(char.IsAsciiDigit));

    /// <summary>The text with every variable replaced; one that <paramref name="value"/> answers null for stays as it is.</summary>
    public static string Fill(string text, Func<string, string?> value) =>
        Variable().Replace(text, match => value(match.Groups[1].Value) ?? match.Value);

    internal static MatchCollection Matches(string text) => Variable().Matches(text);

    [GeneratedRegex(@"\{\{\s*([^{}\s]+)\s*\}\}")]
    private static partial Regex Variable();
}
