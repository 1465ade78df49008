using System.Net.Sockets;
using System.Text;

namespace Bsp.IntegrationTests.Limits;

/// <summary>A client that says what it is going to send and then takes its time.</summary>
internal sealed class SlowClient : IDisposable
{
    private readonly TcpClient connection = new();

    /// <param name="sent">Of the body, at once; nothing follows unless <see cref="SendAsync"/> is called.</param>
    /// <param name="announced">Content-Length.</param>
    public static async Task<SlowClient> BeginAsync(Uri address, string method, string path, string? token, string contentType,
        int announced, byte[] sent, params string[] headers)
    {
        var client = new SlowClient();
        await client.connection.ConnectAsync(address.Host, address.Port);
        var head = new StringBuilder(
            $"{method} {path} HTTP/1.1\r\nHost: {address.Authority}\r\nContent-Type: {contentType}\r\nContent-Length: {announced}\r\n");
        foreach (var header in token is null ? headers : [.. headers, $"Authorization: Bearer {token}"])
        {
            head.Append(header).Append("\r\n");
        }

        try
        {
            await client.SendAsync([.. Encoding.ASCII.GetBytes(head.Append("\r\n").ToString()), .. sent]);
        }
        catch (IOException)
        {
            // It has answered already and closed; the answer lies here to be read.
        }

        return client;
    }

    public async Task SendAsync(byte[] bytes) => await connection.GetStream().WriteAsync(bytes);

    /// <summary>The status line, when the server has answered.</summary>
    public async Task<string> StatusAsync(CancellationToken ct) => await new StreamReader(connection.GetStream()).ReadLineAsync(ct) ?? "";

    /// <summary>Everything until the server closes or the time is over.</summary>
    public async Task<string> AnswerAsync(CancellationToken ct)
    {
        var (text, buffer) = (new StringBuilder(), new byte[4_096]);
        try
        {
            for (int read; !text.ToString().Contains("\"trace_id\"", StringComparison.Ordinal)
                && (read = await connection.GetStream().ReadAsync(buffer, ct)) > 0;)
            {
                text.Append(Encoding.UTF8.GetString(buffer, 0, read));
            }
        }
        catch (IOException)
        {
            // Closed by the server after its answer.
        }

        return text.ToString();
    }

    public void Dispose() => connection.Dispose();
}
