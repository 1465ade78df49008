using System.Globalization;
using System.Text.Json;
using Bsp.Domain.Templates;

namespace Bsp.Application.Templates;

/// <summary>One component of the Graph <c>template</c> object with its parameters.</summary>
/// <param name="SubType">Of a button; null otherwise.</param>
/// <param name="Index">Of a button; null otherwise.</param>
internal sealed record TemplatePart(string Type, IReadOnlyList<TemplateParameter> Parameters, string? SubType = null, int? Index = null)
{
    /// <summary>Of a carousel: what each card is made of; null otherwise.</summary>
    public IReadOnlyList<IReadOnlyList<TemplatePart>>? Cards { get; init; }

    /// <summary>Its parameters, those of a carousel's cards included.</summary>
    public IEnumerable<TemplateParameter> All => Parameters.Concat(Cards?.SelectMany(card => card).SelectMany(part => part.All) ?? []);
}

/// <summary>
/// Lays a template's components and the parameters given for them together. What is missing for everybody is noted, each by its name, and
/// left out.
/// </summary>
/// <remarks>Shapes: Meta's messages reference, "template object", and its pages on carousel and limited-time offer templates.</remarks>
internal sealed class TemplateParts
{
    private const int ButtonTextCharactersMax = 2000;
    private readonly List<(string Name, string Message)> faults = [];

    private TemplateParts()
    {
    }

    public IReadOnlyList<TemplatePart> Parts { get; private set; } = [];

    /// <summary>
    /// Name (<c>body.1</c>, <c>header</c>, <c>buttons.0</c>, <c>carousel.2.body.1</c>; empty: all of them) and what is wrong.
    /// </summary>
    public IReadOnlyList<(string Name, string Message)> Faults => faults;

    /// <param name="components">As the table holds them.</param>
    /// <param name="parameters">Null: none given.</param>
    public static TemplateParts Of(JsonElement components, JsonElement? parameters)
    {
        var parts = new TemplateParts();
        try
        {
            parts.Parts = parts.Read(TemplateComponents.Read(components), TemplateParameters.Read(parameters), "");
        }
        catch (MissingParameter malformed)
        {
            parts.faults.Add(("", malformed.Message));
        }
        catch (Domain.Common.Refusal malformed)
        {
            parts.faults.Add(("", malformed.Message));
        }

        return parts;
    }

    private List<TemplatePart> Read(TemplateComponents template, TemplateParameters given, string path) =>
        [.. Header(template, given, path), .. Body(template, given, path), .. Others(template, given), .. Buttons(template, given, path)];

    private IEnumerable<TemplatePart> Header(TemplateComponents template, TemplateParameters given, string path)
    {
        if (template.Header is not { } header)
        {
            yield break;
        }

        if (header.Format != "TEXT")
        {
            if (Take(path + "header", name => TemplateParameter.Media(name, header.Format, given.HeaderMedia(header.Format))) is { } media)
            {
                yield return new("header", [media]);
            }
        }
        else if (Texts("header", header.Text ?? "", given, path) is { Count: > 0 } texts)
        {
            yield return new("header", texts);
        }
    }

    private IEnumerable<TemplatePart> Body(TemplateComponents template, TemplateParameters given, string path)
    {
        // A one-time password has no text of ours: its code is the body's only parameter, and the button's.
        if (template.Body?.Text is null && template.Buttons.Any(b => b.Type == "OTP"))
        {
            if (Take(path + "body.1", name => TemplateParameter.Text(name, "1", given.Body("1", 0), named: false)) is { } code)
            {
                yield return new("body", [code]);
            }
        }
        else if (Texts("body", template.Body?.Text ?? "", given, path) is { Count: > 0 } texts)
        {
            yield return new("body", texts);
        }
    }

