using System.Globalization;
using System.Text.Json;
using Bsp.Application.Webhooks;
using Bsp.Domain.Common;
using Bsp.Domain.Templates;

namespace Bsp.Application.Templates;

/// <summary>
/// Whether the filled components of one send are those that the approved template asks for: Meta would refuse another number or kind
/// (132000, 132012) after the message was queued.
/// </summary>
public static class TemplateFit
{
    /// <summary>
    /// What does not fit, by the parameter's path in the message (<c>template.components.body</c>); empty: nothing. A template whose own
    /// components cannot be read judges nothing.
    /// </summary>
    /// <param name="components">Of the template, as the table holds them.</param>
    /// <param name="sent">The message's <c>template</c> object, of the form that <c>OutboundBody</c> takes.</param>
    public static IReadOnlyDictionary<string, string[]> FaultsOf(JsonElement components, JsonElement sent)
    {
        try
        {
            return Faults(TemplateComponents.Read(components), Given.Of(sent), "template.components")
                .GroupBy(f => f.Field).ToDictionary(g => g.Key, g => g.Select(f => f.Message).ToArray());
        }
        catch (Refusal)
        {
            return new Dictionary<string, string[]>();
        }
    }

    private static IEnumerable<(string Field, string Message)> Faults(TemplateComponents template, Given given, string path) =>
        [.. Header(template.Header, given.Header, $"{path}.header"), .. Body(template, given.Body, $"{path}.body"),
            .. Buttons(template.Buttons, given, $"{path}.buttons"), .. Others(template.Others, given, path)];

    private static IEnumerable<(string, string)> Header(HeaderPart? header, JsonElement[] given, string path)
    {
        if (header is null or { Format: "TEXT" })
        {
            return Texts(header?.Text ?? "", given, path);
        }

        var wanted = header.Format.ToLowerInvariant();
        return given.Length == 1 && (MetaEnvelope.Text(given[0], "type") is { } type)
            && (type == wanted || (wanted == "gif" && type == "video")) ? []
            : [(path, $"must have exactly one parameter of type {wanted}: the template has a header of that kind.")];
    }

    private static IEnumerable<(string, string)> Body(TemplateComponents template, JsonElement[] given, string path) =>
        template.Body?.Text is { } text ? Texts(text, given, path)
        : template.Buttons.Any(b => b.Type == "OTP") ? Count(1, given.Length, path, "the one-time password") : Texts("", given, path);

    private static IEnumerable<(string, string)> Texts(string text, JsonElement[] given, string path)
    {
        var wanted = TemplateText.Variables(text);
        if (wanted.Count != given.Length || TemplateText.IsPositional(wanted))
        {
            return Count(wanted.Count, given.Length, path, Named(wanted));
        }

        var names = given.Select(p => MetaEnvelope.Text(p, "parameter_name")).ToHashSet();
        return wanted.Where(name => !names.Contains(name))
            .Select(name => (path, $"has no parameter with parameter_name {name}; the template's are {Named(wanted)}."));
    }

    private static IEnumerable<(string, string)> Count(int wanted, int given, string path, string what) => wanted == given ? []
        : [(path, wanted == 0 ? $"must have no parameters, {given} are given: the template has no variables there."
            : string.Create(CultureInfo.InvariantCulture, $"must have {wanted} parameters ({what}), {given} are given."))];

    private static string Named(IReadOnlyList<string> variables) => string.Join(", ", variables.Select(v => "{{" + v + "}}"));

    private static IEnumerable<(string, string)> Buttons(IReadOnlyList<ButtonPart> buttons, Given given, string path)
    {
        foreach (var (index, (kind, parameters)) in given.Buttons)
        {
            if (index >= buttons.Count)
            {
                yield return ($"{path}.{index}", $"is not one of the template's {buttons.Count} buttons.");
            }
            else if (Kind(buttons[index]) != kind)
            {
                yield return ($"{path}.{index}", $"must have sub_type {Kind(buttons[index])}: so the template's button is.");
            }
            else if (parameters.Length > 0 && buttons[index] is { Type: "URL", NeedsParameter: false })
            {
                yield return ($"{path}.{index}", "must have no parameter: its address has no variable.");
            }
        }

        for (var i = 0; i < buttons.Count; i++)
        {
            if (buttons[i].NeedsParameter && !(given.Buttons.TryGetValue(i, out var own) && own.Parameters.Length == 1))
            {
                yield return ($"{path}.{i}", $"must have one parameter, of sub_type {Kind(buttons[i])}.");
            }
        }
    }

    // A one-time password's button is sent as an address.
    private static string Kind(ButtonPart button) => button.Type == "OTP" ? "url" : button.Type.ToLowerInvariant();

    private static IEnumerable<(string, string)> Others(IReadOnlyList<JsonElement> others, Given given, string path)
    {
        foreach (var other in others)
        {
            switch (MetaEnvelope.Text(other, "type")?.ToUpperInvariant())
            {
                case "CAROUSEL":
                    foreach (var fault in Cards([.. MetaEnvelope.Items(other, "cards")], given, $"{path}.carousel"))
                    {
                        yield return fault;
                    }

                    break;
                case "LIMITED_TIME_OFFER" when !given.HasOffer && MetaEnvelope.Child(other, "limited_time_offer") is { } offer
                    && offer.TryGetProperty("has_expiration", out var ends) && ends.ValueKind == JsonValueKind.True:
                    yield return ($"{path}.limited_time_offer", "must have one parameter with the offer's expiration_time_ms.");
                    break;
            }
        }
    }

    private static IEnumerable<(string, string)> Cards(List<JsonElement> cards, Given given, string path)
    {
        if (cards.Count != given.Cards.Count || given.Cards.Keys.Any(i => i >= cards.Count))
        {
            return [(path, $"must have {cards.Count} cards, with card_index from 0: so many has the template.")];
        }

        return cards.SelectMany((card, i) => card.TryGetProperty("components", out var components)
            ? Faults(TemplateComponents.Read(components), given.Cards[i], $"{path}.{i}") : []);
    }

    /// <summary>What a send gives, by component.</summary>
    private sealed record Given(JsonElement[] Header, JsonElement[] Body,
        SortedDictionary<int, (string Kind, JsonElement[] Parameters)> Buttons, SortedDictionary<int, Given> Cards, bool HasOffer)
    {
        public static Given Of(JsonElement parent)
        {
            var given = new Given([], [], [], [], false);
            foreach (var component in MetaEnvelope.Items(parent, "components"))
            {
                JsonElement[] parameters = [.. MetaEnvelope.Items(component, "parameters")];
                switch (MetaEnvelope.Text(component, "type")?.ToLowerInvariant())
                {
                    case "header":
                        given = given with { Header = [.. given.Header, .. parameters] };
                        break;
                    case "body":
                        given = given with { Body = [.. given.Body, .. parameters] };
                        break;
                    case "limited_time_offer":
                        given = given with { HasOffer = parameters.Length > 0 };
                        break;
                    case "button":
                        given.Buttons[MetaEnvelope.Number(component, "index") ?? 0] =
                            (MetaEnvelope.Text(component, "sub_type")?.ToLowerInvariant() ?? "", parameters);
                        break;
                    case "carousel":
                        foreach (var card in MetaEnvelope.Items(component, "cards"))
                        {
                            given.Cards[MetaEnvelope.Number(card, "card_index") ?? 0] = Of(card);
                        }

                        break;
                }
            }

            return given;
        }
    }
}
