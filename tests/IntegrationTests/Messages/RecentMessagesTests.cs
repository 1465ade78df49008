using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Messages;
using Bsp.IntegrationTests.Contacts;

namespace Bsp.IntegrationTests.Messages;

/// <summary>What a process remembers of a message spares it the load, and is never believed against the log.</summary>
public sealed class RecentMessagesTests(ContactsDatabase database) : IClassFixture<ContactsDatabase>
{
    private static readonly DateTimeOffset Noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
    private readonly RecentMessages recent = new();

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Statuses_of_a_message_that_was_just_moved_are_recorded_without_loading_it()
    {
        var (organization, id) = await AcceptedAsync();
        var store = new CountingStore(database.Store);
        foreach (var word in new[] { "sent", "delivered", "read" })
        {
            (await RecordAsync(store, recent, organization, id, word)).Unknown.ShouldBeEmpty();
        }

        store.Loads.ShouldBe(0);
        (await TypesAsync(organization, id))
            .ShouldBe(["message_queued", "message_sending", "message_accepted", "message_sent", "message_delivered", "message_read"]);
        recent.Find(organization, [id]).ShouldBeEmpty("what was read is forgotten");
    }

    [Fact]
    public async Task What_another_process_wrote_meanwhile_is_seen_before_anything_is_written()
    {
        var (organization, id) = await AcceptedAsync();
        await RecordAsync(database.Store, new RecentMessages(), organization, id, "delivered");

        var late = await RecordAsync(database.Store, recent, organization, id, "read");

        late.Rulings.ShouldHaveSingleItem().Events.ShouldHaveSingleItem().ShouldBeOfType<MessageRead>();
        (await TypesAsync(organization, id))
            .ShouldBe(["message_queued", "message_sending", "message_accepted", "message_sent", "message_delivered", "message_read"]);
    }

    [Fact]
    public async Task The_same_status_from_two_processes_at_once_is_one_fact()
    {
        var (organization, id) = await AcceptedAsync();
        var memories = Enumerable.Range(0, 8).Select(_ =>
        {
            var memory = new RecentMessages();
            var known = recent.Find(organization, [id])[id];
            memory.Remember(organization, [new(id, known.State, [], known.State, known.Version)]);
            return memory;
        }).ToList();

        await Task.WhenAll(memories.Select(memory => RecordAsync(database.Store, memory, organization, id, "delivered")));

        (await TypesAsync(organization, id)).Count(type => type == "message_delivered").ShouldBe(1);
    }

    [Fact]
    public async Task When_there_is_nothing_to_write_upon_what_is_remembered_the_log_is_asked()
    {
        var (organization, id) = await AcceptedAsync();
        var stale = recent.Find(organization, [id])[id];
        await RecordAsync(database.Store, new RecentMessages(), organization, id, "delivered");
        var store = new CountingStore(database.Store);

        var rulings =
            await store.RuleAsync(organization, [id], (_, state) => state.DeliveredAt is null ? []
                : [new MessageRead(state.Ref!, Noon, null, Noon)], Ct, new Dictionary<Guid, KnownMessage> { [id] = stale });

        store.Loads.ShouldBe(1);
        rulings.ShouldHaveSingleItem().Events.ShouldHaveSingleItem().ShouldBeOfType<MessageRead>();
    }

    [Fact]
    public async Task A_neighbour_who_names_the_same_message_finds_nothing()
    {
        var (organization, id) = await AcceptedAsync();
        var neighbour = await database.NewOrganizationAsync();
        recent.Find(neighbour, [id]).ShouldBeEmpty();
        (await RecordAsync(database.Store, recent, neighbour, id, "read")).Unknown.ShouldHaveSingleItem();
        (await TypesAsync(organization, id)).Count.ShouldBe(3);
    }

    [Fact]
    public void It_remembers_the_latest_and_no_more_than_it_may()
    {
        var organization = Guid.NewGuid();
        var ids = Enumerable.Range(0, RecentMessages.MessagesMax * 2).Select(_ => Uuid.New()).ToArray();
        foreach (var id in ids)
        {
            recent.Remember(organization, [new(id, Message.Initial, [], Message.Initial with { Phase = MessagePhase.Accepted }, 3)]);
        }

        recent.Find(organization, ids).Count.ShouldBeInRange(RecentMessages.MessagesMax / 2, RecentMessages.MessagesMax);
        recent.Find(organization, ids[^(RecentMessages.MessagesMax / 2)..]).Count.ShouldBe(RecentMessages.MessagesMax / 2);
    }

