using System.Text.RegularExpressions;
using Bsp.Domain.Common;

namespace Bsp.Domain.Templates;

/// <summary>One broken rule.</summary>
/// <param name="Field">Where: <c>name</c>, <c>components.body.text</c>, <c>components.buttons[2].url</c>.</param>
/// <param name="Code">Stable, <c>template.…</c>.</param>
public sealed record TemplateFault(string Field, string Code, string Message);

/// <summary>
/// Meta's rules for templates, known before Meta is asked. Numbers and patterns are those of Meta's template reference
/// (developers.facebook.com/docs/whatsapp/business-management-api/message-templates); what Meta does not publish (word to variable ratio)
/// is checked loosely.
/// </summary>
public static partial class TemplateRules
{
    private const int NameCharactersMax = 512;
    private const int BodyCharactersMax = 1024;
    private const int HeaderCharactersMax = 60;
    private const int FooterCharactersMax = 60;
    private const int CodeExpirationMinutesMax = 90;
    private static readonly string[] Formats = ["TEXT", "IMAGE", "VIDEO", "DOCUMENT", "GIF", "LOCATION"];

    /// <summary>The specification's three.</summary>
    public static readonly IReadOnlyList<string> Categories = ["MARKETING", "UTILITY", "AUTHENTICATION"];

    /// <summary>What is wrong with a draft; empty when nothing is.</summary>
    public static IReadOnlyList<TemplateFault> Faults(string name, string category, string language, TemplateComponents components) =>
    [
        .. Naming(name, category, language),
        .. category == "AUTHENTICATION" ? Authentication(components) : Parts(components),
        .. ButtonRules.Faults(components.Buttons, category),
    ];

    /// <summary>What a draft still lacks for Meta: an example for every variable and for media.</summary>
    public static IReadOnlyList<TemplateFault> SubmissionFaults(TemplateComponents components) =>
    [
        .. MissingExamples("components.header.text", components.Header?.Text, components.Header?.Examples),
        .. components.Header is { Format: not "TEXT" and not "LOCATION", Handle: null } header
            ? [new TemplateFault("components.header", "template.header_example_missing",
                $"A {header.Format} header needs example_handle, a handle of Meta's resumable upload.")] : Array.Empty<TemplateFault>(),
        .. MissingExamples("components.body.text", components.Body?.Text, components.Body?.Examples),
        .. ButtonRules.MissingExamples(components.Buttons),
    ];

    /// <exception cref="Refusal">The first fault.</exception>
    public static void Require(IReadOnlyList<TemplateFault> faults)
    {
        if (faults is [var first, ..])
        {
            throw new Refusal(first.Code, $"{first.Field}: {first.Message}");
        }
    }

    private static IEnumerable<TemplateFault> Naming(string name, string category, string language)
    {
        if (name.Length > NameCharactersMax || !NamePattern().IsMatch(name))
        {
            yield return new("name", "template.name_invalid", "A template's name has 1 to 512 lower-case letters, digits and underscores.");
        }

        if (!Categories.Contains(category))
        {
            yield return new("category", "template.category_invalid", "The category is MARKETING, UTILITY or AUTHENTICATION.");
        }

        if (!LanguagePattern().IsMatch(language))
        {
            yield return new("language", "template.language_invalid", "The language is a code such as en, en_US or zh_CN.");
        }
    }

    private static IEnumerable<TemplateFault> Parts(TemplateComponents components)
    {
        if (components.Body?.Text is not { } body || string.IsNullOrWhiteSpace(body))
        {
            yield return new("components.body", "template.body_missing", "A template needs a body with a text.");
        }
        else
        {
            foreach (var fault in Text("components.body.text", body, BodyCharactersMax, "body")
                .Concat(Spread("components.body.text", body)))
            {
                yield return fault;
            }
        }

        foreach (var fault in components.Header is { } header ? Header(header) : [])
        {
            yield return fault;
        }

        foreach (var fault in components.Footer is { } footer ? Footer(footer) : [])
        {
            yield return fault;
        }
    }

    private static IEnumerable<TemplateFault> Header(HeaderPart header)
    {
        if (!Formats.Contains(header.Format))
        {
            return [new("components.header.format", "template.header_format_invalid",
                "A header's format is TEXT, IMAGE, VIDEO, DOCUMENT, GIF or LOCATION.")];
        }

        if (header.Format != "TEXT")
        {
            return header.Text is null ? []
                : [new("components.header.text", "template.header_text_unexpected", "Only a TEXT header has a text.")];
        }

        if (string.IsNullOrWhiteSpace(header.Text))
        {
            return [new("components.header.text", "template.header_text_missing", "A TEXT header needs a text.")];
        }

        var faults = Text("components.header.text", header.Text, HeaderCharactersMax, "header");
        return TemplateText.Variables(header.Text).Count > 1
            ? faults.Append(new("components.header.text", "template.header_variables", "A header takes at most one variable."))
            : faults;
    }

