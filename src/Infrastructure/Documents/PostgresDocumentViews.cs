using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Documents;

/// <summary>
/// Reads the JSONB documents. Where something else than the organization is looked up, its own condition stands as "IS TRUE": the planner
/// cannot look by it, so an organization that is new to the
/// statistics is not read whole (schema 0150).
/// </summary>
/// <param name="homeOf">The shard of an organization, or where it is to be read instead.</param>
public sealed class PostgresDocumentViews(Func<Guid, CancellationToken, ValueTask<Shard>> homeOf) : IDocumentViews
{
    /// <summary>At the shards themselves.</summary>
    public PostgresDocumentViews(Shards shards) : this(shards.OfAsync)
    {
    }

    /// <summary>Conversations that one page looks at, at most.</summary>
    internal int WalkMax { get; set; } = 20_000;

    // Conditions that an index serves stand in the walk as such; the others are looked at on the way, whose length is bounded.
    public async Task<Page<ConversationDocument>> ConversationsAsync(Guid organizationId, ConversationFilter filter, int limit,
        string? cursor, CancellationToken ct)
    {
        var from = DocumentCursor.Parse(cursor);
        var shard = await homeOf(organizationId, ct);
        var walk = $"FROM documents.conversations WHERE {(filter.ContactId is null ? "organization_id = $1" : "(organization_id = $1) IS TRUE")} AND last_message_at IS NOT NULL AND ($2::timestamptz IS NULL OR (last_message_at, _id) < ($2, $3))"
            + (filter.Unread is true ? " AND unread > 0" : "")
            + (filter.AssignedTo is not null ? " AND assigned_to = $4 AND assigned_to <> '00000000-0000-0000-0000-000000000000'"
                : " AND $4::uuid IS NULL")
            + (filter.ContactId is not null ? " AND contact_id = $5" : " AND $5::uuid IS NULL");
        var rows = await shard.QueryAsync(organizationId, $"""
            SELECT CASE WHEN kept THEN doc::text END, CASE WHEN n = {WalkMax} THEN last_message_at END, _id
              FROM (SELECT d.*, row_number() OVER (ORDER BY last_message_at DESC, _id DESC) AS n,
                           ($6::text IS NULL OR status = $6) AND ($7::uuid IS NULL OR account_id = $7) AND ($8::text IS NULL OR priority = $8)
                           AND ($9::text IS NULL OR tags @> jsonb_build_array($9)) AND ($10::boolean IS NULL OR (coalesce(unread, 0) > 0) = $10)
                           AND ($11::boolean IS NULL OR (assigned_to IS NULL) = $11) AND ($12::boolean IS NULL OR coalesce(window_until > $14, false) = $12)
                           AND ($13::boolean IS NULL OR (snoozed_until IS NOT NULL) = $13) AND ($15::uuid IS NULL OR team_id = $15) AS kept
                      FROM (SELECT doc, status, priority, assigned_to, account_id, team_id, unread, window_until, snoozed_until, tags, last_message_at, _id {walk}
                             ORDER BY last_message_at DESC, _id DESC LIMIT {WalkMax}) d) w
             WHERE kept OR n = {WalkMax} ORDER BY last_message_at DESC, _id DESC LIMIT $16
            """,
            r => (Kept: r.IsDBNull(0) ? null : DocumentJson.Read<ConversationDocument>(r.GetString(0)),
                End: r.IsDBNull(1) ? null
                : new DocumentCursor(r.GetFieldValue<DateTimeOffset>(1), DocumentId.From(r.GetFieldValue<byte[]>(2)))), ct,
            [
                .. Walk(), Text(filter.Status), Uuid(filter.AccountId), Text(filter.Priority), Text(filter.Tag), Truth(filter.Unread),
                Truth(filter.Unassigned), Truth(filter.WindowOpen), Truth(filter.Snoozed), filter.Now.UtcDateTime, Uuid(filter.TeamId),
                limit + 1,
            ]);
        var page = PageOf([.. rows.Select(row => row.Kept).OfType<ConversationDocument>()], limit, d => new(d.LastMessageAt!.Value, d.Id));
        return page.NextCursor is null && rows is [.., { End: { } end }] ? page with { NextCursor = end.ToString() } : page;

        object?[] Walk() => [organizationId, Time(from), Id(from), Uuid(filter.AssignedTo), Uuid(filter.ContactId)];
    }

