using System.Net;
using System.Net.Sockets;
using Bsp.Application.CustomerWebhooks;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>
/// Connects to addresses that organizations name: webhooks, models. The name is resolved here, every address that it has must be one that
/// may be connected to (<see cref="OutboundRules"/>), and the connection is made to those, so that a name that changes its address between
/// looking and connecting gains nothing.
/// </summary>
public sealed class OutboundConnections(OutboundRules rules)
{
    private const int AddressesMax = 16;

    /// <summary>Of <see cref="SocketsHttpHandler.ConnectCallback"/>.</summary>
    /// <exception cref="OutboundRefused">One of the host's addresses may not be connected to.</exception>
    /// <exception cref="OutboundUnresolved"/>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        var addresses = IPAddress.TryParse(host.Trim('[', ']'), out var literal) ? [literal] : await ResolveAsync(host, ct);
        var tls = context.InitialRequestMessage.RequestUri?.Scheme == Uri.UriSchemeHttps;
        foreach (var address in addresses)
        {
            if (rules.Fault(address, port, tls) is { } fault)
            {
                throw new OutboundRefused($"the address {fault}");
            }
        }

        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, port, ct);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    private static async Task<IPAddress[]> ResolveAsync(string host, CancellationToken ct)
    {
        try
        {
            var all = await Dns.GetHostAddressesAsync(host, ct);
            return all.Length is > 0 and <= AddressesMax ? all
                : throw new OutboundUnresolved(all.Length == 0 ? "the host has no address"
                    : $"the host has more than {AddressesMax} addresses");
        }
        catch (Exception error) when (error is SocketException or ArgumentException)
        {
            throw new OutboundUnresolved("the host cannot be resolved");
        }
    }
}

/// <summary>An address that may not be connected to.</summary>
public sealed class OutboundRefused(string message) : IOException(message);

/// <summary>A host without an address, or with too many.</summary>
public sealed class OutboundUnresolved(string message) : IOException(message);
