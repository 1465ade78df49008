using System.Text.Json;
using Bsp.Application.Contacts;
using Bsp.Infrastructure.Common;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Contacts;

/// <summary>Between the table <c>contacts</c> and what the application shows.</summary>
internal static class ContactRows
{
    public const string Columns = """
        c.id, c.organization_id, c.phone_number, c.wa_user_id, c.first_name, c.last_name, c.email, c.custom_fields, c.tags, c.consent_status, c.consent_updated_at,
        c.last_interaction, c.total_messages_received, c.total_messages_sent, c.created_at, c.updated_at, c.row_version
        """;

    /// <summary>
    /// Always true; whoever reads an organization's contacts as a whole, or in the order of ids, says it beside the organization and gets
    /// the index for that (schema 0150). Whoever looks one up by
    /// something else does not say it, so that the planner cannot take that index for it.
    /// </summary>
    public const string InOrder = "c.id <> '00000000-0000-0000-0000-000000000000'";

    public static ContactView Read(NpgsqlDataReader row) =>
        new(row.GetGuid(0), row.GetGuid(1), row.TextOrNull(2), row.TextOrNull(3), row.TextOrNull(4), row.TextOrNull(5), row.TextOrNull(6),
        row.Json(7), JsonSerializer.Deserialize<string[]>(row.GetString(8))!, row.GetString(9), row.TimeOrNull(10), row.TimeOrNull(11),
        row.GetInt32(12), row.GetInt32(13), row.GetFieldValue<DateTimeOffset>(14), row.GetFieldValue<DateTimeOffset>(15), row.GetInt64(16));

    public static ContactFields Fields(ContactView view) =>
        new(view.PhoneNumber, view.WaUserId, view.FirstName, view.LastName, view.Email, view.CustomFields, view.Tags);

    public static NpgsqlParameter Jsonb(JsonElement json) => new() { NpgsqlDbType = NpgsqlDbType.Jsonb, Value = json.GetRawText() };

    public static NpgsqlParameter Jsonb(IReadOnlyList<string> texts) =>
        new() { NpgsqlDbType = NpgsqlDbType.Jsonb, Value = JsonSerializer.Serialize(texts) };

    /// <summary>A parameter that may be null and still has a type.</summary>
    public static NpgsqlParameter Nullable(NpgsqlDbType type, object? value) =>
        new() { NpgsqlDbType = type, Value = value ?? DBNull.Value };
}
