using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Domain.Templates;

namespace Bsp.Application.Templates;

/// <summary>What a placeholder may name of a contact.</summary>
/// <param name="CustomFields">A flat object; default when there is none.</param>
public sealed record ContactValues(string? FirstName, string? LastName, string? Email, string? PhoneNumber, JsonElement CustomFields)
{
    /// <summary>The value of <c>first_name</c>, <c>last_name</c>, <c>name</c>, <c>email</c>, <c>phone_number</c> or <c>custom_fields.&lt;key&gt;</c>; null when it has none.</summary>
    public string? Of(string field) => field switch
    {
        "first_name" => Filled(FirstName),
        "last_name" => Filled(LastName),
        "name" => Filled($"{FirstName} {LastName}".Trim()),
        "email" => Filled(Email),
        "phone_number" => Filled(PhoneNumber),
        _ when field.StartsWith("custom_fields.", StringComparison.Ordinal) => Custom(field["custom_fields.".Length..]),
        _ when field.StartsWith("custom.", StringComparison.Ordinal) => Custom(field["custom.".Length..]),
        _ => null,
    };

    private string? Custom(string key) => CustomFields.ValueKind == JsonValueKind.Object && CustomFields.TryGetProperty(key, out var value)
        ? value.ValueKind switch
        {
            JsonValueKind.String => Filled(value.GetString()),
            JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False => value.GetRawText(),
            _ => null,
        }
        : null;

    private static string? Filled(string? text) => string.IsNullOrWhiteSpace(text) ? null : text;
}

/// <param name="Template">The <c>template</c> object of a Graph message; null when refused.</param>
/// <param name="Refusal">What is missing, for the skipped message; null when built.</param>
public sealed record BuiltTemplate(JsonObject? Template, string? Refusal);

/// <summary>
/// Fills the Graph <c>template</c> object. Parameters are those of a campaign's <c>metadata.template_parameters</c>:
/// <c>{"header":[…],"body":[…],"buttons":[…]}</c>, each a list by position or an object by name; a text may hold <c>{{contact.first_name|there}}</c>, the part after the bar for contacts without
/// a value. A media header takes <c>{"link":…}</c> or <c>{"id":…}</c> (or just the address). Buttons are listed in the order of those that need a value, or as objects <c>{"index":1,"payload":…}</c>.
/// </summary>
/// <remarks>Shape: Meta's messages reference, "template object". Read once a campaign (<see cref="Prepare"/>), filled once a recipient (<see cref="Fill"/>).</remarks>
public sealed class TemplateBody
{
    private const int ButtonTextCharactersMax = 2000;
    private readonly string name;
    private readonly string language;
    private readonly IReadOnlyList<Part> parts;
    private readonly string? refusal;

    private TemplateBody(string name, string language, IReadOnlyList<Part> parts, string? refusal)
    {
        this.name = name;
        this.language = language;
        this.parts = parts;
        this.refusal = refusal;
    }

    /// <summary>Prepares and fills at once.</summary>
    public static BuiltTemplate Build(string name, string language, JsonElement components, JsonElement? parameters, ContactValues contact) => Prepare(name, language, components, parameters).Fill(contact);

    /// <summary>Reads template and parameters. What they lack for everybody becomes the refusal of every <see cref="Fill"/>.</summary>
    /// <param name="components">As the table holds them.</param>
    /// <param name="parameters">Null: none given.</param>
    public static TemplateBody Prepare(string name, string language, JsonElement components, JsonElement? parameters)
    {
        try
        {
            var template = TemplateComponents.Read(components);
            var given = TemplateParameters.Read(parameters);
            return new(name, language, [.. HeaderParts(template, given), .. BodyParts(template, given), .. ButtonParts(template, given)], null);
        }
        catch (MissingParameter missing)
        {
            return new(name, language, [], missing.Message);
        }
        catch (Domain.Common.Refusal malformed)
        {
            return new(name, language, [], malformed.Message);
        }
    }

