using System.Text.Json;

namespace Bsp.Application.Messages;

/// <summary>
/// The form of a template's filled components. Whether they are those that the approved template asks for is another question
/// (<see cref="Templates.TemplateFit"/>). Source: Meta's reference, "Template object".
/// </summary>
internal static class OutboundTemplate
{
    private const int NameMax = 512;
    private const int LanguageMax = 32;
    private const int ComponentsMax = 20;
    private const int ParametersMax = 100;
    private const int TextMax = 1_024;
    private const int ParameterNameMax = 64;
    private const int PayloadMax = 256;
    private const int CouponMax = 20;
    private const int UrlTextMax = 2_000;
    private const int CardsMin = 2;
    private const int CardsMax = 10;
    private const int ButtonsMax = 10;

    private static readonly string[] Buttons =
        ["quick_reply", "url", "copy_code", "flow", "catalog", "mpm", "spm", "voice_call", "order_details"];

    public static void Check(OutboundPart own)
    {
        var name = own.Only("name", "language", "components", "namespace").Text("name", NameMax);
        if (!name.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '_'))
        {
            throw own.Unfit("name", "must be a template's name: lower-case letters, digits and _.");
        }

        var language = own.Child("language").Only("code", "policy");
        language.Text("code", LanguageMax);
        if (language.Member("policy") is not null)
        {
            language.Word("policy", "deterministic", "fallback");
        }

        foreach (var component in own.Items("components", 0, ComponentsMax))
        {
            Component(component, inCard: false);
        }
    }

    private static void Component(OutboundPart component, bool inCard)
    {
        var type = component.Text("type", ParameterNameMax).ToLowerInvariant();
        switch (type)
        {
            case "header":
                Each(component.Only("type", "parameters"), 1, Header);
                break;
            case "body":
                Each(component.Only("type", "parameters"), ParametersMax, Body);
                break;
            case "button":
                Button(component);
                break;
            case "carousel" when !inCard:
                Cards(component.Only("type", "cards"));
                break;
            case "limited_time_offer" when !inCard:
                Each(component.Only("type", "parameters"), 1, Offer);
                break;
            case "order_status" when !inCard:
                component.Items("parameters", 1, ParametersMax);
                break;
            default:
                throw component.Unfit("type", inCard ? "must be one of header, body, button."
                    : "must be one of header, body, button, carousel, limited_time_offer, order_status.");
        }
    }

    private static void Each(OutboundPart component, int max, Action<OutboundPart> check)
    {
        foreach (var parameter in component.Items("parameters", 0, max))
        {
            check(parameter);
        }
    }

    private static void Header(OutboundPart parameter)
    {
        var type = parameter.Word("type", "text", "image", "video", "gif", "document", "location", "product");
        switch (type)
        {
            case "text":
                Text(parameter, TextMax);
                break;
            case "location":
                OutboundBody.Location(parameter.Child("location").Only("latitude", "longitude", "name", "address"));
                break;
            case "product":
                parameter.Child("product").Text("product_retailer_id", PayloadMax);
                break;
            default:
                var media = parameter.Child(type).Only("id", "link", "filename", "provider");
                media.Media();
                media.Optional("filename", 240);
                break;
        }
    }

    private static void Body(OutboundPart parameter)
    {
        switch (parameter.Word("type", "text", "currency", "date_time"))
        {
            case "text":
                Text(parameter, TextMax);
                break;
            case "currency":
                var money = parameter.Child("currency");
                money.Text("fallback_value", TextMax);
                money.Text("code", 3, 3);
                if (money.Member("amount_1000") is not { ValueKind: JsonValueKind.Number })
                {
                    throw money.Unfit("amount_1000", "must be a number: the amount times 1,000.");
                }

                break;
            default:
                parameter.Child("date_time").Text("fallback_value", TextMax);
                break;
        }
    }

    private static void Text(OutboundPart parameter, int max)
    {
        parameter.Text("text", max);
        parameter.Optional("parameter_name", ParameterNameMax);
    }

    private static void Button(OutboundPart component)
    {
        component.Only("type", "sub_type", "index", "parameters");
        var kind = component.Text("sub_type", ParameterNameMax).ToLowerInvariant();
        if (!Buttons.Contains(kind))
        {
            throw component.Unfit("sub_type", $"must be one of {string.Join(", ", Buttons)}.");
        }

        component.Number("index", 0, ButtonsMax - 1);
        Each(component, 1, parameter => Button(parameter, kind));
    }

    private static void Button(OutboundPart parameter, string kind)
    {
        switch (kind)
        {
            case "quick_reply":
                parameter.Word("type", "payload");
                parameter.Text("payload", PayloadMax);
                break;
            case "url":
                parameter.Word("type", "text");
                parameter.Text("text", UrlTextMax);
                break;
            case "copy_code" when parameter.Word("type", "coupon_code", "text") == "coupon_code":
                parameter.Text("coupon_code", CouponMax);
                break;
            case "copy_code":
                parameter.Text("text", CouponMax);
                break;
            default:
                parameter.Text("type", ParameterNameMax);
                if (parameter.Member("action") is not null)
                {
                    parameter.Child("action");
                }

                break;
        }
    }

    private static void Cards(OutboundPart carousel)
    {
        var seen = new HashSet<int>();
        foreach (var card in carousel.Items("cards", CardsMin, CardsMax))
        {
            if (!seen.Add(card.Only("card_index", "components").Number("card_index", 0, CardsMax - 1)))
            {
                throw card.Unfit("card_index", "must be another one than its neighbours have.");
            }

            foreach (var component in card.Items("components", 0, ComponentsMax))
            {
                Component(component, inCard: true);
            }
        }
    }

    private static void Offer(OutboundPart parameter)
    {
        parameter.Word("type", "limited_time_offer");
        if (parameter.Child("limited_time_offer").Member("expiration_time_ms") is not { ValueKind: JsonValueKind.Number } at
            || !at.TryGetInt64(out var end) || end <= 0)
        {
            throw parameter.Unfit("limited_time_offer.expiration_time_ms", "must be a Unix time in milliseconds.");
        }
    }
}
