using System.Text.Json;
using Bsp.Domain.Templates;

namespace Bsp.Application.Templates;

/// <summary>Fills a template's texts for a person to look at.</summary>
public static class TemplatePreviews
{
    /// <param name="parameters">As <c>template_parameters</c> of a campaign; contact placeholders stay as they are. Null: examples
    /// only.</param>
    public static TemplatePreview Of(JsonElement components, JsonElement? variables, JsonElement? parameters)
    {
        var template = TemplateComponents.Read(components, variables);
        var missing = new List<string>();
        var header = template.Header is { Format: "TEXT", Text: { } title }
            ? Fill(title, Given(parameters, "header"), template.Header.Examples, missing) : template.Header is { } media
            ? $"[{media.Format}]" : null;
        var body = template.Body?.Text is { } text ? Fill(text, Given(parameters, "body"), template.Body.Examples, missing) : null;
        return new(header, body, template.Footer?.Text, [.. template.Buttons.Select(b => b.Text ?? b.Type)], missing);
    }

    private static string Fill(string text, Dictionary<string, string> given, IReadOnlyDictionary<string, string> examples,
        List<string> missing) => TemplateText.Fill(text, name =>
    {
        var value = given.GetValueOrDefault(name) ?? examples.GetValueOrDefault(name);
        if (value is null)
        {
            missing.Add(name);
        }

        return value;
    });

    private static Dictionary<string, string> Given(JsonElement? parameters, string part)
    {
        if (parameters is not { ValueKind: JsonValueKind.Object } json || !json.TryGetProperty(part, out var values))
        {
            return [];
        }

        return values.ValueKind switch
        {
            JsonValueKind.Array => values.EnumerateArray().Select((value, i) => (Name: $"{i + 1}", value))
                .Where(v => v.value.ValueKind == JsonValueKind.String).ToDictionary(v => v.Name, v => v.value.GetString()!),
            JsonValueKind.Object => values.EnumerateObject().Where(v => v.Value.ValueKind == JsonValueKind.String).DistinctBy(v => v.Name)
            .ToDictionary(v => v.Name, v => v.Value.GetString()!),
            _ => [],
        };
    }
}
