using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.EventStore.Marten;
using Bsp.IntegrationTests.Common;
using JasperFx;
using JasperFx.Events;
using JasperFx.Events.Projections;
using JasperFx.MultiTenancy;
using Marten;
using Weasel.Core;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.EventStore;

/// <summary>
/// The real Marten 9, opened on our database beside our own store (<c>ForeignWriters</c>: whoever does this must say so in the settings).
/// </summary>
public sealed class MartenTests(StoresFixture stores) : IAsyncLifetime
{
    private readonly LogDatabase database = new(stores);
    private PostgresEventStore ours = null!;
    private LogReader reader = null!;
    private DocumentStore marten = null!;
    private Guid organization;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await database.InitializeAsync();
        organization = await database.NewOrganizationAsync();
        var settings = new EventStoreSettings { ForeignWriters = true };
        (ours, reader, marten) = (database.NewStore(settings), new(database.Shard, settings), Open());
    }

    public async ValueTask DisposeAsync()
    {
        marten.Dispose();
        await reader.DisposeAsync();
        await ours.DisposeAsync();
        await database.DisposeAsync();
    }

    [Fact]
    public async Task Its_schema_check_changes_nothing_of_our_tables_and_has_nothing_to_say_afterwards()
    {
        var before = await CatalogAsync();

        await marten.Storage.ApplyAllConfiguredChangesToDatabaseAsync();

        var after = await CatalogAsync();
        after.ShouldBe(before);
        (await marten.Storage.Database.CreateMigrationAsync(Ct)).Difference.ShouldBe(SchemaPatchDifference.None);
    }

    [Fact]
    public async Task It_reads_and_aggregates_what_we_wrote()
    {
        var stream = Uuid.New();
        await ours.AppendAsync(organization, [Append(stream, 0, Paused(stream, "Ünïcode ✓"), Resumed(stream), Paused(stream, "again"))],
            Ct);

        await using var session = marten.LightweightSession(organization.ToString());
        var read = await session.Events.FetchStreamAsync(stream, token: Ct);
        var state = await session.Events.FetchStreamStateAsync(stream, Ct);
        var pauses = await session.Events.AggregateStreamAsync<Pauses>(stream, token: Ct);

        read.Select(e => e.Data).ShouldBe([Paused(stream, "Ünïcode ✓"), Resumed(stream), Paused(stream, "again")]);
        read.Select(e => e.Version).ShouldBe([1, 2, 3]);
        state!.Version.ShouldBe(3);
        state.IsArchived.ShouldBeFalse();
        pauses!.Reasons.ShouldBe(["Ünïcode ✓", "again"]);
        await using var neighbour = marten.LightweightSession(Uuid.New().ToString());
        (await neighbour.Events.FetchStreamAsync(stream, token: Ct)).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(EventAppendMode.Quick)]
    [InlineData(EventAppendMode.QuickWithServerTimestamps)]
    [InlineData(EventAppendMode.Rich)]
    public async Task What_it_appends_we_load_read_and_go_on_from(EventAppendMode mode)
    {
        using var theirs = Open(mode);
        var (begunByUs, begunByMarten) = (Uuid.New(), Uuid.New());
        await ours.AppendAsync(organization, [Append(begunByUs, 0, Paused(begunByUs, "ours"))], Ct);
        var start = await reader.EndAsync(Ct);

        await using (var session = theirs.LightweightSession(organization.ToString()))
        {
            session.CorrelationId = "correlation";
            session.LastModifiedBy = "a Marten application";
            session.Events.Append(begunByUs, 2, Resumed(begunByUs));
            session.Events.StartStream(begunByMarten, Paused(begunByMarten, "theirs"), Resumed(begunByMarten));
            await session.SaveChangesAsync(Ct);
        }

        var loaded = await ours.LoadAsync(organization, begunByUs, Ct);
        loaded.Version.ShouldBe(2);
        loaded.Events.Select(e => e.Body).ShouldBe([Paused(begunByUs, "ours"), Resumed(begunByUs)]);
        loaded.Events[1].Metadata.CorrelationId.ShouldBe("correlation");
        (await reader.ReadAsync(start, null, 100, Ct)).Events.OrderBy(e => e.StreamId).ThenBy(e => e.Version)
            .Select(e => (e.StreamId, e.Version))
            .ShouldBe(new[] { (begunByUs, 2L), (begunByMarten, 1L), (begunByMarten, 2L) }.OrderBy(e => e.Item1).ThenBy(e => e.Item2));

        // Expected versions hold across the two, both ways.
        (await ours.AppendAsync(organization, [Append(begunByUs, 1, Resumed(begunByUs))], Ct)).Verdict.ShouldBe(AppendVerdict.Conflict);
        (await ours.AppendAsync(organization, [Append(begunByMarten, 2, Paused(begunByMarten, "ours again"))],
            Ct)).Verdict.ShouldBe(AppendVerdict.Ok);
        await using var late = theirs.LightweightSession(organization.ToString());
        late.Events.Append(begunByMarten, 3, Resumed(begunByMarten));
        await Should.ThrowAsync<ConcurrencyException>(() => late.SaveChangesAsync(Ct));
    }

    /// <summary>With no more rights than to read, to add events and to move a stream on, in our own transaction.</summary>
    [Theory]
    [InlineData(EventAppendMode.Quick)]
    [InlineData(EventAppendMode.QuickWithServerTimestamps)]
    [InlineData(EventAppendMode.Rich)]
    public async Task As_the_role_that_serves_it_fetches_for_writing_and_appends(EventAppendMode mode)
    {
        using var schema = Open(mode);
        await schema.Storage.ApplyAllConfiguredChangesToDatabaseAsync();
        using var theirs = Open(mode, options =>
        {
            options.Connection(database.Shard.ConnectionString);
            options.AutoCreateSchemaObjects = AutoCreate.None;
        });
        var stream = Uuid.New();
        await ours.AppendAsync(organization, [Append(stream, 0, Paused(stream, "ours"))], Ct);
        for (var round = 1; round <= 2; round++)
        {
            await using var connection = await database.Shard.App.OpenConnectionAsync(Ct);
            await using var transaction = await connection.BeginTransactionAsync(Ct);
            await using (var scope = new Npgsql.NpgsqlCommand($"SELECT set_config('bsp.tenants', '{organization}', true)", connection))
            {
                await scope.ExecuteNonQueryAsync(Ct);
            }

            var options = Marten.Services.SessionOptions.ForTransaction(transaction);
            options.TenantId = organization.ToString();
            await using var session = theirs.LightweightSession(options);
            var held = await session.Events.FetchForWriting<Pauses>(stream, Ct);
            held.AppendMany(Resumed(stream), Paused(stream, "theirs"));
            await session.SaveChangesAsync(Ct);
            await transaction.CommitAsync(Ct);
        }

        (await ours.LoadAsync(organization, stream, Ct)).Version.ShouldBe(5);
        (await database.ScalarAsync<bool>(
            "SELECT has_any_column_privilege('bsp_app', 'mt_events', 'UPDATE') OR has_table_privilege('bsp_app', 'mt_events', 'DELETE, TRUNCATE')")).ShouldBeFalse();
    }

    [Fact]
    public async Task Its_daemon_projects_our_streams()
    {
        using var theirs = Open(more: options => options.Projections.Snapshot<Pauses>(SnapshotLifecycle.Async));
        var streams = Enumerable.Range(0, 20).Select(_ => Uuid.New()).ToArray();
        foreach (var stream in streams)
        {
            await ours.AppendAsync(organization, [Append(stream, 0, Paused(stream, "one"), Resumed(stream))], Ct);
            await ours.AppendAsync(organization, [Append(stream, 2, Paused(stream, "two"))], Ct);
        }

        await theirs.Storage.ApplyAllConfiguredChangesToDatabaseAsync();
        using var daemon = await theirs.BuildProjectionDaemonAsync();
        await daemon.StartAllAsync();
        await daemon.WaitForNonStaleData(EndToEnd.Patience.Deadline);

        await using var session = theirs.QuerySession(organization.ToString());
        (await session.Query<Pauses>().CountAsync(Ct)).ShouldBe(streams.Length);
        (await session.LoadAsync<Pauses>(streams[7], Ct))!.Reasons.ShouldBe(["one", "two"]);
        await daemon.StopAllAsync();
    }

    [Fact]
    public async Task A_stream_that_it_archived_takes_nothing_more_from_us()
    {
        var stream = Uuid.New();
        await ours.AppendAsync(organization, [Append(stream, 0, Paused(stream, "last"))], Ct);
        await using (var session = marten.LightweightSession(organization.ToString()))
        {
            session.Events.ArchiveStream(stream);
            await session.SaveChangesAsync(Ct);
        }

        (await ours.AppendAsync(organization, [Append(stream, 1, Resumed(stream))], Ct)).Verdict.ShouldBe(AppendVerdict.Archived);
    }

    [Fact]
    public async Task Both_write_the_same_streams_at_once_without_deadlock_hole_or_loss()
    {
        await marten.Storage.ApplyAllConfiguredChangesToDatabaseAsync();
        var streams = Enumerable.Range(0, 10).Select(_ => Uuid.New()).ToArray();
        await ours.AppendManyAsync([.. streams.Select(s => (organization, (IReadOnlyList<StreamAppend>)[Append(s, 0, Resumed(s))]))], Ct);
        var start = await reader.EndAsync(Ct);
        var deadlocks = await DeadlocksAsync();

        var written =
            await Task.WhenAll([.. Enumerable.Range(0, 4).Select(w => Task.Run(() => OursAsync(streams, w), Ct)), .. Enumerable.Range(0, 4)
                .Select(w => Task.Run(() => TheirsAsync(streams, 100 + w), Ct))]);

        (await DeadlocksAsync()).ShouldBe(deadlocks);
        written.ShouldAllBe(count => count > 0);
        var seen = new List<StoredEvent>();
        for (var (at, end) = (start, await reader.EndAsync(Ct)); at < end;)
        {
            var page = await reader.ReadAsync(at, null, 1_000, Ct);
            seen.AddRange(page.Events);
            at = page.UpTo;
        }

        seen.Count.ShouldBe(written.Sum());
        seen.GroupBy(e => e.StreamId)
            .ShouldAllBe(stream => stream.Select(e => e.Version).SequenceEqual(Enumerable.Range(2, stream.Count()).Select(v => (long)v)));
    }

    private async Task<int> OursAsync(Guid[] streams, int seed)
    {
        var (random, count) = (new Random(seed), 0);
        for (var n = 0; n < 60; n++)
        {
            var stream = streams[random.Next(streams.Length)];
            var version = (await ours.LoadAsync(organization, stream, Ct)).Version;
            count += (await ours.AppendAsync(organization, [Append(stream, version, Resumed(stream))], Ct)).Verdict == AppendVerdict.Ok ? 1
                : 0;
        }

        return count;
    }

    private async Task<int> TheirsAsync(Guid[] streams, int seed)
    {
        var (random, count) = (new Random(seed), 0);
        for (var n = 0; n < 60; n++)
        {
            await using var session = marten.LightweightSession(organization.ToString());
            var stream = streams[random.Next(streams.Length)];
            var state = await session.Events.FetchStreamStateAsync(stream, Ct);
            session.Events.Append(stream, state!.Version + 1, Resumed(stream));
            try
            {
                await session.SaveChangesAsync(Ct);
                count++;
            }
            catch (ConcurrencyException)
            {
                // Somebody was faster: that is what the expected version is for.
            }
        }

        return count;
    }

    private Task<long> DeadlocksAsync() =>
        database.ScalarAsync<long>("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()");

    // What a schema check could touch: columns, indexes, constraints, policies of the tables that are Marten's by name.
    private Task<List<string>> CatalogAsync() => database.AdminQueryAsync("""
        SELECT c.relname || ' ' || a.attnum || ' ' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || CASE WHEN a.attnotnull THEN ' NOT NULL ' ELSE ' ' END || coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS line
          FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE c.relnamespace = 'public'::regnamespace AND c.relname ~ '^mt_(events|streams|event_progression|high_water_skips)$'
        UNION ALL SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename IN ('mt_events', 'mt_streams')
        UNION ALL SELECT conname || ' ' || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid IN ('public.mt_events'::regclass, 'public.mt_streams'::regclass)
        UNION ALL SELECT tablename || ' ' || policyname || ' ' || qual FROM pg_policies WHERE schemaname = 'public'
        ORDER BY line
        """, row => row.GetString(0));

    private DocumentStore Open(EventAppendMode mode = EventAppendMode.Quick, Action<StoreOptions>? more = null) =>
        DocumentStore.For(options =>
    {
        options.Connection(database.Admin.ConnectionString);
        options.Configure(AutoCreate.CreateOrUpdate, mode);
        more?.Invoke(options);
    });
}

/// <summary>What a Marten application might make of a campaign.</summary>
public sealed class Pauses
{
    public Guid Id { get; set; }

    public List<string> Reasons { get; set; } = [];

    public void Apply(CampaignPaused paused) => Reasons.Add(paused.Reason);
}
