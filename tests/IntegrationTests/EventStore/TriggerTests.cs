using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.EventStore;

/// <summary>Lanes leave out the log's foreign key, which they keep by construction, and nobody else's; docs/decisions/0125.</summary>
public sealed class TriggerTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_lane_fires_no_trigger_of_the_log_and_every_other_session_does()
    {
        await AlarmAsync();
        await using var store = database.NewStore();
        var organization = await database.NewOrganizationAsync();
        var (alone, streams) = (Uuid.New(), Enumerable.Range(0, 20).Select(_ => Uuid.New()).ToList());

        (await store.AppendAsync(organization, [Append(alone, 0, Alarm(alone))], Ct)).Verdict.ShouldBe(AppendVerdict.Ok);
        var outcomes =
            await store.AppendManyAsync([.. streams.Select(s => (organization, (IReadOnlyList<StreamAppend>)[Append(s, 0, Alarm(s))]))],
                Ct);

        outcomes.ShouldAllBe(o => o.Verdict == AppendVerdict.Ok);
        var refused =
            await Should.ThrowAsync<PostgresException>(() =>
                database.AdminQueryAsync("UPDATE mt_events SET user_name = 'x' WHERE stream_id = $1", _ => 0, alone));
        refused.MessageText.ShouldBe("the alarm went off");
    }

    [Fact]
    public async Task A_role_without_the_right_to_leave_triggers_out_appends_all_the_same_and_fires_them()
    {
        await AlarmAsync();
        var role = $"plain_{Guid.NewGuid():N}";
        await database.AdminQueryAsync($"""
            CREATE ROLE {role} LOGIN PASSWORD 'only-for-tests';
            GRANT USAGE ON SCHEMA public, bsp TO {role};
            GRANT ALL ON ALL TABLES IN SCHEMA public, bsp TO {role};
            GRANT ALL ON ALL SEQUENCES IN SCHEMA public, bsp TO {role};
            GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA bsp TO {role};
            """, _ => 0);
        var text = new NpgsqlConnectionStringBuilder(database.Shard.ConnectionString) { Username = role,
            Password = "only-for-tests" }.ConnectionString;
        try
        {
            await using var app = NpgsqlDataSource.Create(text);
            await using var shards = new Shards(app, [new Shard("A-Z", 1, app) { ConnectionString = text }]);
            await using var store = new PostgresEventStore(shards, [], LogDatabase.NewSignals(), new(), TimeProvider.System);
            var organization = await database.NewOrganizationAsync();
            var (stream, alarmed) = (Uuid.New(), Uuid.New());

            (await store.AppendAsync(organization, [Append(stream, 0, Resumed(stream))], Ct)).Verdict.ShouldBe(AppendVerdict.Ok);
            (await Should.ThrowAsync<PostgresException>(() =>
                store.AppendAsync(organization, [Append(alarmed, 0, Alarm(alarmed))], Ct))).MessageText.ShouldBe("the alarm went off");
        }
        finally
        {
            NpgsqlConnection.ClearAllPools();
            await database.AdminQueryAsync($"DROP OWNED BY {role}; DROP ROLE {role}", _ => 0);
        }
    }

    [Fact]
    public async Task A_view_over_a_table_with_a_foreign_key_has_it_checked_and_only_the_guilty_call_fails()
    {
        await database.AdminQueryAsync("""
            SET ROLE bsp_owner;
            CREATE TABLE IF NOT EXISTS public.pausers (name text PRIMARY KEY);
            CREATE TABLE IF NOT EXISTS public.pauses (campaign_id uuid PRIMARY KEY, name text NOT NULL REFERENCES public.pausers);
            INSERT INTO public.pausers VALUES ('Asha') ON CONFLICT DO NOTHING;
            """, _ => 0);
        await using var store = database.NewStore(views: new Pausers());
        var organization = await database.NewOrganizationAsync();
        var streams = Enumerable.Range(0, 12).Select(_ => Uuid.New()).ToList();

        var calls = streams.Select((s, i) => store.AppendAsync(organization, [Append(s, 0, Paused(s, i == 5 ? "Nobody" : "Asha"))], Ct))
            .ToList();
        await Task.WhenAll(calls).ContinueWith(_ => { }, TaskScheduler.Default);

        calls.Single(c => c.IsFaulted).ShouldBe(calls[5]);
        calls[5].Exception!.InnerException.ShouldBeOfType<PostgresException>().SqlState.ShouldBe(PostgresErrorCodes.ForeignKeyViolation);
        (await store.LoadManyAsync(organization, streams, Ct)).Select(s => s.Version).ShouldBe(streams.Select((_, i) => i == 5 ? 0L : 1L));
    }

    /// <summary>
    /// What <see cref="IInlineView.NeedsTriggers"/> promises of the message views, and what the appends themselves write.
    /// </summary>
    [Fact]
    public async Task What_lanes_write_without_triggers_has_none_but_the_key_they_keep_themselves()
    {
        var found = await database.AdminQueryAsync("""
            SELECT t.tgrelid::regclass::text || ' ' || coalesce(c.conname, t.tgname) FROM pg_trigger t LEFT JOIN pg_constraint c ON c.oid = t.tgconstraint
             WHERE t.tgrelid IN ('mt_events'::regclass, 'bsp.send_queue'::regclass, 'bsp.wamids'::regclass, 'bsp.idempotency_keys'::regclass)
                OR (t.tgrelid = 'mt_streams'::regclass AND c.conrelid IS DISTINCT FROM 'mt_events'::regclass)
            """, row => row.GetString(0));

        found.Where(name => !name.EndsWith(" alarm", StringComparison.Ordinal))
            .ShouldAllBe(name => name == "mt_events fkey_mt_events_stream_id_tenant_id");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task A_stream_that_is_taken_away_meanwhile_gets_no_orphans(int calls)
    {
        await using var store = database.NewStore();
        var organization = await database.NewOrganizationAsync();
        var streams = Enumerable.Range(0, calls).Select(_ => Uuid.New()).ToList();
        await store.AppendManyAsync([.. streams.Select(s => (organization, (IReadOnlyList<StreamAppend>)[Append(s, 0, Resumed(s))]))], Ct);
        await using var connection = await database.Admin.OpenConnectionAsync(Ct);
        await using var taking = await connection.BeginTransactionAsync(Ct);
        await using (var take =
            new NpgsqlCommand("DELETE FROM mt_events WHERE stream_id = $1", connection) { Parameters = { new() { Value = streams[0] } } })
        {
            await take.ExecuteNonQueryAsync(Ct);
            take.CommandText = "DELETE FROM mt_streams WHERE id = $1";
            await take.ExecuteNonQueryAsync(Ct);
        }

        var appends =
            store.AppendManyAsync([.. streams.Select(s => (organization, (IReadOnlyList<StreamAppend>)[Append(s, 1, Resumed(s))]))], Ct);
        await EndToEnd.Patience.UntilAsync(() =>
            database.AdminQueryAsync(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'bsp append' AND wait_event_type = 'Lock'", r => r.GetInt64(0)), n => n[0] > 0, "the lane waits for the row");
        await taking.CommitAsync(Ct);

        (await appends).Select(o => o.Verdict).ShouldBe(streams.Select((_, i) => i == 0 ? AppendVerdict.Conflict : AppendVerdict.Ok));
        (await database.AdminQueryAsync(
            "SELECT count(*) FROM mt_events e LEFT JOIN mt_streams s USING (tenant_id) WHERE e.stream_id = $1 AND s.id IS NULL", r =>
                r.GetInt64(0), streams[0])).ShouldBe([0]);
        (await database.AdminQueryAsync("SELECT count(*) FROM mt_events WHERE stream_id = $1", r => r.GetInt64(0), streams[0]))
            .ShouldBe([0]);
    }

    [Fact]
    public async Task Calls_of_one_batch_may_follow_each_other_on_a_stream_and_a_false_one_is_refused_alone()
    {
        await using var store = database.NewStore();
        var organization = await database.NewOrganizationAsync();
        var (stream, known, fresh) = (Uuid.New(), Uuid.New(), Uuid.New());
        await store.AppendAsync(organization, [Append(known, 0, Resumed(known))], Ct);

        (await ManyAsync(Append(stream, 0, Resumed(stream)), Append(stream, 1, Paused(stream, "a"), Resumed(stream)),
            Append(stream, 3, Paused(stream, "b")))).ShouldBe(["Ok 1", "Ok 3", "Ok 4"]);
        (await ManyAsync(Append(stream, 4, Resumed(stream)), Append(known, 0, Resumed(known)), Append(fresh, 0, Resumed(fresh))))
            .ShouldBe(["Ok 5", "Conflict 1", "Ok 1"]);
        (await ManyAsync(Append(stream, 5, Resumed(stream)), Append(stream, 5, Resumed(stream)), Append(stream, null, Resumed(stream))))
            .ShouldBe(["Ok 6", "Conflict 6", "Ok 7"]);
        var loaded = await store.LoadAsync(organization, stream, Ct);
        loaded.Events.Select(e => e.Version).ShouldBe(Enumerable.Range(1, 7).Select(v => (long)v));

        async Task<IEnumerable<string>> ManyAsync(params StreamAppend[] appends) =>
            (await store.AppendManyAsync([.. appends.Select(a => (organization, (IReadOnlyList<StreamAppend>)[a]))], Ct))
            .Select(o => $"{o.Verdict} {o.Versions[0]}").ToList();
    }

    // Goes off at events that name it, so that the class's other tests are left alone.
    private Task AlarmAsync() => database.AdminQueryAsync("""
        CREATE OR REPLACE FUNCTION public.alarm() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'the alarm went off'; END $$;
        CREATE OR REPLACE TRIGGER alarm AFTER INSERT OR UPDATE ON mt_events FOR EACH ROW WHEN (NEW.data->>'reason' = 'alarm') EXECUTE FUNCTION public.alarm();
        """, _ => 0);

    private static CampaignPaused Alarm(Guid stream) => Paused(stream, "alarm");

    private sealed class Pausers : IInlineView
    {
        public IReadOnlyCollection<string> EventTypes => ["campaign_paused"];

        public void Project(IReadOnlyList<StoredEvent> events, NpgsqlBatch batch)
        {
            var command = new NpgsqlBatchCommand("INSERT INTO public.pauses SELECT * FROM unnest($1, $2)");
            command.Parameters.Add(new() { Value = events.Select(e => e.StreamId).ToArray() });
            command.Parameters.Add(new() { Value = events.Select(e => ((CampaignPaused)e.Body!).Reason).ToArray() });
            batch.BatchCommands.Add(command);
        }
    }
}
