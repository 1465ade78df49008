using Bsp.Benchmarks;
using Bsp.Domain.Campaigns;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using Bsp.Infrastructure.EventStore;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.EventStore;

public sealed class SnapshotTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Whoever_folds_many_events_leaves_the_state_and_the_next_one_reads_the_rest_only()
    {
        await using var store = database.NewStore();
        var (organization, stream) = await LongAsync(store, 150);
        var first = await LoadAsync(store, organization, stream);
        await SnapshotAsync(stream, version: 150);
        await AppendAsync(store, organization, stream, 150, 7);
        // Proof that what lies before it is not read: those bodies can be read no more.
        await SpoilAsync(stream, upTo: 150);

        var second = await LoadAsync(store, organization, stream);

        ShouldBeState(first, 150, stream);
        ShouldBeState(second, 157, stream);
        (await SnapshotAsync(stream, version: 150)).ShouldBe(150, "seven events are not worth a new one");
    }

    [Fact]
    public async Task A_short_stream_and_a_state_that_does_not_ask_for_it_leave_none()
    {
        var store = database.NewStore();
        var (organization, stream) = await LongAsync(store, 99);
        var (otherOrganization, other) = await LongAsync(store, 300);
        await LoadAsync(store, organization, stream);
        await store.LoadStateAsync<Counted, CampaignEvent>(otherOrganization, other, Ct);
        await store.DisposeAsync(); // writes what it still has to

        (await database.ScalarAsync<long>("SELECT count(*) FROM bsp.snapshots WHERE stream_id = ANY ($1)", new[] { stream, other }))
            .ShouldBe(0);
    }

    [Theory]
    [InlineData("UPDATE bsp.snapshots SET state = '{\"Status\":17}', version = version WHERE stream_id = $1", "is no state of this type")]
    [InlineData("UPDATE bsp.snapshots SET state = '[]' WHERE stream_id = $1", "is no object")]
    [InlineData("UPDATE bsp.snapshots SET state = 'null' WHERE stream_id = $1", "is nothing")]
    [InlineData("UPDATE bsp.snapshots SET schema = 'of another build' WHERE stream_id = $1", "is of another build")]
    [InlineData("UPDATE bsp.snapshots SET version = 9000 WHERE stream_id = $1", "is newer than the stream")]
    [InlineData("UPDATE bsp.snapshots SET event_id = gen_random_uuid() WHERE stream_id = $1", "is of a log that went on differently")]
    [InlineData("UPDATE bsp.snapshots SET version = 20 WHERE stream_id = $1", "says another version than its event has")]
    public async Task A_snapshot_is_not_believed_when_it(string spoil, string because)
    {
        await using var store = database.NewStore();
        var (organization, stream) = await LongAsync(store, 150);
        await LoadAsync(store, organization, stream);
        await SnapshotAsync(stream, version: 150);
        await AppendAsync(store, organization, stream, 150, 5);
        await database.AdminQueryAsync(spoil.Replace("'{\"Status\":17}'", "'{\"status\":17}'", StringComparison.Ordinal), _ => 0, stream);

        ShouldBeState(await LoadAsync(store, organization, stream), 155, stream);

        (await SnapshotAsync(stream, version: 155)).ShouldBe(155, $"one that {because} is written anew");
        (await database.ScalarAsync<string>("SELECT schema FROM bsp.snapshots WHERE stream_id = $1", stream))
            .ShouldBe(SnapshotOf<Conversation>.Schema);
    }

    [Fact]
    public async Task Commands_decide_on_it_and_a_neighbour_does_not_see_it()
    {
        await using var store = database.NewStore();
        var (organization, stream) = await LongAsync(store, 150);
        var neighbour = await database.NewOrganizationAsync();
        await LoadAsync(store, organization, stream);
        await SnapshotAsync(stream, version: 150);

        var done = await store.Decide<Conversation, ConversationEvent>(organization, stream,
            state => [new ConversationRead(stream, stream, stream, $"after {state.WindowUntil:O}", Noon)], null, Ct);

        done.Version.ShouldBe(151);
        (await LoadAsync(store, organization, stream)).State.ReadUpTo.ShouldBe($"after {Noon.AddHours(150):O}");
        (await LoadAsync(store, neighbour, stream)).Version.ShouldBe(0);
        await using var unscoped = database.Shard.App.CreateCommand("SELECT count(*) FROM bsp.snapshots");
        (await unscoped.ExecuteScalarAsync(Ct)).ShouldBe(0L);
    }

    [Fact]
    public async Task An_archived_stream_is_not_revived_by_its_snapshot()
    {
        await using var store = database.NewStore();
        var (organization, stream) = await LongAsync(store, 150);
        await LoadAsync(store, organization, stream);
        await SnapshotAsync(stream, version: 150);
        await database.AdminQueryAsync(
            "WITH s AS (UPDATE mt_streams SET is_archived = true WHERE id = $1) UPDATE mt_events SET is_archived = true WHERE stream_id = $1", _ => 0, stream);

        (await LoadAsync(store, organization, stream)).ShouldBe(new(Conversation.Initial, 0, IsArchived: true));
    }

    private static Task<LoadedState<Conversation>> LoadAsync(PostgresEventStore store, Guid organization, Guid stream) =>
        store.LoadStateAsync<Conversation, ConversationEvent>(organization, stream, Ct);

    private static void ShouldBeState(LoadedState<Conversation> loaded, long version, Guid stream)
    {
        loaded.Version.ShouldBe(version);
        loaded.State.ShouldBe(Conversation.Initial with { Id = stream, AccountId = stream, ContactId = stream,
            WindowUntil = Noon.AddHours(version), Tags = loaded.State.Tags });
        loaded.State.Tags.ShouldBeEmpty();
    }

    private async Task<(Guid Organization, Guid Stream)> LongAsync(PostgresEventStore store, int events)
    {
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        await AppendAsync(store, organization, stream, 0, events);
        return (organization, stream);
    }

    private static async Task AppendAsync(PostgresEventStore store, Guid organization, Guid stream, long version, int events)
    {
        var written = Enumerable.Range(1, events)
            .Select(n => (object)new CustomerWindowOpened(stream, stream, stream, Noon.AddHours(version + n), Noon)).ToArray();
        (await store.AppendAsync(organization, [new(stream, "conversation", version, written)], Ct)).Verdict.ShouldBe(AppendVerdict.Ok);
    }

    private Task SpoilAsync(Guid stream, long upTo) =>
        database.AdminQueryAsync("UPDATE mt_events SET data = '{\"until\":17}' WHERE stream_id = $1 AND version <= $2", _ =>
            0, stream, upTo);

    // It is written after the answer.
    private Task<long> SnapshotAsync(Guid stream, long version) =>
        Patience.UntilAsync(async () =>
            (await database.AdminQueryAsync("SELECT version FROM bsp.snapshots WHERE stream_id = $1", row => row.GetInt64(0), stream))
            .FirstOrDefault(), v => v == version, $"a snapshot at version {version} is there");
}