    [Fact]
    public async Task A_decision_on_a_message_leaves_its_sealed_words_in_no_memory()
    {
        var (organization, id) = (await database.NewOrganizationAsync(), Uuid.New());
        var store = new CountingStore(database.Store);
        var reference = new MessageRef(id, Uuid.New(), Uuid.New(), Uuid.New(), null, "text", "outbound");
        await DecideAsync(store, organization, id, state =>
            Message.Queue(state, reference, null, new(Uuid.New(), "AAAA"), new("api", null, null, true), Noon));
        await DecideAsync(store, organization, id, state => Message.Cancel(state, "campaign", Noon));
        store.States.ShouldBe(2, "the second decision loaded too: nothing was kept of the first");
        (await TypesAsync(organization, id)).ShouldBe(["message_queued", "message_cancelled"]);
    }

    private static Task<Application.Common.Done> DecideAsync(IEventStore store, Guid organization, Guid id,
        Func<Message, IReadOnlyList<MessageEvent>> decide) =>
        store.Decide<Message, MessageEvent>(organization, id, decide, null, Ct);

    private async Task<(Guid Organization, Guid Message)> AcceptedAsync()
    {
        var organization = await database.NewOrganizationAsync();
        var id = Uuid.New();
        var (account, contact) = (Uuid.New(), Uuid.New());
        var reference = new MessageRef(id, account, contact, Uuid.Conversation(account, contact), null, "text", "outbound");
        MessageEvent[] events =
        [
            new MessageQueued(reference, null, new(Uuid.New(), "AAAA"), new("api", null, null, true), Noon),
                new MessageSending(reference, 1, Uuid.New(), Noon),
            new MessageAccepted(reference, $"wamid.{id:N}", false, "response", Noon),
        ];
        recent.Remember(organization, await database.Store.RuleAsync(organization, [id], (_, _) => events, Ct));
        return (organization, id);
    }

    private Task<RecordedStatuses> RecordAsync(IEventStore store, RecentMessages memory, Guid organization, Guid id, string word) =>
        new RecordStatusesHandler(store, new Wamids(database.Shards), memory)
        .Handle(new(organization, [new(id, new(word, $"wamid.{id:N}", Noon.AddMinutes(1), null, null, null, null))]), Ct);

    private async Task<List<string>> TypesAsync(Guid organization, Guid id) =>
        [.. (await database.Store.LoadAsync(organization, id, Ct)).Events.Select(e => e.Type)];

    private sealed class CountingStore(IEventStore store) : IEventStore
    {
        public int Loads { get; private set; }

        public int States { get; private set; }

        public Task<AppendOutcome> AppendAsync(Guid organizationId, IReadOnlyList<StreamAppend> streams, CancellationToken ct) =>
            store.AppendAsync(organizationId, streams, ct);

        public Task<AppendOutcome[]> AppendManyAsync(IReadOnlyList<(Guid OrganizationId, IReadOnlyList<StreamAppend> Streams)> calls,
            CancellationToken ct) => store.AppendManyAsync(calls, ct);

        public Task<LoadedStream> LoadAsync(Guid organizationId, Guid streamId, CancellationToken ct) =>
            store.LoadAsync(organizationId, streamId, ct);

        public Task<IReadOnlyList<LoadedStream>> LoadManyAsync(Guid organizationId, IReadOnlyList<Guid> streamIds, CancellationToken ct,
            bool archivedToo = false)
        {
            Loads++;
            return store.LoadManyAsync(organizationId, streamIds, ct, archivedToo);
        }

        // As its own, so that what it loads and appends is counted.
        public Task<Done> Decide<TState, TEvent>(Guid organizationId, Guid streamId, Func<TState, IReadOnlyList<TEvent>> decide,
            long? seenVersion, CancellationToken ct)
            where TState : class, IAggregate<TState, TEvent> where TEvent : class =>
                Deciding.ByAppendingAsync(this, organizationId, streamId, decide, seenVersion, ct);

        public Task<LoadedState<TState>> LoadStateAsync<TState, TEvent>(Guid organizationId, Guid streamId, CancellationToken ct)
            where TState : class, IAggregate<TState, TEvent> where TEvent : class
        {
            States++;
            return store.LoadStateAsync<TState, TEvent>(organizationId, streamId, ct);
        }

        public Task<int> ArchiveAsync(Guid organizationId, IReadOnlyList<(Guid StreamId, long Version)> streams, CancellationToken ct) =>
            store.ArchiveAsync(organizationId, streams, ct);

        public Task RestoreAsync(Guid organizationId, IReadOnlyList<Guid> streamIds, CancellationToken ct) =>
            store.RestoreAsync(organizationId, streamIds, ct);
    }
}