    private static IEnumerable<TemplateFault> Footer(FooterPart footer)
    {
        if (footer.CodeExpirationMinutes is not null)
        {
            yield return new("components.footer.code_expiration_minutes", "template.code_expiration_unexpected",
                "Only an AUTHENTICATION template has an expiry of its code.");
        }

        if (string.IsNullOrWhiteSpace(footer.Text))
        {
            yield return new("components.footer.text", "template.footer_text_missing", "A footer needs a text.");
            yield break;
        }

        if (footer.Text.Length > FooterCharactersMax)
        {
            yield return new("components.footer.text", "template.footer_too_long",
                $"A footer has at most {FooterCharactersMax} characters.");
        }

        if (TemplateText.Variables(footer.Text).Count > 0)
        {
            yield return new("components.footer.text", "template.footer_variables", "A footer takes no variables.");
        }
    }

    private static IEnumerable<TemplateFault> Authentication(TemplateComponents components)
    {
        if (components.Header is not null)
        {
            yield return new("components.header", "template.authentication_fixed_text",
                "An AUTHENTICATION template has no header: its text is Meta's own.");
        }

        if (components.Footer is { CodeExpirationMinutes: < 1 or > CodeExpirationMinutesMax } )
        {
            yield return new("components.footer.code_expiration_minutes", "template.code_expiration_invalid",
                $"A code expires after 1 to {CodeExpirationMinutesMax} minutes.");
        }
    }

    private static IEnumerable<TemplateFault> Text(string field, string text, int charactersMax, string part)
    {
        if (text.Length > charactersMax)
        {
            yield return new(field, $"template.{part}_too_long",
                $"A {part} has at most {charactersMax} characters; this one has {text.Length}.");
        }

        var rest = TemplateText.Fill(text, _ => "");
        if (rest.Contains("{{", StringComparison.Ordinal) || rest.Contains("}}", StringComparison.Ordinal))
        {
            yield return new(field, "template.variable_malformed", "A variable is written {{1}} or {{first_name}}.");
        }

        foreach (var fault in Names(field, text))
        {
            yield return fault;
        }
    }

    private static IEnumerable<TemplateFault> Names(string field, string text)
    {
        var variables = TemplateText.Variables(text);
        var numbers = variables.Count(v => v.All(char.IsAsciiDigit));
        if (numbers > 0 && numbers < variables.Count)
        {
            yield return new(field, "template.variables_mixed", "Variables are either all numbered or all named.");
        }
        else if (numbers > 0)
        {
            if (!variables.OrderBy(v => v.Length).ThenBy(v => v, StringComparer.Ordinal)
                .SequenceEqual(Enumerable.Range(1, numbers).Select(n => $"{n}")))
            {
                yield return new(field, "template.variables_not_contiguous", "Numbered variables count from {{1}} without a gap.");
            }
        }
        else if (variables.FirstOrDefault(v => !VariablePattern().IsMatch(v)) is { } odd)
        {
            yield return new(field, "template.variable_name_invalid",
                $"'{odd}' is no variable name: lower-case letters, digits and underscores, beginning with a letter.");
        }
    }

    // Meta refuses a body that begins or ends with a variable, has two without words between, or is mostly variables.
    private static IEnumerable<TemplateFault> Spread(string field, string text)
    {
        var matches = TemplateText.Matches(text);
        if (matches.Count == 0)
        {
            yield break;
        }

        var trimmed = text.Trim();
        if (trimmed.StartsWith("{{", StringComparison.Ordinal) || trimmed.EndsWith("}}", StringComparison.Ordinal))
        {
            yield return new(field, "template.variable_at_edge", "A body neither begins nor ends with a variable.");
        }

        for (var i = 1; i < matches.Count; i++)
        {
            var end = matches[i - 1].Index + matches[i - 1].Length;
            if (string.IsNullOrWhiteSpace(text[end..matches[i].Index]))
            {
                yield return new(field, "template.variables_adjacent", "Two variables need words between them.");
            }
        }

        var words = TemplateText.Fill(text, _ => " ").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            .Count(word => word.Any(char.IsLetterOrDigit));
        if (words < matches.Count)
        {
            yield return new(field, "template.too_many_variables", "There are more variables than words.");
        }
    }

    private static IEnumerable<TemplateFault> MissingExamples(string field, string? text, IReadOnlyDictionary<string, string>? examples) =>
        TemplateText.Variables(text ?? "").Where(v => string.IsNullOrWhiteSpace(examples?.GetValueOrDefault(v)))
            .Select(v =>
                new TemplateFault(field, "template.example_missing",
                    $"Variable {{{{{v}}}}} needs an example before Meta reviews the template."));

    [GeneratedRegex(@"^[a-z0-9_]+\z")]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"^[a-z]{2,3}(_[A-Za-z]{2,4}){0,2}\z")]
    private static partial Regex LanguagePattern();

    [GeneratedRegex(@"^[a-z][a-z0-9_]*\z")]
    private static partial Regex VariablePattern();
}