    public async Task<ConversationDocument?> ConversationAsync(Guid organizationId, Guid conversationId, CancellationToken ct) =>
        await (await homeOf(organizationId, ct))
        .FirstAsync(organizationId, "SELECT doc::text FROM documents.conversations WHERE _id = $1 AND (organization_id = $2) IS TRUE",
            r => DocumentJson.Read<ConversationDocument>(r.GetString(0)), ct, DocumentId.Of(conversationId).ToBytes(), organizationId);

    public async Task<IReadOnlyList<ConversationDocument>> ConversationsAsync(Guid organizationId,
        IReadOnlyCollection<Guid> conversationIds, CancellationToken ct) =>
        await (await homeOf(organizationId, ct))
        .QueryAsync(organizationId, "SELECT doc::text FROM documents.conversations WHERE _id = ANY ($1) AND (organization_id = $2) IS TRUE",
            r => DocumentJson.Read<ConversationDocument>(r.GetString(0)), ct, conversationIds.Select(id => DocumentId.Of(id).ToBytes())
            .ToArray(), organizationId);

    public async Task<IReadOnlyDictionary<Guid, MessageDocument>> ShownAsync(Guid organizationId, IReadOnlyCollection<Guid> messageIds,
        CancellationToken ct)
    {
        var shard = await homeOf(organizationId, ct);
        var found = await shard.QueryAsync(organizationId,
            "SELECT doc::text FROM documents.messages WHERE _id = ANY ($1) AND (organization_id = $2) IS TRUE",
            r => DocumentJson.Read<MessageDocument>(r.GetString(0)), ct, messageIds.Select(id => DocumentId.Of(id).ToBytes()).ToArray(),
            organizationId);
        return await MessageAmendments.ResolveAsync(found, Source(shard, organizationId, ct));
    }

    public async Task<Page<MessageDocument>> MessagesAsync(Guid organizationId, Guid conversationId, int limit, string? cursor,
        CancellationToken ct)
    {
        var shard = await homeOf(organizationId, ct);
        return await MessageAmendments.PageAsync(limit, cursor, (most, after) =>
            StoredAsync(shard, organizationId, conversationId, most, after, ct), Source(shard, organizationId, ct));
    }

    private static async Task<Page<MessageDocument>> StoredAsync(Shard shard, Guid organizationId, Guid conversationId, int limit,
        string? cursor, CancellationToken ct)
    {
        var from = DocumentCursor.Parse(cursor);
        var rows = await shard.QueryAsync(organizationId, """
            SELECT doc::text FROM documents.messages
             WHERE conversation_id = $1 AND (organization_id = $2) IS TRUE AND ($3::timestamptz IS NULL OR (created_at, _id) < ($3, $4))
             ORDER BY created_at DESC, _id DESC LIMIT $5
            """, r => DocumentJson.Read<MessageDocument>(r.GetString(0)), ct, DocumentId.Of(conversationId).ToBytes(), organizationId, Time(from), Id(from), limit + 1);
        return PageOf(rows, limit, d => new(d.CreatedAt, d.Id));
    }

