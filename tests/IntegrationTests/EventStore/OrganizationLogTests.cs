using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Npgsql;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.EventStore;

public sealed class OrganizationLogTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    private readonly LogPlacesProjection places = new();

    [Theory]
    [InlineData(0.0, false)]
    [InlineData(0.5, false)]
    [InlineData(1.0, false)]
    [InlineData(1.0, true)]
    public async Task Every_filter_finds_exactly_its_events_in_order_however_far_the_places_are_noted(double noted, bool foreignWriters)
    {
        await using var store = database.NewStore();
        var settings = new EventStoreSettings { ForeignWriters = foreignWriters };
        await using var readers = new LogReaders(settings);
        var log = new OrganizationLog(database.Shards, readers, store);
        var own = await WriteAsync(store, seed: 7);
        await NoteAsync(readers, noted);

        LogFilter[] filters =
        [
            LogFilter.All, new(Types: ["campaign_paused"]), new(Types: ["campaign_paused", "campaign_resumed"]),
                new(Types: ["nobody_wrote_this"]), new(StreamId: own.Streams[3]),
            new(CorrelationId: "job-2"), new(CausationId: "cause-1"),
            new(Types: ["campaign_resumed"], CorrelationId: "job-2", CausationId: "cause-1"),
            new(Types: ["campaign_paused"], StreamId: own.Streams[3]), new(CorrelationId: "nobody's"),
        ];
        foreach (var filter in filters)
        {
            var expected = await ExpectedAsync(own.Organization, filter);
            var found = new List<StoredEvent>();
            var (after, more) = (Position.Start, true);
            while (more)
            {
                var slice = await log.ReadAsync(own.Organization, filter, after, 7, Ct);
                slice.Events.Count.ShouldBeLessThanOrEqualTo(7);
                found.AddRange(slice.Events);
                (after, more) = (slice.UpTo, slice.More);
            }

            found.Select(e => e.Id).ShouldBe(expected, filter.ToString());
            (await log.ReadAllAsync(own.Organization, filter, Position.Start, Ct).Select(e => e.Id).ToListAsync(Ct)).ShouldBe(expected);
        }
    }

    [Fact]
    public async Task A_page_reads_its_blocks_and_no_more_where_nobody_has_analyzed_the_log()
    {
        await database.AdminQueryAsync("ALTER TABLE mt_events SET (autovacuum_enabled = off)", _ => 0);
        await database.AdminQueryAsync("DELETE FROM pg_statistic WHERE starelid = 'mt_events'::regclass", _ => 0);
        await database.AdminQueryAsync("UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE oid = 'mt_events'::regclass", _ => 0);
        await using var store = database.NewStore();
        await using var readers = new LogReaders(new());
        var organization = await database.NewOrganizationAsync();
        var streams = Enumerable.Range(0, 200).Select(_ => Uuid.New()).ToList();
        await store.AppendManyAsync(
            [.. streams.Select(s =>
                (organization, (IReadOnlyList<StreamAppend>)[Append(s, 0, [.. Enumerable.Range(0, 100).Select(_ => Resumed(s))])]))], Ct);
        await NoteAsync(readers, 1.0);

        await using var connection = await database.Admin.OpenConnectionAsync(Ct);
        await using var transaction = await connection.BeginTransactionAsync(Ct);
        await using var read = new NpgsqlCommand($"""
            SET LOCAL enable_seqscan = off;
            SET LOCAL plan_cache_mode = force_generic_plan;
            SET LOCAL ROLE bsp_app;
            SET LOCAL bsp.tenants = '{organization}';
            SELECT count(*) FROM bsp.read_organization('{organization}', 0, 1000000000, NULL, NULL, NULL, 500);
            """, connection);
        (await read.ExecuteScalarAsync(Ct)).ShouldBe(500L);
        read.CommandText = "SELECT idx_tup_fetch FROM pg_stat_xact_all_tables WHERE relid = 'public.mt_events'::regclass";

        // the 500, what else lies in their blocks, and what other tests wrote before them; not all 20,000 for each block
        (await read.ExecuteScalarAsync(Ct)).ShouldBeOfType<long>().ShouldBeLessThan(10_000);
    }

    [Fact]
    public async Task Where_to_go_on_is_told_even_when_there_is_nothing_and_what_comes_then_is_seen_once()
    {
        await using var store = database.NewStore();
        await using var readers = new LogReaders(new());
        var log = new OrganizationLog(database.Shards, readers, store);
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());

        var nothing = await log.ReadAsync(organization, LogFilter.All, Position.Start, 100, Ct);
        await store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "a"))], Ct);
        var one = await log.ReadAsync(organization, LogFilter.All, nothing.UpTo, 100, Ct);
        await store.AppendAsync(organization, [Append(stream, 1, Resumed(stream))], Ct);
        var next = await log.ReadAsync(organization, LogFilter.All, one.UpTo, 100, Ct);

        nothing.Events.ShouldBeEmpty();
        nothing.More.ShouldBeFalse();
        one.Events.Select(e => e.Body).ShouldBe([Paused(stream, "a")]);
        next.Events.Select(e => e.Body).ShouldBe([Resumed(stream)]);
    }

    [Fact]
    public async Task An_open_transaction_holds_the_slice_back_and_nothing_is_missed()
    {
        await using var store = database.NewStore();
        await using var readers = new LogReaders(new());
        var log = new OrganizationLog(database.Shards, readers, store);
        var (organization, early, late) = (await database.NewOrganizationAsync(), Uuid.New(), Uuid.New());
        await using (var tx = await Infrastructure.Sharding.Tenancy.BeginAsync(database.Shard, organization, Ct))
        {
            await store.AppendAsync(tx, database.Shard, organization, [[Append(early, 0, Resumed(early))]], Ct);
            await store.AppendAsync(organization, [Append(late, 0, Resumed(late))], Ct);

            var before = await log.ReadAsync(organization, LogFilter.All, Position.Start, 100, Ct);
            await tx.CommitAsync(Ct);
            var after = await log.ReadAsync(organization, LogFilter.All, before.UpTo, 100, Ct);

            before.Events.ShouldBeEmpty();
            after.Events.Select(e => e.StreamId).ShouldBe([early, late]);
        }
    }

    [Fact]
    public async Task Noted_twice_or_rebuilt_beside_themselves_the_places_are_the_same()
    {
        await using var store = database.NewStore();
        await using var readers = new LogReaders(new());
        await WriteAsync(store, seed: 11);
        await NoteAsync(readers, 0.3);
        await NoteAsync(readers, 1);
        var first = await PlacesAsync();
        var end = await places.CheckpointAsync(database.Shard, Ct);
        await Should.ThrowAsync<CheckpointMoved>(places.ApplyAsync(new(database.Shard, 0, 1, []), Ct));

        var copy = places.Beside!;
        await database.AdminQueryAsync(
            "DELETE FROM bsp.log_places WHERE block % 2 = 0; INSERT INTO bsp.projections (name, state) VALUES ('log_places.v1+next', 'rebuilding')", _ => 0);
        await copy.BeginAsync(database.Shard, Ct);
        await copy.ApplyAsync(new(database.Shard, 0, end / 2, []), Ct);
        (await copy.SwapAsync(database.Shard, Ct)).ShouldBeFalse("it is behind the view");
        await copy.ApplyAsync(new(database.Shard, end / 2, end, []), Ct);
        (await copy.SwapAsync(database.Shard, Ct)).ShouldBeTrue();

        (await PlacesAsync()).ShouldBe(first);
        (await database.ScalarAsync<long>("SELECT count(*) FROM bsp.log_places_next")).ShouldBe(0);
    }

    [Fact]
    public async Task What_is_archived_unknown_or_unreadable_is_shown_and_a_tombstone_is_not()
    {
        await using var store = database.NewStore();
        await using var readers = new LogReaders(new());
        var log = new OrganizationLog(database.Shards, readers, store);
        var (organization, archived, odd) = (await database.NewOrganizationAsync(), Uuid.New(), Uuid.New());
        await store.AppendAsync(organization, [Append(archived, 0, Paused(archived, "a"))], Ct);
        await database.AdminQueryAsync(
            "WITH s AS (UPDATE mt_streams SET is_archived = true WHERE id = $1) UPDATE mt_events SET is_archived = true WHERE stream_id = $1", _ => 0, archived);
        await InsertAsync(organization, odd, 1, "written_by_a_later_build", """{"x":1}""");
        await InsertAsync(organization, odd, 2, "campaign_paused", """{"campaign_id":17}""");
        await InsertAsync(organization, odd, 3, "tombstone", "{}");

        var slice = await log.ReadAsync(organization, LogFilter.All, Position.Start, 100, Ct);
        var stream = await log.ReadStreamAsync(organization, archived, AsOf.Now, Ct);

        slice.Events.Select(e => (e.Type, EventTypes.IsFact(e.Body)))
            .ShouldBe([("campaign_paused", true), ("written_by_a_later_build", false), ("campaign_paused", false)]);
        (stream.Version, stream.IsArchived).ShouldBe((1, true));
        (await log.ReadStreamsAsync(organization, [archived, odd], Ct)).Select(s => s.Version).ShouldBe([1, 3]);
        (await store.LoadAsync(organization, archived, Ct))
            .ShouldBe(new(archived, 0, [], IsArchived: true), "for deciding it is not there");
    }

    [Fact]
    public async Task The_past_is_a_prefix_by_position_and_by_time()
    {
        await using var store = database.NewStore();
        await using var readers = new LogReaders(new());
        var log = new OrganizationLog(database.Shards, readers, store);
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        for (var n = 0; n < 5; n++)
        {
            await store.AppendAsync(organization, [Append(stream, n, Paused(stream, $"{n}"))], Ct);
        }

        // The third was written by a process whose clock was ahead.
        var hour = new DateTimeOffset(2026, 3, 1, 0, 0, 0, TimeSpan.Zero);
        await database.AdminQueryAsync(
            "UPDATE mt_events SET timestamp = $2::timestamptz + interval '1 hour' * (CASE WHEN version = 3 THEN 9 ELSE version END) WHERE stream_id = $1", _ => 0, stream, hour.UtcDateTime);
        var whole = await log.ReadStreamAsync(organization, stream, AsOf.Now, Ct);

        foreach (var stored in whole.Events)
        {
            (await log.ReadStreamAsync(organization, stream, new(new Position(1, stored.Sequence), null),
                Ct)).Version.ShouldBe(stored.Version);
        }

        async Task<long> At(double hours) => (await log.ReadStreamAsync(organization, stream, new(null, hour.AddHours(hours)), Ct)).Version;
        (await At(0), await At(1), await At(2), await At(5), await At(9))
            .ShouldBe((0L, 1L, 2L, 2L, 5L), "what came after the third is not there before the third is");
        (await log.ReadStreamAsync(organization, stream, new(Position.Start, null), Ct)).Events.ShouldBeEmpty();
    }

    [Fact]
    public async Task The_neighbours_log_is_nobodys_business()
    {
        await using var store = database.NewStore();
        await using var readers = new LogReaders(new());
        var log = new OrganizationLog(database.Shards, readers, store);
        var (own, other, stream) = (await database.NewOrganizationAsync(), await database.NewOrganizationAsync(), Uuid.New());
        using (new CurrentRequest { CorrelationId = "theirs" }.Enter())
        {
            await store.AppendAsync(other, [Append(stream, 0, Resumed(stream))], Ct);
        }

        await NoteAsync(readers, 1);

        foreach (var filter in new LogFilter[] { LogFilter.All, new(StreamId: stream), new(CorrelationId: "theirs"),
            new(Types: ["campaign_resumed"]) })
        {
            (await log.ReadAsync(own, filter, Position.Start, 100, Ct)).Events.ShouldBeEmpty();
        }

        (await log.ReadStreamAsync(own, stream, AsOf.Now, Ct)).Version.ShouldBe(0);
        await using var unscoped = database.Shard.App.CreateCommand("SELECT count(*) FROM bsp.log_places");
        (await unscoped.ExecuteScalarAsync(Ct)).ShouldBe(0L);
    }

    // Three organizations in turns; the first one's is read.
    private async Task<(Guid Organization, Guid[] Streams)> WriteAsync(PostgresEventStore store, int seed)
    {
        var random = new Random(seed);
        var organizations =
            new[] { await database.NewOrganizationAsync(), await database.NewOrganizationAsync(), await database.NewOrganizationAsync() };
        var streams = Enumerable.Range(0, 12).Select(_ => Uuid.New()).ToArray();
        for (var n = 0; n < 300; n++)
        {
            var which = random.Next(streams.Length);
            using var _ =
                new CurrentRequest { CorrelationId = $"job-{random.Next(4)}", CausationId = random.Next(2) == 0 ? null
                    : $"cause-{random.Next(3)}" }.Enter();
            object[] events = random.Next(2) == 0 ? [Paused(streams[which], $"{n}")]
                : [Resumed(streams[which]), Paused(streams[which], $"{n}")];
            await store.AppendAsync(organizations[which % 3], [Append(streams[which], null, events)], Ct);
        }

        return (organizations[0], streams);
    }

    private async Task NoteAsync(LogReaders readers, double share)
    {
        var end = (long)(await readers.Of(database.Shard).EndAsync(Ct) * share);
        var at = await places.CheckpointAsync(database.Shard, Ct);
        if (end > at)
        {
            await places.ApplyAsync(new(database.Shard, at, end, []), Ct);
        }
    }

    private Task<List<Guid>> ExpectedAsync(Guid organization, LogFilter filter) => database.AdminQueryAsync("""
        SELECT id FROM mt_events WHERE tenant_id = $1 AND (cardinality($2::text[]) = 0 OR type = ANY ($2)) AND ($3 = '' OR stream_id::text = $3) AND ($4 = '' OR correlation_id = $4) AND ($5 = '' OR causation_id = $5) ORDER BY seq_id
        """, row => row.GetGuid(0), organization.ToString(), (filter.Types ?? []).ToArray(), filter.StreamId?.ToString() ?? "", filter.CorrelationId ?? "", filter.CausationId ?? "");

    private Task<List<string>> PlacesAsync() =>
        database.AdminQueryAsync("SELECT p::text FROM bsp.log_places p ORDER BY organization_id, key, block", row => row.GetString(0));

    private async Task InsertAsync(Guid organization, Guid stream, long version, string type, string data)
    {
        await using var command = database.Admin.CreateCommand("""
            WITH s AS (INSERT INTO mt_streams (tenant_id, id, version) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, id) DO UPDATE SET version = $3 RETURNING 1)
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, tenant_id, headers) SELECT nextval('mt_events_sequence'), gen_random_uuid(), $2, $3, $5::jsonb, $4, $1, 'null' FROM s
            """);
        foreach (var value in new object[] { organization.ToString(), stream, version, type, data })
        {
            command.Parameters.Add(new() { Value = value });
        }

        await command.ExecuteNonQueryAsync(Ct);
    }
}
