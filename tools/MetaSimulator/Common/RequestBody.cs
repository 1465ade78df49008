using System.Buffers;
using System.Text.Json;

namespace Bsp.MetaSimulator.Common;

/// <summary>The bytes of one request in a rented buffer, given back on disposal.</summary>
internal readonly struct RequestBody(byte[] rented, int length) : IDisposable
{
    /// <summary>Bytes of JSON one Graph call may carry; larger bodies are refused with 413.</summary>
    public const int JsonBytesMax = 2 * 1024 * 1024;

    public ReadOnlyMemory<byte> Bytes => rented.AsMemory(0, length);

    /// <exception cref="BadHttpRequestException">413: more than <see cref="JsonBytesMax"/>.</exception>
    public static async ValueTask<RequestBody> Read(HttpContext http)
    {
        var reader = http.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(http.RequestAborted);
            if (read.Buffer.Length > JsonBytesMax)
            {
                reader.AdvanceTo(read.Buffer.End);
                throw new BadHttpRequestException("The body is too large.", 413);
            }

            if (read.IsCompleted)
            {
                var rented = ArrayPool<byte>.Shared.Rent((int)read.Buffer.Length);
                read.Buffer.CopyTo(rented);
                var length = (int)read.Buffer.Length;
                reader.AdvanceTo(read.Buffer.End);
                return new(rented, length);
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }

    /// <summary>Null when the bytes are not a JSON object.</summary>
    public JsonDocument? Parse()
    {
        try
        {
            var document = JsonDocument.Parse(Bytes);
            if (document.RootElement.ValueKind == JsonValueKind.Object)
            {
                return document;
            }

            document.Dispose();
            return null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(rented);
}
