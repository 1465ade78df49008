using System.Collections.Concurrent;
using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Benchmarks;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.EventStore;

/// <summary>
/// Decisions on the aggregates that Marten carries: one transaction with all that belongs to them, beside lanes that write the same log.
/// </summary>
public sealed class MartenAggregateTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static readonly DateTimeOffset Noon = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task It_is_stored_as_a_lane_stores_it()
    {
        await using var store = database.NewStore();
        var (organization, byMarten, byLane) = (await database.NewOrganizationAsync(), Uuid.New(), Uuid.New());
        using (new CurrentRequest { CorrelationId = "corr", CausationId = "cause", Caller = "someone" }.Enter())
        {
            await store.Decide<Campaign, CampaignEvent>(organization, byMarten, _ =>
                [Created(byMarten), new CampaignLaunched(byMarten, Noon)], null, Ct);
            await store.Decide<Campaign, CampaignEvent>(organization, byMarten, _ =>
                [new CampaignPaused(byMarten, "Ünïcode ✓", Noon)], null, Ct);
            await store.AppendAsync(organization,
                [Append(byLane, 0, Created(byLane), new CampaignLaunched(byLane, Noon), new CampaignPaused(byLane, "Ünïcode ✓", Noon))],
                Ct);
        }

        const string Sql = """
            SELECT e.version || ' ' || e.type || ' ' || e.mt_dotnet_type || ' ' || e.correlation_id || ' ' || e.causation_id || ' ' || e.user_name || ' ' || e.is_archived || ' '
              || replace(e.data::text, e.stream_id::text, 'it') || ' ' || s.type || ' ' || s.version || ' ' || substr(e.id::text, 15, 1)
              FROM mt_events e JOIN mt_streams s ON s.tenant_id = e.tenant_id AND s.id = e.stream_id WHERE e.stream_id = $1 ORDER BY e.seq_id
            """;
        var rows = await database.AdminQueryAsync(Sql, row => row.GetString(0), byMarten);
        rows.Count.ShouldBe(3);
        rows.ShouldBe(await database.AdminQueryAsync(Sql, row => row.GetString(0), byLane));
        var loaded = await store.LoadAsync(organization, byMarten, Ct);
        loaded.Fold<Campaign, CampaignEvent>().Status.ShouldBe(CampaignStatus.Paused);
    }

    [Fact]
    public async Task Without_a_request_nobody_is_named()
    {
        await using var store = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());

        await store.Decide<Campaign, CampaignEvent>(organization, stream, _ => [Created(stream)], null, Ct);

        (await store.LoadAsync(organization, stream, Ct)).Events[0].Metadata.ShouldBe(EventMetadata.None);
    }

    [Fact]
    public async Task Events_inline_rows_claim_and_position_are_one()
    {
        await InlineViewTests.CreateTableAsync(database);
        await using var store = database.NewStore(views: new InlineViewTests.UniqueReasons());
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        await store.Decide<Campaign, CampaignEvent>(organization, stream, _ => [Created(stream)], null, Ct);
        var claim = await InlineViewTests.ClaimAsync(database, organization);
        var request = new CurrentRequest { CorrelationId = "t", Claim = new(claim, stream, WorkDone: false) };
        Done done;
        using (request.Enter())
        {
            done = await store.Decide<Campaign, CampaignEvent>(organization, stream, _ =>
                [Paused(stream, $"{organization}"), Resumed(stream)], null, Ct);
        }

        done.Version.ShouldBe(3);
        request.ClaimMarked.ShouldBeTrue();
        (await database.ScalarAsync<bool>("SELECT work_done FROM bsp.idempotency_keys WHERE claim_id = $1", claim)).ShouldBeTrue();
        var rows = await database.AdminQueryAsync("""
            SELECT r.sequence = e.seq_id AND r.at = e.timestamp, (SELECT max(x.seq_id) FROM mt_events x WHERE x.stream_id = $1)
              FROM reasons r JOIN mt_events e ON e.stream_id = r.campaign_id AND e.type = 'campaign_paused' WHERE r.organization_id = $2
            """, row => (Same: row.GetBoolean(0), Last: row.GetInt64(1)), stream, organization);
        rows.ShouldBe([(true, request.LastPosition.Sequence)]);
    }

    [Fact]
    public async Task Whose_inline_row_is_refused_is_not_written_and_its_claim_not_marked()
    {
        await InlineViewTests.CreateTableAsync(database);
        await using var store = database.NewStore(views: new InlineViewTests.UniqueReasons());
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        await store.Decide<Campaign, CampaignEvent>(organization, stream, _ => [Paused(stream, $"{organization}")], null, Ct);
        var claim = await InlineViewTests.ClaimAsync(database, Guid.Empty);
        using (new CurrentRequest { CorrelationId = "t", Claim = new(claim, stream, WorkDone: false) }.Enter())
        {
            var refused = await Should.ThrowAsync<PostgresException>(
                store.Decide<Campaign, CampaignEvent>(organization, stream, _ => [Paused(stream, $"{organization}")], null, Ct));
            refused.SqlState.ShouldBe(PostgresErrorCodes.UniqueViolation);
            (await database.ScalarAsync<bool>("SELECT work_done FROM bsp.idempotency_keys WHERE claim_id = $1", claim)).ShouldBeFalse();

            await store.Decide<Campaign, CampaignEvent>(organization, stream, _ => [Resumed(stream)], null, Ct);
        }

        (await store.LoadAsync(organization, stream, Ct)).Version.ShouldBe(2);
        (await database.ScalarAsync<bool>("SELECT work_done FROM bsp.idempotency_keys WHERE claim_id = $1", claim))
            .ShouldBeTrue("the platform's claims, too");
    }

    [Fact]
    public async Task Nothing_decided_writes_nothing_and_tells_the_version()
    {
        await using var store = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        (await store.Decide<Campaign, CampaignEvent>(organization, stream, _ => [], null, Ct)).Version.ShouldBe(0);
        await store.Decide<Campaign, CampaignEvent>(organization, stream, _ => [Created(stream)], null, Ct);

        (await store.Decide<Campaign, CampaignEvent>(organization, stream, _ => [], null, Ct)).ShouldBe(new Done(stream, 1));
    }

    [Fact]
    public async Task A_named_version_decides_on_exactly_that_one()
    {
        await using var store = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        await store.Decide<Campaign, CampaignEvent>(organization, stream, _ => [Created(stream)], 0, Ct);

        var conflict =
            await Should.ThrowAsync<VersionConflict>(store.Decide<Campaign, CampaignEvent>(organization, stream, _ =>
                [Resumed(stream)], 7, Ct));
        conflict.Named.ShouldBeTrue();
        (await store.Decide<Campaign, CampaignEvent>(organization, stream, _ => [Resumed(stream)], 1, Ct)).Version.ShouldBe(2);
    }

    [Fact]
    public async Task A_refusal_leaves_everything_as_it_was()
    {
        await using var store = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());

        (await Should.ThrowAsync<Refusal>(store.Decide<Campaign, CampaignEvent>(organization, stream, s =>
            Campaign.Launch(s, Noon), null, Ct))).Code.ShouldBe("campaign.unknown");
        (await store.LoadAsync(organization, stream, Ct)).Version.ShouldBe(0);
    }

    [Fact]
    public async Task What_was_archived_takes_nothing_more_until_it_is_taken_out()
    {
        await using var store = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        await store.Decide<Campaign, CampaignEvent>(organization, stream, _ => [Created(stream)], null, Ct);
        await store.ArchiveAsync(organization, [(stream, 1)], Ct);

        (await Should.ThrowAsync<Refusal>(store.Decide<Campaign, CampaignEvent>(organization, stream, _ =>
            [Resumed(stream)], null, Ct))).Code.ShouldBe("stream.archived");
        await store.RestoreAsync(organization, [stream], Ct);
        (await store.Decide<Campaign, CampaignEvent>(organization, stream, _ => [Resumed(stream)], null, Ct)).Version.ShouldBe(2);
    }

    [Fact]
    public async Task An_event_of_a_newer_release_is_a_503_and_no_decision_on_half_a_history()
    {
        await using var store = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        await store.Decide<Campaign, CampaignEvent>(organization, stream, _ => [Created(stream)], null, Ct);
        await database.AdminQueryAsync("""
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, tenant_id, mt_dotnet_type, is_archived, timestamp)
            VALUES (nextval('mt_events_sequence'), gen_random_uuid(), $1, 2, '{}', 'campaign_praised', $2, 'Bsp.Domain.Campaigns.CampaignPraised, Bsp.Domain', false, now())
            """, _ => 0, stream, organization.ToString());
        await database.AdminQueryAsync("UPDATE mt_streams SET version = 2 WHERE id = $1", _ => 0, stream);

        await Should.ThrowAsync<NewerRelease>(store.Decide<Campaign, CampaignEvent>(organization, stream, _ =>
            [Resumed(stream)], null, Ct));
        Api.Common.Problems.From(new NewerRelease(stream, new InvalidOperationException())).Status.ShouldBe(503);
    }

    [Fact]
    public async Task A_neighbours_stream_is_another_stream()
    {
        await using var store = database.NewStore();
        var (one, other, stream) = (await database.NewOrganizationAsync(), await database.NewOrganizationAsync(), Uuid.New());
        await store.Decide<Campaign, CampaignEvent>(one, stream, _ => [Created(stream)], null, Ct);

        (await Should.ThrowAsync<Refusal>(store.Decide<Campaign, CampaignEvent>(other, stream, s =>
            Campaign.Launch(s, Noon), null, Ct))).Code.ShouldBe("campaign.unknown");
    }

    [Fact]
    public async Task A_storm_from_two_processes_serves_everybody_on_the_state_before()
    {
        const int Callers = 12, Rounds = 4;
        await using var one = database.NewStore();
        await using var two = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        await one.Decide<Campaign, CampaignEvent>(organization, stream, _ => [Created(stream)], null, Ct);

        // Whoever finds it paused resumes it, and the other way round: only a decision on the true state keeps them in turn.
        await Task.WhenAll(new[] { one, two }.SelectMany(store => Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
        {
            for (var round = 0; round < Rounds; round++)
            {
                await store.Decide<Campaign, CampaignEvent>(organization, stream,
                    state => [state.Status == CampaignStatus.Paused ? Resumed(stream) : Paused(stream, "turn")], null, Ct);
            }
        }, Ct))));

        var facts = (await one.LoadAsync(organization, stream, Ct)).Events.Skip(1).ToList();
        facts.Count.ShouldBe(2 * Callers * Rounds);
        facts.Select((fact, n) => fact.Type == (n % 2 == 0 ? "campaign_paused" : "campaign_resumed")).ShouldAllBe(inTurn => inTurn);
    }

    [Fact]
    public async Task Beside_lanes_on_the_same_streams_a_reader_misses_nothing()
    {
        const int Writers = 8, Commands = 60;
        await using var store = database.NewStore();
        await using var reader = new LogReader(database.Shard, new());
        var organization = await database.NewOrganizationAsync();
        var streams = Enumerable.Range(0, 20).Select(_ => Uuid.New()).ToArray();
        var start = await reader.EndAsync(Ct);
        using var stop = new CancellationTokenSource();
        var seen = new List<StoredEvent>();
        var tail = Task.Run(async () =>
        {
            for (var at = start; ;)
            {
                var last = stop.IsCancellationRequested;
                var page = await reader.ReadAsync(at, null, 5_000, Ct);
                seen.AddRange(page.Events.Where(e => e.OrganizationId == organization));
                at = page.UpTo;
                if (last && page.Events.Count == 0)
                {
                    return;
                }
            }
        }, Ct);

        var deadlocks = await DeadlocksAsync();
        await Task.WhenAll(Enumerable.Range(0, Writers).SelectMany(w => new[]
        {
            Task.Run(() => ByMartenAsync(store, organization, streams, new Random(w), Commands), Ct),
            Task.Run(() => ByLanesAsync(store, organization, streams, new Random(100 + w), Commands), Ct),
        }));
        await stop.CancelAsync();
        await tail;

        var all = await database.ScalarAsync<long>("SELECT count(*) FROM mt_events WHERE tenant_id = $1", organization.ToString());
        seen.Count.ShouldBe((int)all);
        seen.GroupBy(e => e.StreamId)
            .ShouldAllBe(stream => stream.Select(e => e.Version).SequenceEqual(Enumerable.Range(1, stream.Count()).Select(v => (long)v)));
        (await DeadlocksAsync()).ShouldBe(deadlocks);
    }

    [Fact]
    public async Task In_somebody_elses_transaction_it_stands_or_falls_with_the_rest()
    {
        await using var store = database.NewStore();
        await using var reader = new LogReader(database.Shard, new());
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        foreach (var commit in new[] { false, true })
        {
            var start = await reader.EndAsync(Ct);
            await using var tx = await database.Shard.BeginAsync(organization, Ct);
            (await store.DecideAsync<Campaign, CampaignEvent>(tx, database.Shard, organization, stream, _ => [Created(stream)], Ct))
                .ShouldBe(1);
            await store.AppendAsync(organization, [Append(Uuid.New(), 0, Resumed(stream))], Ct); // a lane is faster
            (await reader.ReadAsync(start, null, 100,
                Ct)).Events.ShouldBeEmpty("what comes after an open transaction's numbers waits for its end");
            if (commit)
            {
                await tx.CommitAsync(Ct);
            }

            await tx.DisposeAsync();
            (await store.LoadAsync(organization, stream, Ct)).Version.ShouldBe(commit ? 1 : 0);
        }
    }

    [Fact]
    public async Task What_was_acknowledged_under_killed_backends_is_there_exactly_once()
    {
        const int KillsMin = 10, AcknowledgedMin = 100;
        await using var store = database.NewStore();
        var organization = await database.NewOrganizationAsync();
        var (acknowledged, refused) = (new ConcurrentBag<string>(), new ConcurrentBag<string>());
        var streams = Enumerable.Range(0, 6).Select(_ => Uuid.New()).ToArray();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        stop.CancelAfter(EndToEnd.Patience.Deadline);
        var callers = Enumerable.Range(0, 12).Select(w => Task.Run(async () =>
        {
            for (var n = 0; !stop.IsCancellationRequested; n++)
            {
                var (token, stream) = ($"{w}.{n}", streams[(w + n) % streams.Length]);
                try
                {
                    await store.Decide<Campaign, CampaignEvent>(organization, stream, _ => [Paused(stream, token)], null, Ct);
                    acknowledged.Add(token);
                }
                catch (StoreUnavailable down) when (!down.OutcomeUnknown)
                {
                    refused.Add(token);
                }
            }
        }, Ct)).ToList();

        var kills = 0;
        while (!stop.IsCancellationRequested && (kills < KillsMin || acknowledged.Count < AcknowledgedMin))
        {
            kills += (int)await database.ScalarAsync<long>("""
                SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
                 WHERE datname = current_database() AND usename = 'bsp_app' AND state IN ('active', 'idle in transaction') AND pid <> pg_backend_pid()
                """);
            await Task.Delay(15, CancellationToken.None);
        }

        await stop.CancelAsync();
        await Task.WhenAll(callers);
        kills.ShouldBeGreaterThanOrEqualTo(KillsMin, "within the patience");
        var stored = (await store.LoadManyAsync(organization, streams, Ct)).SelectMany(s => s.Events)
            .Select(e => ((CampaignPaused)e.Body!).Reason).ToList();
        stored.ShouldBeUnique();
        acknowledged.Except(stored).ShouldBeEmpty("acknowledged and missing");
        refused.Intersect(stored).ShouldBeEmpty("refused and stored");
    }

    [Fact]
    public async Task Without_a_server_callers_are_told_that_nothing_was_written()
    {
        var text = new NpgsqlConnectionStringBuilder(database.Shard.ConnectionString) { Port = 1, Timeout = 2 }.ConnectionString;
        await using var nowhere = NpgsqlDataSource.Create(text);
        // the directory is the fixture's
        var shards = new Shards(database.Shards.Directory, [new Shard("A-Z", 1, nowhere) { ConnectionString = text }]);
        await using var store = new PostgresEventStore(shards, [], LogDatabase.NewSignals(), new(), TimeProvider.System);
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());

        (await Should.ThrowAsync<StoreUnavailable>(store.Decide<Campaign, CampaignEvent>(organization, stream, _ =>
            [Created(stream)], null, Ct))).OutcomeUnknown.ShouldBeFalse();
    }

    private static CampaignCreated Created(Guid id) =>
        new(id, "Spring", null, "BROADCAST", id, id, JsonDocument.Parse("""{"all":true,"Mixed_Case":[1,2.50,null]}""").RootElement, null,
            Noon);

    private async Task ByMartenAsync(PostgresEventStore store, Guid organization, Guid[] streams, Random random, int commands)
    {
        for (var n = 0; n < commands; n++)
        {
            var stream = random.Next(2) == 0 ? streams[random.Next(streams.Length)] : Uuid.New();
            if (random.Next(5) > 0)
            {
                await store.Decide<Campaign, CampaignEvent>(organization, stream, _ => [Paused(stream, "m"), Resumed(stream)], null, Ct);
                continue;
            }

            await using var tx = await database.Shard.BeginAsync(organization, Ct);
            try
            {
                await store.DecideAsync<Campaign, CampaignEvent>(tx, database.Shard, organization, stream, _ =>
                    [Paused(stream, "rolled back")], Ct);
            }
            catch (VersionConflict)
            {
                // Somebody was faster; nothing of it is kept anyway.
            }
        }
    }

    private static async Task ByLanesAsync(PostgresEventStore store, Guid organization, Guid[] streams, Random random, int commands)
    {
        for (var n = 0; n < commands; n++)
        {
            var stream = random.Next(2) == 0 ? streams[random.Next(streams.Length)] : Uuid.New();
            await store.AppendAsync(organization, [Append(stream, null, Resumed(stream), Paused(stream, "lane"))], Ct);
        }
    }

    private Task<long> DeadlocksAsync() =>
        database.ScalarAsync<long>("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");
}
