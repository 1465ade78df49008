using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Bsp.IntegrationTests.Common;

/// <summary>A request byte for byte, for what no client library would send.</summary>
public static class RawHttp
{
    /// <param name="headers">Lines without their ends; Host and Connection are added.</param>
    /// <param name="announced">Content-Length; null: that of the body; -1: none.</param>
    public static async Task<Answer> SendAsync(Uri address, string method, string target, IEnumerable<string> headers, byte[]? body = null,
        long? announced = null)
    {
        using var within = new CancellationTokenSource(StoresFixture.AnswerPatience);
        using var client = new TcpClient { NoDelay = true };
        await client.ConnectAsync(address.Host, address.Port, within.Token);
        await using var stream = client.GetStream();
        var length = announced ?? body?.Length ?? -1;
        var lines = new[] { $"{method} {target} HTTP/1.1", $"Host: {address.Authority}", "Connection: close" }.Concat(headers)
            .Concat(length >= 0 ? [$"Content-Length: {length}"] : []);
        await stream.WriteAsync(Encoding.Latin1.GetBytes(string.Join("\r\n", lines) + "\r\n\r\n"), within.Token);
        try
        {
            await stream.WriteAsync(body ?? [], within.Token);
            if (length > (body?.Length ?? 0))
            {
                // no more will come; without need the server would take it for a client that has gone
                client.Client.Shutdown(SocketShutdown.Send);
            }
        }
        catch (IOException)
        {
            // It has answered already.
        }

        using var all = new MemoryStream();
        try
        {
            await stream.CopyToAsync(all, within.Token);
        }
        catch (IOException)
        {
            // Reset after the answer, or instead of one (status 0).
        }

        return Read(all.ToArray());
    }

    private static Answer Read(byte[] bytes)
    {
        var text = Encoding.UTF8.GetString(bytes);
        var end = text.IndexOf("\r\n\r\n", StringComparison.Ordinal);
        if (end < 0)
        {
            return new(0, default, new HttpResponseMessage().Headers, text, null);
        }

        var head = text[..end].Split("\r\n");
        using var message = new HttpResponseMessage { Content = new ByteArrayContent([]) };
        foreach (var line in head.Skip(1))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (!message.Headers.TryAddWithoutValidation(line[..colon], line[(colon + 1)..].Trim()))
            {
                message.Content.Headers.Remove(line[..colon]);
                message.Content.Headers.TryAddWithoutValidation(line[..colon], line[(colon + 1)..].Trim());
            }
        }

        var body = text[(end + 4)..];
        if (message.Headers.TransferEncodingChunked == true)
        {
            body = Unchunked(body);
        }

        var type = message.Content.Headers.ContentType?.MediaType;
        var json = body.Length > 0 && type?.EndsWith("json", StringComparison.Ordinal) == true
            ? JsonSerializer.Deserialize<JsonElement>(body) : default;
        return new(int.Parse(head[0].Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture), json, message.Headers, body, type);
    }

    // Bodies in tests are short enough for characters to be bytes, nearly; sizes are read and taken as hints.
    private static string Unchunked(string body)
    {
        var bytes = Encoding.UTF8.GetBytes(body);
        using var whole = new MemoryStream();
        for (var at = 0; at < bytes.Length;)
        {
            var line = bytes.AsSpan(at).IndexOf("\r\n"u8);
            var size = line <= 0 ? 0 : Convert.ToInt32(Encoding.ASCII.GetString(bytes, at, line), 16);
            if (size == 0)
            {
                break;
            }

            whole.Write(bytes, at + line + 2, size);
            at += line + 2 + size + 2;
        }

        return Encoding.UTF8.GetString(whole.ToArray());
    }
}
