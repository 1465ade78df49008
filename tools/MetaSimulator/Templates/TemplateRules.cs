using System.Text.Json;
using System.Text.RegularExpressions;
using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Templates;

/// <summary>
/// Whether Meta would take a template's definition. Source of limits and subcodes: Meta, "Message templates" and the
/// error codes of template creation. Null: nothing against it.
/// </summary>
internal static partial class TemplateRules
{
    private const int NameLengthMax = 512;
    private const int BodyLengthMax = 1024;
    private const int HeaderLengthMax = 60;
    private const int FooterLengthMax = 60;

    public static readonly string[] Categories = ["MARKETING", "UTILITY", "AUTHENTICATION"];

    private static readonly string[] ComponentTypes = ["HEADER", "BODY", "FOOTER", "BUTTONS", "CAROUSEL", "LIMITED_TIME_OFFER"];

    /// <summary>The request of a creation: identity, then components.</summary>
    public static GraphError? Check(JsonElement request)
    {
        if (request.Text("name") is not { Length: > 0 and <= NameLengthMax } name || !NamePattern().IsMatch(name))
        {
            return GraphError.Parameter($"Param name must be 1 to {NameLengthMax} lower-case letters, digits and underscores.");
        }

        if (request.Text("language") is not { } language || !LanguagePattern().IsMatch(language))
        {
            return GraphError.Parameter("Param language must be a language code such as en or pt_BR.");
        }

        if (request.Text("category") is not { } category || !Categories.Contains(category.ToUpperInvariant()))
        {
            return GraphError.Parameter($"Param category must be one of {{{string.Join(", ", Categories)}}}.");
        }

        return Format(request) is null
            ? GraphError.Parameter("Param parameter_format must be one of {NAMED, POSITIONAL}.")
            : Components(request.Member("components") ?? default, category.ToUpperInvariant(), Format(request)!)
            ?? Ttl(request, category.ToUpperInvariant());
    }

    /// <summary>NAMED or POSITIONAL (the default); null for anything else.</summary>
    public static string? Format(JsonElement request) => request.Text("parameter_format")?.ToUpperInvariant() switch
    {
        null or "POSITIONAL" => "POSITIONAL",
        "NAMED" => "NAMED",
        _ => null,
    };

    public static GraphError? Components(JsonElement components, string category, string format)
    {
        if (components.ValueKind != JsonValueKind.Array || components.GetArrayLength() == 0)
        {
            return GraphError.Parameter("The parameter components is required.");
        }

        var types = components.EnumerateArray().Select(c => c.Text("type")?.ToUpperInvariant()).ToArray();
        if (types.FirstOrDefault(t => !ComponentTypes.Contains(t)) is { } unknown)
        {
            return GraphError.Parameter(
                $"Param components[]['type'] must be one of {{{string.Join(", ", ComponentTypes)}}} - got \"{unknown}\".");
        }

        if (types.Contains(null) || types.Distinct().Count() < types.Length)
        {
            return GraphError.Parameter("Every component must have a type, and each type may occur once.");
        }

        if (TemplateShape.Find(components, "BODY") is not { } body)
        {
            return GraphError.Template(2388072, "Body is missing", "A template must have a BODY component.");
        }

        return category == "AUTHENTICATION"
            ? AuthenticationRules.Check(components)
            : Body(body, format)
                ?? Header(TemplateShape.Find(components, "HEADER"), format)
                ?? Footer(TemplateShape.Find(components, "FOOTER"))
                ?? ButtonRules.Check(TemplateShape.Find(components, "BUTTONS"));
    }

    public static GraphError? Ttl(JsonElement request, string category)
    {
        if (request.Integer("message_send_ttl_seconds") is not { } seconds || seconds == -1)
        {
            return null;
        }

        var (min, max) = category switch
        {
            "AUTHENTICATION" => (30, 900),
            "UTILITY" => (30, 43_200),
            _ => (43_200, 2_592_000),
        };
        return seconds >= min && seconds <= max ? null
            : GraphError.Parameter($"Param message_send_ttl_seconds must be between {min} and {max} for {category}.");
    }

    private static GraphError? Body(JsonElement body, string format)
    {
        var text = body.Text("text") ?? "";
        if (text.Length is 0 or > BodyLengthMax)
        {
            return text.Length == 0
                ? GraphError.Template(2388072, "Body text is missing", "The BODY component must have a text.")
                : GraphError.Template(2388040, "Character limit exceeded", $"The body may have {BodyLengthMax} characters.");
        }

        return Placing(text) ?? Variables("body", text, format, body.Object("example"), 2388072);
    }