    /// <summary>The object for one contact, or why it cannot be built.</summary>
    public BuiltTemplate Fill(ContactValues contact)
    {
        if (refusal is not null)
        {
            return new(null, refusal);
        }

        var components = new JsonArray();
        foreach (var part in parts)
        {
            var parameters = new JsonArray();
            foreach (var value in part.Parameters)
            {
                if (value.Fill(contact, out var missing) is not { } filled)
                {
                    return new(null, $"{part.Type} {value.Name}: {missing}");
                }

                parameters.Add(filled);
            }

            var component = new JsonObject { ["type"] = part.Type };
            if (part.Index is { } index)
            {
                component["sub_type"] = part.SubType;
                component["index"] = $"{index}";
            }

            component["parameters"] = parameters;
            components.Add(component);
        }

        var template = new JsonObject { ["name"] = name, ["language"] = new JsonObject { ["code"] = language } };
        if (components.Count > 0)
        {
            template["components"] = components;
        }

        return new(template, null);
    }

    private static IEnumerable<Part> HeaderParts(TemplateComponents template, TemplateParameters given)
    {
        if (template.Header is not { } header)
        {
            yield break;
        }

        if (header.Format != "TEXT")
        {
            yield return new("header", [TemplateParameter.Media(header.Format, given.HeaderMedia(header.Format))]);
        }
        else if (Texts("header", header.Text ?? "", given) is { Count: > 0 } texts)
        {
            yield return new("header", texts);
        }
    }

    private static IEnumerable<Part> BodyParts(TemplateComponents template, TemplateParameters given)
    {
        // A one-time password has no text of ours: its code is the body's only parameter, and the button's.
        if (template.Body?.Text is null && template.Buttons.Any(b => b.Type == "OTP"))
        {
            yield return new("body", [TemplateParameter.Text("1", given.Body("1", 0), named: false)]);
        }
        else if (Texts("body", template.Body?.Text ?? "", given) is { Count: > 0 } texts)
        {
            yield return new("body", texts);
        }
    }

    private static List<TemplateParameter> Texts(string part, string text, TemplateParameters given)
    {
        var variables = TemplateText.Variables(text);
        var positional = TemplateText.IsPositional(variables);
        return [.. (positional ? variables.OrderBy(v => v.Length).ThenBy(v => v, StringComparer.Ordinal) : variables.AsEnumerable())
            .Select((variable, i) => TemplateParameter.Text(variable, part == "body" ? given.Body(variable, i) : given.Header(variable, i), named: !positional))];
    }

    private static IEnumerable<Part> ButtonParts(TemplateComponents template, TemplateParameters given)
    {
        var order = 0;
        for (var i = 0; i < template.Buttons.Count; i++)
        {
            var button = template.Buttons[i];
            var own = given.Button(i, button.NeedsParameter ? order : null);
            order += button.NeedsParameter ? 1 : 0;
            if (button.Type == "OTP")
            {
                yield return new("button", [TemplateParameter.Text($"{i}", own ?? given.Body("1", 0), named: false)], "url", i);
            }
            else if (button.NeedsParameter)
            {
                var value = own ?? throw new MissingParameter($"button {i}: template_parameters.buttons has no value for '{button.Text ?? button.Type}'.");
                yield return button.Type == "COPY_CODE"
                    ? new("button", [TemplateParameter.Coupon($"{i}", value)], "copy_code", i)
                    : new("button", [TemplateParameter.Text($"{i}", value, named: false, ButtonTextCharactersMax)], "url", i);
            }
            else if (own is not null && button.Type == "QUICK_REPLY")
            {
                yield return new("button", [TemplateParameter.Payload($"{i}", own)], "quick_reply", i);
            }
            else if (button.Type == "FLOW")
            {
                yield return new("button", [TemplateParameter.Action($"{i}")], "flow", i);
            }
        }
    }

    private sealed record Part(string Type, IReadOnlyList<TemplateParameter> Parameters, string? SubType = null, int? Index = null);
}
