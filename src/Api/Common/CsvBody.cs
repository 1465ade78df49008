using System.IO.Pipelines;
using System.Text;

namespace Bsp.Api.Common;

/// <summary>A streamed CSV file as it was sent, made UTF-8: unpacked, and in the character set that it names.</summary>
public static class CsvBody
{
    /// <summary>Bytes that a packed file unpacks to, at most.</summary>
    public const long UnpackedBytesMax = 2L * 1024 * 1024 * 1024;

    private const int MarkBytes = 4;

    /// <summary>Nothing is read of it yet, but its first bytes where the order of bytes must be known.</summary>
    /// <exception cref="Problem">415 <c>request.content_type</c>, <c>request.content_encoding</c>; while it is read 413 and
    /// 400.</exception>
    public static async Task<Stream> OpenAsync(HttpContext context, CancellationToken ct)
    {
        var charset = BodyForm.Charset(context.Request, BodyForm.Taken(context.GetEndpoint()));
        var body = BodyForm.Unpacked(context.Request, UnpackedBytesMax);
        if (charset is null || charset.CodePage == Encoding.UTF8.CodePage)
        {
            return body; // or UTF-16 with a mark, which the reader sees for itself
        }

        if (charset is UnicodeEncoding or UTF32Encoding)
        {
            (body, charset) = await ByMarkAsync(body, charset, ct);
        }

        return Encoding.CreateTranscodingStream(body, charset, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false));
    }

    private static async Task<(Stream Body, Encoding Charset)> ByMarkAsync(Stream body, Encoding named, CancellationToken ct)
    {
        var reader = PipeReader.Create(body, new StreamPipeReaderOptions(leaveOpen: true));
        var start = await reader.ReadAtLeastAsync(MarkBytes, ct);
        var mark = new byte[Math.Min(MarkBytes, start.Buffer.Length)];
        System.Buffers.BuffersExtensions.CopyTo(start.Buffer.Slice(0, mark.Length), mark);
        reader.AdvanceTo(start.Buffer.Start);
        Encoding charset = mark switch
        {
            [0xFF, 0xFE, 0, 0] => Encoding.UTF32,
            [0xFE, 0xFF, ..] => Encoding.BigEndianUnicode,
            [0xFF, 0xFE, ..] => Encoding.Unicode,
            _ => named,
        };
        return (reader.AsStream(leaveOpen: true), charset);
    }
}
