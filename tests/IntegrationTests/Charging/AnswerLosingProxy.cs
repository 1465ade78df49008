using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Bsp.IntegrationTests.Charging;

/// <summary>
/// Stands before PostgreSQL. Once asked to, it lets one COMMIT through, reads that it was carried out, and cuts the connection instead of
/// saying so: what a client sees of a network that breaks in the worst moment.
/// </summary>
internal sealed class AnswerLosingProxy : IDisposable
{
    private static readonly byte[] Commit = [(byte)'Q', 0, 0, 0, 11, .. "COMMIT\0"u8];
    private static readonly byte[] Committed = [.. "COMMIT\0"u8];

    private readonly Uri server;
    private readonly TcpListener listener = new(IPAddress.Loopback, 0);
    private readonly List<TcpClient> open = [];
    private volatile Wish? wish;

    public AnswerLosingProxy(Uri server)
    {
        this.server = server;
        listener.Start();
        _ = AcceptAsync();
    }

    public int Port => ((IPEndPoint)listener.LocalEndpoint).Port;

    /// <summary>The next COMMIT of a connection on which the text was sent loses its answer; ends when it did.</summary>
    public Task LoseNextCommitAfter(string text)
    {
        var asked = new Wish(Encoding.UTF8.GetBytes(text));
        wish = asked;
        return asked.Lost.Task;
    }

    public void Dispose()
    {
        listener.Stop();
        lock (open)
        {
            open.ForEach(c => c.Dispose());
        }
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
            {
                var client = await listener.AcceptTcpClientAsync();
                var onward = new TcpClient { NoDelay = true };
                client.NoDelay = true;
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
            var connection = new Connection(client.GetStream(), onward.GetStream());
            await Task.WhenAny(UpAsync(connection), DownAsync(connection));
        }
        catch (Exception e) when (e is IOException or SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // cut
        }
        finally
        {
            client.Dispose();
            onward.Dispose();
            lock (open)
            {
                open.Remove(client);
                open.Remove(onward);
            }
        }
    }

    private async Task UpAsync(Connection of)
    {
        var (buffer, kept) = (new byte[64 * 1024], Array.Empty<byte>());
        for (int read; (read = await of.Client.ReadAsync(buffer)) > 0;)
        {
            if (wish is { } asked)
            {
                byte[] seen = [.. kept, .. buffer.AsSpan(0, read)];
                of.Named |= seen.AsSpan().IndexOf(asked.Text) >= 0;
                of.Losing ??= of.Named && seen.AsSpan().EndsWith(Commit) ? asked : null;
                kept = seen[^Math.Min(seen.Length, Math.Max(asked.Text.Length, Commit.Length) - 1)..];
            }

            await of.Server.WriteAsync(buffer.AsMemory(0, read));
        }
    }

    private async Task DownAsync(Connection of)
    {
        var buffer = new byte[64 * 1024];
        for (int read; (read = await of.Server.ReadAsync(buffer)) > 0;)
        {
            if (of.Losing is { } asked && buffer.AsSpan(0, read).IndexOf(Committed) >= 0)
            {
                wish = null;
                asked.Lost.SetResult();
                return;
            }

            await of.Client.WriteAsync(buffer.AsMemory(0, read));
        }
    }

    private sealed class Connection(NetworkStream client, NetworkStream server)
    {
        public NetworkStream Client => client;

        public NetworkStream Server => server;

        public bool Named { get; set; }

        public volatile Wish? Losing;
    }

    private sealed record Wish(byte[] Text)
    {
        public TaskCompletionSource Lost { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
