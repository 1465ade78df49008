using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Sharding;
using MongoDB.Bson;
using MongoDB.Driver;

namespace Bsp.Infrastructure.Documents;

/// <summary>Reads the documents in MongoDB. Every filter names the organization.</summary>
public sealed class MongoDocumentViews(MongoCollections mongo, Shards shards) : IDocumentViews
{
    public async Task<Page<ConversationDocument>> ConversationsAsync(Guid organizationId, ConversationFilter filter, int limit,
        string? cursor, CancellationToken ct)
    {
        var where = Builders<ConversationDocument>.Filter;
        var walk = where.Eq(d => d.OrganizationId, organizationId) & where.Ne(d =>
            d.LastMessageAt, null) & After<ConversationDocument>(DocumentCursor.Parse(cursor), "last_message_at");
        walk &= filter.AssignedTo is { } user ? where.Eq(d => d.AssignedTo, user) : where.Empty;
        walk &= filter.ContactId is { } contact ? where.Eq(d => d.ContactId, contact) : where.Empty;
        walk &= filter.Unread is true ? where.Gt(d => d.UnreadCount, 0) : where.Empty;
        var database = await OfAsync(organizationId, ct);
        var latest = Builders<ConversationDocument>.Sort.Descending(d => d.LastMessageAt).Descending(d => d.Id);
        var rows = await MongoCollections.GuardAsync(() => database.Conversations.Aggregate().Match(walk).Sort(latest).Limit(WalkMax)
            .Match(Kept(filter)).Limit(limit + 1).ToListAsync(ct));
        var page = PostgresDocumentViews.PageOf(rows, limit, d => new(d.LastMessageAt!.Value, d.Id));
        if (page.NextCursor is not null)
        {
            return page;
        }

        // Few were kept: where the walk ended, the next page goes on.
        var end = await MongoCollections.GuardAsync(() => database.Conversations.Find(walk).Sort(latest).Skip(WalkMax - 1).Limit(1)
            .FirstOrDefaultAsync(ct));
        return end is null ? page : page with { NextCursor = new DocumentCursor(end.LastMessageAt!.Value, end.Id).ToString() };
    }

    /// <summary>Conversations that one page looks at, at most; as of <see cref="PostgresDocumentViews.WalkMax"/>.</summary>
    internal int WalkMax { get; set; } = 20_000;

    private static FilterDefinition<ConversationDocument> Kept(ConversationFilter filter)
    {
        var where = Builders<ConversationDocument>.Filter;
        var all = filter.Status is { } status ? where.Eq(d => d.Status, status) : where.Empty;
        all &= filter.AccountId is { } account ? where.Eq(d => d.AccountId, account) : where.Empty;
        all &= filter.Priority is { } priority ? where.Eq(d => d.Priority, priority) : where.Empty;
        all &= filter.Tag is { } tag ? where.AnyEq(d => d.Tags, tag) : where.Empty;
        all &= filter.Unread is false ? where.Not(where.Gt(d => d.UnreadCount, 0)) : where.Empty;
        all &= filter.Unassigned is { } nobody ? nobody ? where.Eq(d => d.AssignedTo, null) : where.Ne(d => d.AssignedTo, null)
            : where.Empty;
        all &= filter.WindowOpen is { } open ? open ? where.Gt(d => d.WindowUntil, filter.Now)
            : where.Not(where.Gt(d => d.WindowUntil, filter.Now)) : where.Empty;
        all &= filter.Snoozed is { } snoozed ? snoozed ? where.Ne(d => d.SnoozedUntil, null) : where.Eq(d => d.SnoozedUntil, null)
            : where.Empty;
        all &= filter.TeamId is { } team ? where.Eq(d => d.TeamId, team) : where.Empty;
        return all;
    }

    public async Task<ConversationDocument?> ConversationAsync(Guid organizationId, Guid conversationId, CancellationToken ct)
    {
        var (database, id) = (await OfAsync(organizationId, ct), DocumentId.Of(conversationId));
        return await MongoCollections.GuardAsync(async () =>
            (ConversationDocument?)await database.Conversations.Find(d => d.Id == id && d.OrganizationId == organizationId)
            .FirstOrDefaultAsync(ct));
    }

    public async Task<IReadOnlyList<ConversationDocument>> ConversationsAsync(Guid organizationId,
        IReadOnlyCollection<Guid> conversationIds, CancellationToken ct)
    {
        var where = Builders<ConversationDocument>.Filter;
        var database = await OfAsync(organizationId, ct);
        return await MongoCollections.GuardAsync(() =>
            database.Conversations.Find(where.In(d => d.Id, conversationIds.Select(DocumentId.Of)) & where.Eq(d =>
                d.OrganizationId, organizationId)).ToListAsync(ct));
    }

