using System.Text.Json;
using Bsp.Application.Common;

namespace Bsp.Api.Common;

/// <summary>
/// Reads the body of every route that takes JSON, whole and before anything else reads it: unpacked, in UTF-8, and only with what every
/// store takes (<see cref="KeptJson"/>). So no
/// route sees another character set, a bomb, half a character or a number of 131,072 digits, also where it keeps JSON unread, and every
/// fault names its field.
/// </summary>
public sealed class JsonBody(RequestDelegate next)
{
    /// <summary>Bytes of a body, at most, unpacked.</summary>
    public const int BytesMax = 10 * 1024 * 1024;

    /// <summary>Bytes of a body from somebody who has not said who they are: signing in needs no more.</summary>
    public const int AnonymousBytesMax = 64 * 1024;

    private const int BufferBytes = 16 * 1024;

    public async Task InvokeAsync(HttpContext context)
    {
        var taken = BodyForm.Taken(context.GetEndpoint());
        if (taken.Any(IsJson) && HasBody(context.Request))
        {
            await ReadAsync(context, taken);
        }

        await next(context);
    }

    private static bool IsJson(string type) => type.EndsWith("json", StringComparison.OrdinalIgnoreCase);

    private static bool HasBody(HttpRequest request) =>
        request.ContentLength > 0 || (request.ContentLength is null && request.Headers.TransferEncoding.Count > 0)
        || (request.ContentLength is null && !HttpProtocol.IsHttp11(request.Protocol) && !HttpProtocol.IsHttp10(request.Protocol));

    private static async Task ReadAsync(HttpContext context, IReadOnlyList<string> taken)
    {
        var request = context.Request;
        var charset = BodyForm.Charset(request, taken);
        var bytesMax = Caller.Of(context).Role == Role.Anonymous ? AnonymousBytesMax : BytesMax;
        var body = await WholeAsync(BodyForm.Unpacked(request, bytesMax), bytesMax, context.RequestAborted);
        if (charset is not null && charset.CodePage != System.Text.Encoding.UTF8.CodePage)
        {
            body = BodyForm.ToUtf8(body, charset);
        }

        var start = body.AsSpan().StartsWith("\uFEFF"u8) ? 3 : 0;
        if (body.Length > start)
        {
            Check(body.AsSpan(start));
        }

        var whole = new WholeBody(body, start);
        whole.Rewind(request);
        context.Features.Set(whole);
        request.ContentType = taken.First(IsJson);
        request.Headers.Remove("Content-Encoding");
        request.Headers.Remove("Transfer-Encoding");
    }

    private static void Check(ReadOnlySpan<byte> body)
    {
        KeptFault? fault;
        try
        {
            fault = KeptJson.BodyFault(body);
        }
        catch (JsonException json)
        {
            throw JsonProblems.From(json);
        }

        if (fault is not null)
        {
            throw fault.Member.Length == 0 ? new Problem(400, "request.invalid", $"The body {fault.Message}")
                : Problem.Field("request.invalid", fault.Member, fault.For(fault.Member));
        }
    }

    // Grows as bytes come: what is announced costs nothing.
    private static async Task<byte[]> WholeAsync(Stream body, int bytesMax, CancellationToken ct)
    {
        using var whole = new MemoryStream();
        var buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            for (int read; (read = await body.ReadAsync(buffer, ct)) > 0;)
            {
                if (whole.Length + read > bytesMax)
                {
                    throw new Problem(413, "request.too_large", $"The body is larger than {bytesMax} bytes.");
                }

                whole.Write(buffer, 0, read);
            }
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        }

        return whole.ToArray();
    }
}

/// <summary>A body as it was read: UTF-8 without a mark.</summary>
internal sealed class WholeBody(byte[] bytes, int start)
{
    /// <summary>Gives it to whoever reads next.</summary>
    public void Rewind(HttpRequest request)
    {
        request.Body = new MemoryStream(bytes, start, bytes.Length - start, writable: false);
        request.ContentLength = bytes.Length - start;
    }
}
