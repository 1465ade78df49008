using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Sealing;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EventStore;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.Sealing;

/// <summary>
/// Each day of the log is sealed, and an audit names what was changed behind the application's back: the tests do that as the role that
/// owns everything.
/// </summary>
public sealed class LogSealTests(StoresFixture stores) : IAsyncLifetime
{
    private static readonly byte[] FirstMaster = [.. Enumerable.Range(1, 32).Select(i => (byte)i)];
    private static readonly byte[] SecondMaster = [.. Enumerable.Range(101, 32).Select(i => (byte)i)];

    private readonly LogDatabase database = new(stores);
    // Noon, and events have its time: the hour at which the test runs decides nothing, nor that the day ends meanwhile.
    private readonly SetClock clock = new(new(DateTime.UtcNow.Date.AddHours(12), TimeSpan.Zero));
    private LogReaders readers = null!;
    private PostgresEventStore store = null!;
    private Guid one;
    private Guid other;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await database.InitializeAsync();
        (readers, store) = (new(new()), new(database.Shards, [], LogDatabase.NewSignals(), new(), clock));
        (one, other) = (await database.NewOrganizationAsync(), await database.NewOrganizationAsync());
    }

    public async ValueTask DisposeAsync()
    {
        await store.DisposeAsync();
        await readers.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Days_are_sealed_in_order_linked_and_signed_and_today_is_said_to_be_open()
    {
        await TwoDaysAsync();
        await AppendAsync(one, 5);

        var report = await AuditAsync();

        report.Findings.ShouldBeEmpty();
        (report.Days, report.Events, report.Unsealed, report.Passed).ShouldBe((2, 60, 5, true));
        (await database.AdminQueryAsync(
            "SELECT n || ' ' || events || ' ' || tenants || ' ' || (after_seq = coalesce(lag(up_to) OVER (ORDER BY n), 0)) || ' ' || (previous = coalesce(lag(head) OVER (ORDER BY n), decode(repeat('00', 32), 'hex'))) FROM bsp.log_days ORDER BY n", r => r.GetString(0)))
            .ShouldBe(["1 40 2 true true", "2 20 1 true true"]);
        (await AuditAsync(only: one)).ShouldSatisfyAllConditions(r => r.Passed.ShouldBeTrue(), r => r.Unsealed.ShouldBe(5));
        (await Sealer().SweepAsync(database.Shard, Ct)).ShouldBe(0);
    }

    public static TheoryData<string, string, string> Tamperings => new()
    {
        { "event.altered", "its body", "UPDATE mt_events SET data = jsonb_set(data, '{reason}', '\"never\"') WHERE seq_id = $1" },
        { "event.altered", "its time", "UPDATE mt_events SET timestamp = timestamp + interval '1 microsecond' WHERE seq_id = $1" },
        { "event.altered", "its type", "UPDATE mt_events SET type = 'campaign_resumed' WHERE seq_id = $1" },
        { "event.altered", "who did it", "UPDATE mt_events SET user_name = 'somebody else' WHERE seq_id = $1" },
        { "event.altered", "its causation", "UPDATE mt_events SET causation_id = 'x' WHERE seq_id = $1" },
        { "event.altered", "its correlation", "UPDATE mt_events SET correlation_id = 'x' WHERE seq_id = $1" },
        { "event.altered", "its headers", "UPDATE mt_events SET headers = '{}' WHERE seq_id = $1" },
        { "event.altered", "its version", "UPDATE mt_events SET version = 999 WHERE seq_id = $1" },
        { "event.altered", "its .NET type", "UPDATE mt_events SET mt_dotnet_type = 'x' WHERE seq_id = $1" },
        { "event.altered", "its binary body", "UPDATE mt_events SET bdata = '\\x01' WHERE seq_id = $1" },
        { "event.swapped", "its id", "UPDATE mt_events SET id = gen_random_uuid() WHERE seq_id = $1" },
        { "event.missing", "all of it", "DELETE FROM mt_events WHERE seq_id = $1" },
        { "event.swapped", "with the next",
            "WITH a AS (SELECT * FROM mt_events WHERE seq_id IN ($1, $1 + 1)) UPDATE mt_events e SET id = a.id, version = -a.version, data = a.data, timestamp = a.timestamp FROM a WHERE e.seq_id = 2 * $1 + 1 - a.seq_id AND e.seq_id IN ($1, $1 + 1)" },
    };

    [Theory]
    [MemberData(nameof(Tamperings))]
    public async Task The_first_event_that_was_changed_is_named(string kind, string what, string sql)
    {
        await TwoDaysAsync();
        var (sequence, id, tenant) =
            (await database.AdminQueryAsync(
                "SELECT seq_id, id, tenant_id FROM mt_events WHERE tenant_id = $1 ORDER BY seq_id OFFSET 7 LIMIT 1", r =>
                    (r.GetInt64(0), r.GetGuid(1), r.GetString(2)), one.ToString()))[0];
        await database.AdminQueryAsync(sql, _ => 0, sequence);

        var report = await AuditAsync();

        var first = report.Findings[0];
        (first.Kind, first.Sequence, first.Tenant).ShouldBe((kind, sequence, tenant), what);
        (first.EventId == id).ShouldBe(kind != "event.swapped", what);
        (await AuditAsync(only: one)).Findings[0].Sequence.ShouldBe(sequence);
        (await AuditAsync(only: other)).Findings.ShouldBeEmpty();
    }

    [Fact]
    public async Task An_event_given_to_another_organization_and_one_put_into_a_gap_are_named()
    {
        await TwoDaysAsync();
        var gap = await database.ScalarAsync<long>("SELECT nextval('mt_events_sequence')");
        await AppendAsync(one, 1);
        clock.Now = clock.Now.AddDays(1);
        (await Sealer().SweepAsync(database.Shard, Ct)).ShouldBe(1);
        var stream = Uuid.New();
        await database.AdminQueryAsync("INSERT INTO mt_streams (tenant_id, id, version) VALUES ($1, $2, 1)", _ =>
            0, one.ToString(), stream);
        await database.AdminQueryAsync(
            "INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, tenant_id) VALUES ($1, gen_random_uuid(), $2, 1, '{}', 'campaign_paused', $3)", _ => 0, gap, stream, one.ToString());
        await database.AdminQueryAsync(
            "SET session_replication_role = replica; UPDATE mt_events SET tenant_id = '" + other + "' WHERE seq_id = 3", _ => 0);

        var report = await AuditAsync();

        report.Findings.Select(f => (f.Kind, f.Sequence)).ShouldBe([("event.altered", 3), ("event.added", gap)]);
    }

    [Theory]
    [InlineData("DELETE FROM bsp.log_days WHERE n = 1", "day.missing")]
    [InlineData("DELETE FROM bsp.log_days WHERE n = 2", "day.unsealed")]
    [InlineData("UPDATE bsp.log_days SET events = 41 WHERE n = 1", "day.altered")]
    [InlineData("UPDATE bsp.log_days SET signature = decode(repeat('00', 64), 'hex') WHERE n = 2", "day.signature")]
    [InlineData("UPDATE bsp.log_days SET key_id = key_id, head = sha256('x') WHERE n = 1", "day.altered")]
    [InlineData("DELETE FROM bsp.log_seals WHERE n = 1 AND events > 10", "seal.missing")]
    [InlineData("UPDATE bsp.log_seals SET root = sha256('x') WHERE n = 1", "seal.altered")]
    [InlineData("UPDATE bsp.log_seals SET signature = decode(repeat('00', 64), 'hex') WHERE n = 1", "seal.signature")]
    [InlineData("UPDATE bsp.log_leaves SET records = set_byte(records, 50, 255 - get_byte(records, 50)) WHERE chunk = 0", "event.altered")]
    [InlineData("DELETE FROM bsp.log_leaves", "event.added")]
    public async Task Seals_that_were_changed_or_removed_are_found(string sql, string kind)
    {
        await TwoDaysAsync();
        await database.AdminQueryAsync($"SET session_replication_role = replica; {sql}", _ => 0);
        clock.Now = clock.Now.AddDays(1);

        (await AuditAsync()).Findings.Select(f => f.Kind).ShouldContain(kind);
    }

    /// <summary>Whoever owns the database can compute every hash anew. They do not have the key.</summary>
    [Fact]
    public async Task Sealed_anew_with_another_key_it_is_found()
    {
        await TwoDaysAsync();
        await database.AdminQueryAsync("UPDATE mt_events SET data = jsonb_set(data, '{reason}', '\"never\"') WHERE seq_id = 5", _ => 0);
        await database.AdminQueryAsync("TRUNCATE bsp.log_leaves, bsp.log_seals, bsp.log_days", _ => 0);
        (await Sealer(SecondMaster).SweepAsync(database.Shard, Ct)).ShouldBe(2);

        (await AuditAsync()).Findings.Select(f => f.Kind).Distinct().Order().ShouldBe(["day.signature", "seal.signature"]);
    }

    [Fact]
    public async Task After_a_rotation_of_the_master_key_old_heads_stay_good_also_when_the_old_key_is_gone()
    {
        await TwoDaysAsync();
        await AppendAsync(one, 3);
        clock.Now = clock.Now.AddDays(1);
        (await Sealer(SecondMaster, FirstMaster).SweepAsync(database.Shard, Ct)).ShouldBe(1);

        (await AuditAsync(null, SecondMaster)).Findings.ShouldBeEmpty();
        (await AuditAsync(null, FirstMaster)).Findings.Select(f => f.Kind).Distinct().Order().ShouldBe(["day.signature", "seal.signature"]);
    }

    [Fact]
    public async Task Two_sealers_at_once_seal_each_day_once()
    {
        await FillAsync();

        var done = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() => Sealer().SweepAsync(database.Shard, Ct))));
        while ((await Sealer().SweepAsync(database.Shard, Ct)) > 0)
        {
        }

        done.Sum().ShouldBeLessThanOrEqualTo(2);
        (await AuditAsync()).ShouldSatisfyAllConditions(r => r.Findings.ShouldBeEmpty(), r => r.Days.ShouldBe(2));
    }

    [Fact]
    public async Task Killed_in_the_middle_of_a_day_it_leaves_nothing_and_the_next_one_seals_it_whole()
    {
        await FillAsync();
        await database.AdminQueryAsync("""
            CREATE FUNCTION public.kill() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END';
            GRANT EXECUTE ON FUNCTION public.kill() TO bsp_app; CREATE TRIGGER kill AFTER INSERT ON bsp.log_seals FOR EACH ROW WHEN (NEW.n = 2) EXECUTE FUNCTION public.kill();
            """, _ => 0);
        await Should.ThrowAsync<NpgsqlException>(() => Sealer().SweepAsync(database.Shard, Ct));
        (await database.ScalarAsync<long>("SELECT count(DISTINCT day) + count(*) FILTER (WHERE n = 2) FROM bsp.log_seals")).ShouldBe(1);
        await database.AdminQueryAsync("DROP TRIGGER kill ON bsp.log_seals", _ => 0);

        (await Sealer().SweepAsync(database.Shard, Ct)).ShouldBe(1);
        (await AuditAsync()).ShouldSatisfyAllConditions(r => r.Findings.ShouldBeEmpty(), r => r.Days.ShouldBe(2));
    }

    /// <summary>
    /// An append that is under way at midnight is not final: whatever its time, it belongs to the day in which it becomes so.
    /// </summary>
    [Fact]
    public async Task What_becomes_final_after_the_sealing_is_sealed_with_the_next_day()
    {
        await AppendAsync(one, 5);
        await using var late = await database.Shard.App.OpenConnectionAsync(Ct);
        await using var transaction = await late.BeginTransactionAsync(Ct);
        var stream = Uuid.New();
        await RunAsync(late, $"SELECT set_config('bsp.tenants', '{one}', true), bsp.announce()");
        await RunAsync(late, $"INSERT INTO mt_streams (tenant_id, id, version) VALUES ('{one}', '{stream}', 1)");
        await RunAsync(late,
            $"INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, tenant_id) VALUES (nextval('mt_events_sequence'), gen_random_uuid(), '{stream}', 1, '{{}}', 'campaign_paused', '{one}')");
        await AppendAsync(one, 5);
        clock.Now = clock.Now.AddDays(1);
        (await Sealer().SweepAsync(database.Shard, Ct)).ShouldBe(1);
        await transaction.CommitAsync(Ct);
        await AppendAsync(one, 1);

        (await AuditAsync()).ShouldSatisfyAllConditions(r => r.Findings.ShouldBeEmpty(), r => (r.Events, r.Unsealed).ShouldBe((5, 7)));
        clock.Now = clock.Now.AddDays(1);
        (await Sealer().SweepAsync(database.Shard, Ct)).ShouldBe(1);
        (await AuditAsync()).ShouldSatisfyAllConditions(r => r.Findings.ShouldBeEmpty(), r => (r.Events, r.Unsealed).ShouldBe((12, 0)));
    }

    /// <summary>A clock of a writer, or of a foreign application, may say anything.</summary>
    [Fact]
    public async Task Times_out_of_order_hold_up_no_seal_and_leave_no_event_out()
    {
        await AppendAsync(one, 6);
        await database.AdminQueryAsync(
            "UPDATE mt_events SET timestamp = CASE seq_id WHEN 1 THEN '1999-01-01Z' WHEN 3 THEN '2345-01-01Z' WHEN 6 THEN now() + interval '30 days' ELSE timestamp END", _ => 0);
        clock.Now = clock.Now.AddDays(1);
        (await Sealer().SweepAsync(database.Shard, Ct)).ShouldBe(2);

        (await AuditAsync()).ShouldSatisfyAllConditions(r => r.Findings.ShouldBeEmpty(), r => (r.Events, r.Unsealed).ShouldBe((5, 1)));
    }

    [Fact]
    public async Task Archiving_streams_and_foreign_tenants_keep_it_valid()
    {
        await TwoDaysAsync();
        var streams =
            await database.AdminQueryAsync("SELECT DISTINCT stream_id FROM mt_events WHERE tenant_id = $1", r =>
                r.GetGuid(0), one.ToString());
        await store.ArchiveAsync(one, [.. streams.Select(s => (s, 1L))], Ct);
        await database.AdminQueryAsync("INSERT INTO mt_streams (tenant_id, id, version) VALUES ('*DEFAULT*', $1, 1)", _ => 0, one);
        await database.AdminQueryAsync(
            "INSERT INTO mt_events (seq_id, id, stream_id, version, data, type) VALUES (nextval('mt_events_sequence'), gen_random_uuid(), $1, 1, '{}', 'tombstone')", _ => 0, one);
        clock.Now = clock.Now.AddDays(1);
        (await Sealer().SweepAsync(database.Shard, Ct)).ShouldBe(1);

        (await AuditAsync()).ShouldSatisfyAllConditions(r => r.Findings.ShouldBeEmpty(), r => r.Events.ShouldBe(61));
    }

    [Theory]
    [InlineData("UPDATE bsp.audit_trail SET actor = 'somebody else' WHERE position = 3", "act.altered", 3)]
    [InlineData("DELETE FROM bsp.audit_trail WHERE position = 3", "act.missing", 3)]
    [InlineData("DELETE FROM bsp.audit_trail WHERE position = 5", "act.missing", 5)]
    [InlineData("DELETE FROM bsp.audit_trail WHERE position = 5; UPDATE bsp.audit_heads h SET position = 4, hash = (SELECT t.hash FROM bsp.audit_trail t WHERE t.position = 4)", "act.missing", 5)]
    [InlineData("UPDATE bsp.audit_trail SET address = act, act = coalesce(address, 'x') WHERE position = 2", "act.altered", 2)]
    public async Task An_act_that_was_changed_or_removed_is_found_also_with_its_head(string sql, string kind, long position)
    {
        await AppendAsync(one, 1);
        for (var n = 1; n <= 5; n++)
        {
            await using var command =
                database.Shard.App.CreateCommand(
                    $"SELECT set_config('bsp.tenants', '{one}', false); INSERT INTO bsp.audit_trail (organization_id, id, at, act, actor, address, target_type, changed) VALUES ('{one}', gen_random_uuid(), now(), 'user.changed', 'a', NULL, 'user', ARRAY['é', 'role']) ON CONFLICT DO NOTHING");
            await command.ExecuteNonQueryAsync(Ct);
        }

        clock.Now = clock.Now.AddDays(1);
        (await Sealer().SweepAsync(database.Shard, Ct)).ShouldBe(1);
        (await AuditAsync()).ShouldSatisfyAllConditions(r => r.Findings.ShouldBeEmpty(), r => r.Acts.ShouldBe(5));
        foreach (var statement in sql.Split(';'))
        {
            await database.AdminQueryAsync(statement, _ => 0);
        }

        var found = (await AuditAsync()).Findings[0];
        (found.Kind, found.Sequence).ShouldBe((kind, position));
    }

    [Fact]
    public async Task The_verb_ends_with_0_only_when_everything_is_as_it_was_sealed()
    {
        await TwoDaysAsync();
        var options = new BspOptions
        {
            DirectoryApp = database.Shard.ConnectionString, Shards = [new("A-Z", null, database.Shard.ConnectionString)],
                PlatformKeySha256 = [], MasterKey = FirstMaster, Meta = new() { BaseUrl = new("http://localhost") },
        };
        Task<int> RunAsync(params string[] arguments) =>
            Api.Operations.AuditCommand.RunAsync(options, NullLoggerFactory.Instance, arguments,
                () => throw new InvalidOperationException("The log has no costs."), Ct);

        (await RunAsync("--log", "--all")).ShouldBe(0);
        await database.AdminQueryAsync(
            "UPDATE mt_events SET user_name = 'x' WHERE tenant_id = $1 AND seq_id = (SELECT min(seq_id) FROM mt_events WHERE tenant_id = $1)", _ => 0, one.ToString());
        (await RunAsync("--log", "--json")).ShouldBe(1);
        (await RunAsync("--log", "--org", $"{one}")).ShouldBe(1);
        (await RunAsync("--log", "--org", $"{other}")).ShouldBe(0);
        foreach (var wrong in new[]
        {
            "--from 2026", "--from 2026-10 --to 2026-09", "--log --from 2026-10", "--log --org",
            "--log --org x", "--log --what", $"--log --all --org {one}",
        })
        {
            (await RunAsync(wrong.Split(' ', StringSplitOptions.RemoveEmptyEntries))).ShouldBe(2, wrong);
        }
    }

    // Yesterday 20 events each, today 20 of one; then it is tomorrow.
    private async Task FillAsync()
    {
        await AppendAsync(one, 20);
        await AppendAsync(other, 20);
        await database.AdminQueryAsync("UPDATE mt_events SET timestamp = timestamp - interval '1 day'", _ => 0);
        await AppendAsync(one, 20);
        clock.Now = clock.Now.AddDays(1);
    }

    private async Task TwoDaysAsync()
    {
        await FillAsync();
        (await Sealer().SweepAsync(database.Shard, Ct)).ShouldBe(2);
    }

    // Together, so that they share transactions: what is sealed are the events, not how they came.
    private Task AppendAsync(Guid organization, int count) => store.AppendManyAsync([.. Enumerable.Range(0, count).Select(_ => Uuid.New())
        .Select(stream => (organization, (IReadOnlyList<StreamAppend>)[Append(stream, 0, Paused(stream, "because"))]))], Ct);

    private LogSealer Sealer(byte[]? master = null, params byte[][] older) =>
        new(database.Shards, readers, Signer(master ?? FirstMaster, older), clock, NullLogger<LogSealer>.Instance);

    private Task<LogAuditReport> AuditAsync(Guid? only = null, byte[]? master = null) =>
        new LogAudit(database.Shards, readers, Signer(master ?? FirstMaster, []), clock, only, _ => { }).RunAsync(Ct);

    private static LogSigner Signer(byte[] master, byte[][] older) => new(new MasterKeys(new BspOptions
    {
        DirectoryApp = "", Shards = [], PlatformKeySha256 = [], MasterKey = master, OldMasterKeys = older,
            Meta = new() { BaseUrl = new("http://localhost") },
    }));

    private static async Task RunAsync(NpgsqlConnection connection, string sql)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(Ct);
    }

    private sealed class SetClock(DateTimeOffset now) : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = now;

        public override DateTimeOffset GetUtcNow() => Now;
    }
}
