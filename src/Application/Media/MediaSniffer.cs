using System.Text;

namespace Bsp.Application.Media;

/// <summary>What a file is by its first bytes, whatever it is called.</summary>
public static class MediaSniffer
{
    private static readonly UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

    /// <summary>Bytes that are looked at.</summary>
    public const int BytesLooked = 4_096;

    /// <summary>
    /// A plain type; <see cref="Zip"/> and <see cref="Ole"/> for what Office files are packed in; null: nothing that is known.
    /// </summary>
    public static string? Type(ReadOnlySpan<byte> start) => start switch
    {
        [0xFF, 0xD8, 0xFF, ..] => "image/jpeg",
        [0x89, (byte)'P', (byte)'N', (byte)'G', 0x0D, 0x0A, 0x1A, 0x0A, ..] => "image/png",
        [(byte)'G', (byte)'I', (byte)'F', (byte)'8', ..] => "image/gif",
        _ when start.StartsWith("RIFF"u8) && start.Length >= 12 && start[8..].StartsWith("WEBP"u8) => "image/webp",
        _ when start.StartsWith("%PDF-"u8) => "application/pdf",
        _ when start.StartsWith("OggS"u8) => start.IndexOf("OpusHead"u8) > 0 ? "audio/ogg" : "application/ogg",
        _ when start.StartsWith("#!AMR"u8) => "audio/amr",
        _ when start.StartsWith("ID3"u8) => "audio/mpeg",
        [0xFF, 0xF1 or 0xF9, ..] => "audio/aac",
        [0xFF, >= 0xE2, ..] when (start[1] & 0x06) == 0x02 => "audio/mpeg", // layer III
        _ when start.Length >= 12 && start[4..].StartsWith("ftyp"u8) => Brand(start[8..]),
        [(byte)'P', (byte)'K', 3, 4, ..] => Zip,
        [0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1, ..] => Ole,
        _ => IsText(start) ? "text/plain" : null,
    };

    /// <summary>A ZIP, in which newer Office files are packed.</summary>
    public const string Zip = "application/zip";

    /// <summary>A compound file, as which older Office files are stored.</summary>
    public const string Ole = "application/x-ole-storage";

    /// <summary>The type of a file by both what its sender says and what it is; null: they do not agree.</summary>
    /// <param name="declared">Plain; null: its sender does not say.</param>
    /// <param name="found">By <see cref="Type"/>.</param>
    public static string? Agreed(string? declared, string? found) => (declared, found) switch
    {
        (null, Zip or Ole or "application/ogg") => null,
        (null, _) => found,
        ({ } same, _) when same == found => found,
        ({ } office, Zip) when office.StartsWith("application/vnd.openxmlformats-officedocument.", StringComparison.Ordinal) => office,
        ("application/msword" or "application/vnd.ms-excel" or "application/vnd.ms-powerpoint", Ole) => declared,
        ("audio/mp4", "video/mp4") or ("audio/mpeg", "audio/aac") or ("audio/aac", "audio/mpeg") => declared, // one container, two names
        ("video/3gpp", "video/mp4") or ("video/mp4", "video/3gpp") => declared,
        _ => null,
    };

    /// <summary>A WebP picture that moves: its extended header says so.</summary>
    public static bool IsAnimated(ReadOnlySpan<byte> webp) =>
        webp.Length > 20 && webp[12..].StartsWith("VP8X"u8) && (webp[20] & 0x02) != 0;

    private static string? Brand(ReadOnlySpan<byte> brand) =>
        brand.StartsWith("3g"u8) ? "video/3gpp"
        : brand.StartsWith("M4A"u8) || brand.StartsWith("M4B"u8) ? "audio/mp4"
        : brand.StartsWith("qt"u8) || brand.StartsWith("hei"u8) || brand.StartsWith("mif1"u8) || brand.StartsWith("avif"u8) ? null
        : "video/mp4";

    // UTF-8 without control characters; the last few bytes may be the first ones of a character that goes on.
    private static bool IsText(ReadOnlySpan<byte> start)
    {
        if (start.Length == 0 || start.ContainsAnyInRange((byte)0, (byte)8) || start.ContainsAnyInRange((byte)14, (byte)26))
        {
            return false;
        }

        for (var cut = 0; cut < 4 && cut < start.Length; cut++)
        {
            try
            {
                _ = Strict.GetCharCount(start.Slice(0, start.Length - cut));
                return true;
            }
            catch (DecoderFallbackException)
            {
                if (start.Length < BytesLooked)
                {
                    return false;
                }
            }
        }

        return false;
    }
}
