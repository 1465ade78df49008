using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Documents;

/// <summary>JSONB documents that are past a time, by the indexes over organization and time.</summary>
public sealed class PostgresOldDocuments : IOldDocuments
{
    public bool ExpiresLogs => false;

    public async Task<IReadOnlyList<OldMessage>> MessagesAsync(Shard shard, Guid organizationId, DateTimeOffset before,
        (DateTimeOffset At, DocumentId Id)? after, int limit, CancellationToken ct) =>
        await shard.QueryAsync(organizationId, """
            SELECT _id, (doc ->> 'uuid')::uuid, contact_id, (doc ->> 'conversation_uuid')::uuid, created_at, position, doc
              FROM documents.messages WHERE organization_id = $1 AND created_at < $2 AND created_at >= $3 AND (created_at > $3 OR _id > $4)
             ORDER BY created_at, _id LIMIT $5
            """, r => new OldMessage(DocumentId.From(r.GetFieldValue<byte[]>(0)), r.GetGuid(1), r.GetGuid(2), r.GetGuid(3),
            r.GetFieldValue<DateTimeOffset>(4), r.GetInt64(5), r.GetFieldValue<byte[]>(6)), ct,
            organizationId, before.UtcDateTime, Start(after), Id(after), limit);

    public async Task<IReadOnlySet<DocumentId>> GoingOnAsync(Shard shard, Guid organizationId,
        IReadOnlyCollection<DocumentId> conversations, (DateTimeOffset At, DocumentId Id) after, CancellationToken ct) =>
        (await shard.QueryAsync(organizationId, """
            SELECT c.id FROM unnest($1::bytea[]) AS c (id) WHERE EXISTS (SELECT FROM documents.messages d
              WHERE d.conversation_id = c.id AND (d.created_at, d._id) > ($2::timestamptz, $3::bytea))
            """, r => DocumentId.From(r.GetFieldValue<byte[]>(0)), ct, conversations.Select(id => id.ToBytes()).ToArray(), Start(after),
            Id(after))).ToHashSet();

    public async Task<IReadOnlyList<AiConversationDocument>> AiAsync(Shard shard, Guid organizationId, DateTimeOffset before,
        (DateTimeOffset At, DocumentId Id)? after, int limit, CancellationToken ct) =>
        await shard.QueryAsync(organizationId, """
            SELECT doc FROM documents.ai_conversations
             WHERE organization_id = $1 AND updated_at < $2 AND updated_at >= $3 AND (updated_at > $3 OR _id > $4)
             ORDER BY updated_at, _id LIMIT $5
            """, r => DocumentJson.Read<AiConversationDocument>(r.GetFieldValue<byte[]>(0)), ct,
            organizationId, before.UtcDateTime, Start(after), Id(after), limit);

    public async Task<int> DeleteLogsAsync(Shard shard, Guid organizationId, DateTimeOffset before, int limit, CancellationToken ct) =>
        (await shard.QueryAsync(organizationId, """
            DELETE FROM documents.message_logs d WHERE d._id = ANY (ARRAY(
              SELECT l._id FROM documents.message_logs l WHERE l.organization_id = $1 AND l.created_at < $2
               ORDER BY l.created_at LIMIT $3 FOR UPDATE SKIP LOCKED)) RETURNING 1
            """, _ => 1, ct, organizationId, before.UtcDateTime, limit)).Count;

    public async Task<OldCount> CountAsync(Shard shard, Guid organizationId, OldKind kind, DateTimeOffset before, CancellationToken ct)
    {
        var (table, column) = kind switch
        {
            OldKind.Messages => ("messages", "created_at"), OldKind.Logs => ("message_logs", "created_at"),
            _ => ("ai_conversations", "updated_at"),
        };
        return (await shard.FirstAsync(organizationId, $"""
            SELECT count(*), min(d.at) FROM (SELECT {column} AS at FROM documents.{table} WHERE organization_id = $1 AND {column} < $2
             ORDER BY {column} LIMIT {IOldDocuments.CountMax}) d
            """, r => new OldCount(r.GetInt64(0), r.TimeOrNull(1)), ct, organizationId, before.UtcDateTime))!;
    }

    private static object Start((DateTimeOffset At, DocumentId Id)? after) =>
        new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.TimestampTz, Value = after?.At.UtcDateTime ?? DateTime.UnixEpoch };

    private static byte[] Id((DateTimeOffset At, DocumentId Id)? after) => after?.Id.ToBytes() ?? [];
}
