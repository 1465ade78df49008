using System.Text.Json;
using Bsp.Application.Media;
using Bsp.Domain.Common;

namespace Bsp.Application.Messages;

/// <summary>What a message item of Meta's says about where it belongs.</summary>
public static class InboundContent
{
    /// <summary>Meta's id of the group in which it was written; null: to the number alone.</summary>
    public static string? GroupOf(JsonElement item) => Id(item, "group_id");

    /// <summary>
    /// Meta's id of the message that an edit, a revocation or a reaction is about; null: it is about none, or does not say.
    /// </summary>
    public static string? TargetOf(string type, JsonElement item) => InboundKind.Of(type).Amends
        ? (Child(item, type) is { } own ? Id(own, "original_message_id") ?? Id(own, "message_id") : null)
        ?? (Child(item, "context") is { } context ? Id(context, "id") : null)
        : null;

    /// <summary>
    /// What they typed, or the label of the button that they pressed: Meta's own opt-out button answers so. Null: neither.
    /// </summary>
    public static string? Said(string type, JsonElement item) => type switch
    {
        "text" => Part(item, "text", "body"),
        "button" => Part(item, "button", "text"),
        "interactive" => Webhooks.MetaEnvelope.Child(item, "interactive") is { } own ? Part(own, "button_reply", "title") : null,
        _ => null,
    };

    private static string? Part(JsonElement parent, string child, string name) =>
        Webhooks.MetaEnvelope.Child(parent, child) is { } part ? Webhooks.MetaEnvelope.Text(part, name) : null;

    /// <summary>The file that a message brings; null: none that could be fetched.</summary>
    internal static ExpectedMedia? FileOf(InboundItem item, Guid contactId)
    {
        var kind = item.Type == "voice" ? "audio" : item.Type;
        return kind is "image" or "video" or "audio" or "document" or "sticker" && Child(item.Raw, item.Type) is { } own
            && Webhooks.MetaEnvelope.Text(own, "id") is { Length: <= MediaIdMax } id
            && id.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-')
            ? new(Uuid.InboundMessage(item.PhoneNumberId, item.Wamid), item.AccountId, contactId, kind, id,
                Webhooks.MetaEnvelope.Line(own, "filename", MediaRules.NameMax)) : null;
    }

    private const int MediaIdMax = 64;

    private static JsonElement? Child(JsonElement parent, string name) =>
        parent.ValueKind == JsonValueKind.Object && parent.TryGetProperty(name, out var child) && child.ValueKind == JsonValueKind.Object
        ? child : null;

    private static string? Id(JsonElement parent, string name) => Webhooks.MetaEnvelope.Id(parent, name);
}
