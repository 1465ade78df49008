using Bsp.Application.Common;
using Bsp.Benchmarks;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Domain.Common;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Messages;
using Microsoft.Extensions.Logging.Abstractions;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.EventStore;

/// <summary>A database of its own: the sweep walks the whole log.</summary>
public sealed class ArchiveTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly EventStoreSettings Quarter = new() { ArchiveAfterDays = 90 };

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Ended_messages_of_which_nothing_was_heard_are_put_away_once_and_a_late_fact_takes_them_out_again()
    {
        await using var store = database.NewStore();
        await using var readers = new LogReaders(new());
        var log = new OrganizationLog(database.Shards, readers, store);
        var organization = await database.NewOrganizationAsync();
        var (delivered, queued, sent, received, campaign) = (Uuid.New(), Uuid.New(), Uuid.New(), Uuid.New(), Uuid.New());
        await store.AppendAsync(organization,
            [new(delivered, "message", 0, [Queued(delivered), Accepted(delivered)]), new(queued, "message", 0, [Queued(queued)])], Ct);
        await store.AppendAsync(organization,
            [new(delivered, "message", 2,
                [new MessageSent(Ref(delivered), false, null, Noon),
                    new MessageDelivered(Ref(delivered), false, Noon, null, null, Noon)])], Ct);
        await store.AppendAsync(organization,
            [new(sent, "message", 0, [Queued(sent), Accepted(sent), new MessageSent(Ref(sent), false, null, Noon)])], Ct);
        await store.AppendAsync(organization,
            [new(received, "message", 0,
                [new MessageReceived(Ref(received) with { Direction = "inbound" }, "wamid.in", Nothing, false, null, Noon)]),
                Append(campaign, 0, Paused(campaign, "a"))], Ct);
        var whole = await LogAsync(log, organization);

        (await Sweep(store, readers, days: 89).SweepAsync(database.Shard, Ct)).ShouldBe(0, "it is too early");
        (await Sweep(store, readers, days: 91).SweepAsync(database.Shard, Ct)).ShouldBe(2);
        (await ArchivedAsync(organization)).ShouldBe([delivered, received], ignoreOrder: true);
        (await LogAsync(log, organization)).ShouldBe(whole, "the log shows what it showed");
        (await Sweep(store, readers, days: 92).SweepAsync(database.Shard, Ct)).ShouldBe(0);
        await database.AdminQueryAsync("DELETE FROM bsp.archive_progress", _ => 0);
        (await Sweep(store, readers, days: 92).SweepAsync(database.Shard, Ct))
            .ShouldBe(0, "killed before it noted how far it was, it finds nothing left to do");

        var ruled = await store.RuleAsync(organization, [delivered, received], (_, state) =>
            Message.Report(state, new("read", "wamid.1", Noon.AddDays(120), null, null, null, null)), Ct);

        ruled.Select(r => r.After.Standing).ShouldBe(["read", "received"]);
        ruled[0].Version.ShouldBe(5);
        (await ArchivedAsync(organization)).ShouldBe([received], "what says nothing new disturbs nobody");
        (await store.LoadAsync(organization, delivered, Ct)).Events.Select(e => e.Type)
            .ShouldBe(["message_queued", "message_accepted", "message_sent", "message_delivered", "message_read"]);
        (await Sweep(store, readers, days: 300).SweepAsync(database.Shard, Ct)).ShouldBe(1, "its new last event is met in its turn");
    }

    [Fact]
    public async Task A_stream_put_away_while_others_append_to_it_is_whole_on_one_side_or_the_other()
    {
        await using var store = database.NewStore();
        await using var other = database.NewStore();
        var organization = await database.NewOrganizationAsync();
        var streams = Enumerable.Range(0, 60).Select(_ => Uuid.New()).ToArray();
        await store.AppendManyAsync([.. streams.Select(s => (organization, (IReadOnlyList<StreamAppend>)[Append(s, 0, Resumed(s))]))], Ct);

        var verdicts = await Task.WhenAll(streams.Select(stream => Task.Run(async () =>
        {
            await Task.WhenAll(store.ArchiveAsync(organization, [(stream, 1)], Ct),
                Task.Run(() => other.ArchiveAsync(organization, [(stream, 1)], Ct)));
            return AppendVerdict.Ok;
        })).Concat(streams.SelectMany(stream => new[] { store, other }.Select(writer => Task.Run(async () =>
            (await writer.AppendAsync(organization, [Append(stream, null, Resumed(stream), Resumed(stream))], Ct)).Verdict)))));

        verdicts.ShouldAllBe(verdict => verdict == AppendVerdict.Ok || verdict == AppendVerdict.Archived);
        var rows = await database.AdminQueryAsync("""
            SELECT s.is_archived, s.version, count(*), max(e.version), count(*) FILTER (WHERE e.is_archived <> s.is_archived)
              FROM mt_streams s JOIN mt_events e ON e.tenant_id = s.tenant_id AND e.stream_id = s.id WHERE s.tenant_id = $1 GROUP BY s.id, 1, 2
            """, row => (Archived: row.GetBoolean(0), Version: row.GetInt64(1), Count: row.GetInt64(2), Last: row.GetInt64(3), Strays: row.GetInt64(4)), organization.ToString());
        rows.Count.ShouldBe(60);
        rows.ShouldAllBe(row => row.Version == row.Count && row.Version == row.Last && row.Strays == 0);
        rows.ShouldAllBe(row => row.Archived == (row.Version == 1), "only the version that was judged is archived");
        rows.Sum(row => (row.Version - 1) / 2).ShouldBe(verdicts.Skip(60).Count(verdict => verdict == AppendVerdict.Ok));
    }

    [Fact]
    public async Task A_decision_on_what_was_put_away_is_refused_even_when_this_process_remembers_it()
    {
        await using var store = database.NewStore();
        await using var other = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        Task<Application.Common.Done> DecideAsync(string reason) =>
            store.Decide<Counted, Domain.Campaigns.CampaignEvent>(organization, stream, n => [Paused(stream, reason)], null, Ct);
        await DecideAsync("a");
        (await other.ArchiveAsync(organization, [(stream, 1)], Ct)).ShouldBe(1);

        (await Should.ThrowAsync<Refusal>(() => DecideAsync("b"))).Code.ShouldBe("stream.archived");
        (await Should.ThrowAsync<Refusal>(() => DecideAsync("c"))).Code.ShouldBe("stream.archived");
        await other.RestoreAsync(organization, [stream], Ct);
        (await DecideAsync("d")).Version.ShouldBe(2);
    }

    [Fact]
    public async Task A_neighbours_stream_is_not_put_away()
    {
        await using var store = database.NewStore();
        var (organization, neighbour, stream) = (await database.NewOrganizationAsync(), await database.NewOrganizationAsync(), Uuid.New());
        await store.AppendAsync(organization, [Append(stream, 0, Resumed(stream))], Ct);

        (await store.ArchiveAsync(neighbour, [(stream, 1)], Ct)).ShouldBe(0);
        (await store.LoadAsync(organization, stream, Ct)).Version.ShouldBe(1);
    }

    private static Sealed Nothing => new(Guid.Empty, "");

    private static MessageRef Ref(Guid id) => new(id, id, id, id, null, "text", "outbound");

    private static MessageQueued Queued(Guid id) => new(Ref(id), null, Nothing, new("api", null, null, true), Noon);

    private static MessageAccepted Accepted(Guid id) => new(Ref(id), "wamid.1", false, "response", Noon);

    private ArchiveSweep Sweep(PostgresEventStore store, LogReaders readers, int days) =>
        new(database.Shards, readers, store, Quarter, new Later(TimeSpan.FromDays(days)), NullLogger<ArchiveSweep>.Instance);

    private static async Task<List<(long, string)>> LogAsync(OrganizationLog log, Guid organization) =>
        [.. (await log.ReadAsync(organization, LogFilter.All, Position.Start, 1_000, Ct)).Events.Select(e => (e.Sequence, e.Type))];

    private Task<List<Guid>> ArchivedAsync(Guid organization) => database.AdminQueryAsync("""
        SELECT s.id FROM mt_streams s WHERE s.tenant_id = $1 AND s.is_archived AND NOT EXISTS (SELECT FROM mt_events e WHERE e.tenant_id = $1 AND e.stream_id = s.id AND NOT e.is_archived)
        """, row => row.GetGuid(0), organization.ToString());

    private sealed class Later(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + by;
    }
}
