using System.Text.Json;

namespace Bsp.Application.Messages;

/// <summary>
/// Messages with something to press: buttons, lists, addresses, forms, products. Source of the bounds: Meta's guides on interactive
/// messages.
/// </summary>
internal static class OutboundInteractive
{
    private const int BodyMax = 1_024;
    private const int ListBodyMax = 4_096;
    private const int LineMax = 60; // header and footer
    private const int ButtonsMax = 3;
    private const int SectionsMax = 10;
    private const int RowsMax = 10;
    private const int ProductsMax = 30;
    private const int ButtonTextMax = 20;
    private const int TitleMax = 24;
    private const int IdMax = 256;
    private const int UrlMax = 2_000;
    private const int CardsMin = 2;
    private const int CardsMax = 10;

    private static readonly string[] Types =
        ["button", "list", "cta_url", "flow", "product", "product_list", "catalog_message", "location_request_message", "address_message",
            "contact_request", "call_permission_request", "voice_call", "carousel"];

    public static void Check(OutboundPart own)
    {
        var type = own.Only("type", "header", "body", "footer", "action").Word("type", Types);
        Frame(own, type);
        var action = own.Child("action");
        switch (type)
        {
            case "button":
                Buttons(action.Only("buttons"));
                break;
            case "list":
                List(action.Only("button", "sections"));
                break;
            case "cta_url":
                CallToAction(action);
                break;
            case "flow":
                Flow(action);
                break;
            case "product":
                action.Only("catalog_id", "product_retailer_id").Text("catalog_id", IdMax);
                action.Text("product_retailer_id", IdMax);
                break;
            case "product_list":
                Products(action.Only("catalog_id", "sections"));
                break;
            case "carousel":
                Carousel(action);
                break;
            default:
                Named(action, type);
                break;
        }
    }

    private static void Frame(OutboundPart own, string type)
    {
        if (own.OptionalChild("body") is { } body)
        {
            body.Only("text").Text("text", type == "list" ? ListBodyMax : BodyMax);
        }
        else if (type is not ("product" or "call_permission_request"))
        {
            throw own.Unfit("body.text", $"is missing: a text of 1 to {(type == "list" ? ListBodyMax : BodyMax)} characters.");
        }

        if (own.OptionalChild("footer") is { } footer)
        {
            footer.Only("text").Text("text", LineMax);
        }

        if (own.OptionalChild("header") is { } header)
        {
            Header(own, header, type);
        }
        else if (type == "product_list")
        {
            throw own.Unfit("header", "is missing: a product_list has a header of type text.");
        }
    }

    private static void Header(OutboundPart own, OutboundPart header, string type)
    {
        if (type == "product")
        {
            throw own.Unfit("header", "is not a member here: Meta shows the product itself.");
        }

        var kind = type is "button" or "cta_url" or "flow" ? header.Word("type", "text", "image", "video", "document")
            : header.Word("type", "text");
        if (kind == "text")
        {
            header.Only("type", "text", "sub_text").Text("text", LineMax);
            header.Optional("sub_text", LineMax);
            return;
        }

        var media = header.Only("type", kind).Child(kind);
        media.Only(kind == "document" ? ["id", "link", "filename"] : ["id", "link"]).Media();
        media.Optional("filename", 240);
    }

    private static void Buttons(OutboundPart action)
    {
        var replies = action.Items("buttons", 1, ButtonsMax).Select(button =>
        {
            button.Only("type", "reply").Word("type", "reply");
            return button.Child("reply").Only("id", "title");
        }).ToList();
        foreach (var reply in replies)
        {
            reply.Text("id", IdMax);
            reply.Text("title", ButtonTextMax);
        }

        Distinct(replies, "id");
        Distinct(replies, "title");
    }

    private static void List(OutboundPart action)
    {
        action.Text("button", ButtonTextMax);
        var sections = Sections(action, "rows");
        var rows = sections.SelectMany(s => s.Items("rows", 1, RowsMax)).ToList();
        if (rows.Count > RowsMax)
        {
            throw action.Unfit("sections", $"must have at most {RowsMax} rows in all; there are {rows.Count}.");
        }

        foreach (var row in rows)
        {
            row.Only("id", "title", "description").Text("id", 200);
            row.Text("title", TitleMax);
            row.Optional("description", 72, 0);
        }

        Distinct(rows, "id");
    }

