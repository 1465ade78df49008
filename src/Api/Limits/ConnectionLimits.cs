using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Bsp.Api.Limits;

/// <summary>
/// What one connection, and all of them, may take of this process before anybody has said who is there. The figures: docs/decisions/0172.
/// </summary>
internal static class ConnectionLimits
{
    private const int Kilobyte = 1_024;

    /// <param name="connections">Open at once; further ones are closed at once.</param>
    public static void Set(KestrelServerLimits limits, int connections)
    {
        limits.MaxConcurrentConnections = connections;
        limits.MaxConcurrentUpgradedConnections = 0;

        // What lies read and not yet asked for, of each connection.
        limits.MaxRequestBufferSize = 64 * Kilobyte;
        limits.MaxResponseBufferSize = 64 * Kilobyte;
        limits.MaxRequestHeaderCount = 100;
        limits.MaxRequestLineSize = 16 * Kilobyte; // a filter of a list is 8,000 characters, and may be escaped
        limits.KeepAliveTimeout = TimeSpan.FromSeconds(75);

        // For what no route reads; bodies that are read have the paces of PacedBody instead.
        limits.MinRequestBodyDataRate = new(bytesPerSecond: 4 * Kilobyte, gracePeriod: TimeSpan.FromSeconds(10));

        // A client that reads an answer more slowly is cut off: it is kept in memory until it is read.
        limits.MinResponseDataRate = new(bytesPerSecond: 4 * Kilobyte, gracePeriod: TimeSpan.FromSeconds(10));
        limits.Http2.MaxStreamsPerConnection = 32;
        limits.Http2.HeaderTableSize = 4 * Kilobyte;
        limits.Http2.MaxFrameSize = 16 * Kilobyte;
        limits.Http2.MaxRequestHeaderFieldSize = 32 * Kilobyte;
        limits.Http2.InitialStreamWindowSize = 64 * Kilobyte;
        limits.Http2.InitialConnectionWindowSize = 256 * Kilobyte;
        limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
        limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(15);
    }
}
