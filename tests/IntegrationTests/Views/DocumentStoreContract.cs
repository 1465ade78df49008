using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Domain.Contacts;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EventStore;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Views;

/// <summary>What both document stores promise.</summary>
public abstract partial class DocumentStoreContract(StoresFixture fixture)
{
    protected abstract Task<(IDocumentStore Store, IDocumentViews Views)> OpenAsync(Shards shards);

    /// <summary>Of the store that was opened last.</summary>
    private protected abstract IDocumentDigests Digests();

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

        await SpoilAsync(store, views, database, log);
        await database.RebuildAsync(projection, log);
        (await ContentAsync(store, views, database, log)).ShouldBe(before);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_swap_whose_end_nobody_noted_is_not_made_again(bool dies)
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(25, await database.NewOrganizationAsync(), 60);
        await database.WriteAsync(log);
        var (store, views) = await OpenAsync(database.Shards);
        var projection = new Troubled(new ConversationsProjection(store, new Plain()), dies);
        await WithRunnerAsync(database, projection, _ =>
            EndToEnd.Patience.UntilAsync(() => projection.CheckpointAsync(database.Shard, default), at =>
                at >= log.Events[^1].Sequence, "the view is complete"));
        var before = await ContentAsync(store, views, database, log);
        await SpoilAsync(store, views, database, log);
        await new ProjectionBoard(database.Shard).BeginCopyAsync(projection.Name, default);
        if (dies)
        {
            await WithRunnerAsync(database, projection, _ => projection.Swapped);
        }

