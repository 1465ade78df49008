using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.Media;
using Bsp.Application.Messages;
using static Bsp.Infrastructure.Messages.MessageDocumentContent;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// A customer's message item, every type of Meta's: what a person reads in <c>content.text</c> where the specification has no field, the
/// parts in <c>details</c>.
/// </summary>
internal static class MessageDocumentInbound
{
    // Lines of an order, answers of a form, cards: as many are shown in the text.
    private const int ShownMax = 20;

    public static MessageDocument Fill(MessageDocument d, JsonElement root, JsonElement item)
    {
        var type = d.MessageTypeExact;
        var known = Kept(Own(MessageDocumentContent.Fill(d, item, type), item, type));
        var context = MessageDocumentContent.Object(item, "context");
        return known with
        {
            Amends = InboundContent.TargetOf(type, item),
            Context = context is { } c && !InboundKind.Of(type).Amends ? Quote(c) : null,
            Referral = MessageDocumentContent.Object(item, "referral"),
            SenderName = d.GroupId is null ? null : Text(root, "profile", "name"),
        };
    }

    // Meta's own address is good for minutes, and for nobody without a token: ours is where the file is kept.
    private static MessageDocument Kept(MessageDocument d) =>
        d.Content is { MediaId: not null } content && InboundKind.Of(d.MessageTypeExact).IsMessage ? d with
    {
        Content = content with
        {
            MediaUrl = MediaPaths.Content(ExpectedMedia.IdOf(d.Uuid)),
            Document = content.Document is { } file ? file with { Url = MediaPaths.Content(ExpectedMedia.IdOf(d.Uuid)) } : null,
        },
    } : d;

    private static MessageDocument Own(MessageDocument d, JsonElement item, string type)
    {
        if (type == "edit")
        {
            return Edited(d, item);
        }

        if (type == "contacts" && item.TryGetProperty("contacts", out var cards) && cards.ValueKind == JsonValueKind.Array)
        {
            return d with { Details = Element(new() { ["contacts"] = Node(cards) }) };
        }

        if (type is "unsupported" or "unknown"
            || (MessageDocumentContent.Object(item, type) is null && item.TryGetProperty("errors", out _)))
        {
            return Unsupported(d, item);
        }

        return (type, MessageDocumentContent.Object(item, type)) switch
        {
            ("interactive", { } own) => Interactive(d, own),
            ("order", { } own) => Order(d, own),
            ("system", { } own) => d with { Content = new(Text: Text(own, "body") ?? Text(own, "type")), Details = Details(type, own) },
            ("revoke", _) => d with { Content = null },
            ("reaction" or "text" or "image" or "video" or "audio" or "voice" or "sticker" or "document" or "location" or "button", _) => d,
            (_, { } own) => d with { Details = Details(type, own) }, // media_placeholder, request_welcome, and what Meta invents next
            _ => d,
        };
    }

    // {original_message_id, message: {type, T: {…}}}; also with the new content beside the id.
    private static MessageDocument Edited(MessageDocument d, JsonElement item)
    {
        if (MessageDocumentContent.Object(item, "edit") is not { } edit)
        {
            return Unsupported(d, item);
        }

        var inner = MessageDocumentContent.Object(edit, "message") ?? edit;
        var type = Text(inner, "type")
            ?? (inner.EnumerateObject().FirstOrDefault(p => p.Value.ValueKind == JsonValueKind.Object).Name ?? "text");
        return type is "edit" or "revoke" ? d : Own(MessageDocumentContent.Fill(d with { Content = null }, inner, type), inner, type);
    }

    private static MessageDocument Interactive(MessageDocument d, JsonElement own) => Text(own, "type") switch
    {
        "nfm_reply" when MessageDocumentContent.Object(own, "nfm_reply") is { } form => Form(d, form),
        "call_permission_reply" when MessageDocumentContent.Object(own, "call_permission_reply") is { } call => d with
        {
            Content = new(Text: Text(call, "response") is "accept" ? "You may call." : "You may not call."),
            Details = Details("call_permission_reply", call),
        },
        "button_reply" or "list_reply" =>
            d with { Content = d.Content ?? new(Text: d.Interactive?.ButtonReply?.Title ?? d.Interactive?.ListReply?.Title) },
        { } other => d with { Details = Details(other, own) },
        null => d with { Details = Details("interactive", own) },
    };

