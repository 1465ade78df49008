using Bsp.Application.Media;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Npgsql;

namespace Bsp.Infrastructure.Media;

/// <summary>A row of <c>bsp.media</c>.</summary>
/// <param name="Key">The content's key, sealed; null: there is no content.</param>
/// <param name="Name">The file's name, sealed; null: it has none.</param>
internal sealed record MediaRow(Guid Id, string Source, string Status, string Kind, string? MimeType, long Bytes, byte[]? Sha256,
    Guid? AccountId, Guid? ContactId, Guid? MessageId, string? Error, DateTimeOffset CreatedAt, DateTimeOffset? StoredAt,
    string? ObjectKey, Sealed? Key, Sealed? Name)
{
    public const string Columns = """
        m.id, m.source, m.status, m.kind, m.mime_type, m.bytes, m.sha256, m.account_id, m.contact_id, m.message_id, m.error, m.created_at,
        m.stored_at, m.object_key, m.key_id, m.key_data, m.name_key_id, m.name_data
        """;

    public static MediaRow Read(NpgsqlDataReader r) => new(r.GetGuid(0), r.GetString(1), r.GetString(2), r.GetString(3), r.TextOrNull(4),
        r.GetInt64(5), r.IsDBNull(6) ? null : r.GetFieldValue<byte[]>(6), IdOrNull(r, 7), IdOrNull(r, 8), IdOrNull(r, 9), r.TextOrNull(10),
        r.GetFieldValue<DateTimeOffset>(11), r.TimeOrNull(12), r.TextOrNull(13), Sealed(r, 14), Sealed(r, 16));

    public MediaView View(string? name) => new(Id, Source, Status, Kind, MimeType, Bytes,
        Sha256 is { } sha ? Convert.ToHexStringLower(sha) : null, name, AccountId, ContactId, MessageId, Error, CreatedAt, StoredAt);

    private static Guid? IdOrNull(NpgsqlDataReader r, int column) => r.IsDBNull(column) ? null : r.GetGuid(column);

    private static Sealed? Sealed(NpgsqlDataReader r, int column) =>
        r.IsDBNull(column) ? null : new(r.GetGuid(column), r.GetString(column + 1));
}
