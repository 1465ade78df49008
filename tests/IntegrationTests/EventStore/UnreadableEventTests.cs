using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.IntegrationTests.Projections;
using Npgsql;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.EventStore;

/// <summary>
/// An event of which PostgreSQL cannot print the body: numbers like 1e131071 are 131,072 digits each, and 8,300 of them more than the 1 GB
/// that it prints.
/// </summary>
public sealed class UnreadableEventTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_is_parked_and_shown_and_its_neighbours_are_read()
    {
        var view = await RunnerProcess.NewViewAsync(database);
        await using var process = await RunnerProcess.StartAsync(database, view);
        await using var readers = new LogReaders(new());
        var (own, other) = (await database.NewOrganizationAsync(), await database.NewOrganizationAsync());
        var (before, bomb, after) = (Uuid.New(), Uuid.New(), Uuid.New());
        var start = (await process.Store.AppendAsync(own, [Append(before, 0, Paused(before, "before"))], Ct)).LastPosition.Sequence;
        await process.Store.AppendAsync(own, [Append(bomb, 0, Paused(bomb, "first"))], Ct);
        var sequence = await BombAsync(own, bomb, 2);
        await process.Store.AppendAsync(own, [Append(after, 0, Paused(after, "after"))], Ct);
        var last = (await process.Store.AppendAsync(other, [Append(Uuid.New(), 0, Paused(Uuid.New(), "neighbour"))], Ct)).LastPosition;

        // The projection: only the bad one is left out, and everybody's later ones are there.
        await process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, RunnerProcess.Patience, Ct);
        (await view.RowsAsync(database, own)).ShouldBe(3);
        (await view.RowsAsync(database, other)).ShouldBe(1);
        var parked =
            await database.AdminQueryAsync("SELECT sequence, type, error FROM bsp.parked_events WHERE projection = $1", r =>
                (r.GetInt64(0), r.GetString(1), r.GetString(2)), view.Name);
        parked.RemoveAll(p => p.Item1 < start || p.Item1 > last.Sequence); // other tests of the class have theirs in the same log
        parked.ShouldHaveSingleItem().Item1.ShouldBe(sequence);
        parked[0].Item3.ShouldContain("54000");
        (await process.StatusAsync(view))
            .ShouldSatisfyAllConditions(s => s.State.ShouldBe(ProjectionState.Running), s => s.Error.ShouldBeNull(), s =>
                s.Parked.ShouldBeGreaterThanOrEqualTo(1));
        var all = (await process.StatusAsync(view)).Parked;

        // A rebuild: the same.
        await process.Runner.RequestAsync(view.Name, ProjectionRequest.Rebuild, Ct);
        await RunnerProcess.UntilAsync(async () =>
            (await process.StatusAsync(view)) is { Pending: null, Rebuild: null } status && status.Sequence >= last.Sequence);
        (await view.RowsAsync(database, own)).ShouldBe(3);
        (await process.StatusAsync(view)).Parked.ShouldBe(all);

        // The organization's own log, its streams and their past.
        var log = new OrganizationLog(database.Shards, readers, process.Store);
        foreach (var filter in new LogFilter[] { LogFilter.All, new(StreamId: bomb), new(Types: ["campaign_paused"]) })
        {
            var shown = await log.ReadAllAsync(own, filter, Position.Start, Ct).ToListAsync(Ct);
            shown.Count.ShouldBe(filter.StreamId is null ? 4 : 2);
            shown.Single(e => e.Sequence == sequence).Body.ShouldBeOfType<UnreadableBody>().Error.ShouldContain("54000");
            shown.Count(e => e.Body is CampaignPaused).ShouldBe(shown.Count - 1);
        }

        (await log.ReadStreamAsync(own, bomb, AsOf.Now, Ct)).Events.Select(e => e.Body is UnreadableBody).ShouldBe([false, true]);
        (await log.ReadStreamsAsync(own, [before, bomb, after], Ct)).Select(s => s.Version).ShouldBe([1L, 2, 1]);

        // Deciding: its stream says clearly that nothing can be decided on it; others asked for in the same moment are loaded.
        var loads = new[] { before, bomb, after }.Select(id => process.Store.LoadAsync(own, id, Ct)).ToArray();
        (await Should.ThrowAsync<UnreadableStream>(loads[1])).Message.ShouldContain("cannot be read");
        (await loads[0]).Version.ShouldBe(1);
        (await loads[2]).Version.ShouldBe(1);
        var many = await process.Store.LoadManyAsync(own, [before, bomb], Ct);
        many[0].Fold<int, CampaignEvent>(0, (n, _) => n + 1).ShouldBe(1);
        Should.Throw<UnreadableStream>(() => many[1].Fold<int, CampaignEvent>(0, (n, _) => n + 1));
        many[1].FoldReadable<int, CampaignEvent>(0, (n, _) => n + 1).ShouldBe(1);
    }

    [Fact]
    public async Task A_state_with_snapshots_is_refused_too_and_an_event_that_is_mended_is_taken()
    {
        await using var store = database.NewStore();
        await using var readers = new LogReaders(new());
        var (own, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        var sequence = await BombAsync(own, stream, 1);
        await Should.ThrowAsync<UnreadableStream>(
            store.LoadStateAsync<Domain.Conversations.Conversation, Domain.Conversations.ConversationEvent>(own, stream, Ct));

        var reader = readers.Of(database.Shard);
        (await reader.ReadFinalAsync(sequence - 1, sequence, null, 10, Ct)).Events.Single().Body.ShouldBeOfType<UnreadableBody>();
        await database.AdminQueryAsync("UPDATE mt_events SET data = data - 'bomb' WHERE seq_id = $1", _ => 0, sequence);
        reader.Forget(sequence);
        (await reader.ReadFinalAsync(sequence - 1, sequence, null, 10, Ct)).Events.Single().Body.ShouldBeOfType<CampaignPaused>();
    }

    [Fact]
    public async Task Loads_that_share_its_round_trip_do_not_share_its_fate()
    {
        await using var store = database.NewStore();
        var (own, other) = (await database.NewOrganizationAsync(), await database.NewOrganizationAsync());
        var (bomb, good) = (Uuid.New(), Uuid.New());
        await BombAsync(own, bomb, 1);
        await store.AppendAsync(other, [Append(good, 0, Paused(good, "fine"))], Ct);

        var loads = Enumerable.Range(0, 12).Select(n => n % 3 == 0 ? store.LoadAsync(own, bomb, Ct) : store.LoadAsync(other, good, Ct))
            .ToArray();

        for (var n = 0; n < loads.Length; n++)
        {
            if (n % 3 == 0)
            {
                await Should.ThrowAsync<UnreadableStream>(loads[n]);
            }
            else
            {
                (await loads[n]).Version.ShouldBe(1);
            }
        }
    }

    [Fact]
    public async Task A_body_that_is_no_fact_or_too_large_to_be_worth_it_is_left_out_as_well()
    {
        await using var readers = new LogReaders(new());
        var (own, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        var first = await InsertAsync(own, stream, 1, "jsonb_build_object('campaign_id', 'no uuid')");
        await InsertAsync(own, stream, 2,
            "jsonb_build_object('campaign_id', $2::uuid, 'reason', repeat('x', 17000000), 'at', '2026-01-01T00:00:00Z')");
        var last = await InsertAsync(own, stream, 3,
            "jsonb_build_object('campaign_id', $2::uuid, 'reason', 'fine', 'at', '2026-01-01T00:00:00Z')");

        var page = await readers.Of(database.Shard).ReadFinalAsync(first - 1, last, null, 10, Ct);

        page.Events.Select(e => e.Body is UnreadableBody).ShouldBe([true, true, false]);
        page.Events[1].Body.ShouldBeOfType<UnreadableBody>().Error.ShouldContain("bytes");
    }

    private Task<long> BombAsync(Guid organization, Guid stream, long version) => InsertAsync(organization, stream, version,
        "jsonb_build_object('campaign_id', $2::uuid, 'reason', 'x', 'at', '2026-01-01T00:00:00Z', 'bomb', (SELECT jsonb_agg(1e131071::numeric) FROM generate_series(1, 8300)))");

    private async Task<long> InsertAsync(Guid organization, Guid stream, long version, string data)
    {
        await using var command = new NpgsqlCommand($"""
            WITH s AS (INSERT INTO mt_streams (tenant_id, id, version) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, id) DO UPDATE SET version = $3 RETURNING 1)
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, tenant_id, headers) SELECT nextval('mt_events_sequence'), gen_random_uuid(), $2, $3, {data}, 'campaign_paused', $1, 'null' FROM s RETURNING seq_id
            """, await database.Admin.OpenConnectionAsync(Ct));
        await using var connection = command.Connection!;
        foreach (var value in new object[] { organization.ToString(), stream, version })
        {
            command.Parameters.Add(new() { Value = value });
        }

        return (long)(await command.ExecuteScalarAsync(Ct))!;
    }
}
