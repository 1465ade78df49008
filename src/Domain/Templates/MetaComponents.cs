using System.Text.Json;
using System.Text.Json.Nodes;

namespace Bsp.Domain.Templates;

/// <summary>
/// Between the specification's <c>components</c> object and the array Meta's Graph API speaks (source: Meta's reference of
/// message_templates).
/// </summary>
public static class MetaComponents
{
    /// <summary>Meta's array. Examples are filled in; a template with named variables is told by <see cref="ParameterFormat"/>.</summary>
    public static JsonElement ToMeta(TemplateComponents components)
    {
        var array = new JsonArray();
        if (components.Header is { } header)
        {
            array.Add(Header(header));
        }

        if (components.Body is { } body)
        {
            array.Add(Body(body));
        }

        if (components.Footer is { } footer)
        {
            array.Add(footer.CodeExpirationMinutes is { } minutes
                ? new JsonObject { ["type"] = "FOOTER", ["code_expiration_minutes"] = minutes }
                : new JsonObject { ["type"] = "FOOTER", ["text"] = footer.Text });
        }

        if (components.Buttons.Count > 0)
        {
            array.Add(new JsonObject { ["type"] = "BUTTONS", ["buttons"] = new JsonArray([.. components.Buttons.Select(Button)]) });
        }

        foreach (var other in components.Others)
        {
            array.Add(Node(other));
        }

        return JsonSerializer.SerializeToElement(array);
    }

    /// <summary><c>NAMED</c> when a variable has a name, else <c>POSITIONAL</c> (Meta's default).</summary>
    public static string ParameterFormat(TemplateComponents components) =>
        new[] { components.Header?.Text, components.Body?.Text }.Any(text =>
            text is not null && !TemplateText.IsPositional(TemplateText.Variables(text))) ? "NAMED" : "POSITIONAL";

    /// <summary>The specification's object from Meta's array. Components it does not know go to <c>others</c>.</summary>
    public static JsonElement ToObject(JsonElement array)
    {
        var result = new JsonObject();
        var others = new JsonArray();
        foreach (var component in array.EnumerateArray().Where(c => c.ValueKind == JsonValueKind.Object))
        {
            var type = component.TryGetProperty("type", out var named) ? named.GetString()?.ToUpperInvariant() : null;
            if (type == "BUTTONS" && component.TryGetProperty("buttons", out var buttons))
            {
                result["buttons"] = Node(buttons);
            }
            else if (type is "HEADER" or "BODY" or "FOOTER")
            {
                var part = Node(component)!.AsObject();
                part.Remove("type");
                result[type.ToLowerInvariant()] = part;
            }
            else
            {
                others.Add(Node(component));
            }
        }

        if (others.Count > 0)
        {
            result["others"] = others;
        }

        return JsonSerializer.SerializeToElement(result);
    }

    /// <summary>The object with other texts, as Meta's <c>message_template_components_update</c> tells them; a null one stays.</summary>
    public static JsonElement WithTexts(JsonElement components, string? title, string? body, string? footer, JsonElement? buttons)
    {
        var result = Node(components.ValueKind == JsonValueKind.Array ? ToObject(components) : components)!.AsObject();
        Text(result, "header", title);
        Text(result, "body", body);
        Text(result, "footer", footer);
        if (buttons is { ValueKind: JsonValueKind.Array } told)
        {
            result["buttons"] = new JsonArray([.. told.EnumerateArray().Select(Told)]);
        }

        return JsonSerializer.SerializeToElement(result);
    }

    private static void Text(JsonObject components, string part, string? text)
    {
        if (text is not null && components[part] is JsonObject json)
        {
            json["text"] = text;
        }
        else if (text is not null)
        {
            components[part] = new JsonObject { ["text"] = text };
        }
    }

    // {"message_template_button_type":"URL","message_template_button_text":…} → {"type":"URL","text":…}
    private static JsonNode? Told(JsonElement button)
    {
        var json = new JsonObject();
        foreach (var member in button.EnumerateObject())
        {
            var name = member.Name.StartsWith("message_template_button_", StringComparison.Ordinal)
                ? member.Name["message_template_button_".Length..] : member.Name;
            json[name] = Node(member.Value);
        }

        return json;
    }

    private static JsonObject Header(HeaderPart header)
    {
        var json = new JsonObject { ["type"] = "HEADER", ["format"] = header.Format };
        if (header.Format == "TEXT")
        {
            json["text"] = header.Text;
            Example(json, "header_text", header.Text ?? "", header.Examples, nested: false);
        }
        else if (header.Handle is { } handle)
        {
            json["example"] = new JsonObject { ["header_handle"] = new JsonArray(handle) };
        }

        return json;
    }

    private static JsonObject Body(BodyPart body)
    {
        var json = new JsonObject { ["type"] = "BODY" };
        if (body.AddSecurityRecommendation)
        {
            json["add_security_recommendation"] = true;
        }

        if (body.Text is { } text)
        {
            json["text"] = text;
            Example(json, "body_text", text, body.Examples, nested: true);
        }

        return json;
    }

    private static void Example(JsonObject json, string member, string text, IReadOnlyDictionary<string, string> examples, bool nested)
    {
        var variables = TemplateText.Variables(text);
        if (variables.Count == 0)
        {
            return;
        }

        if (TemplateText.IsPositional(variables))
        {
            var values =
                new JsonArray([.. variables.OrderBy(v => v.Length).ThenBy(v => v, StringComparer.Ordinal)
                    .Select(v => (JsonNode?)examples.GetValueOrDefault(v, ""))]);
            json["example"] = new JsonObject { [member] = nested ? new JsonArray(values) : values };
            return;
        }

        json["example"] = new JsonObject
        {
            [$"{member}_named_params"] =
                new JsonArray(
                    [.. variables.Select(v =>
                        (JsonNode?)new JsonObject { ["param_name"] = v, ["example"] = examples.GetValueOrDefault(v, "") })]),
        };
    }

    // Meta wants a URL's example as a list, a coupon's as a text.
    private static JsonNode? Button(ButtonPart button)
    {
        var json = Node(button.Raw)!.AsObject();
        json["type"] = button.Type;
        if (button.Example is { } example)
        {
            json["example"] = button.Type == "URL" ? new JsonArray(example) : example;
        }

        return json;
    }

    private static JsonNode? Node(JsonElement element) => JsonNode.Parse(element.GetRawText());
}
