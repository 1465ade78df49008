using System.Net.Sockets;
using System.Text;

namespace Bsp.Benchmarks.Hostile;

/// <summary>HTTP by hand, as slowly as one likes.</summary>
internal sealed class RawSocket : IDisposable
{
    private static readonly TimeSpan ReadEvery = TimeSpan.FromMilliseconds(100);

    private readonly TcpClient client = new() { ReceiveBufferSize = 4_096 };

    /// <param name="head">Request line and headers, each with its line end.</param>
    public static async Task<RawSocket> OpenAsync(string url, string head, string body, CancellationToken ct)
    {
        var (socket, address) = (new RawSocket(), new Uri(url));
        await socket.client.ConnectAsync(address.Host, address.Port, ct);
        await socket.client.GetStream()
            .WriteAsync(Encoding.ASCII.GetBytes($"{head}Host: {address.Authority}\r\nConnection: close\r\n\r\n{body}"), ct);
        return socket;
    }

    /// <summary>The status that is answered.</summary>
    public async Task<string> StatusAsync(CancellationToken ct)
    {
        var start = new byte[12];
        var read = await client.GetStream().ReadAtLeastAsync(start, start.Length, throwOnEndOfStream: false, ct);
        return read == start.Length ? Encoding.ASCII.GetString(start, 9, 3) : "closed";
    }

    /// <summary>Sends a little now and then, until it is answered.</summary>
    public async Task<string> DripAsync(string drop, TimeSpan every, CancellationToken ct)
    {
        var status = StatusAsync(ct);
        while (await Task.WhenAny(status, Task.Delay(every, ct)) != status)
        {
            ct.ThrowIfCancellationRequested();
            await client.GetStream().WriteAsync(Encoding.ASCII.GetBytes(drop), ct);
        }

        return await status;
    }

    /// <summary>Takes a few bytes now and then, until the server ends it.</summary>
    public async Task<string> ReadSlowlyAsync(CancellationToken ct)
    {
        var status = await StatusAsync(ct);
        var piece = new byte[100];
        while (await client.GetStream().ReadAsync(piece, ct) > 0)
        {
            await Task.Delay(ReadEvery, ct);
        }

        return status;
    }

    public void Dispose() => client.Dispose();
}
