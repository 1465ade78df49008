using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Documents;

/// <summary>Documents as JSONB in the shard's own database: the default. The checkpoint moves in the documents' transaction.</summary>
public sealed class PostgresDocumentStore : IDocumentStore
{
    private const int LogsMax = 1_000;

    public async Task<long> CheckpointAsync(Shard shard, string projection, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT sequence FROM bsp.projections WHERE name = $1");
        command.Parameters.Add(new() { Value = projection });
        return await command.ExecuteScalarAsync(ct) as long? ?? 0;
    }

    public async Task<FoundDocuments> FindAsync(Shard shard, DocumentSet set, IReadOnlyCollection<Guid> organizationIds,
        IReadOnlyCollection<DocumentId> conversations, IReadOnlyCollection<DocumentId> messages, CancellationToken ct)
    {
        var found = new FoundDocuments([], []);
        if (conversations.Count + messages.Count == 0)
        {
            return found;
        }

        // Read as they come: the texts of a whole page beside its documents would be most of the memory.
        await shard.QueryAsync(organizationIds, $"""
            SELECT true, doc FROM {Table("conversations", set)} WHERE _id = ANY ($1)
            UNION ALL
            SELECT false, doc FROM {Table("messages", set)} WHERE _id = ANY ($2)
            """, r => r.GetBoolean(0) ? Keep(found.Conversations, r, d => d.Id) : Keep(found.Messages, r, d => d.Id), ct, Ids(conversations), Ids(messages));
        return found;
    }

    public async Task<FoundDocuments> FindOfContactsAsync(Shard shard, DocumentSet set, IReadOnlyCollection<Guid> organizationIds,
        IReadOnlyCollection<Guid> contacts, CancellationToken ct)
    {
        var found = new FoundDocuments([], []);
        await shard.QueryAsync(organizationIds, $"""
            SELECT true, doc FROM {Table("conversations", set)} WHERE contact_id = ANY ($1)
            UNION ALL
            SELECT false, doc FROM {Table("messages", set)} WHERE contact_id = ANY ($1)
            """, r => r.GetBoolean(0) ? Keep(found.Conversations, r, d => d.Id) : Keep(found.Messages, r, d => d.Id), ct, contacts.ToArray());
        await shard.QueryAsync(organizationIds, $"SELECT true, doc FROM {Table("ai_conversations", set)} WHERE contact_id = ANY ($1)",
            r => Keep(found.Ai, r, d => d.Id), ct, contacts.ToArray());
        return found;
    }

    public async Task<Dictionary<DocumentId, AiConversationDocument>> FindAiAsync(Shard shard, DocumentSet set,
        IReadOnlyCollection<Guid> organizationIds, IReadOnlyCollection<DocumentId> ids, CancellationToken ct)
    {
        var found = new Dictionary<DocumentId, AiConversationDocument>();
        await shard.QueryAsync(organizationIds, $"SELECT true, doc FROM {Table("ai_conversations", set)} WHERE _id = ANY ($1)",
            r => Keep(found, r, d => d.Id), ct, (object)Ids(ids)); // one argument, not one for each
        return found;
    }

    public async Task EraseAiAsync(Shard shard, Guid organizationId, IReadOnlyCollection<Guid> contacts, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync("DELETE FROM documents.ai_conversations WHERE organization_id = $1 AND contact_id = ANY ($2)", ct,
            organizationId, contacts.ToArray());
        await transaction.CommitAsync(ct);
    }

    public async Task SaveAsync(Shard shard, DocumentSet set, string projection, long? upTo, IReadOnlyCollection<Guid> organizationIds,
        DocumentWrites writes, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationIds, ct);
        if (set == DocumentSet.Next
            && (await transaction.QueryAsync("SELECT true FROM bsp.projections WHERE name = $1 FOR KEY SHARE", r =>
                r.GetBoolean(0), ct, projection)).Count == 0)
        {
            throw new CheckpointMoved(projection, upTo ?? 0); // it is the view already, or was given up: its row is not made again
        }

        await using var batch = new NpgsqlBatch(transaction.Connection);
        Add(batch, set, writes.Conversations);
        Add(batch, set, writes.Messages);
        Add(batch, set, writes.Logs);
        Add(batch, set, writes.Ai);
        Remove(batch, Table("ai_conversations", set), writes.AiGone);
        Remove(batch, Table("messages", set), writes.MessagesGone);
        Remove(batch, Table("conversations", set), writes.ConversationsGone);

