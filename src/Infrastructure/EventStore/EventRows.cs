using Bsp.Application.EventStore;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.EventStore;

/// <summary>Rows of <c>mt_events</c> as <see cref="StoredEvent"/>.</summary>
internal static class EventRows
{
    private const int ErrorCharactersMax = 1_000;

    /// <summary>In the order that <see cref="Read"/> expects; a binary body (Marten's <c>bdata</c>) is one that we do not read.</summary>
    /// <param name="leftOut">Parameter with <see cref="LeftOut"/>, such as <c>$3</c>.</param>
    public static string Columns(string leftOut) =>
        $"e.seq_id, e.id, e.stream_id, e.version, e.type, CASE WHEN e.bdata IS NULL AND e.seq_id <> ALL ({leftOut}) THEN e.data END, e.timestamp, e.correlation_id, e.causation_id, e.user_name";

    /// <summary>The same columns of a function that gives them, with a last one of its own.</summary>
    /// <param name="leftOut">Parameter with <see cref="LeftOut"/>; null: no bodies at all.</param>
    public static string ColumnsOf(string? leftOut, string last) =>
        $"seq_id, id, stream_id, version, type, {(leftOut is null ? "NULL::jsonb" : $"CASE WHEN seq_id <> ALL ({leftOut}) THEN data END")}, \"timestamp\", correlation_id, causation_id, user_name, {last}";

    /// <summary>Events whose bodies are not asked for.</summary>
    public static NpgsqlParameter LeftOut(UnreadableEvents unreadable) =>
        new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bigint, Value = unreadable.Numbers() };

    /// <summary>One row. A body that cannot be read becomes <see cref="UnreadableBody"/>.</summary>
    /// <param name="first">Column at which they begin.</param>
    public static StoredEvent Read(NpgsqlDataReader row, Guid organizationId, UnreadableEvents unreadable, int first = 0)
    {
        var (sequence, type) = (row.GetInt64(first), row.GetString(first + 4));
        return new(sequence, row.GetGuid(first + 1), organizationId, row.GetGuid(first + 2), row.GetInt64(first + 3), type,
            Body(row, first + 5, sequence, type, unreadable),
            new(row.GetDateTime(first + 6)), Metadata(row, first));
    }

    private static EventMetadata Metadata(NpgsqlDataReader row, int first)
    {
        var (correlation, causation, user) = (Text(row, first + 7), Text(row, first + 8), Text(row, first + 9));
        return correlation is null && causation is null && user is null ? EventMetadata.None : new(correlation, causation, user);
    }

    private static object? Body(NpgsqlDataReader row, int column, long sequence, string type, UnreadableEvents unreadable)
    {
        if (row.IsDBNull(column))
        {
            return unreadable.Find(sequence) is { } error ? new UnreadableBody(error) : null;
        }

        var text = row.GetFieldValue<byte[]>(column);
        if (text.Length > UnreadableEvents.BodyBytesMax)
        {
            var error = $"Its body has {text.Length} bytes as text; {UnreadableEvents.BodyBytesMax} are read.";
            unreadable.Note(sequence, error);
            return new UnreadableBody(error);
        }

        try
        {
            return EventTypes.Read(type, text);
        }
        // whatever a record's own code makes of it: this event is bad, its neighbours are not
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            return new UnreadableBody(Domain.Common.Text.Cut(error.Message, ErrorCharactersMax));
        }
    }

    private static string? Text(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);
}
