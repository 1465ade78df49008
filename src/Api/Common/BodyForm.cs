using System.IO.Compression;
using System.Text;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Net.Http.Headers;

namespace Bsp.Api.Common;

/// <summary>
/// In which form a body comes: its type, its character set and whether it is packed. What is not taken is 415 and says what is.
/// </summary>
public static class BodyForm
{
    /// <summary>Header that says how a body is packed; none or <c>identity</c>: not at all.</summary>
    private const string Gzip = "gzip";

    private static readonly Encoding StrictUtf8 = new UTF8Encoding(false, throwOnInvalidBytes: true);

    static BodyForm() => Encoding.RegisterProvider(CodePagesEncodingProvider.Instance);

    /// <summary>Media types that a route takes; empty: it reads no body.</summary>
    public static IReadOnlyList<string> Taken(Endpoint? endpoint) => endpoint?.Metadata.GetMetadata<IAcceptsMetadata>()?.ContentTypes ?? [];

    /// <summary>The character set that the request names; null: none, so it is UTF-8.</summary>
    /// <param name="taken">Media types that are taken.</param>
    /// <exception cref="Problem">415 <c>request.content_type</c>.</exception>
    public static Encoding? Charset(HttpRequest request, IReadOnlyList<string> taken)
    {
        var (type, charset) = Parts(request.Headers.ContentType);
        if (type is null || !taken.Contains(type, StringComparer.OrdinalIgnoreCase))
        {
            throw NotTaken(taken);
        }

        return charset is null or "" ? null : Find(charset)
            ?? throw new Problem(415, "request.content_type",
                $"There is no character set '{Domain.Common.Text.Cut(charset, 40)}' here: send UTF-8.");
    }

    /// <summary>415 naming what is taken.</summary>
    public static Problem NotTaken(IReadOnlyList<string> taken) => new(415, "request.content_type",
        taken.Count == 0 ? "This route takes no body of that type." : $"Send {string.Join(" or ", taken)} (Content-Type).");

    /// <summary>The body without its packing.</summary>
    /// <param name="bytesMax">What it unpacks to, at most.</param>
    /// <exception cref="Problem">415 <c>request.content_encoding</c>; while it is read 413 <c>request.too_large</c> and 400
    /// <c>request.malformed</c>.</exception>
    public static Stream Unpacked(HttpRequest request, long bytesMax)
    {
        var named = request.Headers.ContentEncoding;
        return named.Count == 0 || named is [null or "" or "identity"] ? request.Body
            : named is [{ } one] && (one.Trim().ToLowerInvariant() is Gzip or "x-gzip")
                ? new UnpackedStream(new GZipStream(request.Body, CompressionMode.Decompress, leaveOpen: true), bytesMax)
            : throw NotUnpacked(request.HttpContext);
    }

    /// <summary>Decodes bytes strictly.</summary>
    /// <exception cref="Problem">400 <c>request.malformed</c>: they are not of the character set.</exception>
    public static byte[] ToUtf8(byte[] bytes, Encoding charset)
    {
        try
        {
            var strict = Encoding.GetEncoding(charset.CodePage, EncoderFallback.ExceptionFallback, DecoderFallback.ExceptionFallback);
            return StrictUtf8.GetBytes(ByOrderMark(bytes, strict).GetString(bytes).TrimStart('\uFEFF'));
        }
        catch (Exception fault) when (fault is DecoderFallbackException or EncoderFallbackException)
        {
            throw new Problem(400, "request.malformed", $"The body is not {charset.WebName}, as Content-Type says.");
        }
    }

    // UTF-16 without more says nothing of the order of its bytes; its mark does.
    private static Encoding ByOrderMark(ReadOnlySpan<byte> bytes, Encoding charset) =>
        charset.CodePage == Encoding.Unicode.CodePage && bytes is [0xFE, 0xFF, ..]
            ? new UnicodeEncoding(bigEndian: true, byteOrderMark: true, throwOnInvalidBytes: true) : charset;

    private static Problem NotUnpacked(HttpContext context)
    {
        context.Response.Headers.AcceptEncoding = Gzip; // RFC 9110 §15.5.16; goes with the answer's other headers
        return new(415, "request.content_encoding", "Send the body as it is, or packed with gzip (Content-Encoding: gzip), once.");
    }

    // Not MediaTypeHeaderValue: it refuses the whole header for an empty or odd parameter.
    private static (string? Type, string? Charset) Parts(Microsoft.Extensions.Primitives.StringValues header)
    {
        if (header is not [{ Length: > 0 and <= 256 } text])
        {
            return (null, null);
        }

        var parts = text.Split(';', StringSplitOptions.TrimEntries);
        var charset = parts.Skip(1).Select(p => p.Split('=', 2, StringSplitOptions.TrimEntries))
            .FirstOrDefault(p => p is [var name, _] && name.Equals("charset", StringComparison.OrdinalIgnoreCase));
        return (parts[0], charset is [_, var value] ? HeaderUtilities.RemoveQuotes(value).ToString().Trim() : null);
    }

    // "utf8" is what many write for utf-8. UTF-7 is a way around filters, not a character set (and .NET knows it no more).
    private static Encoding? Find(string name)
    {
        try
        {
            return name.Equals("utf8", StringComparison.OrdinalIgnoreCase) ? Encoding.UTF8
                : Encoding.GetEncoding(name) is { CodePage: not 65000 } found ? found : null;
        }
        catch (Exception fault) when (fault is ArgumentException or NotSupportedException)
        {
            return null; // an answer, not a failure
        }
    }
}
