using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Bsp.UnitTests.Meta;

/// <summary>A Graph that answers every request with the same bytes, whatever they are, over a socket of its own.</summary>
internal sealed class OddGraph : IDisposable
{
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource stop = new();
    private readonly Func<string, NetworkStream, CancellationToken, Task> answer;
    private int requests;

    /// <param name="answer">Of a request (head and body as far as they came) onto the connection, which is closed afterwards.</param>
    public OddGraph(Func<string, NetworkStream, CancellationToken, Task> answer)
    {
        this.answer = answer;
        listener.Start();
        _ = AcceptAsync();
    }

    public OddGraph(byte[] bytes) : this((_, stream, ct) => stream.WriteAsync(bytes, ct).AsTask())
    {
    }

    /// <summary>With a version.</summary>
    public Uri BaseUrl => new($"http://127.0.0.1:{((IPEndPoint)listener.LocalEndpoint).Port}/v25.0");

    public int Requests => Volatile.Read(ref requests);

    /// <summary>A whole answer.</summary>
    public static byte[] Http(int status, byte[] body, string more = "") =>
        [.. Encoding.ASCII.GetBytes(
            $"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {body.Length}\r\nConnection: close\r\n{more}\r\n"),
            .. body];

    public static byte[] Http(int status, string body, string more = "") => Http(status, Encoding.UTF8.GetBytes(body), more);

    public void Dispose()
    {
        stop.Cancel();
        listener.Dispose();
        stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        var ct = stop.Token;
        try
        {
            while (true)
            {
                _ = ServeAsync(await listener.AcceptTcpClientAsync(ct), ct);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // disposed of
        }
    }

    private async Task ServeAsync(TcpClient client, CancellationToken ct)
    {
        using (client)
        {
            try
            {
                var stream = client.GetStream();
                var request = await ReadAsync(stream, ct);
                Interlocked.Increment(ref requests);
                await answer(request, stream, ct);
                client.Client.Shutdown(SocketShutdown.Send);
                while (await stream.ReadAsync(new byte[1024], ct) > 0)
                {
                    // until the other side has read everything
                }
            }
            catch (Exception e) when (e is IOException or OperationCanceledException or SocketException or ObjectDisposedException)
            {
                // it went away, or this was disposed of
            }
        }
    }

    private static async Task<string> ReadAsync(NetworkStream stream, CancellationToken ct)
    {
        var text = new StringBuilder();
        var part = new byte[8192];
        while (true)
        {
            var read = await stream.ReadAsync(part, ct);
            text.Append(Encoding.UTF8.GetString(part, 0, read));
            var all = text.ToString();
            var end = all.IndexOf("\r\n\r\n", StringComparison.Ordinal);
            if (read == 0 || (end >= 0 && all.Length - end - 4 >= Length(all[..end])))
            {
                return all;
            }
        }
    }

    private static int Length(string head) =>
        head.Split("\r\n").FirstOrDefault(l => l.StartsWith("Content-Length:", StringComparison.OrdinalIgnoreCase)) is { } line
        ? int.Parse(line[15..], System.Globalization.CultureInfo.InvariantCulture) : 0;
}
