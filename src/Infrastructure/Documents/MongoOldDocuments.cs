using System.Linq.Expressions;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Sharding;
using MongoDB.Driver;

namespace Bsp.Infrastructure.Documents;

/// <summary>MongoDB's documents that are past a time.</summary>
public sealed class MongoOldDocuments(MongoCollections mongo) : IOldDocuments
{
    public bool ExpiresLogs => true;

    public async Task<IReadOnlyList<OldMessage>> MessagesAsync(Shard shard, Guid organizationId, DateTimeOffset before,
        (DateTimeOffset At, DocumentId Id)? after, int limit, CancellationToken ct) =>
        (await PageAsync((await mongo.OfAsync(shard, ct)).Messages, d => d.OrganizationId, organizationId, d => d.CreatedAt, d => d.Id,
            before, after, limit, ct)).ConvertAll(d => new OldMessage(d.Id, d.Uuid, d.ContactId, d.ConversationUuid, d.CreatedAt,
                d.Position, DocumentJson.WriteUtf8(d)));

    public async Task<IReadOnlySet<DocumentId>> GoingOnAsync(Shard shard, Guid organizationId,
        IReadOnlyCollection<DocumentId> conversations, (DateTimeOffset At, DocumentId Id) after, CancellationToken ct)
    {
        var (messages, by) = ((await mongo.OfAsync(shard, ct)).Messages, Builders<MessageDocument>.Filter);
        var later = by.Gt(d => d.CreatedAt, after.At) | (by.Eq(d => d.CreatedAt, after.At) & by.Gt(d => d.Id, after.Id));
        var found = await MongoCollections.GuardAsync(() => messages.DistinctAsync(d => d.ConversationId,
            by.In(d => d.ConversationId, conversations) & later, cancellationToken: ct));
        return (await found.ToListAsync(ct)).ToHashSet();
    }

    public async Task<IReadOnlyList<AiConversationDocument>> AiAsync(Shard shard, Guid organizationId, DateTimeOffset before,
        (DateTimeOffset At, DocumentId Id)? after, int limit, CancellationToken ct) =>
        await PageAsync((await mongo.OfAsync(shard, ct)).AiConversations, d => d.OrganizationId, organizationId, d => d.UpdatedAt,
            d => d.Id, before, after, limit, ct);

    // A month at most is expired by the store; a shorter time is the organization's own.
    public async Task<int> DeleteLogsAsync(Shard shard, Guid organizationId, DateTimeOffset before, int limit, CancellationToken ct)
    {
        var logs = (await mongo.OfAsync(shard, ct)).Logs;
        var old = (await PageAsync(logs, d => d.OrganizationId, organizationId, d => d.CreatedAt, d => d.Id, before, null, limit, ct))
            .ConvertAll(d => d.Id);
        return old.Count == 0 ? 0 : (int)(await MongoCollections.GuardAsync(() =>
            logs.DeleteManyAsync(Builders<MessageLogDocument>.Filter.In(d => d.Id, old), ct))).DeletedCount;
    }

    public async Task<OldCount> CountAsync(Shard shard, Guid organizationId, OldKind kind, DateTimeOffset before, CancellationToken ct)
    {
        var database = await mongo.OfAsync(shard, ct);
        return kind switch
        {
            OldKind.Messages => await CountAsync(database.Messages, d => d.OrganizationId, organizationId, d => d.CreatedAt, before, ct),
            OldKind.Logs => await CountAsync(database.Logs, d => d.OrganizationId, organizationId, d => d.CreatedAt, before, ct),
            _ => await CountAsync(database.AiConversations, d => d.OrganizationId, organizationId, d => d.UpdatedAt, before, ct),
        };
    }

    private static Task<List<T>> PageAsync<T>(IMongoCollection<T> collection, Expression<Func<T, Guid>> owner, Guid organizationId,
        Expression<Func<T, DateTimeOffset>> at, Expression<Func<T, DocumentId>> id, DateTimeOffset before,
        (DateTimeOffset At, DocumentId Id)? after, int limit, CancellationToken ct)
    {
        var by = Builders<T>.Filter;
        var filter = by.Eq(owner, organizationId) & by.Lt(at, before);
        filter = after is { } place ? filter & (by.Gt(at, place.At) | (by.Eq(at, place.At) & by.Gt(id, place.Id))) : filter;
        var order = Builders<T>.Sort.Ascending(new ExpressionFieldDefinition<T>(at))
            .Ascending(new ExpressionFieldDefinition<T>(id));
        return MongoCollections.GuardAsync(() => collection.Find(filter).Sort(order).Limit(limit).ToListAsync(ct));
    }

    private static async Task<OldCount> CountAsync<T>(IMongoCollection<T> collection, Expression<Func<T, Guid>> owner, Guid organizationId,
        Expression<Func<T, DateTimeOffset>> at, DateTimeOffset before, CancellationToken ct)
    {
        var filter = Builders<T>.Filter.Eq(owner, organizationId) & Builders<T>.Filter.Lt(at, before);
        var count = await MongoCollections.GuardAsync(() => 
            collection.CountDocumentsAsync(filter, new CountOptions { Limit = IOldDocuments.CountMax }, ct));
        var oldest = count == 0 ? [] : await MongoCollections.GuardAsync(() => collection.Find(filter)
            .Sort(Builders<T>.Sort.Ascending(new ExpressionFieldDefinition<T>(at))).Limit(1).ToListAsync(ct));
        return new(count, oldest.Count == 0 ? null : at.Compile()(oldest[0]));
    }
}
