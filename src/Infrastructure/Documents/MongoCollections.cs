using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Sharding;
using MongoDB.Bson;
using MongoDB.Driver;

namespace Bsp.Infrastructure.Documents;

/// <summary>The collections of one database, with the specification's indexes.</summary>
public sealed record MongoDatabase(IMongoCollection<ConversationDocument> Conversations, IMongoCollection<MessageDocument> Messages,
    IMongoCollection<MessageLogDocument> Logs,
    IMongoCollection<AiConversationDocument> AiConversations, IMongoCollection<BsonDocument> Checkpoints)
{
    /// <summary>Names of the collections that are rebuilt.</summary>
    public static readonly string[] Views = ["conversations", "messages", "message_logs", "ai_conversations"];

    /// <summary>What a collection is called while it is built anew.</summary>
    public static string NextOf(string collection) => collection + "_next";

    /// <summary>The same four collections under their next names; they may not exist.</summary>
    public MongoDatabase Next => this with
    {
        Conversations = Database.GetCollection<ConversationDocument>(NextOf("conversations")),
        Messages = Database.GetCollection<MessageDocument>(NextOf("messages")),
        Logs = Database.GetCollection<MessageLogDocument>(NextOf("message_logs")),
        AiConversations = Database.GetCollection<AiConversationDocument>(NextOf("ai_conversations")),
    };

    public IMongoDatabase Database => Checkpoints.Database;
}

/// <summary>
/// MongoDB by shard: one shard uses the connection string's database (<c>bsp</c> when it names none); of several, each has its own,
/// <c>{database}_{shard}</c>.
/// </summary>
/// <param name="connectionString"><c>mongodb://…</c> or <c>mongodb+srv://…</c>.</param>
public sealed class MongoCollections(string connectionString, Shards shards) : IDisposable
{
    private static readonly TimeSpan ServerSelectionTimeout = TimeSpan.FromSeconds(5);

    private readonly MongoUrl url = MongoUrl.Create(connectionString);
    private readonly Lazy<MongoClient> client = new(() =>
    {
        MongoMapping.Register();
        var settings = MongoClientSettings.FromConnectionString(connectionString);
        settings.ServerSelectionTimeout = ServerSelectionTimeout;
        settings.ApplicationName ??= "bsp";
        return new(settings);
    });

    private readonly SemaphoreSlim one = new(1, 1);
    [Application.Common.Bounded("one a shard")]
    private readonly Dictionary<string, MongoDatabase> ready = [];

    /// <summary>The shard's database; its indexes are made at the first call.</summary>
    /// <exception cref="StoreUnavailable"/>
    public Task<MongoDatabase> OfAsync(Shard shard, CancellationToken ct) => GuardAsync(async () =>
    {
        await one.WaitAsync(ct);
        try
        {
            if (!ready.TryGetValue(shard.Name, out var database))
            {
                ready[shard.Name] = database = await OpenAsync(shard, ct);
            }

            return database;
        }
        finally
        {
            one.Release();
        }
    });

    /// <summary>Asks for a sign of life, for health checks.</summary>
    /// <exception cref="StoreUnavailable"/>
    public Task PingAsync(CancellationToken ct) =>
        GuardAsync(() => client.Value.GetDatabase(url.DatabaseName ?? "bsp")
            .RunCommandAsync<BsonDocument>(new BsonDocument("ping", 1), cancellationToken: ct));

    /// <summary>Runs a call and turns "not reachable" into the house's own word.</summary>
    /// <exception cref="StoreUnavailable"/>
    public static async Task<T> GuardAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (Exception e)
            when (e is TimeoutException or MongoConnectionException or MongoNotPrimaryException or MongoNodeIsRecoveringException or MongoExecutionTimeoutException or MongoAuthenticationException)
        {
            throw new StoreUnavailable("mongo", e);
        }
    }

    public void Dispose()
    {
        if (client.IsValueCreated)
        {
            client.Value.Dispose();
        }
    }

    private async Task<MongoDatabase> OpenAsync(Shard shard, CancellationToken ct)
    {
        var name = url.DatabaseName ?? "bsp";
        var database = client.Value.GetDatabase(shards.All.Count == 1 ? name : $"{name}_{shard.Name.ToLowerInvariant()}");
        var collections =
            new MongoDatabase(database.GetCollection<ConversationDocument>("conversations"),
                database.GetCollection<MessageDocument>("messages"),
            database.GetCollection<MessageLogDocument>("message_logs"), database.GetCollection<AiConversationDocument>("ai_conversations"),
            database.GetCollection<BsonDocument>("projection_checkpoints"));
        await IndexAsync(collections, ct);
        return collections;
    }

    /// <summary>Makes the indexes of the four collections that are rebuilt.</summary>
    internal static async Task IndexAsync(MongoDatabase collections, CancellationToken ct)
    {
        await IndexAsync(collections.Conversations, ct, Key("organization_id", 1, "last_message_at", -1),
            Key("organization_id", 1, "assigned_to", 1, "status", 1), Key("contact_id", 1), Key("wa_conversation_id", 1));
        await ExpireAsync(collections.Conversations, "expires_at", TimeSpan.Zero, ct);
        await IndexAsync(collections.Messages, ct, Key("organization_id", 1, "created_at", -1), Key("conversation_id", 1, "created_at", 1),
            Key("wa_message_id", 1), Key("amends", 1), Key("contact_id", 1, "created_at", -1),
            Key("campaign_id", 1), Key("status", 1, "created_at", 1), Key("ai_processing.processed", 1));
        await IndexAsync(collections.Logs, ct, Key("organization_id", 1, "created_at", -1), Key("message_id", 1), Key("event_type", 1));
        await ExpireAsync(collections.Logs, "created_at", TimeSpan.FromDays(MessageLogDocument.RetentionDays), ct);
        await IndexAsync(collections.AiConversations, ct, Key("organization_id", 1, "updated_at", -1), Key("contact_id", 1),
            Key("conversation_id", 1));
        // AI histories go when they are archived, not by a clock that knows of no archive (an earlier build made the index expire).
        await UnexpireAsync(collections.AiConversations, ct);
    }

    private static BsonDocument Key(params object[] pairs) => new(pairs.Chunk(2).Select(p => new BsonElement((string)p[0], (int)p[1])));

    private static Task IndexAsync<T>(IMongoCollection<T> collection, CancellationToken ct, params BsonDocument[] keys) =>
        collection.Indexes.CreateManyAsync(keys.Select(key => new CreateIndexModel<T>(key)), ct);

    private static async Task UnexpireAsync<T>(IMongoCollection<T> collection, CancellationToken ct)
    {
        const string name = "updated_at_1";
        var known = await (await collection.Indexes.ListAsync(ct)).ToListAsync(ct);
        if (known.Exists(index => index["name"] == name && index.Contains("expireAfterSeconds")))
        {
            await collection.Indexes.DropOneAsync(name, ct);
        }

        await IndexAsync(collection, ct, Key("updated_at", 1));
    }

    private static Task ExpireAsync<T>(IMongoCollection<T> collection, string field, TimeSpan after, CancellationToken ct) =>
        collection.Indexes.CreateOneAsync(new CreateIndexModel<T>(new BsonDocument(field, 1),
            new CreateIndexOptions { ExpireAfter = after }), cancellationToken: ct);
}