    public async Task<IReadOnlyList<ConversationDocument>> ConversationsOfAsync(Guid organizationId, IReadOnlyCollection<Guid> contactIds,
        CancellationToken ct) =>
        await (await homeOf(organizationId, ct)).QueryAsync(organizationId, """
            SELECT c.doc::text FROM unnest($2::uuid[]) AS i (id)
             CROSS JOIN LATERAL (SELECT d.doc, d._id FROM documents.conversations d WHERE d.contact_id = i.id AND (d.organization_id = $1) IS TRUE OFFSET 0) c ORDER BY c.doc ->> 'created_at', c._id
            """,
            r => DocumentJson.Read<ConversationDocument>(r.GetString(0)), ct, organizationId, contactIds.ToArray());

    public async Task<IReadOnlyList<MessageDocument>> MessagesOfAsync(Guid organizationId, IReadOnlyCollection<Guid> contactIds,
        DocumentCursor? after, int limit, CancellationToken ct) =>
        await (await homeOf(organizationId, ct)).QueryAsync(organizationId, """
            SELECT m.doc::text FROM unnest($1::uuid[]) AS i (id)
             CROSS JOIN LATERAL (SELECT d.doc, d.created_at, d._id FROM documents.messages d
                                  WHERE d.contact_id = i.id AND (d.organization_id = $2) IS TRUE AND ($3::timestamptz IS NULL OR (d.created_at, d._id) > ($3, $4)) ORDER BY d.created_at, d._id LIMIT $5) m
             ORDER BY m.created_at, m._id LIMIT $5
            """, r => DocumentJson.Read<MessageDocument>(r.GetString(0)), ct, contactIds.ToArray(), organizationId, Time(after), Id(after), limit);

    public async Task<MessageDocument?> MessageAsync(Guid organizationId, Guid messageId, CancellationToken ct)
    {
        var shard = await homeOf(organizationId, ct);
        var found = await shard.FirstAsync(organizationId,
            "SELECT doc::text FROM documents.messages WHERE _id = $1 AND (organization_id = $2) IS TRUE",
            r => DocumentJson.Read<MessageDocument>(r.GetString(0)), ct, DocumentId.Of(messageId).ToBytes(), organizationId);
        return found is null ? null : (await MessageAmendments.AmendAsync([found], Source(shard, organizationId, ct)))[0];
    }

    // Enough for whoever reacts a hundred times to each message of a page.
    internal const int AmendmentsMax = 20_000;

    private static MessageAmendments.Source Source(Shard shard, Guid organizationId, CancellationToken ct)
    {
        return new(ids => FindAsync("wa_message_id", ids), ids => FindAsync("amends", ids));

        async Task<IReadOnlyList<MessageDocument>> FindAsync(string column, IReadOnlyCollection<string> ids) =>
            await shard.QueryAsync(organizationId,
            $"SELECT doc::text FROM documents.messages WHERE {column} = ANY ($1) AND organization_id = $2 ORDER BY created_at DESC, _id DESC LIMIT {AmendmentsMax}",
            r => DocumentJson.Read<MessageDocument>(r.GetString(0)), ct, ids.ToArray(), organizationId);
    }

    internal static Page<T> PageOf<T>(List<T> rows, int limit, Func<T, DocumentCursor> cursor) =>
        rows.Count <= limit ? new(rows, null) : new(rows.GetRange(0, limit), cursor(rows[limit - 1]).ToString());

    private static Npgsql.NpgsqlParameter Time(DocumentCursor? from) =>
        new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.TimestampTz, Value = (object?)from?.At ?? DBNull.Value };

    private static Npgsql.NpgsqlParameter Id(DocumentCursor? from) =>
        new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Bytea, Value = (object?)from?.Id.ToBytes() ?? DBNull.Value };

    private static Npgsql.NpgsqlParameter Text(string? value) =>
        new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text, Value = (object?)value ?? DBNull.Value };

    private static Npgsql.NpgsqlParameter Truth(bool? value) =>
        new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Boolean, Value = (object?)value ?? DBNull.Value };

    private static Npgsql.NpgsqlParameter Uuid(Guid? value) =>
        new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid, Value = (object?)value ?? DBNull.Value };
}
