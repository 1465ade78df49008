using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using MongoDB.Bson;
using MongoDB.Driver;

namespace Bsp.IntegrationTests.Views;

/// <summary>Against the server that BSP_TEST_MONGO names; a database of its own each time.</summary>
public sealed class MongoDocumentStoreTests(StoresFixture fixture) : DocumentStoreContract(fixture)
{
    private readonly StoresFixture fixture = fixture;
    private MongoUrl? url;
    private MongoCollections? collections;

    [Theory]
    [InlineData(null)]
    [InlineData(ProjectionRequest.Rebuild)]
    [InlineData(ProjectionRequest.Cancel)]
    public async Task A_swap_that_was_interrupted_between_two_renames_is_completed_before_anything_else(ProjectionRequest? ordered)
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(28, await database.NewOrganizationAsync(), 60);
        await database.WriteAsync(log);
        var (store, views) = await OpenAsync(database.Shards);
        var projection = new ConversationsProjection(store, new Plain());
        var board = new ProjectionBoard(database.Shard);
        var (stored, end) = (await StoredAsync(database, projection), log.Events[^1].Sequence);
        await projection.ApplyAsync(new(database.Shard, 0, end, stored), default);
        var before = await ContentAsync(store, views, database, log);
        await SpoilAsync(store, views, database, log);
        await board.EnterAsync(projection.Name, default);
        await board.BeginCopyAsync(projection.Name, default);
        await projection.Beside!.BeginAsync(database.Shard, default);
        await projection.Beside.ApplyAsync(new(database.Shard, 0, end, stored), default);

        var mongo = new MongoClient(url!).GetDatabase(url!.DatabaseName);
        var checkpoints = mongo.GetCollection<BsonDocument>("projection_checkpoints");
        await checkpoints.UpdateOneAsync(new BsonDocument("_id", projection.Beside.Name),
            Builders<BsonDocument>.Update.Set("swapping", true));
        await mongo.RenameCollectionAsync("conversations_next", "conversations", new() { DropTarget = true });
        // a runner that has not heard of it
        await Should.ThrowAsync<CheckpointMoved>(projection.Beside.ApplyAsync(new(database.Shard, 0, end, stored), default));
        await Should.ThrowAsync<CheckpointMoved>(projection.Beside.ApplyAsync(new(database.Shard, end, end + 1, []), default));
        (await NamesAsync(mongo)).ShouldNotContain("conversations_next");

        if (ordered is { } order)
        {
            await board.AskAsync(projection.Name, order, default);
        }

        await WithRunnerAsync(database, projection, UntilServingAsync);
        (await ContentAsync(store, views, database, log)).ShouldBe(before);
        (await NamesAsync(mongo)).ShouldNotContain(name => name.EndsWith("_next", StringComparison.Ordinal));
        (await checkpoints.Find(new BsonDocument()).ToListAsync()).Select(c => c["_id"].AsString).ShouldBe([projection.Name]);
        foreach (var collection in MongoDatabase.Views)
        {
            (await (await mongo.GetCollection<BsonDocument>(collection).Indexes.ListAsync()).ToListAsync()).Count.ShouldBeGreaterThan(3,
                collection);
        }
    }

    protected override Task<(IDocumentStore Store, IDocumentViews Views)> OpenAsync(Shards shards)
    {
        var server = Environment.GetEnvironmentVariable("BSP_TEST_MONGO");
        Assert.SkipWhen(server is null, "BSP_TEST_MONGO names no MongoDB server.");
        url = new MongoUrlBuilder(server) { DatabaseName = $"bsp_{Guid.NewGuid():N}" }.ToMongoUrl();
        var mongo = collections = new MongoCollections(url.ToString(), shards);
        return Task.FromResult<(IDocumentStore, IDocumentViews)>((new MongoDocumentStore(mongo), new MongoDocumentViews(mongo, shards)));
    }

    private protected override IDocumentDigests Digests() => new MongoDocumentDigests(collections!);

    // As a runner reads them: PostgreSQL keeps JSON in an order of its own.
    private static async Task<List<StoredEvent>> StoredAsync(ViewsDatabase database, ConversationsProjection projection)
    {
        await using var reader = new LogReader(database.Shard, new());
        return [.. (await reader.ReadAsync(0, null, 5_000, TestContext.Current.CancellationToken)).Events.Where(e =>
            projection.EventTypes!.Contains(e.Type))];
    }

    private static async Task<List<string>> NamesAsync(IMongoDatabase mongo) =>
        await (await mongo.ListCollectionNamesAsync()).ToListAsync();
}
