using System.Collections.Frozen;
using System.Net;
using System.Net.Sockets;

namespace Bsp.Application.CustomerWebhooks;

/// <summary>Where the platform may connect to on a customer's word.</summary>
/// <param name="allowed">Networks of the platform's own that are allowed all the same, also without TLS and on any port: for work on one
/// machine. Empty in production.</param>
public sealed class OutboundRules(IReadOnlyList<IPNetwork> allowed)
{
    private const int UrlCharactersMax = 2_000;

    // Ports above 1023 on which other things than web servers listen; below, 443 and 80 alone are open.
    private static readonly FrozenSet<int> PortsClosed = new[]
    {
        1080, 1433, 1434, 1521, 1883, 2049, 2181, 2375, 2376, 2379, 2380, 3128, 3306, 3389, 4369, 5432, 5672, 5900, 5984, 5985, 5986, 6000,
            6379, 6443, 6566, 6665, 6666, 6667, 6668, 6669, 6697,
        7000, 7001, 7474, 8086, 8125, 8500, 9000, 9042, 9092, 9100, 9160, 9200, 9300, 9418, 10250, 10255, 11211, 15672, 27017, 27018,
        50070, 61613, 61616,
    }.ToFrozenSet();

    // IANA's special-purpose registries (https://www.iana.org/assignments/iana-ipv4-special-registry, …ipv6…): what is not globally
    // reachable, multicast, and what carries an IPv4 address inside.
    private static readonly IPNetwork[] Closed =
    [
        .. new[]
        {
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
                "192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16",
            "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32",
            "::/96", "::1/128", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "100:0:0:1::/64", "2001::/23", "2001:db8::/32", "2002::/16",
            "2620:4f:8000::/48", "3fff::/20", "5f00::/16",
            "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
        }.Select(text => IPNetwork.Parse(text)),
    ];

    private static readonly IPNetwork GlobalV6 = IPNetwork.Parse("2000::/3");

    /// <summary>Nothing is allowed but the public Internet by TLS.</summary>
    public static readonly OutboundRules Public = new([]);

    /// <summary>Some network of our own is allowed: addresses without TLS are taken, and judged when they are connected to.</summary>
    public bool AllowsLocal => allowed.Count > 0;

    /// <summary>What is wrong with an address that a customer gives, as far as that shows without resolving it; null: nothing.</summary>
    public string? Fault(string? text)
    {
        if (text is null || text.Length > UrlCharactersMax || text.Any(c => c is <= ' ' or '\x7f')
            || !Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme is not ("http" or "https") || url.Host.Length == 0)
        {
            return $"must be an https address of at most {UrlCharactersMax} characters without blanks.";
        }

        if (url.UserInfo.Length > 0 || text.Split("//", 2)[^1].Split('/', '?', '#', '\\')[0].Contains('@', StringComparison.Ordinal))
        {
            return "must not hold a user name or password: put them into headers, which are kept sealed.";
        }

        if (url.Fragment.Length > 0)
        {
            return "must not end in a fragment (#…): it is never sent.";
        }

        if (url.Scheme == "http" && !AllowsLocal)
        {
            return "must begin with https://.";
        }

        var address = IPAddress.TryParse(url.IdnHost.Trim('[', ']'), out var literal) ? literal : null;
        if (address is not null)
        {
            return Fault(address, url.Port, url.Scheme == "https");
        }

        return !AllowsLocal && PortFault(url.Port) is { } port ? port
            : !AllowsLocal
            && (!url.IdnHost.TrimEnd('.').Contains('.', StringComparison.Ordinal)
                || url.IdnHost.TrimEnd('.').EndsWith(".localhost", StringComparison.OrdinalIgnoreCase))
                ? "must name a host of the public Internet, such as hooks.example.com." : null;
    }

    /// <summary>What is wrong with connecting to this address; null: nothing. Called for every address of every connection.</summary>
    public string? Fault(IPAddress address, int port, bool tls)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        if (allowed.Any(network => network.Contains(plain)))
        {
            return null;
        }

        return !IsPublic(plain) ? "leads to an address that is not of the public Internet."
            : !tls ? "must begin with https://."
            : PortFault(port);
    }

    /// <summary>Whether an address is one of the public Internet.</summary>
    public static bool IsPublic(IPAddress address)
    {
        var plain = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address;
        return (plain.AddressFamily == AddressFamily.InterNetwork
            || (plain.AddressFamily == AddressFamily.InterNetworkV6 && plain.ScopeId == 0 && GlobalV6.Contains(plain)))
            && !Closed.Any(network => network.Contains(plain));
    }

    private static string? PortFault(int port) => port is 443 or 80 || (port > 1023 && !PortsClosed.Contains(port)) ? null
        : $"must not use port {port}: 443, or one above 1023 on which web servers listen.";
}
