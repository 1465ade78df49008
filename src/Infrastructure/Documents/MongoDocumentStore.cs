using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using MongoDB.Bson;
using MongoDB.Driver;

namespace Bsp.Infrastructure.Documents;

/// <summary>
/// Documents in MongoDB. Each is replaced only by one with a later position (an upsert that meets a later one fails on its id: already
/// there), then the
/// checkpoint follows; killed between, the page is written again and changes nothing.
/// </summary>
public sealed class MongoDocumentStore(MongoCollections mongo) : IDocumentStore
{
    private const int LogsMax = 1_000;
    private const int DuplicateKey = 11000;

    public async Task<long> CheckpointAsync(Shard shard, string projection, CancellationToken ct)
    {
        var database = await mongo.OfAsync(shard, ct);
        var found = await MongoCollections.GuardAsync(() =>
            database.Checkpoints.Find(new BsonDocument("_id", projection)).FirstOrDefaultAsync(ct));
        return found?["sequence"].ToInt64() ?? 0;
    }

    public async Task<FoundDocuments> FindAsync(Shard shard, DocumentSet set, IReadOnlyCollection<Guid> organizationIds,
        IReadOnlyCollection<DocumentId> conversations, IReadOnlyCollection<DocumentId> messages, CancellationToken ct)
    {
        var database = await OfAsync(shard, set, ct);
        return await MongoCollections.GuardAsync(async () => new FoundDocuments(
            conversations.Count == 0 ? []
            : (await database.Conversations.Find(Builders<ConversationDocument>.Filter.In(d => d.Id, conversations)).ToListAsync(ct))
            .ToDictionary(d => d.Id),
            messages.Count == 0 ? []
            : (await database.Messages.Find(Builders<MessageDocument>.Filter.In(d => d.Id, messages)).ToListAsync(ct))
            .ToDictionary(d => d.Id)));
    }

    public async Task<FoundDocuments> FindOfContactsAsync(Shard shard, DocumentSet set, IReadOnlyCollection<Guid> organizationIds,
        IReadOnlyCollection<Guid> contacts, CancellationToken ct)
    {
        var database = await OfAsync(shard, set, ct);
        return await MongoCollections.GuardAsync(async () => new FoundDocuments(
            (await database.Conversations.Find(Builders<ConversationDocument>.Filter.In(d =>
                d.ContactId, contacts) & Builders<ConversationDocument>.Filter.In(d => d.OrganizationId, organizationIds)).ToListAsync(ct))
                .ToDictionary(d => d.Id),
            (await database.Messages.Find(Builders<MessageDocument>.Filter.In(d =>
                d.ContactId, contacts) & Builders<MessageDocument>.Filter.In(d => d.OrganizationId, organizationIds)).ToListAsync(ct))
                .ToDictionary(d => d.Id))
        {
            Ai = (await database.AiConversations.Find(Builders<AiConversationDocument>.Filter.In(d => d.ContactId, contacts)
                & Builders<AiConversationDocument>.Filter.In(d => d.OrganizationId, organizationIds)).ToListAsync(ct))
                .ToDictionary(d => d.Id),
        });
    }

    public async Task<Dictionary<DocumentId, AiConversationDocument>> FindAiAsync(Shard shard, DocumentSet set,
        IReadOnlyCollection<Guid> organizationIds, IReadOnlyCollection<DocumentId> ids, CancellationToken ct)
    {
        var database = await OfAsync(shard, set, ct);
        return await MongoCollections.GuardAsync(async () =>
            (await database.AiConversations.Find(Builders<AiConversationDocument>.Filter.In(d => d.Id, ids)).ToListAsync(ct))
            .ToDictionary(d => d.Id));
    }

    public async Task EraseAiAsync(Shard shard, Guid organizationId, IReadOnlyCollection<Guid> contacts, CancellationToken ct)
    {
        var database = await mongo.OfAsync(shard, ct);
        await MongoCollections.GuardAsync(() =>
            database.AiConversations.DeleteManyAsync(Builders<AiConversationDocument>.Filter.In(d =>
                d.ContactId, contacts) & Builders<AiConversationDocument>.Filter.Eq(d => d.OrganizationId, organizationId), ct));
    }

