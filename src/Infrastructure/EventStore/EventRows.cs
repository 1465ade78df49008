using System.Text.Json;
using Bsp.Application.EventStore;
using Npgsql;

namespace Bsp.Infrastructure.EventStore;

/// <summary>A stored body that this build knows by name but cannot read. Given to no projection: it is a bad event.</summary>
/// <param name="Error">Why.</param>
internal sealed record UnreadableBody(string Error);

/// <summary>Rows of <c>mt_events</c> as <see cref="StoredEvent"/>.</summary>
internal static class EventRows
{
    /// <summary>In the order that <see cref="Read"/> expects; a binary body (Marten's <c>bdata</c>) is one that we do not read.</summary>
    public const string Columns = "e.seq_id, e.id, e.stream_id, e.version, e.type, CASE WHEN e.bdata IS NULL THEN e.data END, e.timestamp, e.correlation_id, e.causation_id, e.user_name";

    /// <summary>One row.</summary>
    /// <param name="tolerant">True: an unreadable body becomes <see cref="UnreadableBody"/>; false: it throws.</param>
    /// <param name="first">Column at which they begin.</param>
    /// <exception cref="JsonException">The body cannot be read.</exception>
    public static StoredEvent Read(NpgsqlDataReader row, Guid organizationId, bool tolerant, int first = 0)
    {
        var type = row.GetString(first + 4);
        return new(row.GetInt64(first), row.GetGuid(first + 1), organizationId, row.GetGuid(first + 2), row.GetInt64(first + 3), type, Body(row, first + 5, type, tolerant),
            new(row.GetDateTime(first + 6)), Metadata(row, first));
    }

    private static EventMetadata Metadata(NpgsqlDataReader row, int first)
    {
        var (correlation, causation, user) = (Text(row, first + 7), Text(row, first + 8), Text(row, first + 9));
        return correlation is null && causation is null && user is null ? EventMetadata.None : new(correlation, causation, user);
    }

    private static object? Body(NpgsqlDataReader row, int column, string type, bool tolerant)
    {
        if (row.IsDBNull(column))
        {
            return null;
        }

        try
        {
            return EventTypes.Read(type, row.GetFieldValue<byte[]>(column));
        }
        catch (Exception error) when (tolerant && error is JsonException or NotSupportedException)
        {
            return new UnreadableBody(error.Message);
        }
    }

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