    // What the customer filled in comes as JSON in a string; Meta's token of the form says nothing to people.
    private static MessageDocument Form(MessageDocument d, JsonElement form)
    {
        var text = Text(form, "response_json");
        var answers = MessageDocumentContent.Parse(text);
        var shown = new JsonObject { ["name"] = Text(form, "name"), ["body"] = Text(form, "body") };
        if (answers is not { } pairs)
        {
            shown["text"] = text;
            return d with { Content = new(Text: text ?? Text(form, "body")), Details = Element(new() { ["flow"] = shown }) };
        }

        var kept = pairs.EnumerateObject().Where(p => p.Name != "flow_token").DistinctBy(p => p.Name).ToList();
        shown["answers"] = new JsonObject(kept.Select(p => KeyValuePair.Create(p.Name, Node(p.Value))));
        var lines = kept.Take(ShownMax).Select(p => $"{p.Name}: {Said(p.Value)}");
        return d with { Content = new(Text: kept.Count == 0 ? Text(form, "body") : string.Join(", ", lines)),
            Details = Element(new() { ["flow"] = shown }) };
    }

    // Sums by currency: Meta does not promise that all lines have the same.
    private static MessageDocument Order(MessageDocument d, JsonElement own)
    {
        var items = own.TryGetProperty("product_items", out var list) && list.ValueKind == JsonValueKind.Array
            ? list.EnumerateArray().ToList() : [];
        var sums = new SortedDictionary<string, decimal>(StringComparer.Ordinal);
        var pieces = 0m;
        foreach (var line in items.Where(l => l.ValueKind == JsonValueKind.Object))
        {
            var (quantity, price) = (Number(line, "quantity") ?? 1, Number(line, "item_price"));
            pieces += quantity;
            if (price is { } one)
            {
                var currency = Text(line, "currency") ?? "?";
                sums[currency] = sums.GetValueOrDefault(currency) + (quantity * one);
            }
        }

        var summary =
            string.Create(CultureInfo.InvariantCulture,
                $"{pieces.ToString("0.###", CultureInfo.InvariantCulture)} {(pieces == 1 ? "item" : "items")}")
            + string.Concat(sums.Select(s => $", {s.Value.ToString("0.##", CultureInfo.InvariantCulture)} {s.Key}"));
        var note = Text(own, "text");
        var details = new JsonObject
        {
            ["catalog_id"] = Text(own, "catalog_id"), ["text"] = note, ["items"] = new JsonArray([.. items.Select(Node)]),
            ["totals"] = new JsonObject(sums.Select(s => KeyValuePair.Create(s.Key, (JsonNode?)s.Value))),
        };
        return d with { Content = new(Text: string.IsNullOrWhiteSpace(note) ? summary : $"{note} ({summary})"), Interactive = new("order"),
            Details = Element(new() { ["order"] = details }) };
    }

    private static MessageDocument Unsupported(MessageDocument d, JsonElement item)
    {
        var own = MessageDocumentContent.Object(item, "unsupported");
        var kind = own is { } o ? Text(o, "type") : null;
        var errors = item.TryGetProperty("errors", out var all) && all.ValueKind == JsonValueKind.Array ? all : (JsonElement?)null;
        return d with
        {
            Content = new(Text: $"[{kind ?? d.MessageTypeExact}]"),
            Details = Element(
                new() { ["unsupported"] = new JsonObject { ["type"] = kind, ["errors"] = errors is { } e ? Node(e) : null } }),
        };
    }

    private static MessageQuote Quote(JsonElement context) =>
        new(Text(context, "id") is { } id ? Domain.Common.MetaId.Of(id)
            : null, True(context, "forwarded"), True(context, "frequently_forwarded"),
        MessageDocumentContent.Object(context, "referred_product"));

    private static bool? True(JsonElement own, string name) =>
        own.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True ? true : null;

    private static decimal? Number(JsonElement own, string name) => !own.TryGetProperty(name, out var value) ? null
        : value.ValueKind == JsonValueKind.Number ? Sensible(value.TryGetDecimal(out var number) ? number : null)
        : value.ValueKind == JsonValueKind.String
        && decimal.TryParse(value.GetString(), NumberStyles.Number, CultureInfo.InvariantCulture, out var parsed) ? Sensible(parsed) : null;

    // Products of two stay far within decimal.
    private static decimal? Sensible(decimal? number) => number is { } n && Math.Abs(n) <= 1_000_000_000_000m ? n : null;

    private static string Said(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => value.GetString() ?? "",
        JsonValueKind.Array => string.Join("; ", value.EnumerateArray().Select(Said)),
        JsonValueKind.Null => "",
        _ => value.GetRawText(),
    };

    private static JsonElement Details(string name, JsonElement own) => Element(new() { [name] = Node(own) });

    private static JsonNode? Node(JsonElement value) => JsonNode.Parse(KeptJson.Of(value).GetRawText());

    private static JsonElement Element(JsonObject details) => JsonSerializer.SerializeToElement(details);
}
