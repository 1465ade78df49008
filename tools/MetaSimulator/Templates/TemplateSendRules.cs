using System.Text.Json;
using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Templates;

/// <summary>Whether a send fills in exactly what its template asks for.</summary>
internal static class TemplateSendRules
{
    /// <summary>Longest body after its variables are filled in, characters. Source: Meta, error 132005.</summary>
    private const int FilledBodyMax = 1600;

    /// <param name="content">The send's <c>template</c> object.</param>
    public static GraphError? Check(Template? template, JsonElement content)
    {
        var (name, language) = (content.Text("name")!, content.Object("language")!.Value.Text("code")!);
        return template?.Status switch
        {
            "APPROVED" => Parameters(template, content.Items("components")),
            "PAUSED" => GraphError.TemplatePaused(name),
            "DISABLED" => GraphError.Disabled,
            _ => GraphError.NoTemplate(name, language),
        };
    }

    private static GraphError? Parameters(Template template, JsonElement[] components)
    {
        var shape = template.Shape;
        var named = template.ParameterFormat == "NAMED";
        var header = Component(components, "header")?.Items("parameters") ?? [];
        var body = Component(components, "body")?.Items("parameters") ?? [];
        return Header(shape, named, header)
            ?? Texts("body", body, shape.BodyVariables, named)
            ?? Filled(shape, body)
            ?? Buttons(shape, components);
    }

    private static GraphError? Header(TemplateShape shape, bool named, JsonElement[] given)
    {
        if (shape.HeaderFormat is null or "TEXT")
        {
            return Texts("header", given, shape.HeaderVariables, named);
        }

        if (given.Length != 1)
        {
            return Count("header", given.Length, 1);
        }

        var wanted = shape.HeaderFormat.ToLowerInvariant();
        return given[0].Text("type") == wanted && given[0].Object(wanted) is not null
            ? null
            : GraphError.ParameterFormat(
                $"header: Format mismatch, expected {shape.HeaderFormat}, received {given[0].Text("type")?.ToUpperInvariant() ?? "UNKNOWN"}");
    }

    private static GraphError? Texts(string where, JsonElement[] given, string[] wanted, bool named)
    {
        if (given.Length != wanted.Length)
        {
            return Count(where, given.Length, wanted.Length);
        }

        foreach (var parameter in given)
        {
            if (parameter.Text("type") is not ("text" or "currency" or "date_time"))
            {
                return GraphError.ParameterFormat(
                    $"{where}: Format mismatch, expected TEXT, received {parameter.Text("type")?.ToUpperInvariant() ?? "UNKNOWN"}");
            }

            if (parameter.Text("type") == "text" && parameter.Text("text") is not { Length: > 0 })
            {
                return GraphError.Missing($"Parameter of type text is missing text value ({where})");
            }

            if (named && !wanted.Contains(parameter.Text("parameter_name")))
            {
                return GraphError.Parameter($"Parameter name is missing or empty ({where}: {string.Join(", ", wanted)})");
            }
        }

        return null;
    }

    private static GraphError? Filled(TemplateShape shape, JsonElement[] body) =>
        shape.BodyText.Length + body.Sum(p => p.Text("text")?.Length ?? 0) <= FilledBodyMax
            ? null
            : new(400, 132005, "Translated text too long", "The translated text is too long");

    private static GraphError? Buttons(TemplateShape shape, JsonElement[] components)
    {
        var given = components.Where(c => string.Equals(c.Text("type"), "button", StringComparison.OrdinalIgnoreCase)).ToArray();
        foreach (var button in given)
        {
            var index = button.TextOrNumber("index");
            if (!int.TryParse(index, out var at) || at < 0 || at >= shape.Buttons.Length)
            {
                return GraphError.ParameterCount($"buttons: Button at index {index ?? "?"} does not exist in the template");
            }
        }

        for (var i = 0; i < shape.Buttons.Length; i++)
        {
            var filled =
                given.Any(b => b.TextOrNumber("index") == i.ToString(null as IFormatProvider) && b.Items("parameters").Length == 1);
            if (shape.Buttons[i].HasVariable && !filled)
            {
                return GraphError.Missing($"buttons: Button at index {i} of type {shape.Buttons[i].Type} requires a parameter");
            }
        }

        return null;
    }

    private static JsonElement? Component(JsonElement[] components, string type)
    {
        foreach (var component in components)
        {
            if (string.Equals(component.Text("type"), type, StringComparison.OrdinalIgnoreCase))
            {
                return component;
            }
        }

        return null;
    }

    private static GraphError Count(string where, int given, int wanted) =>
        GraphError.ParameterCount(
            $"{where}: number of localizable_params ({given}) does not match the expected number of params ({wanted})");
}
