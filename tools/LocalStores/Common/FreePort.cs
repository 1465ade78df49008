using System.Net;
using System.Net.Sockets;

namespace Bsp.LocalStores.Common;

internal static class FreePort
{
    // Below what Linux gives to outgoing connections (32768 on): a server that is stopped and started again must find its port free, and
    // clients that ask for it meanwhile must not be
    // connected to themselves.
    private const int From = 20_000;
    private const int To = 32_000;

    /// <summary>
    /// A loopback port that was free a moment ago; another process may still take it, so a start that finds it taken asks again.
    /// </summary>
    public static int Next()
    {
        while (true)
        {
            var port = Random.Shared.Next(From, To);
            if (IsFree(port))
            {
                return port;
            }
        }
    }

    /// <summary>The first free loopback port at or after <paramref name="wanted"/>; looks at <paramref name="span"/> ports.</summary>
    /// <exception cref="Obstacle">all of them are taken</exception>
    public static int FirstFrom(int wanted, int span = 50)
    {
        for (var port = wanted; port < wanted + span; port++)
        {
            if (IsFree(port))
            {
                return port;
            }
        }

        throw new Obstacle(
            $"Ports {wanted} to {wanted + span - 1} are all taken: free one, or set ASPNETCORE_URLS=http://127.0.0.1:<port>.");
    }

    public static bool IsFree(int port)
    {
        try
        {
            using var listener = new TcpListener(IPAddress.Loopback, port);
            listener.Start();
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
