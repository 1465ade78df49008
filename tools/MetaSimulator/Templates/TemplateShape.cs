using System.Text.Json;
using System.Text.RegularExpressions;
using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Templates;

/// <summary>What a send of the template must fill in, worked out once from its components.</summary>
/// <param name="HeaderFormat">TEXT, IMAGE, VIDEO, DOCUMENT, LOCATION, or null without a header.</param>
/// <param name="BodyText">Empty for authentication templates, whose text is Meta's.</param>
internal sealed partial record TemplateShape(string? HeaderFormat, string[] HeaderVariables, string BodyText, string[] BodyVariables,
    TemplateButton[] Buttons, bool IsAuthentication)
{
    public static TemplateShape Of(JsonElement components, string category)
    {
        var authentication = category == "AUTHENTICATION";
        var header = Find(components, "HEADER");
        var body = Find(components, "BODY")?.Text("text") ?? "";
        var headerFormat = header is { } h ? h.Text("format")?.ToUpperInvariant() ?? "TEXT" : null;
        return new(
            headerFormat,
            headerFormat == "TEXT" ? Variables(header?.Text("text") ?? "") : [],
            body,
            authentication ? ["1"] : Variables(body),
            ButtonsOf(components, authentication),
            authentication);
    }

    public static JsonElement? Find(JsonElement components, string type)
    {
        if (components.ValueKind != JsonValueKind.Array)
        {
            return null;
        }

        foreach (var component in components.EnumerateArray())
        {
            if (string.Equals(component.Text("type"), type, StringComparison.OrdinalIgnoreCase))
            {
                return component;
            }
        }

        return null;
    }

    /// <summary>The distinct names between double braces, in order of appearance.</summary>
    public static string[] Variables(string text) => [.. VariablePattern().Matches(text).Select(m => m.Groups[1].Value).Distinct()];

    [GeneratedRegex(@"\{\{\s*([A-Za-z0-9_]*)\s*\}\}")]
    public static partial Regex VariablePattern();

    private static TemplateButton[] ButtonsOf(JsonElement components, bool authentication) =>
        Find(components, "BUTTONS") is not { } buttons ? [] :
        [
            .. buttons.Items("buttons").Select(b => new TemplateButton(
                b.Text("type")?.ToUpperInvariant() ?? "",
                b.Text("url")?.Contains("{{", StringComparison.Ordinal) == true
                || (authentication && b.Text("type")?.ToUpperInvariant() == "OTP"))),
        ];
}

/// <summary>A button; <paramref name="HasVariable"/> when its url ends in a variable or it carries a one-time code.</summary>
internal sealed record TemplateButton(string Type, bool HasVariable);
