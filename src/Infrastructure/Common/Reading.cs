using System.Text.Json;
using Npgsql;

namespace Bsp.Infrastructure.Common;

/// <summary>Columns that may be null, and JSON.</summary>
public static class Reading
{
    public static string? TextOrNull(this NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetString(column);

    public static Guid? GuidOrNull(this NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetGuid(column);

    public static DateTimeOffset? TimeOrNull(this NpgsqlDataReader row, int column) =>
        row.IsDBNull(column) ? null : row.GetFieldValue<DateTimeOffset>(column);

    /// <summary>A column selected as <c>::text</c>.</summary>
    public static JsonElement Json(this NpgsqlDataReader row, int column) => JsonSerializer.Deserialize<JsonElement>(row.GetString(column));
}