    public async Task<IReadOnlyDictionary<Guid, MessageDocument>> ShownAsync(Guid organizationId, IReadOnlyCollection<Guid> messageIds,
        CancellationToken ct)
    {
        var where = Builders<MessageDocument>.Filter;
        var database = await OfAsync(organizationId, ct);
        var found = await MongoCollections.GuardAsync(() =>
            database.Messages.Find(where.In(d => d.Id, messageIds.Select(DocumentId.Of)) & where.Eq(d => d.OrganizationId, organizationId))
            .ToListAsync(ct));
        return await MessageAmendments.ResolveAsync(found, Source(database, organizationId, ct));
    }

    public async Task<Page<MessageDocument>> MessagesAsync(Guid organizationId, Guid conversationId, int limit, string? cursor,
        CancellationToken ct)
    {
        var database = await OfAsync(organizationId, ct);
        return await MessageAmendments.PageAsync(limit, cursor, (most, after) =>
            StoredAsync(database, organizationId, conversationId, most, after, ct), Source(database, organizationId, ct));
    }

    private static async Task<Page<MessageDocument>> StoredAsync(MongoDatabase database, Guid organizationId, Guid conversationId,
        int limit, string? cursor, CancellationToken ct)
    {
        var where = Builders<MessageDocument>.Filter;
        var all = where.Eq(d => d.ConversationId, DocumentId.Of(conversationId)) & where.Eq(d =>
            d.OrganizationId, organizationId) & After<MessageDocument>(DocumentCursor.Parse(cursor), "created_at");
        var rows = await MongoCollections.GuardAsync(() =>
            database.Messages.Find(all).SortByDescending(d => d.CreatedAt).ThenByDescending(d => d.Id).Limit(limit + 1).ToListAsync(ct));
        return PostgresDocumentViews.PageOf(rows, limit, d => new(d.CreatedAt, d.Id));
    }

    public async Task<IReadOnlyList<ConversationDocument>> ConversationsOfAsync(Guid organizationId, IReadOnlyCollection<Guid> contactIds,
        CancellationToken ct)
    {
        var where = Builders<ConversationDocument>.Filter;
        var database = await OfAsync(organizationId, ct);
        return await MongoCollections.GuardAsync(() =>
            database.Conversations.Find(where.Eq(d => d.OrganizationId, organizationId) & where.In(d => d.ContactId, contactIds))
            .SortBy(d => d.CreatedAt).ThenBy(d => d.Id).ToListAsync(ct));
    }

    public async Task<IReadOnlyList<MessageDocument>> MessagesOfAsync(Guid organizationId, IReadOnlyCollection<Guid> contactIds,
        DocumentCursor? after, int limit, CancellationToken ct)
    {
        var where = Builders<MessageDocument>.Filter;
        var all = where.Eq(d => d.OrganizationId, organizationId) & where.In(d =>
            d.ContactId, contactIds) & Beyond<MessageDocument>(after, "created_at", "$gt");
        var database = await OfAsync(organizationId, ct);
        return await MongoCollections.GuardAsync(() =>
            database.Messages.Find(all).SortBy(d => d.CreatedAt).ThenBy(d => d.Id).Limit(limit).ToListAsync(ct));
    }

    public async Task<MessageDocument?> MessageAsync(Guid organizationId, Guid messageId, CancellationToken ct)
    {
        var (database, id) = (await OfAsync(organizationId, ct), DocumentId.Of(messageId));
        var found = await MongoCollections.GuardAsync(async () =>
            (MessageDocument?)await database.Messages.Find(d => d.Id == id && d.OrganizationId == organizationId).FirstOrDefaultAsync(ct));
        return found is null ? null : (await MessageAmendments.AmendAsync([found], Source(database, organizationId, ct)))[0];
    }

    private static MessageAmendments.Source Source(MongoDatabase database, Guid organizationId, CancellationToken ct)
    {
        return new(ids => FindAsync("wa_message_id", ids), ids => FindAsync("amends", ids));

        async Task<IReadOnlyList<MessageDocument>> FindAsync(string field, IReadOnlyCollection<string> ids) =>
            await MongoCollections.GuardAsync(() =>
            database.Messages.Find(new BsonDocument(field,
                new BsonDocument("$in", new BsonArray(ids))) & Builders<MessageDocument>.Filter.Eq(d => d.OrganizationId, organizationId))
                .SortByDescending(d => d.CreatedAt).ThenByDescending(d => d.Id).Limit(PostgresDocumentViews.AmendmentsMax).ToListAsync(ct));
    }

    private static FilterDefinition<T> After<T>(DocumentCursor? from, string time) => Beyond<T>(from, time, "$lt");

    private static FilterDefinition<T> Beyond<T>(DocumentCursor? from, string time, string way)
    {
        if (from is null)
        {
            return Builders<T>.Filter.Empty;
        }

        var at = new BsonDateTime(from.At.ToUnixTimeMilliseconds());
        return new BsonDocument("$or", new BsonArray
        {
            new BsonDocument(time, new BsonDocument(way, at)),
            new BsonDocument { [time] = at, ["_id"] = new BsonDocument(way, new ObjectId(from.Id.ToBytes())) },
        });
    }

    private async Task<MongoDatabase> OfAsync(Guid organizationId, CancellationToken ct) =>
        await mongo.OfAsync(await shards.OfAsync(organizationId, ct), ct);
}
