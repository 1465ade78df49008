using System.Text.Json;
using Bsp.Application.Messages;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// Graph body (outbound) or message item (inbound) → the specification's content, template and interactive objects, and the rest beside
/// them. Both have the shape
/// <c>{"type": T, T: {…}}</c>. Meta may send anything: what does not fit is left out and noted, nothing fails.
/// </summary>
public static class MessageDocumentContent
{
    /// <summary>Longest preview, in UTF-16 units.</summary>
    public const int PreviewCharsMax = 100;

    /// <summary>With what we sent; unchanged when it was erased.</summary>
    public static MessageDocument Outbound(MessageDocument document, string? content) =>
        Parse(content) is { } body ? Careful(document, d => MessageDocumentOutbound.Fill(d, body)) : document;

    /// <summary>With what the customer wrote; unchanged when it was erased.</summary>
    public static MessageDocument Inbound(MessageDocument document, string? content) =>
        Parse(content) is { } root && Object(root, "message") is { } item
        ? Careful(Careful(document, d => MessageDocumentInbound.Fill(d, root, item)), d => MessageDocumentBounds.WithRaw(d, item))
        : document;

    /// <summary>The opened JSON object; null when there is none.</summary>
    public static JsonElement? Parse(string? content)
    {
        if (content is null)
        {
            return null;
        }

        try
        {
            using var parsed = JsonDocument.Parse(content);
            return parsed.RootElement.ValueKind == JsonValueKind.Object ? parsed.RootElement.Clone() : null;
        }
        catch (JsonException)
        {
            return null; // sealed by an earlier build in another form: shown without content, like an erased one
        }
    }

    /// <summary>What a list shows of the message: at most 100 characters, null when nothing is readable.</summary>
    public static string? Preview(MessageDocument d)
    {
        string?[] told =
        [
            d.Content?.Text, d.Content?.MediaCaption, d.Interactive?.ButtonReply?.Title, d.Interactive?.ListReply?.Title,
            d.Content?.Location?.Name, d.Content?.Document?.Filename, d.Template?.Name,
        ];
        var text = Array.Find(told, t => !string.IsNullOrEmpty(t)) ?? $"[{d.MessageTypeExact}]";
        return Cut(d.SenderName is { } name && d.GroupId is not null ? $"{name}: {text}" : text);
    }

    /// <summary>The string at a path of object members; null when it is not there or no string.</summary>
    public static string? Text(JsonElement element, params ReadOnlySpan<string> path)
    {
        foreach (var name in path)
        {
            if (element.ValueKind != JsonValueKind.Object || !element.TryGetProperty(name, out element))
            {
                return null;
            }
        }

        return element.ValueKind == JsonValueKind.String ? Readable(element) : null;
    }

    private static string Cut(string text) =>
        text.Length <= PreviewCharsMax ? Domain.Common.Text.Storable(text) : Domain.Common.Text.Cut(text, PreviewCharsMax - 1) + "…";

    /// <summary>An object's member that is an object.</summary>
    internal static JsonElement? Object(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Object
        ? value : null;

    /// <summary>The body's own object, by its type.</summary>
    internal static MessageDocument Fill(MessageDocument d, JsonElement body, string type)
    {
        if (body.TryGetProperty(type, out var part) && type == "contacts" && part.ValueKind == JsonValueKind.Array)
        {
            return d with { Content =
                new(Text: string.Join(", ", part.EnumerateArray().Select(c => Text(c, "name", "formatted_name")).OfType<string>())) };
        }

        if (Object(body, type) is not { } own)
        {
            return d;
        }

        return type switch
        {
            "text" => d with { Content = new(Text: Text(own, "body")) },
            "reaction" => d with { Content = new(Text: Text(own, "emoji")) },
            "image" or "video" or "audio" or "voice" or "sticker" => d with { Content = Media(own) },
            "document" =>
                d with { Content =
                    Media(own) with { Document =
                        new(Text(own, "filename"), Text(own, "link") ?? Text(own, "url"), Text(own, "mime_type")) } },
            "location" => Location(d, own),
            "template" =>
                d with { Template = d.Template is { } t
                    ? t with { Parameters = own.TryGetProperty("components", out var c) ? KeptJson.Of(c) : null } : null },
            "button" => d with { Content = new(Text: Text(own, "text")),
                Interactive = new("button_reply", ButtonReply: new(Text(own, "payload"), Text(own, "text"))) },
            "interactive" => Interactive(d, own),
            "order" => d with { Content = new(Text: Text(own, "text")), Interactive = new("order") },
            _ => d with { Content = new(Text: Text(own, "body") ?? Text(own, "text")) },
        };
    }

    // What a stranger's item brings about in our reading is no reason to lose the message.
    private static MessageDocument Careful(MessageDocument document, Func<MessageDocument, MessageDocument> fill)
    {
        try
        {
            return MessageDocumentBounds.Bounded(fill(document));
        }
        catch (Exception unreadable)
            when (unreadable is InvalidOperationException or FormatException or ArgumentException or OverflowException or JsonException or NotSupportedException or KeyNotFoundException)
        {
            return MessageDocumentBounds.Noted(document, $"content: {unreadable.Message}");
        }
    }

    private static MessageDocument Interactive(MessageDocument d, JsonElement own)
    {
        var type = Text(own, "type") ?? "unknown";
        return d with
        {
            Content = Text(own, "body", "text") is { } text ? new(Text: text) : d.Content,
            Interactive = new(type,
                Object(own, "button_reply") is { } button ? new(Text(button, "id"), Text(button, "title")) : null,
                Object(own, "list_reply") is { } list ? new(Text(list, "id"), Text(list, "title"), Text(list, "description")) : null),
        };
    }

    private static MessageContent Media(JsonElement own) => new(
        MediaUrl: Text(own, "link")
        ?? Text(own, "url"), MediaMimeType: Text(own, "mime_type"), MediaCaption: Text(own, "caption"), MediaId: Text(own, "id"),
        MediaSize: own.TryGetProperty("file_size", out var size) && size.ValueKind == JsonValueKind.Number
        && size.TryGetInt64(out var bytes) ? bytes : null);

    private static MessageDocument Location(MessageDocument d, JsonElement own)
    {
        var (latitude, longitude) = (Degrees(own, "latitude", 90), Degrees(own, "longitude", 180));
        var located = d with { Content = new(Location: new(latitude, longitude, Text(own, "name"), Text(own, "address"))) };
        return latitude is null || longitude is null
            ? MessageDocumentBounds.Noted(located, "location: latitude or longitude is no number of degrees.") : located;
    }

    // Outbound bodies may carry coordinates as strings; Meta accepts both.
    private static double? Degrees(JsonElement own, string name, double max) =>
        (!own.TryGetProperty(name, out var value) ? null
        : value.ValueKind == JsonValueKind.Number ? value.TryGetDouble(out var number) ? number : (double?)null
        : value.ValueKind == JsonValueKind.String
        && double.TryParse(Readable(value), System.Globalization.CultureInfo.InvariantCulture, out var parsed) ? parsed : null)
        is { } degrees && Math.Abs(degrees) <= max ? degrees : null; // also false for NaN

    // Half a surrogate pair, written \ud83d, is no text.
    private static string? Readable(JsonElement value)
    {
        try
        {
            return value.GetString();
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
