using System.Text.Json;
using Bsp.MetaSimulator.Common;

namespace Bsp.MetaSimulator.Messages;

/// <summary>
/// Whether a message is one Meta would take, type by type. Source of limits: Meta's Cloud API reference, "Messages".
/// Every function returns null when there is nothing to say against it.
/// </summary>
internal static class MessageRules
{
    /// <summary>Longest <c>biz_opaque_callback_data</c>, characters.</summary>
    public const int CallbackLengthMax = 512;

    private const int TextLengthMax = 4096;
    private const int CaptionLengthMax = 1024;

    public static readonly string[] Types =
        ["text", "image", "video", "audio", "document", "sticker", "location", "contacts", "reaction", "interactive", "template"];

    public static GraphError? Check(JsonElement message, string type)
    {
        if (!Types.Contains(type))
        {
            return GraphError.Parameter(
                $"Param type must be one of {{{string.Join(", ", Types.Select(t => t.ToUpperInvariant()))}}} - got \"{type}\".");
        }

        if (type == "contacts")
        {
            return Contacts(message);
        }

        if (message.Object(type) is not { } content)
        {
            return GraphError.Missing($"Required parameter '{type}' is missing for type '{type}'.");
        }

        return type switch
        {
            "text" => Length(content, "text['body']", "body", 1, TextLengthMax),
            "image" or "video" or "document" =>
                Media(type, content) ?? Length(content, $"{type}['caption']", "caption", 0, CaptionLengthMax),
            "audio" or "sticker" => Media(type, content),
            "location" => Coordinate(content, "latitude", 90) ?? Coordinate(content, "longitude", 180),
            "reaction" => content.Text("message_id") is { Length: > 0 } ? null
            : GraphError.Missing("Required parameter 'reaction.message_id' is missing."),
            "interactive" => InteractiveRules.Check(content),
            _ => Template(content),
        };
    }

    /// <summary>Between so many characters; a minimum of 0 makes it optional.</summary>
    public static GraphError? Length(JsonElement parent, string shown, string name, int min, int max) => parent.Member(name) switch
    {
        null when min == 0 => null,
        null => GraphError.Missing($"Required parameter '{shown}' is missing."),
        { ValueKind: not JsonValueKind.String } => GraphError.Parameter($"Param {shown} must be a string."),
        { } text when text.GetString()!.Length < min => GraphError.Parameter($"Param {shown} must be at least {min} characters long."),
        { } text when text.GetString()!.Length > max => GraphError.Parameter($"Param {shown} must be at most {max} characters long."),
        _ => null,
    };

    public static GraphError? Media(string type, JsonElement media)
    {
        var (id, link) = (media.TextOrNumber("id"), media.Text("link"));
        if (string.IsNullOrEmpty(id) == string.IsNullOrEmpty(link))
        {
            return GraphError.Missing($"Exactly one of '{type}.id' and '{type}.link' must be given.");
        }

        return link is not null && !(Uri.TryCreate(link, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https")
            ? GraphError.Invalid($"'{type}.link' is not an http or https address.")
            : null;
    }

    private static GraphError? Coordinate(JsonElement location, string name, double max)
    {
        var value = location.Member(name) switch
        {
            { ValueKind: JsonValueKind.Number } number => number.GetDouble(),
            { ValueKind: JsonValueKind.String } text when double.TryParse(text.GetString(), out var parsed) => parsed,
            _ => double.NaN,
        };
        return Math.Abs(value) <= max ? null : GraphError.Invalid($"'location.{name}' must be a number between -{max} and {max}.");
    }

    private static GraphError? Contacts(JsonElement message)
    {
        var contacts = message.Items("contacts");
        return contacts.Length == 0 ? GraphError.Missing("Required parameter 'contacts' is missing for type 'contacts'.")
            : contacts.All(c => c.Object("name")?.Text("formatted_name") is { Length: > 0 }) ? null
            : GraphError.Missing("Required parameter 'contacts[].name.formatted_name' is missing.");
    }

    private static GraphError? Template(JsonElement template) =>
        template.Text("name") is not { Length: > 0 } ? GraphError.Missing("Required parameter 'template.name' is missing.")
        : template.Object("language")?.Text("code") is not { Length: > 0 }
        ? GraphError.Missing("Required parameter 'template.language.code' is missing.")
        : null;
}
