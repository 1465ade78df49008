using System.Text.Json;
using Bsp.Application.Webhooks;

namespace Bsp.Application.Messages;

/// <summary>
/// Meta's rules for the object of each message type, as far as a wrong one would only be refused later. Source: Meta's reference of POST
/// /{phone-number-id}/messages.
/// </summary>
public static class OutboundBody
{
    private const int TextMax = 4096;
    private const int CaptionMax = 1024;
    private static readonly string[] Media = ["image", "video", "audio", "document", "sticker"];

    /// <summary>Null when acceptable; else the field and what is wrong with it.</summary>
    public static (string Field, string Message)? Fault(string type, JsonElement body)
    {
        if (type is not (
            "text" or "image" or "video" or "audio" or "document" or "sticker" or "location" or "contacts" or "reaction" or "interactive" or "template"))
        {
            return ("type", "must be text, image, video, audio, document, sticker, location, contacts, reaction, interactive or template.");
        }

        if (type == "contacts")
        {
            return body.ValueKind == JsonValueKind.Array && body.GetArrayLength() is > 0 and <= 257 && body.EnumerateArray()
                .All(c => MetaEnvelope.Child(c, "name") is { } name && MetaEnvelope.Text(name, "formatted_name") is not null)
                ? null : ("contacts", "must be an array of contacts, each with name.formatted_name.");
        }

        if (body.ValueKind != JsonValueKind.Object)
        {
            return (type, $"a message of type {type} needs the object \"{type}\".");
        }

        return type switch
        {
            "text" => MetaEnvelope.Text(body, "body") is { Length: <= TextMax } ? null
                : ("text.body", $"must be 1 to {TextMax} characters."),
            "location" => Coordinate(body, "latitude", 90) && Coordinate(body, "longitude", 180) ? null
            : ("location", "needs latitude (-90..90) and longitude (-180..180)."),
            "reaction" => MetaEnvelope.Text(body, "message_id") is not null ? null : ("reaction.message_id", "is missing."),
            "interactive" => MetaEnvelope.Text(body, "type") is not null && MetaEnvelope.Child(body, "action") is not null ? null
            : ("interactive", "needs type and action."),
            "template" => MetaEnvelope.Text(body, "name") is not null && MetaEnvelope.Child(body, "language") is { } language
            && MetaEnvelope.Text(language, "code") is not null ? null : ("template", "needs name and language.code."),
            _ => MediaFault(type, body),
        };
    }

    /// <summary>Null when the message is no template.</summary>
    public static string? TemplateName(string type, JsonElement body) => type == "template" ? MetaEnvelope.Text(body, "name") : null;

    /// <summary>Null when the message is no template.</summary>
    public static string? TemplateLanguage(string type, JsonElement body) =>
        type == "template" && MetaEnvelope.Child(body, "language") is { } language ? MetaEnvelope.Text(language, "code") : null;

    /// <summary>It has the form of a business-scoped user id: a country's two letters, a dot, and more.</summary>
    public static bool IsUserId(string to) =>
        to.Length > 3 && char.IsAsciiLetterUpper(to[0]) && char.IsAsciiLetterUpper(to[1]) && to[2] == '.';

    private static (string, string)? MediaFault(string type, JsonElement body)
    {
        if ((MetaEnvelope.Text(body, "id") is null) == (MetaEnvelope.Text(body, "link") is null))
        {
            return (type, "needs exactly one of id and link.");
        }

        return MetaEnvelope.Text(body, "caption") is { Length: > CaptionMax } ? ($"{type}.caption", $"at most {CaptionMax} characters.")
            : Media.Contains(type) && type is "audio" or "sticker" && MetaEnvelope.Text(body, "caption") is not null
            ? ($"{type}.caption", $"{type} messages have no caption.") : null;
    }

    private static bool Coordinate(JsonElement body, string name, double max) =>
        body.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && Math.Abs(value.GetDouble()) <= max;
}
