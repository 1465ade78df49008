using System.Globalization;
using System.Text.Json;
using Bsp.Application.Templates;
using Bsp.Application.Webhooks;

namespace Bsp.Application.Messages;

/// <summary>
/// Meta's rules for the object of each message type, so that a wrong one is refused at once with its field and bound, and not by Meta after
/// it was queued. Source: Meta's reference of POST /{phone-number-id}/messages.
/// </summary>
public static class OutboundBody
{
    /// <summary>Types that can be sent.</summary>
    public static readonly IReadOnlyList<string> Types =
        ["text", "image", "video", "audio", "document", "sticker", "location", "contacts", "reaction", "interactive", "template"];

    private const int TextMax = 4_096;
    private const int CaptionMax = 1_024;
    private const int FilenameMax = 240;
    private const int PlaceMax = 1_000;
    private const int MessageIdMax = 256;
    private const int EmojiMax = 64; // a family of four with skin tones has 25 UTF-16 units

    /// <summary>Null when acceptable; else the field and what is wrong with it.</summary>
    public static (string Field, string Message)? Fault(string type, JsonElement body)
    {
        try
        {
            Check(type, body);
            return null;
        }
        catch (UnfitBody unfit)
        {
            return (unfit.Field, unfit.Message);
        }
    }

    /// <summary>Which template is asked for; null when the message is none.</summary>
    public static TemplateWanted? Template(string type, JsonElement body) =>
        type == "template" && MetaEnvelope.Child(body, "language") is { } language
        ? new(MetaEnvelope.Text(body, "name") ?? "", MetaEnvelope.Text(language, "policy") == "fallback"
            ? TemplateLanguages.Order(MetaEnvelope.Text(language, "code") ?? "") : [MetaEnvelope.Text(language, "code") ?? ""]) : null;

    /// <summary>It has the form of a business-scoped user id: a country's two letters, a dot, and more.</summary>
    public static bool IsUserId(string to) =>
        to.Length > 3 && char.IsAsciiLetterUpper(to[0]) && char.IsAsciiLetterUpper(to[1]) && to[2] == '.';

    private static void Check(string type, JsonElement body)
    {
        if (!Types.Contains(type))
        {
            throw new UnfitBody("type", $"must be one of {string.Join(", ", Types)}.");
        }

        if (type == "contacts")
        {
            OutboundContacts.Check(body);
            return;
        }

        if (body.ValueKind != JsonValueKind.Object)
        {
            throw new UnfitBody(type, $"is missing: a message of type {type} needs the object \"{type}\".");
        }

        Check(type, new OutboundPart(body, type));
    }

    private static void Check(string type, OutboundPart own)
    {
        switch (type)
        {
            case "text":
                own.Only("body", "preview_url").Text("body", TextMax);
                own.Flag("preview_url");
                break;
            case "image" or "video":
                own.Only("id", "link", "caption").Media();
                own.Optional("caption", CaptionMax, 0);
                break;
            case "document":
                own.Only("id", "link", "caption", "filename").Media();
                own.Optional("caption", CaptionMax, 0);
                own.Optional("filename", FilenameMax);
                break;
            case "audio":
                own.Only("id", "link", "voice").Media();
                own.Flag("voice");
                break;
            case "sticker":
                own.Only("id", "link").Media();
                break;
            case "location":
                Location(own.Only("latitude", "longitude", "name", "address"));
                break;
            case "reaction":
                Reaction(own.Only("message_id", "emoji"));
                break;
            case "interactive":
                OutboundInteractive.Check(own);
                break;
            default:
                OutboundTemplate.Check(own);
                break;
        }
    }

    /// <summary>Degrees, also as text: Meta takes both.</summary>
    internal static void Location(OutboundPart own)
    {
        Coordinate(own, "latitude", 90);
        Coordinate(own, "longitude", 180);
        own.Optional("name", PlaceMax, 0);
        own.Optional("address", PlaceMax, 0);
    }

    private static void Coordinate(OutboundPart own, string name, double max)
    {
        var text = own.Member(name) switch
        {
            { ValueKind: JsonValueKind.Number } number => number.GetRawText(),
            { ValueKind: JsonValueKind.String } written => written.GetString(),
            _ => null,
        };
        const NumberStyles degrees = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        if (!double.TryParse(text, degrees, CultureInfo.InvariantCulture, out var value) || !(Math.Abs(value) <= max))
        {
            throw own.Unfit(name, $"must be a number of degrees from -{max:0} to {max:0}.");
        }
    }

    // Removing is said, not left out: a forgotten emoji must not take one back.
    private static void Reaction(OutboundPart own)
    {
        own.Text("message_id", MessageIdMax);
        var emoji = own.Optional("emoji", EmojiMax, 0)
            ?? throw own.Unfit("emoji", "is missing: one emoji, or an empty text to take the reaction back.");
        if (emoji.Length > 0 && (new StringInfo(emoji).LengthInTextElements != 1 || !IsPicture(emoji)))
        {
            throw own.Unfit("emoji", "must be one emoji, or an empty text to take the reaction back.");
        }
    }

    // Keycaps begin with a digit; no other letter, digit or sign of ASCII is a picture.
    private static bool IsPicture(string emoji) => emoji.Any(c => c > '\u007F') && !char.IsLetter(emoji, 0);
}
