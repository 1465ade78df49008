using System.Text.Json;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;

namespace Bsp.Infrastructure.Messages;

/// <summary>How much of what others wrote a message document holds. What is longer is cut and noted: a view takes what it can.</summary>
internal static class MessageDocumentBounds
{
    // UTF-16 units. WhatsApp's own limits are lower: a text 4,096, a caption 1,024.
    private const int TextMax = 64 * 1024;
    private const int LineMax = 4 * 1024;
    private const int NotesMax = 20;
    private const int NoteMax = 200;

    // Bytes of JSON that is kept as it came.
    private const int JsonMax = 128 * 1024;

    // A customer's item, of which the readable parts are kept beside it: WhatsApp's longest text fits.
    private const int RawTextMax = 4 * 1024;
    private const int RawMax = 32 * 1024;

    /// <summary>The document with every text within its bound.</summary>
    public static MessageDocument Bounded(MessageDocument d)
    {
        var notes = new List<string>(d.Notes ?? []);
        var bounded = d with
        {
            Content = Content(d.Content, notes),
            Interactive = d.Interactive is { } i
            ? new(Line(i.Type, "interactive.type", notes)!, Reply(i.ButtonReply, notes), Reply(i.ListReply, notes)) : null,
            Template = d.Template is { } t ? t with { Parameters = Json(t.Parameters, "template.parameters", notes) } : null,
            Details = Json(d.Details, "details", notes),
            Referral = Json(d.Referral, "referral", notes),
            Context = d.Context is { } c ? c with { Product = Json(c.Product, "context.product", notes) } : null,
            SenderName = Line(d.SenderName, "sender_name", notes),
        };
        return notes.Count == 0 ? bounded : bounded with { Notes = [.. notes.Take(NotesMax)] };
    }

    /// <summary>
    /// With the item as Meta wrote it, what is readable and what is not: each text cut, and all of it within a bound. Its member
    /// <c>bsp_cut</c> says that some is left out.
    /// </summary>
    public static MessageDocument WithRaw(MessageDocument d, JsonElement item) =>
        d with { RawWebhook = KeptJson.Of(BoundedJson.Of(item, RawTextMax, RawMax)) };

    /// <summary>With a further note.</summary>
    public static MessageDocument Noted(MessageDocument d, string note) =>
        d with { Notes = [.. (d.Notes ?? []).Append(Text.Cut(note, NoteMax)).Take(NotesMax)] };

    /// <summary>JSON as it can be kept; null when it is too large.</summary>
    public static JsonElement? Json(JsonElement? value, string name, List<string> notes)
    {
        if (value is not { } json)
        {
            return null;
        }

        var bytes = System.Runtime.InteropServices.JsonMarshal.GetRawUtf8Value(json).Length;
        if (bytes <= JsonMax)
        {
            return KeptJson.Of(json);
        }

        notes.Add($"{name}: {bytes} bytes; {JsonMax} are kept, so it is left out.");
        return null;
    }

    private static MessageContent? Content(MessageContent? c, List<string> notes) => c is null ? null : c with
    {
        Text = Cut(c.Text, "text", TextMax, notes),
        MediaCaption = Cut(c.MediaCaption, "media_caption", TextMax, notes),
        MediaUrl = Line(c.MediaUrl, "media_url", notes),
        MediaMimeType = Line(c.MediaMimeType, "media_mime_type", notes),
        MediaId = Line(c.MediaId, "media_id", notes),
        Location = c.Location is { } l
        ? l with { Name = Line(l.Name, "location.name", notes), Address = Line(l.Address, "location.address", notes) } : null,
        Document = c.Document is { } d
        ? new(Line(d.Filename, "document.filename", notes), Line(d.Url, "document.url", notes),
            Line(d.MimeType, "document.mime_type", notes)) : null,
    };

    private static ButtonReply? Reply(ButtonReply? reply, List<string> notes) =>
        reply is null ? null : new(Line(reply.Id, "button_reply.id", notes), Line(reply.Title, "button_reply.title", notes));

    private static ListReply? Reply(ListReply? reply, List<string> notes) =>
        reply is null ? null
        : new(Line(reply.Id, "list_reply.id", notes), Line(reply.Title, "list_reply.title", notes),
            Line(reply.Description, "list_reply.description", notes));

    private static string? Line(string? text, string name, List<string> notes) => Cut(text, name, LineMax, notes);

    private static string? Cut(string? text, string name, int max, List<string> notes)
    {
        if (text is null || text.Length <= max)
        {
            return text;
        }

        notes.Add($"{name}: cut after {max} of {text.Length} characters.");
        return Text.Cut(text, max);
    }
}
