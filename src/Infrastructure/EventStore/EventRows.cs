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
    /// <exception cref="JsonException">The body cannot be read.</exception>
    public static StoredEvent Read(NpgsqlDataReader row, Guid organizationId, bool tolerant)
    {
        var type = row.GetString(4);
        return new(row.GetInt64(0), row.GetGuid(1), organizationId, row.GetGuid(2), row.GetInt64(3), type, Body(row, type, tolerant),
            new(row.GetDateTime(6)), Metadata(row));
    }

    private static EventMetadata Metadata(NpgsqlDataReader row)
    {
        var (correlation, causation, user) = (Text(row, 7), Text(row, 8), Text(row, 9));
        return correlation is null && causation is null && user is null ? EventMetadata.None : new(correlation, causation, user);
    }

    private static object? Body(NpgsqlDataReader row, string type, bool tolerant)
    {
        if (row.IsDBNull(5))
        {
            return null;
        }

        try
        {
            return EventTypes.Read(type, row.GetFieldValue<byte[]>(5));
        }
        catch (Exception error) when (tolerant && error is JsonException or NotSupportedException)
        {
            return new UnreadableBody(error.Message);
        }
    }

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
