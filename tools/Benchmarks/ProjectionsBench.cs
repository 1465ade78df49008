using System.Diagnostics;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Schema;
using Bsp.Infrastructure.Sharding;
using Bsp.LocalStores;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Benchmarks;

/// <summary>
/// Catching up and rebuilding a PostgreSQL view (one row a stream) over interleaved streams, each beside its baselines from the same run;
/// what commands feel of a rebuild; memory over many
/// events; idle cost. <c>BSP_BENCH_EVENTS</c> (default 1,000,000, ten to a stream), <c>BSP_BENCH_REPLAYS</c> (default 2): rebuilds over
/// which memory is watched.
/// </summary>
internal sealed class ProjectionsBench : IAsyncDisposable
{
    private const string AppPassword = "only-for-bench";
    private const int EventsPerStream = 10;
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(30);

    private long Events { get; } = Setting("BSP_BENCH_EVENTS", 1_000_000, EventsPerStream);

    private long Replays { get; } = Setting("BSP_BENCH_REPLAYS", 2, 1);

    private readonly string admin;
    private readonly Shards shards;
    private readonly Shard shard;
    private readonly LogReaders readers = new(new());
    private readonly LogSignals signals = new(TimeProvider.System, NullLogger<LogSignal>.Instance);
    private readonly PostgresEventStore store;
    private readonly StreamSummary view = new();
    private readonly Guid organization = Uuid.New();

    private ProjectionsBench(string admin)
    {
        this.admin = admin;
        var text = new NpgsqlConnectionStringBuilder(admin) { Username = "bsp_app", Password = AppPassword, MaxAutoPrepare = 100,
            MaxPoolSize = 40 };
        var app = NpgsqlDataSource.Create(text.ConnectionString);
        shard = new("A-Z", 1, app) { ConnectionString = text.ConnectionString };
        shards = new(app, [shard]);
        store = new(shards, [], signals, new(), TimeProvider.System);
    }

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        await using var stores = await Installation.StoresAsync(StoreKinds.Postgres, ct);
        var name = $"bench_{Guid.NewGuid():N}";
        await ExecuteAsync(stores.Postgres, $"CREATE DATABASE {name}", ct);
        try
        {
            var own = new NpgsqlConnectionStringBuilder(stores.Postgres) { Database = name, PersistSecurityInfo = true }.ConnectionString;
            await new Migrator(NullLogger<Migrator>.Instance).MigrateAsync(own, AppPassword, ct);
            await using var bench = new ProjectionsBench(own);
            await bench.MeasureAsync(report, ct);
        }
        finally
        {
            await ExecuteAsync(stores.Postgres, $"DROP DATABASE {name} WITH (FORCE)", CancellationToken.None);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await store.DisposeAsync();
        await readers.DisposeAsync();
        await shards.DisposeAsync();
        NpgsqlConnection.ClearAllPools();
    }

    private async Task MeasureAsync(Report report, CancellationToken ct)
    {
        Report.Say($"{Events:N0} events in {Events / EventsPerStream:N0} interleaved streams; {Environment.ProcessorCount} cores");
        await FillAsync(ct);
        var reading = await ReadAsync(report, ct);
        await FoldAsync(report, ct);
        var (copy, upsert) = (await CopyAsync(ct), await UpsertAsync(ct));
        using var runner =
            new ProjectionRunner([view], shards, readers, signals, TimeProvider.System, NullLogger<ProjectionRunner>.Instance);
        var catchUp = await CatchUpAsync(runner, ct);
        report.Add(new($"catch-up of a view, {Events:N0} events (mark 100,000)", Events / catchUp, "events/s", Events / reading,
            "reading and decoding the log alone, one connection"));
        report.Add(new("… in row writes: one a stream and page", Events / catchUp, "rows/s", Events / upsert,
            "bare unnest upsert of the same rows in the same pages, 1 connection"));
        report.Add(new($"… seconds for {Events / EventsPerStream:N0} result rows", catchUp, "s", copy,
            "binary COPY of the result rows into the same table"));
        await RebuildsAsync(runner, report, ct);
        await CommandsAsync(runner, report, ct);
        await IdleAsync(report, ct);
        await runner.StopAsync(CancellationToken.None);
    }

