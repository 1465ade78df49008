using Bsp.Application.Common;
using Bsp.Benchmarks;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.EventStore;

public sealed class AppendTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_was_appended_is_loaded_in_order()
    {
        await using var store = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());

        var first = await store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "a"), Resumed(stream))], Ct);
        var second = await store.AppendAsync(organization, [Append(stream, 2, Paused(stream, "b"))], Ct);
        var loaded = await store.LoadAsync(organization, stream, Ct);

        first.Versions.ShouldBe([2]);
        second.Versions.ShouldBe([3]);
        second.LastPosition.ShouldBeGreaterThan(first.LastPosition);
        loaded.Version.ShouldBe(3);
        loaded.Events.Select(e => e.Version).ShouldBe([1, 2, 3]);
        loaded.Events.Select(e => e.Body).ShouldBe([Paused(stream, "a"), Resumed(stream), Paused(stream, "b")]);
        loaded.Events[^1].Sequence.ShouldBe(second.LastPosition.Sequence);
    }

    [Theory]
    [InlineData(0L)]
    [InlineData(1L)]
    [InlineData(3L)]
    public async Task Another_version_than_expected_is_a_conflict_and_writes_nothing(long expected)
    {
        await using var store = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        await store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "a"), Resumed(stream))], Ct);

        var outcome = await store.AppendAsync(organization, [Append(stream, expected, Paused(stream, "b"))], Ct);

        outcome.Verdict.ShouldBe(AppendVerdict.Conflict);
        outcome.Versions.ShouldBe([2]);
        outcome.LastPosition.ShouldBe(Position.Start);
        (await store.LoadAsync(organization, stream, Ct)).Version.ShouldBe(2);
    }

    [Fact]
    public async Task Without_an_expected_version_the_events_follow_whatever_is_there()
    {
        await using var store = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());

        (await store.AppendAsync(organization, [Append(stream, null, Resumed(stream))], Ct)).Versions.ShouldBe([1]);
        (await store.AppendAsync(organization, [Append(stream, null, Resumed(stream))], Ct)).Versions.ShouldBe([2]);
    }

    [Fact]
    public async Task An_archived_stream_takes_nothing_more_and_loads_empty()
    {
        await using var store = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        await store.AppendAsync(organization, [Append(stream, 0, Resumed(stream))], Ct);
        await database.AdminQueryAsync("""
            WITH s AS (UPDATE mt_streams SET is_archived = true WHERE id = $1) UPDATE mt_events SET is_archived = true WHERE stream_id = $1
            """, _ => 0, stream);

        var outcome = await store.AppendAsync(organization, [Append(stream, null, Resumed(stream))], Ct);

        outcome.Verdict.ShouldBe(AppendVerdict.Archived);
        (await store.LoadAsync(organization, stream, Ct)).Version.ShouldBe(0);
    }

    [Fact]
    public async Task Several_streams_are_written_all_or_none()
    {
        await using var store = database.NewStore();
        var organization = await database.NewOrganizationAsync();
        var (a, b) = (Uuid.New(), Uuid.New());

        var both = await store.AppendAsync(organization, [Append(a, 0, Resumed(a)), Append(b, 0, Resumed(b), Resumed(b))], Ct);
        var refused = await store.AppendAsync(organization, [Append(a, 1, Resumed(a)), Append(b, 1, Resumed(b))], Ct);

        both.Versions.ShouldBe([1, 2]);
        refused.Verdict.ShouldBe(AppendVerdict.Conflict);
        refused.Versions.ShouldBe([1, 2]);
        (await store.LoadManyAsync(organization, [b, a, Uuid.New()], Ct)).Select(s => s.Version).ShouldBe([2, 1, 0]);
    }

    [Fact]
    public async Task Many_calls_at_once_each_get_their_own_verdict()
    {
        await using var store = database.NewStore();
        var organizations = new[] { await database.NewOrganizationAsync(), await database.NewOrganizationAsync() };
        var taken = Uuid.New();
        await store.AppendAsync(organizations[0], [Append(taken, 0, Resumed(taken))], Ct);
        var calls = Enumerable.Range(0, 1_000).Select(i =>
        {
            var stream = i % 10 == 3 ? taken : Uuid.New();
            return (organizations[i % 10 == 3 ? 0 : i % 2], (IReadOnlyList<StreamAppend>)[Append(stream, 0, Paused(stream, $"{i}"))]);
        }).ToList();

        var outcomes = await store.AppendManyAsync(calls, Ct);

        outcomes.Select(o => o.Verdict)
            .ShouldBe(Enumerable.Range(0, 1_000).Select(i => i % 10 == 3 ? AppendVerdict.Conflict : AppendVerdict.Ok));
        outcomes.Where(o => o.Verdict == AppendVerdict.Ok).Select(o => o.LastPosition).Distinct().Count().ShouldBe(900);
        foreach (var i in new[] { 0, 1, 998 })
        {
            var stored = (await store.LoadAsync(calls[i].Item1, calls[i].Item2[0].StreamId, Ct)).Events.Single();
            stored.Sequence.ShouldBe(outcomes[i].LastPosition.Sequence);
            ((CampaignPaused)stored.Body!).Reason.ShouldBe($"{i}");
        }
    }

    [Fact]
    public async Task Fifty_callers_on_one_stream_all_make_progress()
    {
        await using var store = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());

        await Task.WhenAll(Enumerable.Range(0, 50).Select(i => Task.Run(async () =>
        {
            for (var n = 0; n < 4; n++)
            {
                await store.Decide<Counted, CampaignEvent>(organization, stream, count =>
                    [Paused(stream, $"{i}/{n} after {count.Count}")], null, Ct);
            }
        }, Ct)));

        var loaded = await store.LoadAsync(organization, stream, Ct);
        loaded.Events.Select(e => e.Version).ShouldBe(Enumerable.Range(1, 200).Select(v => (long)v));
        loaded.Events.Select((e, index) => ((CampaignPaused)e.Body!).Reason.EndsWith($" after {index}", StringComparison.Ordinal))
            .ShouldAllBe(decidedOnTheVersionBefore => decidedOnTheVersionBefore);
        loaded.Events.Select(e => e.Sequence).ShouldBeInOrder();
    }

    [Fact]
    public async Task A_storm_from_two_processes_ends_with_everybody_served_and_nobody_overtaken_by_more_than_a_round()
    {
        const int Callers = 25, Rounds = 4;
        await using var one = database.NewStore();
        await using var two = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        var deciding = new long[2]; // of each process: the last fact that one of its callers had its turn for

        await Task.WhenAll(new[] { one, two }.SelectMany((store, process) =>
            Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            for (var round = 0; round < Rounds; round++)
            {
                var came = Volatile.Read(ref deciding[process]); // and it is at the end of the line at once
                await store.Decide<Counted, CampaignEvent>(organization, stream, count =>
                {
                    Volatile.Write(ref deciding[process], count.Count);
                    return [Paused(stream, $"{process} {caller} {round} {count.Count} {came}")];
                }, null, Ct);
            }
        }, Ct))));

        var facts = (await one.LoadAsync(organization, stream, Ct)).Events.Select(e =>
            ((CampaignPaused)e.Body!).Reason.Split(' ').Select(int.Parse).ToArray()).ToList();
        facts.Count.ShouldBe(2 * Callers * Rounds);
        facts.Select((fact, index) => fact[3] == index).ShouldAllBe(decidedOnTheVersionBefore => decidedOnTheVersionBefore);
        foreach (var own in facts.GroupBy(fact => fact[0]))
        {
            // Callers of a process come back to the end of its line: nobody has more than two turns while another waits for one.
            foreach (var fact in own)
            {
                var meanwhile = own.Where(f => f[3] > fact[4] && f[3] < fact[3]).GroupBy(f => f[1]).Select(turns => turns.Count());
                meanwhile.Append(0).Max().ShouldBeLessThanOrEqualTo(2, string.Join(' ', fact));
            }
        }
    }

    [Fact]
    public async Task A_call_that_the_server_refuses_does_not_fail_its_neighbours()
    {
        await using var store = database.NewStore();
        var organization = await database.NewOrganizationAsync();
        var streams = Enumerable.Range(0, 40).Select(_ => Uuid.New()).ToList();
        // PostgreSQL's jsonb takes no NUL character.
        var calls = streams.Select((stream, i) =>
            store.AppendAsync(organization, [Append(stream, 0, Paused(stream, i == 17 ? "\0" : "fine"))], Ct)).ToList();

        await Should.ThrowAsync<Npgsql.PostgresException>(calls[17]);
        var outcomes = await Task.WhenAll(calls.Where((_, i) => i != 17));

        outcomes.ShouldAllBe(outcome => outcome.Verdict == AppendVerdict.Ok);
        (await store.LoadManyAsync(organization, streams, Ct)).Select(s => s.Version).ShouldBe(streams.Select((_, i) => i == 17 ? 0L : 1L));
    }

    [Fact]
    public async Task Stored_rows_carry_what_Marten_looks_for()
    {
        await using var store = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        var request = new Application.Common.CurrentRequest { CorrelationId = "trace-1", CausationId = "cause-1", Caller = "ada" };
        AppendOutcome outcome;
        using (request.Enter())
        {
            outcome = await store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "noon"))], Ct);
        }

        var row = (await database.AdminQueryAsync("""
            SELECT e.type, e.mt_dotnet_type, e.tenant_id, e.correlation_id, e.causation_id, e.user_name, e.data::text, s.type, s.version, get_byte(uuid_send(e.id), 6) >> 4
              FROM mt_events e JOIN mt_streams s ON s.tenant_id = e.tenant_id AND s.id = e.stream_id WHERE e.stream_id = $1
            """, r => string.Join('|', Enumerable.Range(0, 10).Select(i => r.GetValue(i))), stream)).Single();

        row.ShouldBe(
            $$"""campaign_paused|Bsp.Domain.Campaigns.CampaignPaused, Bsp.Domain|{{organization}}|trace-1|cause-1|ada|{"at": "2026-01-01T12:00:00+00:00", "reason": "noon", "campaign_id": "{{stream}}"}|campaign|1|7""");
        request.LastPosition.ShouldBe(outcome.LastPosition);
    }

    [Fact]
    public async Task Without_a_tenant_the_application_role_sees_nothing()
    {
        await using var store = database.NewStore();
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        await store.AppendAsync(organization, [Append(stream, 0, Resumed(stream))], Ct);

        await using var events = database.Shard.App.CreateCommand("SELECT count(*) FROM mt_events");
        await using var streams = database.Shard.App.CreateCommand("SELECT count(*) FROM mt_streams");

        (await events.ExecuteScalarAsync(Ct)).ShouldBe(0L);
        (await streams.ExecuteScalarAsync(Ct)).ShouldBe(0L);
        (await store.LoadAsync(await database.NewOrganizationAsync(), stream, Ct)).Version.ShouldBe(0);
    }

    [Fact]
    public async Task A_withdrawn_call_is_written_whole_or_not_at_all()
    {
        await using var store = database.NewStore();
        var organization = await database.NewOrganizationAsync();
        var streams = Enumerable.Range(0, 200).Select(_ => (A: Uuid.New(), B: Uuid.New())).ToList();
        using var cancel = new CancellationTokenSource();

        var calls = streams.Select(s =>
            store.AppendAsync(organization, [Append(s.A, 0, Resumed(s.A)), Append(s.B, 0, Resumed(s.B))], cancel.Token)).ToList();
        await cancel.CancelAsync();
        await Task.WhenAll(calls).ContinueWith(_ => { }, TaskScheduler.Default);

        for (var i = 0; i < streams.Count; i++)
        {
            var stored = (await store.LoadManyAsync(organization, [streams[i].A, streams[i].B], Ct)).Select(s => s.Version);
            stored.ShouldBe(calls[i].IsCanceled ? [0L, 0L] : [1L, 1L]);
        }
    }
}