    private static GraphError? Placing(string text)
    {
        var trimmed = text.Trim();
        var matches = TemplateShape.VariablePattern().Matches(trimmed);
        if (matches.Count == 0)
        {
            return null;
        }

        if (matches[0].Index == 0 || matches[^1].Index + matches[^1].Length == trimmed.Length)
        {
            return GraphError.Template(2388299, "Variables can't be at the start or end of the template",
                "This template has variables at its start or end.");
        }

        for (var i = 1; i < matches.Count; i++)
        {
            var between = trimmed[(matches[i - 1].Index + matches[i - 1].Length)..matches[i].Index];
            if (string.IsNullOrWhiteSpace(between))
            {
                return GraphError.Template(2388072, "Adjacent variables", "Variables must be separated by text.");
            }
        }

        // Meta's true ratio is not public; fewer words than variables is refused for certain.
        var words = TemplateShape.VariablePattern().Replace(trimmed, " ").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)
            .Count(w => w.Any(char.IsLetterOrDigit));
        return words >= matches.Count
            ? null
            : GraphError.Template(2388293, "Too many variables for the length",
                "This template has too many variables for its length. Reduce the variables or lengthen the text.");
    }

    private static GraphError? Header(JsonElement? component, string format)
    {
        if (component is not { } header)
        {
            return null;
        }

        var kind = header.Text("format")?.ToUpperInvariant();
        var text = header.Text("text") ?? "";
        return kind switch
        {
            "TEXT" when text.Length is 0 or > HeaderLengthMax =>
                GraphError.Template(2388047, "Header format is incorrect", $"The header must have 1 to {HeaderLengthMax} characters."),
            "TEXT" when TemplateShape.Variables(text).Length > 1 =>
                GraphError.Template(2388047, "Header format is incorrect", "The header may have one variable."),
            "TEXT" => Variables("header", text, format, header.Object("example"), 2388047),
            "IMAGE" or "VIDEO" or "DOCUMENT" or "GIF" =>
                header.Object("example")?.Items("header_handle") is [{ ValueKind: JsonValueKind.String }, ..]
                ? null
                : GraphError.Template(2388047, "Header example is missing",
                    "A media header needs example.header_handle from a resumable upload."),
            "LOCATION" => null,
            _ => GraphError.Template(2388047, "Header format is incorrect",
                "The header's format must be TEXT, IMAGE, VIDEO, DOCUMENT or LOCATION."),
        };
    }

    private static GraphError? Footer(JsonElement? component)
    {
        var text = component?.Text("text") ?? "";
        return component is null ? null
            : text.Length is 0 or > FooterLengthMax
            ? GraphError.Template(2388073, "Footer format is incorrect", $"The footer must have 1 to {FooterLengthMax} characters.")
            : text.Contains("{{", StringComparison.Ordinal)
            ? GraphError.Template(2388073, "Footer format is incorrect", "The footer may have no variables.")
            : null;
    }

    private static GraphError? Variables(string where, string text, string format, JsonElement? example, int subcode)
    {
        var names = TemplateShape.Variables(text);
        if (names.Length == 0)
        {
            return TemplateShape.VariablePattern().Replace(text, "").Contains("{{", StringComparison.Ordinal)
                ? GraphError.Template(subcode, "Variable format is incorrect",
                    $"The {where} has a variable that is not closed or not named rightly.")
                : null;
        }

        var named = format == "NAMED";
        var wellNamed = named
            ? names.All(n => NamedPattern().IsMatch(n))
            : names.Select((n, i) => n == (i + 1).ToString(null as IFormatProvider)).All(ok => ok);
        if (!wellNamed)
        {
            return GraphError.Template(subcode, "Variable format is incorrect", named
                ? $"Variables of the {where} must be lower-case letters, digits and underscores."
                : $"Variables of the {where} must be numbered {{{{1}}}}, {{{{2}}}} … without a gap.");
        }

        var examples = named
            ? example?.Items(where + "_text_named_params").Select(p => p.Text("param_name")).Intersect(names).Count() ?? 0
            : Positional(where, example);
        return examples == names.Length
            ? null
            : GraphError.Template(subcode, "Examples are missing",
                $"Every variable of the {where} needs an example: {names.Length} wanted, {examples} given.");
    }

    private static int Positional(string where, JsonElement? example)
    {
        var items = example?.Items(where + "_text") ?? [];
        return where == "body" && items is [{ ValueKind: JsonValueKind.Array } first, ..] ? first.GetArrayLength() : items.Length;
    }

    [GeneratedRegex(@"^[a-z0-9_]+\z")]
    private static partial Regex NamePattern();

    [GeneratedRegex(@"^[a-z]{2,3}(_[A-Z]{2,3})?\z")]
    private static partial Regex LanguagePattern();

    [GeneratedRegex(@"^[a-z][a-z0-9_]*\z")]
    private static partial Regex NamedPattern();
}
