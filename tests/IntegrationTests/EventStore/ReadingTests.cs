using System.Collections.Concurrent;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Npgsql;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.EventStore;

public sealed class ReadingTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_tailing_reader_sees_every_event_of_eight_writers_once_and_each_stream_in_order()
    {
        await using var store = database.NewStore();
        await using var second = database.NewStore(); // another process's lanes
        await using var reader = new LogReader(database.Shard, new());
        var start = await reader.EndAsync(Ct);
        var organization = await database.NewOrganizationAsync();

        using var stop = new CancellationTokenSource();
        var tailing = TailAsync(reader, start, stop.Token);
        var written = await WriteAsync([store, second], organization, writers: 8, appends: 120);
        await ShouldSeeExactlyAsync(tailing, stop, reader, written);
    }

    [Fact]
    public async Task The_gap_watcher_sees_every_event_of_foreign_writers_once_and_in_order()
    {
        await using var store = database.NewStore();
        await using var reader = new LogReader(database.Shard, new() { ForeignWriters = true });
        var start = await reader.EndAsync(Ct);
        var organization = await database.NewOrganizationAsync();

        using var stop = new CancellationTokenSource();
        var tailing = TailAsync(reader, start, stop.Token);
        var foreign = Enumerable.Range(0, 4).Select(_ => Task.Run(() => WriteRawAsync(organization, 60), Ct)).ToList();
        var written = await WriteAsync([store], organization, writers: 4, appends: 120);
        foreach (var sequences in await Task.WhenAll(foreign))
        {
            sequences.ForEach(s => written.Add(s));
        }

        await ShouldSeeExactlyAsync(tailing, stop, reader, written);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Nothing_beyond_an_open_transaction_is_read_until_it_ends(bool foreignWriters)
    {
        await using var store = database.NewStore();
        await using var reader = new LogReader(database.Shard, new() { ForeignWriters = foreignWriters });
        var organization = await database.NewOrganizationAsync();
        var (open, later) = (Uuid.New(), Uuid.New());
        var start = await reader.EndAsync(Ct);

        var tx = await Infrastructure.Sharding.Tenancy.BeginAsync(database.Shard, organization, Ct);
        var inside = (await store.AppendAsync(tx, database.Shard, organization, [[Append(open, 0, Resumed(open))]], Ct)).Single();
        await store.AppendAsync(organization, [Append(later, 0, Resumed(later))], Ct);
        (await reader.ReadAsync(start, null, 100, Ct))
            .ShouldSatisfyAllConditions(page => page.Events.ShouldBeEmpty(), page =>
                page.UpTo.ShouldBeLessThan(inside.LastPosition.Sequence));

        await tx.CommitAsync(Ct);
        await tx.DisposeAsync();
        var after = await reader.ReadAsync(start, null, 100, Ct);
        after.Events.Select(e => e.StreamId).ShouldBe([open, later]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_transaction_that_is_rolled_back_leaves_a_hole_that_holds_nobody_up(bool foreignWriters)
    {
        await using var store = database.NewStore();
        await using var reader = new LogReader(database.Shard, new() { ForeignWriters = foreignWriters });
        var organization = await database.NewOrganizationAsync();
        var (lost, kept) = (Uuid.New(), Uuid.New());
        var start = await reader.EndAsync(Ct);

        await using (var tx = await Infrastructure.Sharding.Tenancy.BeginAsync(database.Shard, organization, Ct))
        {
            await store.AppendAsync(tx, database.Shard, organization, [[Append(lost, 0, Resumed(lost))]], Ct);
            await store.AppendAsync(organization, [Append(kept, 0, Resumed(kept))], Ct);
        }

        (await reader.ReadAsync(start, null, 100, Ct)).Events.Select(e => e.StreamId).ShouldBe([kept]);
    }

    [Fact]
    public async Task Pages_keep_to_the_asked_types_and_size_and_leave_tombstones_and_unknown_bodies_in_peace()
    {
        await using var store = database.NewStore();
        await using var reader = new LogReader(database.Shard, new());
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        var start = await reader.EndAsync(Ct);
        await store.AppendAsync(organization,
            [Append(stream, 0, Paused(stream, "a"), Resumed(stream), Paused(stream, "b"), Resumed(stream), Paused(stream, "c"))], Ct);
        await InsertAsync(organization, Uuid.New(), "tombstone", "{}");
        await InsertAsync(organization, Uuid.New(), "written_by_a_later_build", """{"x":1}""");

        var first = await reader.ReadAsync(start, ["campaign_paused"], 2, Ct);
        var rest = await reader.ReadAsync(first.UpTo, ["campaign_paused"], 2, Ct);
        var all = await reader.ReadAsync(start, null, 100, Ct);

        first.Events.Select(e => e.Body).ShouldBe([Paused(stream, "a"), Paused(stream, "b")]);
        rest.Events.Select(e => e.Body).ShouldBe([Paused(stream, "c")]);
        rest.UpTo.ShouldBe(all.UpTo);
        all.Events.Select(e => e.Type)
            .ShouldBe(["campaign_paused", "campaign_resumed", "campaign_paused", "campaign_resumed", "campaign_paused",
                "written_by_a_later_build"]);
        all.Events[^1].Body.ShouldBeNull();
    }

    private static async Task<List<StoredEvent>> TailAsync(LogReader reader, long after, CancellationToken stop)
    {
        var seen = new List<StoredEvent>();
        while (true)
        {
            var page = await reader.ReadAsync(after, null, 500, Ct);
            seen.AddRange(page.Events);
            if (page.UpTo == after)
            {
                if (stop.IsCancellationRequested)
                {
                    return seen;
                }

                await Task.Yield();
            }

            after = page.UpTo;
        }
    }

    private async Task ShouldSeeExactlyAsync(Task<List<StoredEvent>> tailing, CancellationTokenSource stop, LogReader reader,
        ConcurrentBag<long> written)
    {
        using var patience = new CancellationTokenSource(EndToEnd.Patience.Deadline);
        while (await reader.EndAsync(patience.Token) < written.Max())
        {
            await Task.Yield();
        }

        await stop.CancelAsync();
        var seen = await tailing;
        seen.Select(e => e.Sequence).ShouldBe(written.Order());
        seen.GroupBy(e => e.StreamId)
            .ShouldAllBe(stream => stream.Select(e => e.Version).SequenceEqual(Enumerable.Range(1, stream.Count()).Select(v => (long)v)));
    }

    // New streams, old streams, several events, conflicts: all at once. Returns the numbers of what was acknowledged.
    private static async Task<ConcurrentBag<long>> WriteAsync(PostgresEventStore[] stores, Guid organization, int writers, int appends)
    {
        var written = new ConcurrentBag<long>();
        var shared = Enumerable.Range(0, 20).Select(_ => Uuid.New()).ToArray();
        await Task.WhenAll(Enumerable.Range(0, writers).Select(w => Task.Run(async () =>
        {
            var random = new Random(w);
            var store = stores[w % stores.Length];
            for (var n = 0; n < appends; n++)
            {
                var stream = random.Next(2) == 0 ? shared[random.Next(shared.Length)] : Uuid.New();
                var events = Enumerable.Range(0, random.Next(1, 4)).Select(_ => (object)Resumed(stream)).ToArray();
                var outcome = await store.AppendAsync(organization, [Append(stream, null, events)], Ct);
                if (outcome.Verdict == AppendVerdict.Ok)
                {
                    foreach (var stored in (await store.LoadAsync(organization, stream, Ct)).Events.Where(e =>
                        e.Version <= outcome.Versions[0] && e.Version > outcome.Versions[0] - events.Length))
                    {
                        written.Add(stored.Sequence);
                    }
                }
            }
        })));
        return written;
    }

    // As Marten's Quick mode does: number, event, stream row; some transactions dawdle, some roll back.
    private async Task<List<long>> WriteRawAsync(Guid organization, int transactions)
    {
        var random = new Random(transactions);
        var written = new List<long>();
        await using var connection = await database.Admin.OpenConnectionAsync(Ct);
        for (var n = 0; n < transactions; n++)
        {
            await using var tx = await connection.BeginTransactionAsync(Ct);
            var sequence = await InsertAsync(organization, Uuid.New(), "campaign_resumed", "{}", connection);
            await using (var dawdle = new NpgsqlCommand($"SELECT pg_sleep({random.Next(0, 15)} / 1000.0)", connection))
            {
                await dawdle.ExecuteNonQueryAsync(Ct);
            }

            if (n % 4 == 3)
            {
                await tx.RollbackAsync(Ct);
            }
            else
            {
                await tx.CommitAsync(Ct);
                written.Add(sequence);
            }
        }

        return written;
    }

    private async Task<long> InsertAsync(Guid organization, Guid stream, string type, string data, NpgsqlConnection? inside = null)
    {
        const string sql = """
            WITH s AS (INSERT INTO mt_streams (tenant_id, id, version) VALUES ($1, $2, 1) RETURNING 1)
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, tenant_id, headers)
            SELECT nextval('mt_events_sequence'), gen_random_uuid(), $2, 1, $4::jsonb, $3, $1, 'null' FROM s RETURNING seq_id
            """;
        var connection = inside ?? await database.Admin.OpenConnectionAsync(Ct);
        await using var command =
            new NpgsqlCommand(sql,
                connection) { Parameters =
                { new() { Value = organization.ToString() }, new() { Value = stream }, new() { Value = type }, new() { Value = data } } };
        var sequence = (long)(await command.ExecuteScalarAsync(Ct))!;
        if (inside is null)
        {
            await connection.DisposeAsync();
        }

        return sequence;
    }
}
