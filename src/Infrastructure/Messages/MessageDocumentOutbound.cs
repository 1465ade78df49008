using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.Media;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using static Bsp.Infrastructure.Messages.MessageDocumentContent;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// The Graph body of what we sent, every type of it: what a person reads in <c>content</c> where the specification has a field, buttons,
/// lists, products and cards in <c>details</c>, what it answers in <c>context</c>.
/// </summary>
internal static class MessageDocumentOutbound
{
    public static MessageDocument Fill(MessageDocument d, JsonElement body)
    {
        var type = d.MessageTypeExact;
        var known = Own(MessageDocumentContent.Fill(d, body, type), body, type);
        var answers = Text(body, "context", "message_id");
        return known with
        {
            Context = answers is { } id && known.Amends is null ? new(MetaId.Of(id)) : null,
        };
    }

    private static MessageDocument Own(MessageDocument d, JsonElement body, string type)
    {
        if (type == "contacts" && body.TryGetProperty("contacts", out var cards) && cards.ValueKind == JsonValueKind.Array)
        {
            return d with { Details = Element("contacts", cards) };
        }

        return (type, MessageDocumentContent.Object(body, type)) switch
        {
            ("reaction", { } own) => d with { Amends = Text(own, "message_id") is { } id ? MetaId.Of(id) : null },
            ("interactive", { } own) => d with { Content = d.Content ?? new(Text: Said(own)), Details = Element("interactive", own) },
            _ => d.Content is { MediaId: { } id, MediaUrl: null } content && Guid.TryParseExact(id, "D", out var file)
                ? d with { Content = content with { MediaUrl = MediaPaths.Content(file) } } : d,
        };
    }

    // A product has no words of its own: its id is what a list can show of it.
    private static string? Said(JsonElement own) => Text(own, "header", "text") ?? Text(own, "action", "product_retailer_id");

    private static JsonElement Element(string name, JsonElement value) =>
        JsonSerializer.SerializeToElement(new JsonObject { [name] = JsonNode.Parse(KeptJson.Of(value).GetRawText()) });
}
