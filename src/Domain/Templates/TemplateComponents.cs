using System.Text.Json;
using Bsp.Domain.Common;

namespace Bsp.Domain.Templates;

/// <param name="Format"><c>TEXT</c>, <c>IMAGE</c>, <c>VIDEO</c>, <c>DOCUMENT</c>, <c>GIF</c> or <c>LOCATION</c>, upper case.</param>
/// <param name="Text">Only with TEXT.</param>
/// <param name="Examples">Variable → example value.</param>
/// <param name="Handle">Media example from Meta's resumable upload (<c>4::…</c>); null when there is none.</param>
public sealed record HeaderPart(string Format, string? Text, IReadOnlyDictionary<string, string> Examples, string? Handle);

/// <param name="Text">Null only for AUTHENTICATION, whose text is Meta's own.</param>
public sealed record BodyPart(string? Text, IReadOnlyDictionary<string, string> Examples, bool AddSecurityRecommendation);

/// <param name="CodeExpirationMinutes">Only AUTHENTICATION.</param>
public sealed record FooterPart(string? Text, int? CodeExpirationMinutes);

/// <param name="Type">Meta's word, upper case: <c>QUICK_REPLY</c>, <c>URL</c>, …</param>
/// <param name="Raw">The button as it was written, for members this record does not name.</param>
public sealed record ButtonPart(string Type, string? Text, string? Url, string? PhoneNumber, string? Example, JsonElement Raw)
{
    /// <summary>A send must fill it: a URL with a variable, a coupon code or a one-time password.</summary>
    public bool NeedsParameter =>
        Type is "COPY_CODE" or "OTP" || (Type == "URL" && Url is not null && TemplateText.Variables(Url).Count > 0);
}