    private List<TemplateParameter> Texts(string part, string text, TemplateParameters given, string path)
    {
        var variables = TemplateText.Variables(text);
        var positional = TemplateText.IsPositional(variables);
        return [.. (positional ? variables.OrderBy(v => v.Length).ThenBy(v => v, StringComparer.Ordinal) : variables.AsEnumerable())
            .Select((variable, i) => Take($"{path}{part}.{variable}",
                name => TemplateParameter.Text(name, variable, part == "body" ? given.Body(variable, i)
                    : given.Header(variable, i), named: !positional)))
            .OfType<TemplateParameter>()];
    }

    private IEnumerable<TemplatePart> Buttons(TemplateComponents template, TemplateParameters given, string path)
    {
        var order = 0;
        for (var i = 0; i < template.Buttons.Count; i++)
        {
            var (button, index) = (template.Buttons[i], i);
            var own = given.Button(i, button.NeedsParameter ? order : null);
            order += button.NeedsParameter ? 1 : 0;
            if (Take($"{path}buttons.{i}", name => ButtonParameter(name, button, index, own, given)) is { } parameter)
            {
                yield return new("button", [parameter],
                    button.Type switch { "COPY_CODE" => "copy_code", "QUICK_REPLY" => "quick_reply", "FLOW" => "flow", _ => "url" }, i);
            }
        }
    }

    private static TemplateParameter? ButtonParameter(string name, ButtonPart button, int index, string? own, TemplateParameters given) =>
        button.Type switch
    {
        "OTP" => TemplateParameter.Text(name, $"{index}", own ?? given.Body("1", 0), named: false),
        "FLOW" => TemplateParameter.Action(name, $"{index}"),
        "QUICK_REPLY" => own is null ? null : TemplateParameter.Payload(name, $"{index}", own),
        _ when !button.NeedsParameter => null,
        _ when own is null =>
            throw new MissingParameter($"button {index}: template_parameters.buttons has no value for '{button.Text ?? button.Type}'."),
        "COPY_CODE" => TemplateParameter.Coupon(name, $"{index}", own),
        _ => TemplateParameter.Text(name, $"{index}", own, named: false, ButtonTextCharactersMax),
    };

    private IEnumerable<TemplatePart> Others(TemplateComponents template, TemplateParameters given)
    {
        foreach (var other in template.Others.Where(o => o.ValueKind == JsonValueKind.Object))
        {
            switch (TypeOf(other))
            {
                case "CAROUSEL" when other.TryGetProperty("cards", out var cards) && cards.ValueKind == JsonValueKind.Array:
                    yield return new("carousel", []) { Cards = [.. cards.EnumerateArray().Select((card, i) => Card(card, given, i))] };
                    break;
                case "LIMITED_TIME_OFFER" when other.TryGetProperty("limited_time_offer", out var offer)
                    && offer.ValueKind == JsonValueKind.Object
                    && offer.TryGetProperty("has_expiration", out var ends) && ends.ValueKind == JsonValueKind.True:
                    if (Take("limited_time_offer", name => TemplateParameter.Offer(name, given.OfferEndMs())) is { } end)
                    {
                        yield return new("limited_time_offer", [end]);
                    }

                    break;
            }
        }
    }

    private List<TemplatePart> Card(JsonElement card, TemplateParameters given, int index) =>
        card.ValueKind == JsonValueKind.Object && card.TryGetProperty("components", out var components)
            ? Read(TemplateComponents.Read(components), given.Card(index),
                string.Create(CultureInfo.InvariantCulture, $"carousel.{index}."))
            : [];

    private static string? TypeOf(JsonElement component) => component.TryGetProperty("type", out var type)
        && type.ValueKind == JsonValueKind.String ? type.GetString()!.ToUpperInvariant() : null;

    private TemplateParameter? Take(string name, Func<string, TemplateParameter?> make)
    {
        try
        {
            return make(name);
        }
        catch (MissingParameter missing)
        {
            faults.Add((name, missing.Message));
            return null;
        }
    }
}