    // Event i belongs to stream i mod S: neighbours in the log are never of one stream.
    private async Task FillAsync(CancellationToken ct)
    {
        var streams = Events / EventsPerStream;
        await ExecuteAsync(admin, $"""
            SET session_replication_role = replica;
            INSERT INTO bsp.directory_organizations (organization_id, slug, shard) VALUES ('{organization}', 'bench', 'A-Z');
            INSERT INTO mt_streams (tenant_id, id, type, version) SELECT '{organization}', md5('s' || i)::uuid, 'campaign', {EventsPerStream} FROM generate_series(0, {streams - 1}) i;
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, tenant_id, mt_dotnet_type)
            SELECT i + 1, gen_random_uuid(), md5('s' || (i % {streams}))::uuid, i / {streams} + 1,
                   jsonb_build_object('campaign_id', md5('s' || (i % {streams}))::uuid, 'reason', repeat('x', 60), 'at', '2026-01-01T12:00:00.0000000+00:00'), 'campaign_paused', '{organization}', 'Bsp.Domain.Campaigns.CampaignPaused, Bsp.Domain'
              FROM generate_series(0::bigint, {Events - 1}) i;
            SELECT setval('mt_events_sequence', {Events});
            CREATE TABLE public.stream_summary (stream_id uuid PRIMARY KEY, organization_id uuid NOT NULL, version bigint NOT NULL, reason text, at timestamptz NOT NULL) WITH (fillfactor = 50);
            CREATE TABLE public.stream_summary_next (LIKE public.stream_summary INCLUDING ALL);
            SELECT bsp.secure_by_tenant('public.stream_summary'), bsp.secure_by_tenant('public.stream_summary_next');
            GRANT SELECT, INSERT, UPDATE, DELETE, TRUNCATE ON public.stream_summary, public.stream_summary_next TO bsp_app;
            ANALYZE mt_events; ANALYZE mt_streams;
            """, ct);
    }

    private async Task<double> ReadAsync(Report report, CancellationToken ct)
    {
        var reader = readers.Of(shard);
        await reader.ReadAsync(0, null, 5_000, ct);
        var (count, began) = (0L, Stopwatch.GetTimestamp());
        for (var at = 0L; at < Events;)
        {
            var page = await reader.ReadAsync(at, null, 5_000, ct);
            (at, count) = (page.UpTo, count + page.Events.Count);
        }

        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        var bare = await BareReadAsync(ct);
        report.Add(new($"reading and decoding the log, one connection ({count:N0} events, mark 300,000)", count / seconds, "events/s",
            Events / bare, "SELECT of the same columns, nothing decoded, one connection"));
        return seconds;
    }