        await WithRunnerAsync(database, projection, UntilServingAsync);
        (await ContentAsync(store, views, database, log)).ShouldBe(before);
        projection.BuildsAfterSwap.ShouldBe(0);
    }

    [Fact]
    public async Task Nothing_is_written_to_next_documents_that_nobody_has_begun()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var organization = await database.NewOrganizationAsync();
        var (store, _) = await OpenAsync(database.Shards);
        var copy = new ConversationsProjection(store, new Plain()).Beside!;
        await Should.ThrowAsync<CheckpointMoved>(store.SaveAsync(database.Shard, DocumentSet.Next, copy.Name, null, [organization],
            new([], [Full(organization)], []), default));
        await Should.ThrowAsync<CheckpointMoved>(store.SaveAsync(database.Shard, DocumentSet.Next, copy.Name, 5, [], new([], [], []),
            default));
        (await copy.CheckpointAsync(database.Shard, default)).ShouldBe(0);
        (await new ProjectionBoard(database.Shard).CopyAsync(ViewNames.Conversations, default)).ShouldBeNull();
    }

    [Fact]
    public async Task Fifty_erasures_and_merges_in_a_page_leave_the_same_as_one_by_one()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(27, await database.NewOrganizationAsync(), 240);
        var (store, views) = await OpenAsync(database.Shards);
        var projection = new ConversationsProjection(store, new Plain());
        var end = log.Events[^1].Sequence;
        var at = log.Events[^1].Timestamp;
        var changes = log.Contacts.Take(50).Select((contact, i) =>
        {
            object body = i % 5 == 4 ? new ContactMerged(log.Contacts[50 + (i % 9)], contact, "t", at)
                : new ContactErased(contact, [contact], at);
            return new StoredEvent(end + i + 1, Uuid.New(), log.OrganizationId, contact, 1, EventTypes.NameOf(body), body, at,
                EventMetadata.None);
        }).ToList();
        var half = log.Events.Count / 2; // the changes lie among messages that follow them
        List<StoredEvent> events =
            [.. log.Events.Take(half), .. log.Events.Skip(half).Zip(Padded(changes, log.Events.Count - half))
                .SelectMany(p => p.Second is { } change ? new[] { change, p.First } : [p.First])];
        events = [.. events.Select((e, i) => e with { Sequence = i + 1 })];

        var whole = new EventPage(database.Shard, 0, events.Count, Wanted(events));
        await projection.ApplyAsync(whole, default);
        var together = await ContentAsync(store, views, database, log);
        await new ProjectionBoard(database.Shard).EnterAsync(projection.Name, default);
        await new ProjectionBoard(database.Shard).BeginCopyAsync(projection.Name, default);
        await projection.Beside!.BeginAsync(database.Shard, default);
        for (var i = 0; i < events.Count; i++)
        {
            await projection.Beside.ApplyAsync(new(database.Shard, i, i + 1, Wanted([events[i]])), default);
        }

        (await projection.Beside.SwapAsync(database.Shard, default)).ShouldBeTrue();
        var oneByOne = await ContentAsync(store, views, database, log);
        together.Length.ShouldBeGreaterThan(10_000);
        together.ShouldBe(oneByOne);

        List<StoredEvent> Wanted(List<StoredEvent> all) => [.. all.Where(e => projection.EventTypes!.Contains(e.Type))];
        static IEnumerable<StoredEvent?> Padded(List<StoredEvent> changes, int count) =>
            Enumerable.Range(0, count).Select(i => i < changes.Count ? changes[i] : null);
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
        whole.ShouldBe(whole.OrderByDescending(d => d.LastMessageAt).ToList(), ignoreOrder: false, customMessage: "latest first",
            comparer: ById);
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
        (await views.ConversationsAsync(log.OrganizationId, new(AccountId: log.Accounts[0]), 200, null, default)).Data.ShouldAllBe(d =>
            d.AccountId == log.Accounts[0]);
        (await views.ConversationsAsync(log.OrganizationId, new(Status: "spam"), 200, null, default)).Data.ShouldBeEmpty();

        (await views.ConversationsAsync(stranger, new(), 200, null, default)).Data.ShouldBeEmpty();
        (await views.ConversationAsync(stranger, busiest.Uuid, default)).ShouldBeNull();
        (await views.MessagesAsync(stranger, busiest.Uuid, 10, null, default)).Data.ShouldBeEmpty();
        (await views.MessageAsync(stranger, messages[0].Uuid, default)).ShouldBeNull();
        (await store.LogsAsync(database.Shard, stranger, messages[0].Id, default)).ShouldBeEmpty();
        (await Should.ThrowAsync<Refusal>(views.ConversationsAsync(log.OrganizationId, new(), 7, "1.zz", default))).Code.ShouldBe(
            "cursor.invalid");
    }

    [Fact]
    public async Task What_is_of_one_moment_comes_in_the_order_of_ids_and_a_page_that_keeps_few_goes_on_where_it_looked()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var organization = await database.NewOrganizationAsync();
        var (store, views) = await OpenAsync(database.Shards);
        var at = new DateTimeOffset(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);
        var documents = Enumerable.Range(0, 60).Select(n => new ConversationDocument
        {
            Id = DocumentId.Of(Uuid.Of($"c{n}")), Uuid = Uuid.Of($"c{n}"), Position = n + 1, OrganizationId = organization,
            AccountId = Uuid.Of("a"), ContactId = Uuid.Of($"p{n}"), CreatedAt = at, UpdatedAt = at,
            LastMessageAt = at.AddSeconds(n / 20), Status = n % 10 == 3 ? "spam" : "active", UnreadCount = n % 2,
        }).ToList();
        await store.SaveAsync(database.Shard, DocumentSet.Serving, "t", 60, [organization], new(documents, [], []), default);
        if (views is PostgresDocumentViews postgres)
        {
            postgres.WalkMax = 15;
        }
        else if (views is MongoDocumentViews mongo)
        {
            mongo.WalkMax = 15;
        }

        foreach (var (filter, kept) in new (ConversationFilter, Func<ConversationDocument, bool>)[]
        {
            (new(), _ => true), (new("spam"), d => d.Status == "spam"), (new(Unread: true), d => d.UnreadCount > 0),
            (new("spam", Unread: false), d => d is { Status: "spam", UnreadCount: 0 }), (new("archived"), _ => false),
        })
        {
            var (paged, cursor, pages) = (new List<ConversationDocument>(), (string?)null, 0);
            do
            {
                var page = await views.ConversationsAsync(organization, filter, 4, cursor, default);
                paged.AddRange(page.Data);
                (cursor, pages) = (page.NextCursor, pages + 1);
            }
            while (cursor is not null && pages < 100);
            paged.Select(d => d.Id.ToString()).ShouldBe(documents.Where(kept).OrderByDescending(d => d.LastMessageAt)
                .ThenByDescending(d => d.Id.ToString(), StringComparer.Ordinal).Select(d => d.Id.ToString()));
        }
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
            Id = DocumentId.Of(message.ContactId), Uuid = message.ContactId, Position = 3, OrganizationId = organization,
                ContactId = message.ContactId, ConversationId = message.ConversationId, Model = "m-1", SystemPrompt = "be kind",
            Messages = [new("user", "hi", message.CreatedAt, 3, 12)], TotalTokens = 3, TotalCost = 0.000123m,
            CreatedAt = message.CreatedAt, UpdatedAt = message.CreatedAt,
            Context = new(JsonSerializer.SerializeToElement(new { vip = true }), "s", [JsonSerializer.SerializeToElement(new { a = 1 })]),
        };
        await store.SaveAsync(database.Shard, organization, [history], default);
        await store.SaveAsync(database.Shard, organization, [history with { Position = 2, Model = "older" }], default);
        DocumentJson.Write((await store.AiConversationAsync(database.Shard, organization, history.Id, default)).ShouldNotBeNull())
            .ShouldBe(DocumentJson.Write(history));
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
        await store.SaveAsync(database.Shard, DocumentSet.Serving, "t", 5, [organization],
            new([], [late with { Position = 5, Status = "sent" }, late with { Id = other.Id, Uuid = other.Uuid, Position = 5 }], []),
            default);
        (await views.MessageAsync(organization, late.Uuid, default))!.Status.ShouldBe("read");
        (await store.FindAsync(database.Shard, DocumentSet.Serving, [organization], [], [other.Id], default)).Messages.Count.ShouldBe(1);
        (await store.CheckpointAsync(database.Shard, "t", default)).ShouldBe(10);
    }

    private static readonly IEqualityComparer<ConversationDocument> ById =
        EqualityComparer<ConversationDocument>.Create((a, b) => a!.Id == b!.Id, d => d.Id.GetHashCode());

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

    private protected static async Task WithRunnerAsync(ViewsDatabase database, IProjection projection, Func<ProjectionBoard, Task> until)
    {
        await using var readers = new LogReaders(new());
        var runner =
            new ProjectionRunner([projection], database.Shards, readers, LogDatabase.NewSignals(), TimeProvider.System,
                NullLogger<ProjectionRunner>.Instance);
        await runner.StartAsync(default);
        await until(new(database.Shard)).WaitAsync(EndToEnd.Patience.Deadline);
        await runner.StopAsync(default);
    }

    private protected static Task UntilServingAsync(ProjectionBoard board) =>
        EndToEnd.Patience.UntilAsync(() => board.CopyAsync(ViewNames.Conversations, default), state =>
            state is null, "the rebuild is over");

    private protected static async Task SpoilAsync(IDocumentStore store, IDocumentViews views, ViewsDatabase database, RandomLog log)
    {
        var before = await ContentAsync(store, views, database, log);
        var (conversation, last) =
            ((await views.ConversationsAsync(log.OrganizationId, new(), 200, null, default)).Data[0],
                new Position(database.Shard.Epoch, log.Events[^1].Sequence).Packed);
        await store.SaveAsync(database.Shard, DocumentSet.Serving, ViewNames.Conversations, 0, [log.OrganizationId],
            new([conversation with { Status = "spoiled", Position = last }], [], []), default);
        (await ContentAsync(store, views, database, log)).ShouldNotBe(before);
    }

    private protected static async Task<string> ContentAsync(IDocumentStore store, IDocumentViews views, ViewsDatabase database,
        RandomLog log)
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
            Id = DocumentId.Of(id), Uuid = id, Position = 1L << 48 | 7, OrganizationId = organization,
                ConversationId = DocumentId.Of(organization), ConversationUuid = organization, ContactId = Uuid.New(),
                CampaignId = Uuid.New(), AccountId = Uuid.New(),
            Direction = "outbound", MessageType = "image", MessageTypeExact = "sticker", WaMessageId = "wamid.x", WaConversationId = "c",
            CreatedAt = at, UpdatedAt = at.AddYears(-125), SentAt = at,
            Content = new("שלום 😀 \\u0000", "https://x/y?a=1&b=\"2\"", "image/webp", 5_000_000_000, "c",
                new(-89.123456789, 179.5, "n", null), new("f", null, "m"), "id"),
            Template = new(Uuid.New(), "n", "en",
                JsonSerializer.SerializeToElement(new object[] { new { type = "body", parameters = new[] { 1.5 } } })),
            Interactive = new("list_reply", new("1", "t"), new("2", "t", null)),
            StatusHistory = [new("pending", at), new("failed", at.AddSeconds(1), "131026", "why", true)],
            SentBy = new(null, "bot", true), AiProcessing = new(true, "positive", null, ["a", "b"], false, null),
            Cost = new(0.012345m, "USD", "business_initiated", "marketing", "PMP", "regular", true),
            RawWebhook =
            JsonSerializer.Deserialize<JsonElement>("""{"big":9007199254740993,"$oid":"0","$set":{"a.b":[1,2.5,true,null,"x"]}}"""),
        };
    }
}

public sealed class PostgresDocumentStoreTests(StoresFixture fixture) : DocumentStoreContract(fixture)
{
    protected override Task<(IDocumentStore Store, IDocumentViews Views)> OpenAsync(Shards shards) =>
        Task.FromResult<(IDocumentStore, IDocumentViews)>((new PostgresDocumentStore(), new PostgresDocumentViews(shards)));

    private protected override IDocumentDigests Digests() => new PostgresDocumentDigests();
}
