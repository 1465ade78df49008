using System.Text.Json;
using System.Text.Json.Nodes;

namespace Bsp.Application.Templates;

/// <summary>What a placeholder may name of a contact.</summary>
/// <param name="CustomFields">A flat object; default when there is none.</param>
public sealed record ContactValues(string? FirstName, string? LastName, string? Email, string? PhoneNumber, JsonElement CustomFields)
{
    /// <summary>
    /// The value of <c>first_name</c>, <c>last_name</c>, <c>name</c>, <c>email</c>, <c>phone_number</c> or
    /// <c>custom_fields.&lt;key&gt;</c>; null when it has none.
    /// </summary>
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

    /// <summary>Whether a contact can have such a value at all. A custom field may: what contacts have of it is theirs.</summary>
    public static bool Knows(string field) => field is "first_name" or "last_name" or "name" or "email" or "phone_number"
        || (field.StartsWith("custom_fields.", StringComparison.Ordinal) && field.Length > "custom_fields.".Length)
        || (field.StartsWith("custom.", StringComparison.Ordinal) && field.Length > "custom.".Length);

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
/// <c>{"header":[…],"body":[…],"buttons":[…]}</c>, each a list by position or an object by name; a text may hold
/// <c>{{contact.first_name|there}}</c>, the part after the bar for contacts without
/// a value. A media header takes <c>{"link":…}</c> or <c>{"id":…}</c> (or just the address). Buttons are listed in the order of those that
/// need a value, or as objects <c>{"index":1,"payload":…}</c>.
/// <c>carousel</c> is a list of the same, one for each card; <c>limited_time_offer</c> the end of the offer,
/// <c>{"expiration_time_ms":…}</c>.
/// </summary>
/// <remarks>Shape: Meta's messages reference, "template object". Read once a campaign (<see cref="Prepare"/>), filled once a recipient
/// (<see cref="Fill"/>).</remarks>
public sealed class TemplateBody
{
    private readonly string name;
    private readonly string language;
    private readonly TemplateParts template;

    private TemplateBody(string name, string language, TemplateParts template) =>
        (this.name, this.language, this.template) = (name, language, template);

    /// <summary>What the parameters lack for everybody; null: nothing.</summary>
    public string? Refusal => template.Faults.Count > 0 ? template.Faults[0].Message : null;

    /// <summary>What is sent differs by recipient: a value of one contact may be missing.</summary>
    public bool DependsOnContact => template.Parts.SelectMany(p => p.All).Any(p => p.DependsOnContact);

    /// <summary>Prepares and fills at once.</summary>
    public static BuiltTemplate Build(string name, string language, JsonElement components, JsonElement? parameters,
        ContactValues contact) => Prepare(name, language, components, parameters).Fill(contact);

    /// <summary>Reads template and parameters. What they lack for everybody becomes the refusal of every <see cref="Fill"/>.</summary>
    /// <param name="components">As the table holds them.</param>
    /// <param name="parameters">Null: none given.</param>
    public static TemplateBody Prepare(string name, string language, JsonElement components, JsonElement? parameters) =>
        new(name, language, TemplateParts.Of(components, parameters));

    /// <summary>
    /// What is wrong with parameters whoever the recipient is, by the parameter's name (<c>body.1</c>, <c>header</c>, <c>buttons.0</c>,
    /// <c>carousel.1.body.2</c>; empty: the whole): not given, a
    /// placeholder of a field that no contact has, a text that is empty or too long. What one contact lacks is that contact's matter.
    /// Empty: nothing.
    /// </summary>
    public static IReadOnlyDictionary<string, string[]> FaultsOf(JsonElement components, JsonElement? parameters)
    {
        var parts = TemplateParts.Of(components, parameters);
        return parts.Faults.Concat(parts.Parts.SelectMany(p => p.All).Where(p => p.Fault is not null)
            .Select(p => (Name: p.Path, Message: p.Fault!)))
            .GroupBy(f => f.Name).ToDictionary(g => g.Key, g => g.Select(f => f.Message).ToArray());
    }

    /// <summary>The object for one contact, or why it cannot be built.</summary>
    public BuiltTemplate Fill(ContactValues contact)
    {
        if (Refusal is { } refused)
        {
            return new(null, refused);
        }

        if (Components(template.Parts, contact, out var missing) is not { } components)
        {
            return new(null, missing);
        }

        var filled = new JsonObject { ["name"] = name, ["language"] = new JsonObject { ["code"] = language } };
        if (components.Count > 0)
        {
            filled["components"] = components;
        }

        return new(filled, null);
    }

    private static JsonArray? Components(IReadOnlyList<TemplatePart> parts, ContactValues contact, out string? missing)
    {
        missing = null;
        var components = new JsonArray();
        foreach (var part in parts)
        {
            if (Component(part, contact, out missing) is not { } component)
            {
                return null;
            }

            components.Add(component);
        }

        return components;
    }

    private static JsonObject? Component(TemplatePart part, ContactValues contact, out string? missing)
    {
        missing = null;
        var component = new JsonObject { ["type"] = part.Type };
        if (part.Index is { } index)
        {
            component["sub_type"] = part.SubType;
            component["index"] = $"{index}";
        }

        if (part.Cards is { } cards)
        {
            var filled = new JsonArray();
            for (var i = 0; i < cards.Count; i++)
            {
                if (Components(cards[i], contact, out missing) is not { } own)
                {
                    missing = $"card {i}, {missing}";
                    return null;
                }

                filled.Add(new JsonObject { ["card_index"] = i, ["components"] = own });
            }

            component["cards"] = filled;
            return component;
        }

        var parameters = new JsonArray();
        foreach (var value in part.Parameters)
        {
            if (value.Fill(contact, out missing) is not { } filled)
            {
                missing = $"{part.Type} {value.Name}: {missing}";
                return null;
            }

            parameters.Add(filled);
        }

        component["parameters"] = parameters;
        return component;
    }
}
