using System.Net;
using System.Net.Sockets;
using Bsp.Application.CustomerWebhooks;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>It is an address to which nobody may make us connect.</summary>
internal sealed class OutboundRefused(string message) : IOException(message);

/// <summary>The name leads nowhere.</summary>
internal sealed class OutboundUnresolved(string message) : IOException(message);

/// <summary>
/// How connections to addresses of others' choosing are made: the name is resolved here, and connected to only when every address that it
/// has may be, so that a name that changes its address between looking and connecting gains nothing.
/// </summary>
/// <param name="ask">Which addresses a name has at this moment; null: the system says.</param>
internal sealed class GuardedConnect(OutboundRules rules, Func<string, IPAddress[]>? ask = null) : IDisposable
{
    private const int AddressesMax = 16;

    /// <summary>On a request: the organization for which it is made.</summary>
    public static readonly HttpRequestOptionsKey<Guid> Whose = new("organization");

    private readonly HostNames names = new(ask ?? Dns.GetHostAddresses);

    public void Dispose() => names.Dispose();

    /// <summary>For <see cref="System.Net.Http.SocketsHttpHandler.ConnectCallback"/>, without a proxy.</summary>
    /// <exception cref="OutboundRefused"/>
    /// <exception cref="OutboundUnresolved"/>
    public async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken ct)
    {
        var (host, port) = (context.DnsEndPoint.Host, context.DnsEndPoint.Port);
        context.InitialRequestMessage.Options.TryGetValue(Whose, out var organization);
        var addresses = IPAddress.TryParse(host.Trim('[', ']'), out var literal) ? [literal]
            : await ResolveAsync(host, organization, ct);
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

    private async Task<IPAddress[]> ResolveAsync(string host, Guid organization, CancellationToken ct)
    {
        try
        {
            var all = await names.ResolveAsync(host, organization, ct);
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