/// <summary>The specification's <c>components</c> object, read: <c>header?</c>, <c>body</c>, <c>footer?</c>, <c>buttons?</c>.</summary>
/// <param name="Others">Components this house does not model (carousel, limited-time offer): kept in Meta's shape.</param>
public sealed record TemplateComponents(HeaderPart? Header, BodyPart? Body, FooterPart? Footer, IReadOnlyList<ButtonPart> Buttons,
    IReadOnlyList<JsonElement> Others)
{
    private static readonly string[] Known = ["header", "body", "footer", "buttons", "others"];
    private static readonly Dictionary<string, string> NoExamples = [];

    /// <summary>
    /// Reads the object; Meta's array shape is taken too. A part may be a plain string; examples may be a list (positional), an object (by
    /// name) or Meta's own
    /// <c>{"body_text":[["x"]]}</c> forms.
    /// </summary>
    /// <param name="variables">The template's <c>variables</c>: examples for those a part does not give. Null: none.</param>
    /// <exception cref="Refusal"><c>template.components_malformed</c>, <c>template.component_unknown</c></exception>
    public static TemplateComponents Read(JsonElement components, JsonElement? variables = null)
    {
        var source = components.ValueKind == JsonValueKind.Array ? MetaComponents.ToObject(components) : components;
        if (source.ValueKind != JsonValueKind.Object)
        {
            throw Malformed("components must be an object with header, body, footer and buttons.");
        }

        if (source.EnumerateObject().Select(p => p.Name).FirstOrDefault(name => !Known.Contains(name)) is { } unknown)
        {
            throw new Refusal("template.component_unknown",
                $"components has no member '{unknown}'; it has header, body, footer and buttons.");
        }

        var given = VariableExamples(variables);
        return new(ReadHeader(Member(source, "header"), given), ReadBody(Member(source, "body"), given),
            ReadFooter(Member(source, "footer")),
            ReadButtons(Member(source, "buttons")), Member(source, "others") is { ValueKind: JsonValueKind.Array } others
            ? [.. others.EnumerateArray()] : []);
    }

    /// <summary>A person would read the same: formats, texts, buttons; examples do not matter.</summary>
    public bool ReadsLike(TemplateComponents other) =>
        (Header?.Format, Header?.Text, Body?.Text, Footer?.Text) == (other.Header?.Format, other.Header?.Text, other.Body?.Text,
            other.Footer?.Text)
        && Buttons.Select(b => (b.Type, b.Text, b.Url, Digits(b.PhoneNumber)))
        .SequenceEqual(other.Buttons.Select(b => (b.Type, b.Text, b.Url, Digits(b.PhoneNumber))));

    private static string? Digits(string? phone) => phone?.TrimStart('+');

    private static HeaderPart? ReadHeader(JsonElement? part, Dictionary<string, string> given)
    {
        if (part is not { } header)
        {
            return null;
        }

        if (header.ValueKind == JsonValueKind.String)
        {
            return new("TEXT", header.GetString(), given, null);
        }

        var json = Object(header, "header");
        var format = (Text(json, "format", "header") ?? Text(json, "type", "header") ?? "TEXT").ToUpperInvariant();
        var example = Member(json, "example") ?? Member(json, "examples");
        return new(format, Text(json, "text", "header"), Over(given, Examples(example)), Text(json, "example_handle", "header")
            ?? Text(json, "handle", "header") ?? Handle(format, example));
    }

    private static BodyPart? ReadBody(JsonElement? part, Dictionary<string, string> given)
    {
        if (part is not { } body)
        {
            return null;
        }

        if (body.ValueKind == JsonValueKind.String)
        {
            return new(body.GetString(), given, false);
        }

        var json = Object(body, "body");
        return new(Text(json, "text", "body"), Over(given, Examples(Member(json, "example") ?? Member(json, "examples"))),
            Member(json, "add_security_recommendation") is { ValueKind: JsonValueKind.True });
    }

    private static FooterPart? ReadFooter(JsonElement? part)
    {
        if (part is not { } footer)
        {
            return null;
        }

        if (footer.ValueKind == JsonValueKind.String)
        {
            return new(footer.GetString(), null);
        }

        var json = Object(footer, "footer");
        return new(Text(json, "text", "footer"), Member(json, "code_expiration_minutes") is { ValueKind: JsonValueKind.Number } minutes
            && minutes.TryGetInt32(out var value) ? value : null);
    }

    private static ButtonPart[] ReadButtons(JsonElement? part)
    {
        if (part is not { } buttons)
        {
            return [];
        }

        return buttons.ValueKind == JsonValueKind.Array ? [.. buttons.EnumerateArray().Select(Button)]
            : throw Malformed("components.buttons must be a list.");
    }

    private static ButtonPart Button(JsonElement button)
    {
        var json = Object(button, "buttons");
        var example = Member(json, "example") switch
        {
            { ValueKind: JsonValueKind.String } text => text.GetString(),
            { ValueKind: JsonValueKind.Array } list => list.EnumerateArray().Select(AsText).FirstOrDefault(),
            _ => null,
        };
        return new((Text(json, "type", "buttons") ?? throw Malformed("A button needs a type.")).ToUpperInvariant(),
            Text(json, "text", "buttons"), Text(json, "url", "buttons"), Text(json, "phone_number", "buttons"), example, json);
    }

    // A list by position, Meta's nested forms, or an object by name.
    private static Dictionary<string, string> Examples(JsonElement? example) => example switch
    {
        { ValueKind: JsonValueKind.String } text => new() { ["1"] = text.GetString()! },
        { ValueKind: JsonValueKind.Array } list => ByPosition(list),
        { ValueKind: JsonValueKind.Object } json when Member(json, "body_text") is { ValueKind: JsonValueKind.Array } body =>
            ByPosition(body),
        { ValueKind: JsonValueKind.Object } json when Member(json, "header_text") is { ValueKind: JsonValueKind.Array } header =>
            ByPosition(header),
        { ValueKind: JsonValueKind.Object } json
        when (Member(json, "body_text_named_params")
            ?? Member(json, "header_text_named_params")) is { ValueKind: JsonValueKind.Array } named => ByPosition(named),
        { ValueKind: JsonValueKind.Object } json =>
            json.EnumerateObject().Where(p => AsText(p.Value) is not null).ToDictionary(p => p.Name, p => AsText(p.Value)!),
        _ => NoExamples,
    };

    private static Dictionary<string, string> ByPosition(JsonElement list)
    {
        var items = list.EnumerateArray().ToList();
        if (items is [{ ValueKind: JsonValueKind.Array } inner, ..])
        {
            return ByPosition(inner);
        }

        var found = new Dictionary<string, string>();
        for (var i = 0; i < items.Count; i++)
        {
            var (name, value) = items[i].ValueKind == JsonValueKind.Object
                ? (FirstText(items[i], "param_name", "name", "key"), FirstText(items[i], "example", "sample", "value"))
                : (null, AsText(items[i]));
            if (value is not null)
            {
                found[name ?? $"{i + 1}"] = value;
            }
        }

        return found;
    }

    private static Dictionary<string, string> VariableExamples(JsonElement? variables) =>
        variables is { ValueKind: JsonValueKind.Object } json && Member(json, "body") is { } body ? Examples(body) : Examples(variables);

    private static Dictionary<string, string> Over(Dictionary<string, string> given, Dictionary<string, string> own)
    {
        var all = new Dictionary<string, string>(given);
        foreach (var (name, value) in own)
        {
            all[name] = value;
        }

        return all;
    }

    private static string? Handle(string format, JsonElement? example) => format is "TEXT" or "LOCATION" ? null : example switch
    {
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        { ValueKind: JsonValueKind.Array } list => list.EnumerateArray().Select(AsText).FirstOrDefault(),
        { ValueKind: JsonValueKind.Object } json when Member(json, "header_handle") is { ValueKind: JsonValueKind.Array } handles =>
            handles.EnumerateArray().Select(AsText).FirstOrDefault(),
        _ => null,
    };

    private static string? FirstText(JsonElement json, params string[] names) =>
        names.Select(name => Member(json, name)).FirstOrDefault(m => m is not null) is { } found ? AsText(found) : null;

    private static JsonElement Object(JsonElement part, string name) =>
        part.ValueKind == JsonValueKind.Object ? part : throw Malformed($"components.{name} must be an object.");

    private static string? Text(JsonElement json, string name, string part) => Member(json, name) switch
    {
        null => null,
        { ValueKind: JsonValueKind.String } text => text.GetString(),
        _ => throw Malformed($"components.{part}.{name} must be a text."),
    };

    private static string? AsText(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString(),
        JsonValueKind.Number => value.GetRawText(),
        _ => null,
    };

    private static JsonElement? Member(JsonElement json, string name) =>
        json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;

    private static Refusal Malformed(string message) => new("template.components_malformed", message);
}
