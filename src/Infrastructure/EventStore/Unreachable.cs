using System.Net.Sockets;
using Npgsql;

namespace Bsp.Infrastructure.EventStore;

/// <summary>Which errors of Npgsql mean that the server cannot be reached, is shutting down or is starting.</summary>
internal static class Unreachable
{
    /// <summary>True when the server, not the statement, is the trouble.</summary>
    public static bool Is(Exception error) => error switch
    {
        PostgresException refused => Ended(refused) || refused.SqlState == PostgresErrorCodes.TooManyConnections,
        NpgsqlException { InnerException: null } => true,
        NpgsqlException { InnerException: IOException or SocketException or TimeoutException or EndOfStreamException } => true,
        IOException or SocketException or TimeoutException => true,
        _ => false,
    };

    /// <summary>The server ended the session (08xxx, 57P01–57P05): what became of a running statement is unknown.</summary>
    public static bool Ended(PostgresException error) => error.SqlState is ['0', '8', ..] or ['5', '7', 'P', '0', >= '1' and <= '5'];
}