    public async Task SaveAsync(Shard shard, DocumentSet set, string projection, long? upTo, IReadOnlyCollection<Guid> organizationIds,
        DocumentWrites writes, CancellationToken ct)
    {
        var database = await OfAsync(shard, set, ct);
        if (set == DocumentSet.Next
            && await MongoCollections.GuardAsync(() =>
                database.Checkpoints.CountDocumentsAsync(Building(projection), cancellationToken: ct)) == 0)
        {
            // a write would make collections anew under names that are waiting to be renamed, or of which nobody knows
            throw new CheckpointMoved(projection, upTo ?? 0);
        }

        await WriteAsync(database.Conversations, writes.Conversations, d => d.Id, d => d.Position, ct);
        await WriteAsync(database.Messages, writes.Messages, d => d.Id, d => d.Position, ct);
        await WriteAsync(database.Logs, writes.Logs, d => d.Id, d => d.Position, ct);
        await WriteAsync(database.AiConversations, writes.Ai, d => d.Id, d => d.Position, ct);
        await RemoveAsync(database.AiConversations, writes.AiGone, ct);
        await RemoveAsync(database.Messages, writes.MessagesGone, ct);
        await RemoveAsync(database.Conversations, writes.ConversationsGone, ct);

        if (upTo is { } sequence)
        {
            var serves = set == DocumentSet.Serving;
            var moved = await MongoCollections.GuardAsync(() =>
                database.Checkpoints.UpdateOneAsync(serves ? new BsonDocument("_id", projection) : Building(projection),
                Builders<BsonDocument>.Update.Max("sequence", sequence), new UpdateOptions { IsUpsert = serves }, ct));
            if (!serves && moved.MatchedCount == 0)
            {
                throw new CheckpointMoved(projection, sequence);
            }
        }
    }

    public async Task BeginNextAsync(Shard shard, string projection, CancellationToken ct)
    {
        await DropNextAsync(shard, projection, ct);
        var next = await OfAsync(shard, DocumentSet.Next, ct);
        await MongoCollections.GuardAsync(async () =>
        {
            await MongoCollections.IndexAsync(next, ct); // makes the collections too
            await next.Checkpoints.InsertOneAsync(new() { ["_id"] = CopyName.Of(projection), ["sequence"] = 0L }, cancellationToken: ct);
            return 0;
        });
    }

    // The copy's checkpoint is marked first: from then on the swap is only ever completed, by whoever comes.
    public async Task<bool> SwapNextAsync(Shard shard, string projection, CancellationToken ct)
    {
        var database = await mongo.OfAsync(shard, ct);
        await MongoCollections.GuardAsync(() =>
            database.Checkpoints.UpdateOneAsync(new BsonDocument("_id", CopyName.Of(projection)),
                Builders<BsonDocument>.Update.Set("swapping", true), cancellationToken: ct));
        return await FinishNextAsync(shard, projection, ct);
    }

    public async Task<bool> FinishNextAsync(Shard shard, string projection, CancellationToken ct)
    {
        var database = await mongo.OfAsync(shard, ct);
        return await MongoCollections.GuardAsync(async () =>
        {
            var copy = await database.Checkpoints.Find(new BsonDocument { ["_id"] = CopyName.Of(projection), ["swapping"] = true })
                .FirstOrDefaultAsync(ct);
            if (copy is null)
            {
                return false;
            }

            var existing = await (await database.Database.ListCollectionNamesAsync(cancellationToken: ct)).ToListAsync(ct);
            foreach (var collection in MongoDatabase.Views.Where(name => existing.Contains(MongoDatabase.NextOf(name))))
            {
                await database.Database.RenameCollectionAsync(MongoDatabase.NextOf(collection), collection,
                    new RenameCollectionOptions { DropTarget = true }, ct);
            }

            await database.Checkpoints.ReplaceOneAsync(new BsonDocument("_id", projection),
                new BsonDocument { ["_id"] = projection, ["sequence"] = copy["sequence"] }, new ReplaceOptions { IsUpsert = true }, ct);
            await database.Checkpoints.DeleteOneAsync(new BsonDocument("_id", CopyName.Of(projection)), ct);
            return true;
        });
    }