    private static void Products(OutboundPart action)
    {
        action.Text("catalog_id", IdMax);
        var items = Sections(action, "product_items").SelectMany(s => s.Items("product_items", 1, ProductsMax)).ToList();
        if (items.Count > ProductsMax)
        {
            throw action.Unfit("sections", $"must have at most {ProductsMax} products in all; there are {items.Count}.");
        }

        foreach (var item in items)
        {
            item.Only("product_retailer_id").Text("product_retailer_id", IdMax);
        }
    }

    private static IReadOnlyList<OutboundPart> Sections(OutboundPart action, string items)
    {
        var sections = action.Items("sections", 1, SectionsMax);
        foreach (var section in sections)
        {
            section.Only("title", items);
            if (section.Optional("title", TitleMax, sections.Count > 1 ? 1 : 0) is null && sections.Count > 1)
            {
                throw section.Unfit("title", $"is missing: with several sections each has one, of 1 to {TitleMax} characters.");
            }
        }

        return sections;
    }

    private static void CallToAction(OutboundPart action)
    {
        action.Only("name", "parameters").Word("name", "cta_url");
        var parameters = action.Child("parameters").Only("display_text", "url");
        parameters.Text("display_text", ButtonTextMax);
        parameters.Link("url", UrlMax);
    }

    private static void Flow(OutboundPart action)
    {
        action.Only("name", "parameters").Word("name", "flow");
        var parameters = action.Child("parameters").Only("flow_message_version", "flow_id", "flow_name", "flow_cta", "mode", "flow_token",
            "flow_action", "flow_action_payload");
        parameters.Word("flow_message_version", "3");
        parameters.Text("flow_cta", 30);
        if ((parameters.Optional("flow_id", IdMax) is null) == (parameters.Optional("flow_name", IdMax) is null))
        {
            throw parameters.Unfit("", "needs exactly one of flow_id and flow_name.");
        }

        if (parameters.Member("mode") is not null)
        {
            parameters.Word("mode", "draft", "published");
        }

        parameters.Optional("flow_token", BodyMax);
        var kind = parameters.Member("flow_action") is null ? "navigate" : parameters.Word("flow_action", "navigate", "data_exchange");
        if (parameters.OptionalChild("flow_action_payload") is { } payload)
        {
            Payload(parameters, payload, kind);
        }
    }

    private static void Payload(OutboundPart parameters, OutboundPart payload, string kind)
    {
        if (kind != "navigate")
        {
            throw parameters.Unfit("flow_action_payload", "is not a member here: only with flow_action navigate.");
        }

        payload.Only("screen", "data").Text("screen", IdMax);
        if (payload.OptionalChild("data") is { } data && !data.Json.EnumerateObject().Any())
        {
            throw payload.Unfit("data", "must have at least one member, or be left out.");
        }
    }

    private static void Named(OutboundPart action, string type)
    {
        action.Only("name", "parameters").Word("name", type switch
        {
            "location_request_message" => "send_location",
            "contact_request" => "request_contact_info",
            _ => type,
        });
        if (type == "catalog_message")
        {
            action.Child("parameters").Text("thumbnail_product_retailer_id", IdMax);
        }
        else if (type == "address_message")
        {
            action.Child("parameters").Text("country", 2, 2);
        }
        else if (action.OptionalChild("parameters") is { } parameters)
        {
            parameters.Optional("display_text", ButtonTextMax);
        }
    }

    private static void Carousel(OutboundPart action)
    {
        foreach (var (card, i) in action.Only("cards").Items("cards", CardsMin, CardsMax).Select((c, i) => (c, i)))
        {
            if (card.Number("card_index", 0, CardsMax - 1) != i)
            {
                throw card.Unfit("card_index", $"must be the card's place, from 0: {i}.");
            }

            card.Child("action");
            if (card.OptionalChild("header") is { } header)
            {
                var kind = header.Word("type", "image", "video");
                header.Child(kind).Media();
            }
        }
    }

    private static void Distinct(IReadOnlyList<OutboundPart> parts, string name)
    {
        var seen = new HashSet<string>();
        foreach (var part in parts.Where(p => p.Member(name) is { ValueKind: JsonValueKind.String }))
        {
            if (!seen.Add(part.Member(name)!.Value.GetString()!))
            {
                throw part.Unfit(name, "must be another one than its neighbours have.");
            }
        }
    }
}
