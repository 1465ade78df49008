using System.Text.Json;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Views;

/// <summary>What both document stores promise.</summary>
public abstract class DocumentStoreContract(StoresFixture fixture)
{
    protected abstract Task<(IDocumentStore Store, IDocumentViews Views)> OpenAsync(Shards shards);

    [Fact]
    public async Task A_page_written_again_or_cut_otherwise_changes_nothing()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(21, await database.NewOrganizationAsync(), 60);
        var (store, views) = await OpenAsync(database.Shards);
        var projection = new ConversationsProjection(store, new Plain());
        await database.RunAsync(projection, log);
        var before = await ContentAsync(store, views, database, log);

        var end = log.Events[^1].Sequence;
        await projection.ApplyAsync(database.Page(projection, log, 0, end), default);
        await projection.ApplyAsync(database.Page(projection, log, 5, log.Events[30].Sequence), default);
        (await ContentAsync(store, views, database, log)).ShouldBe(before);
        (await projection.CheckpointAsync(database.Shard, default)).ShouldBe(end);
    }

    [Fact]
    public async Task A_rebuild_gives_the_same_documents_whatever_the_pages()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(22, await database.NewOrganizationAsync(), 60);
        var (store, views) = await OpenAsync(database.Shards);
        var projection = new ConversationsProjection(store, new Plain());
        await database.RunAsync(projection, log, 1);
        var before = await ContentAsync(store, views, database, log);
        before.Length.ShouldBeGreaterThan(10_000);

        var (conversation, last) = ((await views.ConversationsAsync(log.OrganizationId, new(), 200, null, default)).Data[0], new Position(database.Shard.Epoch, log.Events[^1].Sequence).Packed);
        await store.SaveAsync(database.Shard, DocumentSet.Serving, projection.Name, 0, [log.OrganizationId], new([conversation with { Status = "spoiled", Position = last }], [], []), default);
        (await ContentAsync(store, views, database, log)).ShouldNotBe(before);
        await database.RebuildAsync(projection, log);
        (await ContentAsync(store, views, database, log)).ShouldBe(before);
    }

    [Fact]
    public async Task Lists_go_page_by_page_without_gap_or_repeat_and_show_no_other_organization()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(23, await database.NewOrganizationAsync(), 60);
        var stranger = await database.NewOrganizationAsync();
        var (store, views) = await OpenAsync(database.Shards);
        await database.RunAsync(new ConversationsProjection(store, new Plain()), log);

        var whole = (await views.ConversationsAsync(log.OrganizationId, new(), 200, null, default)).Data;
        whole.ShouldBe(whole.OrderByDescending(d => d.LastMessageAt).ToList(), ignoreOrder: false, customMessage: "latest first", comparer: ById);
        var paged = new List<ConversationDocument>();
        string? cursor = null;
        do
        {
            var page = await views.ConversationsAsync(log.OrganizationId, new(), 7, cursor, default);
            paged.AddRange(page.Data);
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        paged.Select(d => d.Id).ShouldBe(whole.Select(d => d.Id));

        var busiest = whole.MaxBy(d => d.MessageCount.Incoming + d.MessageCount.Outgoing)!;
        var messages = await MessagesAsync(views, log.OrganizationId, busiest.Uuid, 2);
        messages.Count.ShouldBe(busiest.MessageCount.Incoming + busiest.MessageCount.Outgoing);
        messages.Select(m => m.Id).Distinct().Count().ShouldBe(messages.Count);
        (await views.ConversationsAsync(log.OrganizationId, new(AccountId: log.Accounts[0]), 200, null, default)).Data.ShouldAllBe(d => d.AccountId == log.Accounts[0]);
        (await views.ConversationsAsync(log.OrganizationId, new(Status: "spam"), 200, null, default)).Data.ShouldBeEmpty();

        (await views.ConversationsAsync(stranger, new(), 200, null, default)).Data.ShouldBeEmpty();
        (await views.ConversationAsync(stranger, busiest.Uuid, default)).ShouldBeNull();
        (await views.MessagesAsync(stranger, busiest.Uuid, 10, null, default)).Data.ShouldBeEmpty();
        (await views.MessageAsync(stranger, messages[0].Uuid, default)).ShouldBeNull();
        (await store.LogsAsync(database.Shard, stranger, messages[0].Id, default)).ShouldBeEmpty();
        (await Should.ThrowAsync<Refusal>(views.ConversationsAsync(log.OrganizationId, new(), 7, "1.zz", default))).Code.ShouldBe("cursor.invalid");
    }

    [Fact]
    public async Task Every_kind_of_value_comes_back_as_it_was()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var organization = await database.NewOrganizationAsync();
        var (store, views) = await OpenAsync(database.Shards);
        var message = Full(organization);
        await store.SaveAsync(database.Shard, DocumentSet.Serving, "t", 1, [organization], new([], [message], []), default);
        var back = (await views.MessageAsync(organization, message.Uuid, default)).ShouldNotBeNull();
        DocumentJson.Write(back).ShouldBe(DocumentJson.Write(message));

        var history = new AiConversationDocument
        {
            Id = DocumentId.Of(message.ContactId), Uuid = message.ContactId, Position = 3, OrganizationId = organization, ContactId = message.ContactId, ConversationId = message.ConversationId, Model = "m-1", SystemPrompt = "be kind",
            Messages = [new("user", "hi", message.CreatedAt, 3, 12)], TotalTokens = 3, TotalCost = 0.000123m, CreatedAt = message.CreatedAt, UpdatedAt = message.CreatedAt,
            Context = new(JsonSerializer.SerializeToElement(new { vip = true }), "s", [JsonSerializer.SerializeToElement(new { a = 1 })]),
        };
        await store.SaveAsync(database.Shard, organization, [history], default);
        await store.SaveAsync(database.Shard, organization, [history with { Position = 2, Model = "older" }], default);
        DocumentJson.Write((await store.AiConversationAsync(database.Shard, organization, history.Id, default)).ShouldNotBeNull()).ShouldBe(DocumentJson.Write(history));
    }

    [Fact]
    public async Task An_earlier_position_never_replaces_a_later_one()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var organization = await database.NewOrganizationAsync();
        var (store, views) = await OpenAsync(database.Shards);
        var late = Full(organization) with { Position = 10, Status = "read" };
        await store.SaveAsync(database.Shard, DocumentSet.Serving, "t", 10, [organization], new([], [late], []), default);
        var other = Full(organization) with { Uuid = Uuid.New(), Id = DocumentId.Of(Uuid.New()) };
        await store.SaveAsync(database.Shard, DocumentSet.Serving, "t", 5, [organization], new([], [late with { Position = 5, Status = "sent" }, late with { Id = other.Id, Uuid = other.Uuid, Position = 5 }], []), default);
        (await views.MessageAsync(organization, late.Uuid, default))!.Status.ShouldBe("read");
        (await store.FindAsync(database.Shard, DocumentSet.Serving, [organization], [], [other.Id], default)).Messages.Count.ShouldBe(1);
        (await store.CheckpointAsync(database.Shard, "t", default)).ShouldBe(10);
    }

    private static readonly IEqualityComparer<ConversationDocument> ById = EqualityComparer<ConversationDocument>.Create((a, b) => a!.Id == b!.Id, d => d.Id.GetHashCode());

    private static async Task<List<MessageDocument>> MessagesAsync(IDocumentViews views, Guid organization, Guid conversation, int limit)
    {
        var all = new List<MessageDocument>();
        string? cursor = null;
        do
        {
            var page = await views.MessagesAsync(organization, conversation, limit, cursor, default);
            all.AddRange(page.Data);
            cursor = page.NextCursor;
        }
        while (cursor is not null);
        return all;
    }

    private static async Task<string> ContentAsync(IDocumentStore store, IDocumentViews views, ViewsDatabase database, RandomLog log)
    {
        var lines = new List<string>();
        foreach (var conversation in (await views.ConversationsAsync(log.OrganizationId, new(), 200, null, default)).Data)
        {
            lines.Add(DocumentJson.Write(conversation));
            foreach (var message in await MessagesAsync(views, log.OrganizationId, conversation.Uuid, 50))
            {
                lines.Add(DocumentJson.Write(message));
                lines.AddRange((await store.LogsAsync(database.Shard, log.OrganizationId, message.Id, default)).Select(DocumentJson.Write));
            }
        }

        return string.Join('\n', lines);
    }

    private static MessageDocument Full(Guid organization)
    {
        var at = new DateTimeOffset(2026, 5, 4, 3, 2, 1, 999, TimeSpan.Zero);
        var id = Uuid.New();
        return new()
        {
            Id = DocumentId.Of(id), Uuid = id, Position = 1L << 48 | 7, OrganizationId = organization, ConversationId = DocumentId.Of(organization), ConversationUuid = organization, ContactId = Uuid.New(), CampaignId = Uuid.New(), AccountId = Uuid.New(),
            Direction = "outbound", MessageType = "image", MessageTypeExact = "sticker", WaMessageId = "wamid.x", WaConversationId = "c", CreatedAt = at, UpdatedAt = at.AddYears(-125), SentAt = at,
            Content = new("שלום 😀 \\u0000", "https://x/y?a=1&b=\"2\"", "image/webp", 5_000_000_000, "c", new(-89.123456789, 179.5, "n", null), new("f", null, "m"), "id"),
            Template = new(Uuid.New(), "n", "en", JsonSerializer.SerializeToElement(new object[] { new { type = "body", parameters = new[] { 1.5 } } })),
            Interactive = new("list_reply", new("1", "t"), new("2", "t", null)),
            StatusHistory = [new("pending", at), new("failed", at.AddSeconds(1), "131026", "why", true)],
            SentBy = new(null, "bot", true), AiProcessing = new(true, "positive", null, ["a", "b"], false, null),
            Cost = new(0.012345m, "USD", "business_initiated", "marketing", "PMP", "regular", true),
            RawWebhook = JsonSerializer.Deserialize<JsonElement>("""{"big":9007199254740993,"$oid":"0","$set":{"a.b":[1,2.5,true,null,"x"]}}"""),
        };
    }
}

public sealed class PostgresDocumentStoreTests(StoresFixture fixture) : DocumentStoreContract(fixture)
{
    protected override Task<(IDocumentStore Store, IDocumentViews Views)> OpenAsync(Shards shards) =>
        Task.FromResult<(IDocumentStore, IDocumentViews)>((new PostgresDocumentStore(), new PostgresDocumentViews(shards)));
}

/// <summary>Against the server that BSP_TEST_MONGO names; a database of its own each time.</summary>
public sealed class MongoDocumentStoreTests(StoresFixture fixture) : DocumentStoreContract(fixture)
{
    protected override Task<(IDocumentStore Store, IDocumentViews Views)> OpenAsync(Shards shards)
    {
        var server = Environment.GetEnvironmentVariable("BSP_TEST_MONGO");
        Assert.SkipWhen(server is null, "BSP_TEST_MONGO names no MongoDB server.");
        var url = new MongoDB.Driver.MongoUrlBuilder(server) { DatabaseName = $"bsp_{Guid.NewGuid():N}" };
        var mongo = new MongoCollections(url.ToString(), shards);
        return Task.FromResult<(IDocumentStore, IDocumentViews)>((new MongoDocumentStore(mongo), new MongoDocumentViews(mongo, shards)));
    }
}