    public async Task DropNextAsync(Shard shard, string projection, CancellationToken ct)
    {
        var database = await mongo.OfAsync(shard, ct);
        await MongoCollections.GuardAsync(async () =>
        {
            await database.Checkpoints.DeleteOneAsync(new BsonDocument("_id", CopyName.Of(projection)), ct);
            foreach (var collection in MongoDatabase.Views)
            {
                await database.Database.DropCollectionAsync(MongoDatabase.NextOf(collection), ct);
            }

            return 0;
        });
    }

    public async Task SaveAsync(Shard shard, Guid organizationId, IReadOnlyCollection<AiConversationDocument> histories,
        CancellationToken ct) =>
        await WriteAsync((await mongo.OfAsync(shard, ct)).AiConversations, histories, d => d.Id, d => d.Position, ct);

    public async Task<AiConversationDocument?> AiConversationAsync(Shard shard, Guid organizationId, DocumentId id, CancellationToken ct)
    {
        var database = await mongo.OfAsync(shard, ct);
        return await MongoCollections.GuardAsync(async () =>
            (AiConversationDocument?)await database.AiConversations.Find(d => d.Id == id && d.OrganizationId == organizationId)
            .FirstOrDefaultAsync(ct));
    }

    public async Task<IReadOnlyList<MessageLogDocument>> LogsAsync(Shard shard, Guid organizationId, DocumentId messageId,
        CancellationToken ct)
    {
        var database = await mongo.OfAsync(shard, ct);
        return await MongoCollections.GuardAsync(() =>
            database.Logs.Find(d => d.MessageId == messageId && d.OrganizationId == organizationId).SortBy(d => d.CreatedAt)
            .ThenBy(d => d.Position).Limit(LogsMax).ToListAsync(ct));
    }

    private static async Task RemoveAsync<T>(IMongoCollection<T> collection, IReadOnlyCollection<DocumentId> gone, CancellationToken ct)
    {
        if (gone.Count > 0)
        {
            var ids = new BsonArray(gone.Select(id => new ObjectId(id.ToBytes())));
            await MongoCollections.GuardAsync(() =>
                collection.DeleteManyAsync(new BsonDocument("_id", new BsonDocument("$in", ids)), ct));
        }
    }

    // A copy's checkpoint stands from its beginning to its swap, and does not move while that is under way.
    private static BsonDocument Building(string copy) => new() { ["_id"] = copy, ["swapping"] = new BsonDocument("$ne", true) };

    private async Task<MongoDatabase> OfAsync(Shard shard, DocumentSet set, CancellationToken ct)
    {
        var database = await mongo.OfAsync(shard, ct);
        return set == DocumentSet.Next ? database.Next : database;
    }

    private static async Task WriteAsync<T>(IMongoCollection<T> collection, IReadOnlyCollection<T> documents, Func<T, DocumentId> id,
        Func<T, long> position, CancellationToken ct)
    {
        if (documents.Count == 0)
        {
            return;
        }

        var writes = documents.Select(d => new ReplaceOneModel<T>(
            new BsonDocument { ["_id"] = new ObjectId(id(d).ToBytes()), ["position"] = new BsonDocument("$lt", position(d)) },
            d) { IsUpsert = true });
        try
        {
            await MongoCollections.GuardAsync(() => collection.BulkWriteAsync(writes, new BulkWriteOptions { IsOrdered = false }, ct));
        }
        catch (MongoBulkWriteException e)
            when (e.WriteConcernError is null && e.WriteErrors.Count > 0 && e.WriteErrors.All(error => error.Code == DuplicateKey))
        {
            // Those documents are there already, at this position or a later one.
        }
    }
}
