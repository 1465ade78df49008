using System.Net;
using System.Net.Sockets;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Views;

/// <summary>
/// Stands before a server so that a test can take it away: connections are cut and refused, on the same port again afterwards.
/// </summary>
internal sealed class StoppableProxy : IDisposable
{
    private volatile Uri server;
    private readonly List<TcpClient> open = [];
    private TcpListener? listener;

    public StoppableProxy(Uri server)
    {
        this.server = server;
        Start();
    }

    public int Port { get; } = ApiProcess.FreePort(); // one that nobody is given while it is stopped

    public void Start()
    {
        listener = new(IPAddress.Loopback, Port);
        listener.Server.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        listener.Start();
        _ = AcceptAsync(listener);
    }

    /// <summary>From now on connections lead to another server, as after a change of the address that clients know.</summary>
    public void PointTo(Uri other) => server = other;

    public void Stop()
    {
        listener?.Stop();
        lock (open)
        {
            open.ForEach(c => c.Dispose());
            open.Clear();
        }
    }

    public void Dispose() => Stop();

    private async Task AcceptAsync(TcpListener own)
    {
        try
        {
            while (true)
            {
                var client = await own.AcceptTcpClientAsync();
                var onward = new TcpClient();
                lock (open)
                {
                    open.AddRange([client, onward]);
                }

                _ = PumpAsync(client, onward);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // stopped
        }
    }

    private async Task PumpAsync(TcpClient client, TcpClient onward)
    {
        try
        {
            await onward.ConnectAsync(server.Host, server.Port);
            await Task.WhenAny(client.GetStream().CopyToAsync(onward.GetStream()), onward.GetStream().CopyToAsync(client.GetStream()));
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // cut
        }
        finally
        {
            client.Dispose();
            onward.Dispose();
        }
    }
}