    private async Task<double> BareReadAsync(CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(admin);
        await connection.OpenAsync(ct);
        var began = Stopwatch.GetTimestamp();
        await using var command =
            new NpgsqlCommand(
                "SELECT seq_id, id, stream_id, version, type, data, timestamp, correlation_id, causation_id, user_name, tenant_id FROM mt_events ORDER BY seq_id", connection);
        await using var rows = await command.ExecuteReaderAsync(ct);
        while (await rows.ReadAsync(ct))
        {
            // only moved over
        }

        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private async Task FoldAsync(Report report, CancellationToken ct)
    {
        const int workers = 8;
        const int together = 500;
        var ids = await IdsAsync(ct);
        var (next, folded, began) = (0, 0L, Stopwatch.GetTimestamp());
        await Task.WhenAll(Enumerable.Range(0, workers).Select(_ => Task.Run(async () =>
        {
            while (Interlocked.Add(ref next, together) is var end && end <= ids.Length)
            {
                foreach (var stream in await store.LoadManyAsync(organization, ids[(end - together)..end], ct))
                {
                    stream.Fold(0, (int n, CampaignEvent _) => n + 1);
                    Interlocked.Increment(ref folded);
                }
            }
        }, ct)));
        report.Add(new($"folding {EventsPerStream}-event streams, {workers} workers, {together} a round trip (mark 40,000)",
            folded / Stopwatch.GetElapsedTime(began).TotalSeconds, "streams/s"));
    }

    private async Task<Guid[]> IdsAsync(CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(admin);
        await connection.OpenAsync(ct);
        await using var command =
            new NpgsqlCommand("SELECT array_agg(id) FROM (SELECT id FROM mt_streams ORDER BY md5(id::text) LIMIT 100000) s", connection);
        return (Guid[])(await command.ExecuteScalarAsync(ct))!;
    }

    private async Task<double> CopyAsync(CancellationToken ct)
    {
        var ids = await IdsAsync(ct);
        await using var connection = new NpgsqlConnection(admin);
        await connection.OpenAsync(ct);
        var began = Stopwatch.GetTimestamp();
        await using (var copy =
            await connection.BeginBinaryImportAsync(
                "COPY public.stream_summary (stream_id, organization_id, version, reason, at) FROM STDIN (FORMAT binary)", ct))
        {
            foreach (var id in ids)
            {
                await copy.StartRowAsync(ct);
                await copy.WriteAsync(id, NpgsqlDbType.Uuid, ct);
                await copy.WriteAsync(organization, NpgsqlDbType.Uuid, ct);
                await copy.WriteAsync((long)EventsPerStream, NpgsqlDbType.Bigint, ct);
                await copy.WriteAsync("x", NpgsqlDbType.Text, ct);
                await copy.WriteAsync(DateTime.UtcNow, NpgsqlDbType.TimestampTz, ct);
            }

            await copy.CompleteAsync(ct);
        }

        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        await ExecuteAsync(admin, "TRUNCATE public.stream_summary", ct);
        return seconds;
    }

    // The view's own statement on the view's own rows, page by page, with the arrays made beforehand: no log, no decoding, no checkpoint.
    private async Task<double> UpsertAsync(CancellationToken ct)
    {
        var ids = new Guid[Events / EventsPerStream];
        await using (var connection = new NpgsqlConnection(admin))
        {
            await connection.OpenAsync(ct);
            await using var command =
                new NpgsqlCommand("SELECT array_agg(stream_id ORDER BY seq_id) FROM mt_events WHERE version = 1", connection);
            ids = (Guid[])(await command.ExecuteScalarAsync(ct))!;
        }

        await using var tx = await shard.BeginAsync([organization], ct);
        var (organizations, reasons, times) =
            (Enumerable.Repeat(organization, StreamSummary.Page).ToArray(), Enumerable.Repeat(new string('x', 60), StreamSummary.Page)
                .ToArray(), Enumerable.Repeat(DateTime.UtcNow, StreamSummary.Page).ToArray());
        var began = Stopwatch.GetTimestamp();
        for (var at = 0L; at < Events; at += StreamSummary.Page)
        {
            var count = (int)Math.Min(StreamSummary.Page, Events - at);
            var page = new Guid[count];
            for (var i = 0; i < count; i++)
            {
                page[i] = ids[(at + i) % ids.Length];
            }

            await tx.ExecuteAsync(StreamSummary.Upsert("public.stream_summary"), ct, page, organizations[..count],
                Enumerable.Repeat(at / ids.Length + 1, count).ToArray(), reasons[..count], times[..count]);
        }

        await tx.CommitAsync(ct);
        var seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        await ExecuteAsync(admin, "TRUNCATE public.stream_summary", ct);
        return seconds;
    }

    private async Task<double> CatchUpAsync(ProjectionRunner runner, CancellationToken ct)
    {
        var began = Stopwatch.GetTimestamp();
        await runner.StartAsync(ct);
        await runner.WaitAsync(view.Name, shard, Events, Deadline, ct);
        return Stopwatch.GetElapsedTime(began).TotalSeconds;
    }

    private async Task RebuildsAsync(ProjectionRunner runner, Report report, CancellationToken ct)
    {
        var (began, first) = (Stopwatch.GetTimestamp(), 0L);
        for (var n = 0L; n < Replays; n++)
        {
            await RebuildAsync(runner, ct);
            first = n == 0 ? Rss() : first;
        }

        report.Add(new("rebuild beside the old view, nobody appends", Events * Replays / Stopwatch.GetElapsedTime(began).TotalSeconds,
            "events/s"));
        report.Add(new($"memory of the process after {Events * (Replays + 1):N0} events", Rss() / 1e6, "MB", first / 1e6,
            $"after {2 * Events:N0}"));
    }

    private async Task RebuildAsync(ProjectionRunner runner, CancellationToken ct)
    {
        await runner.RequestAsync(view.Name, ProjectionRequest.Rebuild, ct);
        while ((await runner.StatusAsync(ct)).Single(s => s.Name == view.Name) is not { Pending: null, Rebuild: null })
        {
            await Task.Delay(50, ct);
        }
    }

    // Load, decide, append, one after another with a pause, as a few clients would; then the same while the view is rebuilt.
    private async Task CommandsAsync(ProjectionRunner runner, Report report, CancellationToken ct)
    {
        var quiet = await CommandTimesAsync(() => false, 400, ct);
        await runner.RequestAsync(view.Name, ProjectionRequest.Rebuild, ct);
        while ((await runner.StatusAsync(ct)).Single(s => s.Name == view.Name).Rebuild is not { Sequence: > 0 })
        {
            await Task.Delay(10, ct);
        }

        var over = false;
        var watching = Task.Run(async () =>
        {
            while ((await runner.StatusAsync(ct)).Single(s => s.Name == view.Name).Rebuild is not null)
            {
                await Task.Delay(100, ct);
            }

            Volatile.Write(ref over, true);
        }, ct);
        var began = Stopwatch.GetTimestamp();
        var busy = await CommandTimesAsync(() => Volatile.Read(ref over), 4_000, ct);
        await watching;
        report.Add(new("a command while a view is rebuilt, p50", At(busy, 0.5), "ms", At(quiet, 0.5), "without a rebuild"));
        report.Add(new("a command while a view is rebuilt, p99", At(busy, 0.99), "ms", At(quiet, 0.99), "without a rebuild"));
        report.Add(new("rebuild while commands go on", Events / Stopwatch.GetElapsedTime(began).TotalSeconds, "events/s"));
    }

    private async Task<List<double>> CommandTimesAsync(Func<bool> over, int max, CancellationToken ct)
    {
        var times = new List<double>();
        var streams = Enumerable.Range(0, 50).Select(_ => Uuid.New()).ToArray();
        for (var n = 0; n < max && !over(); n++)
        {
            var stream = streams[n % streams.Length];
            var began = Stopwatch.GetTimestamp();
            await store.Decide<Counted, CampaignEvent>(organization, stream, _ =>
                [new CampaignResumed(stream, DateTimeOffset.UtcNow)], null, ct);
            times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            await Task.Delay(5, ct);
        }

        return times;
    }

    private async Task IdleAsync(Report report, CancellationToken ct)
    {
        var span = TimeSpan.FromSeconds(10);
        await Task.Delay(TimeSpan.FromSeconds(15), ct); // a backend that falls idle tells its counts up to 10 s later
        var before = await TransactionsAsync(ct);
        await Task.Delay(span, ct);
        report.Add(new("idle runner: transactions a second and shard (our own look included)",
            (await TransactionsAsync(ct) - before) / span.TotalSeconds, "/s"));
    }

    private async Task<long> TransactionsAsync(CancellationToken ct)
    {
        await using var connection = new NpgsqlConnection(admin);
        await connection.OpenAsync(ct);
        await using var command =
            new NpgsqlCommand("SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()", connection);
        return (long)(await command.ExecuteScalarAsync(ct))!;
    }

    private static double At(List<double> times, double part) => times.Order().ElementAt((int)((times.Count - 1) * part));

    private static long Rss()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }

    private static long Setting(string name, long usual, long min) => Environment.GetEnvironmentVariable(name) is { } text
        ? long.TryParse(text, out var value) && value >= min ? value
        : throw new LocalStores.Common.Obstacle($"{name} is '{text}': it must be a number of at least {min}.")
        : usual;

    private static async Task ExecuteAsync(string connectionString, string sql, CancellationToken ct)
    {
        await using var connection =
            new NpgsqlConnection(new NpgsqlConnectionStringBuilder(connectionString) { Pooling = false }.ConnectionString);
        await connection.OpenAsync(ct);
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        await command.ExecuteNonQueryAsync(ct);
    }
}