        if (upTo is { } sequence)
        {
            batch.BatchCommands.Add(new("""
                INSERT INTO bsp.projections (name, sequence) VALUES ($1, $2)
                ON CONFLICT (name) DO UPDATE SET sequence = greatest(bsp.projections.sequence, excluded.sequence), updated_at = now()
                """) { Parameters = { new() { Value = projection }, new() { Value = sequence } } });
        }

        if (batch.BatchCommands.Count == 0)
        {
            return;
        }

        await batch.ExecuteNonQueryAsync(ct);
        await transaction.CommitAsync(ct);
    }

    public async Task BeginNextAsync(Shard shard, string projection, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync([], ct);
        await transaction.ExecuteAsync("SELECT documents.begin_next()", ct);
        await transaction.ExecuteAsync("UPDATE bsp.projections SET sequence = 0 WHERE name = $1", ct, CopyName.Of(projection));
        await transaction.CommitAsync(ct);
    }

    public async Task<bool> SwapNextAsync(Shard shard, string projection, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync([], ct);
        if (!await ProjectionBoard.SwapAsync(transaction, projection, ct))
        {
            return false;
        }

        await transaction.ExecuteAsync("SELECT documents.swap_next()", ct);
        await transaction.CommitAsync(ct);
        return true;
    }

    // the swap is one transaction
    public Task<bool> FinishNextAsync(Shard shard, string projection, CancellationToken ct) => Task.FromResult(false);

    public async Task DropNextAsync(Shard shard, string projection, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT documents.drop_next()");
        await command.ExecuteNonQueryAsync(ct);
    }

    public async Task SaveAsync(Shard shard, Guid organizationId, IReadOnlyCollection<AiConversationDocument> histories,
        CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await using var batch = new NpgsqlBatch(transaction.Connection);
        Add(batch, DocumentSet.Serving, histories);
        await batch.ExecuteNonQueryAsync(ct);
        await transaction.CommitAsync(ct);
    }

    public Task<AiConversationDocument?> AiConversationAsync(Shard shard, Guid organizationId, DocumentId id, CancellationToken ct) =>
        shard.FirstAsync(organizationId, "SELECT doc::text FROM documents.ai_conversations WHERE _id = $1 AND organization_id = $2", r =>
            DocumentJson.Read<AiConversationDocument>(r.GetString(0)), ct, id.ToBytes(), organizationId);

    public async Task<IReadOnlyList<MessageLogDocument>> LogsAsync(Shard shard, Guid organizationId, DocumentId messageId,
        CancellationToken ct) =>
        await shard.QueryAsync(organizationId,
            $"SELECT doc::text FROM documents.message_logs WHERE message_id = $1 AND organization_id = $2 ORDER BY created_at, position LIMIT {LogsMax}",
            r => DocumentJson.Read<MessageLogDocument>(r.GetString(0)), ct, messageId.ToBytes(), organizationId);

    private static void Remove(NpgsqlBatch batch, string table, IReadOnlyCollection<DocumentId> gone)
    {
        if (gone.Count > 0)
        {
            batch.BatchCommands.Add(new($"DELETE FROM {table} WHERE _id = ANY ($1)") { Parameters = { new() { Value = Ids(gone) } } });
        }
    }

    private static bool Keep<T>(Dictionary<DocumentId, T> documents, NpgsqlDataReader row, Func<T, DocumentId> id)
    {
        var document = DocumentJson.Read<T>(row.GetFieldValue<byte[]>(1));
        return documents.TryAdd(id(document), document);
    }

    private static void Add(NpgsqlBatch batch, DocumentSet set, IReadOnlyCollection<ConversationDocument> documents) =>
        Set(batch, Table("conversations", set), documents, d => d.Id, d => d.OrganizationId, d => d.Position,
        ("contact_id", "uuid", Array(documents, d => d.ContactId)), ("account_id", "uuid", Array(documents, d => d.AccountId)),
        ("assigned_to", "uuid", Array(documents, d => d.AssignedTo)),
        ("status", "text", Array(documents, d => d.Status)), ("wa_conversation_id", "text", Array(documents, d => d.WaConversationId)),
        ("last_message_at", "timestamptz", Array(documents, d => d.LastMessageAt)),
        ("expires_at", "timestamptz", Array(documents, d => d.ExpiresAt)),
        ("priority", "text", Array(documents, d => d.Priority)), ("team_id", "uuid", Array(documents, d => d.TeamId)),
        ("unread", "int", Array(documents, d => d.UnreadCount)),
        ("window_until", "timestamptz", Array(documents, d => d.WindowUntil)),
        ("snoozed_until", "timestamptz", Array(documents, d => d.SnoozedUntil)),
        ("tags", "jsonb", Array(documents, d => DocumentJson.WriteUtf8(d.Tags))));

    private static void Add(NpgsqlBatch batch, DocumentSet set, IReadOnlyCollection<MessageDocument> documents) =>
        Set(batch, Table("messages", set), documents, d => d.Id, d => d.OrganizationId, d => d.Position,
        ("conversation_id", "bytea", Array(documents, d => d.ConversationId.ToBytes())),
        ("contact_id", "uuid", Array(documents, d => d.ContactId)), ("campaign_id", "uuid", Array(documents, d => d.CampaignId)),
        ("wa_message_id", "text", Array(documents, d => d.WaMessageId)), ("status", "text", Array(documents, d => d.Status)),
        ("amends", "text", Array(documents, d => d.Amends)), ("ai_processed", "boolean", Array(documents, d => d.AiProcessing?.Processed)),
        ("created_at", "timestamptz", Array(documents, d => d.CreatedAt)));

    private static void Add(NpgsqlBatch batch, DocumentSet set, IReadOnlyCollection<MessageLogDocument> documents) =>
        Set(batch, Table("message_logs", set), documents, d => d.Id, d => d.OrganizationId, d => d.Position,
        ("message_id", "bytea", Array(documents, d => d.MessageId.ToBytes())), ("event_type", "text", Array(documents, d => d.EventType)),
        ("created_at", "timestamptz", Array(documents, d => d.CreatedAt)));

    private static void Add(NpgsqlBatch batch, DocumentSet set, IReadOnlyCollection<AiConversationDocument> documents) =>
        Set(batch, Table("ai_conversations", set), documents, d => d.Id, d => d.OrganizationId, d => d.Position,
        ("contact_id", "uuid", Array(documents, d => d.ContactId)),
        ("conversation_id", "bytea", Array(documents, d => d.ConversationId.ToBytes())),
        ("updated_at", "timestamptz", Array(documents, d => d.UpdatedAt)));

    /// <summary>One statement for all documents of one table: later positions replace, others change nothing.</summary>
    private static void Set<T>(NpgsqlBatch batch, string table, IReadOnlyCollection<T> documents, Func<T, DocumentId> id,
        Func<T, Guid> organization, Func<T, long> position, params (string Name, string Type, Array Values)[] own)
    {
        if (documents.Count == 0)
        {
            return;
        }

        (string Name, string Type, Array Values)[] columns =
        [
            ("_id", "bytea", Array(documents, d => id(d).ToBytes())), ("organization_id", "uuid", Array(documents, organization)),
                ("position", "bigint", Array(documents, position)),
            .. own, ("doc", "jsonb", Array(documents, DocumentJson.WriteUtf8)),
        ];
        var names = string.Join(", ", columns.Select(c => c.Name));
        var command = new NpgsqlBatchCommand($"""
            INSERT INTO {table} AS old ({names})
            SELECT * FROM unnest({string.Join(", ", columns.Select((c, i) => $"${i + 1}::{c.Type}[]"))})
            ON CONFLICT (_id) DO UPDATE SET {string.Join(", ", columns.Skip(1).Select(c => $"{c.Name} = excluded.{c.Name}"))} WHERE old.position < excluded.position
            """);
        foreach (var column in columns)
        {
            command.Parameters.Add(new() { Value = column.Values, NpgsqlDbType = NpgsqlDbType.Array | Types[column.Type] });
        }

        batch.BatchCommands.Add(command);
    }

    private static string Table(string collection, DocumentSet set) =>
        set == DocumentSet.Next ? $"documents.{collection}_next" : $"documents.{collection}";

    private static readonly Dictionary<string, NpgsqlDbType> Types = new()
    {
        ["bytea"] = NpgsqlDbType.Bytea, ["uuid"] = NpgsqlDbType.Uuid, ["bigint"] = NpgsqlDbType.Bigint, ["text"] = NpgsqlDbType.Text,
        ["timestamptz"] = NpgsqlDbType.TimestampTz, ["boolean"] = NpgsqlDbType.Boolean, ["jsonb"] = NpgsqlDbType.Jsonb,
        ["int"] = NpgsqlDbType.Integer,
    };

    private static TValue[] Array<T, TValue>(IReadOnlyCollection<T> documents, Func<T, TValue> value) => [.. documents.Select(value)];

    private static byte[][] Ids(IReadOnlyCollection<DocumentId> ids) => [.. ids.Select(id => id.ToBytes())];
}
