namespace Bsp.Application.Media;

/// <summary>A type of file that WhatsApp takes.</summary>
/// <param name="Kind"><c>image</c>, <c>video</c>, <c>audio</c>, <c>document</c> or <c>sticker</c>: the message it is sent in.</param>
/// <param name="BytesMax">Of one file.</param>
/// <param name="Extension">With its point.</param>
public sealed record MediaType(string MimeType, string Kind, int BytesMax, string Extension);

/// <summary>Which files WhatsApp takes, and how large. Source: Meta's Cloud API reference, "Supported media types".</summary>
public static class MediaRules
{
    /// <summary>Bytes of the largest file of all: a document.</summary>
    public const int BytesMax = 100 * MB;

    /// <summary>Bytes of a sticker that moves; one that does not has <see cref="StillStickerBytesMax"/>.</summary>
    public const int StickerBytesMax = 500 * 1024;

    /// <summary>Bytes of a sticker that does not move.</summary>
    public const int StillStickerBytesMax = 100 * 1024;

    /// <summary>Characters of a file's name that are kept.</summary>
    public const int NameMax = 240;

    private const int MB = 1024 * 1024;
    private const string Office = "application/vnd.openxmlformats-officedocument.";

    /// <summary>All types, in the order of the documentation.</summary>
    public static readonly IReadOnlyList<MediaType> All =
    [
        new("image/jpeg", "image", 5 * MB, ".jpg"),
        new("image/png", "image", 5 * MB, ".png"),
        new("image/webp", "sticker", StickerBytesMax, ".webp"),
        new("video/mp4", "video", 16 * MB, ".mp4"),
        new("video/3gpp", "video", 16 * MB, ".3gp"),
        new("audio/aac", "audio", 16 * MB, ".aac"),
        new("audio/amr", "audio", 16 * MB, ".amr"),
        new("audio/mpeg", "audio", 16 * MB, ".mp3"),
        new("audio/mp4", "audio", 16 * MB, ".m4a"),
        new("audio/ogg", "audio", 16 * MB, ".ogg"),
        new("application/pdf", "document", BytesMax, ".pdf"),
        new("text/plain", "document", BytesMax, ".txt"),
        new("application/msword", "document", BytesMax, ".doc"),
        new("application/vnd.ms-excel", "document", BytesMax, ".xls"),
        new("application/vnd.ms-powerpoint", "document", BytesMax, ".ppt"),
        new(Office + "wordprocessingml.document", "document", BytesMax, ".docx"),
        new(Office + "spreadsheetml.sheet", "document", BytesMax, ".xlsx"),
        new(Office + "presentationml.presentation", "document", BytesMax, ".pptx"),
    ];

    /// <summary>What a browser may be told a file is: nothing of it runs. All others are bytes to it.</summary>
    private static readonly HashSet<string> Harmless =
    [
        .. All.Where(t => t.Kind != "document").Select(t => t.MimeType), "application/pdf", "image/gif",
    ];

    private static readonly Dictionary<string, string> Aliases = new()
    {
        ["image/jpg"] = "image/jpeg", ["video/3gp"] = "video/3gpp", ["audio/mp3"] = "audio/mpeg", ["audio/x-m4a"] = "audio/mp4",
        ["audio/m4a"] = "audio/mp4", ["audio/opus"] = "audio/ogg", ["audio/x-aac"] = "audio/aac",
        ["application/x-pdf"] = "application/pdf",
    };

    /// <summary>A type without parameters and by its usual name; null: none was given, or one that says nothing.</summary>
    public static string? Plain(string? mimeType)
    {
        var plain = mimeType?.Split(';')[0].Trim().ToLowerInvariant();
        return plain is null or "" or "application/octet-stream" or "binary/octet-stream" ? null : Aliases.GetValueOrDefault(plain, plain);
    }

    /// <summary>The row of a plain type; null: WhatsApp takes no such file.</summary>
    public static MediaType? Of(string? plain) => All.FirstOrDefault(t => t.MimeType == plain);

    /// <summary>What its receiver is told that it is.</summary>
    public static string ServedType(string mimeType) => Harmless.Contains(mimeType) ? mimeType : "application/octet-stream";

    /// <summary>A name for a file that has none.</summary>
    public static string NameFor(Guid id, string kind, string? mimeType) => $"{kind}-{id:N}{Of(mimeType)?.Extension}";

    /// <summary>The last part of a path, without what file systems and headers stumble over; null: nothing is left.</summary>
    public static string? NameOf(string? given)
    {
        var last = given?.Split('/', '\\')[^1];
        var plain = string.Concat((last ?? "").Where(c => !char.IsControl(c) && c is not ('"' or '<' or '>' or '|' or '*' or '?' or ':')));
        var trimmed = Domain.Common.Text.Storable(plain).Trim().Trim('.').Trim();
        return trimmed.Length == 0 ? null : Domain.Common.Text.Cut(trimmed, NameMax);
    }
}
