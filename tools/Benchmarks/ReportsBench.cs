using System.Diagnostics;
using System.Globalization;
using Bsp.Application.Analytics;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.ResponseTimes;
using Bsp.Infrastructure.Schema;
using Bsp.Infrastructure.Sharding;
using Bsp.LocalStores;
using Bsp.LocalStores.Common;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Bsp.Benchmarks;

/// <summary>
/// Reports over ten million rows of a year and 200 organizations: counting them anew, counting what one row changed, and every report of
/// the largest organization, by one caller over a year and by eight over 90 days. <c>BENCH_ROWS</c> changes the number.
/// </summary>
internal sealed class ReportsBench
{
    private const string AppPassword = "only-for-bench";
    private const string Zone = "Asia/Kolkata"; // no hour of it is a UTC hour
    private const int Asked = 30;
    private const int Callers = 8;
    private const int AskedByEach = 15;
    private const int MarkMs = 300;
    private const int Answers = 300_000; // of the largest organization's people
    private static readonly TimeSpan QuietWithin = TimeSpan.FromMinutes(5);

    private readonly ClickHouseClient client;
    private readonly ClickHouseSchema schema;
    private readonly DailyStats daily;
    private readonly AnalyticsReader reader;
    private readonly DailyReader days;
    private readonly FunnelReader funnels;
    private readonly AgentTimesHandler agents;
    private int refused;

    private ReportsBench(ClickHouseClient client, Shards shards)
    {
        (this.client, schema) = (client, new(client));
        daily = new(client, schema, shards, TimeProvider.System, NullLogger<DailyStats>.Instance);
        var reports = new ReportReader(client, schema, shards, daily);
        (reader, days, funnels, agents) = (new(reports), new(reports), new(reports, shards), new(shards, TimeProvider.System));
    }

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        var rows = Environment.GetEnvironmentVariable("BENCH_ROWS") is not { } text ? 10_000_000
            : long.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var given) && given >= 1_000 ? given
            : throw new Obstacle($"BENCH_ROWS is '{text}': it must be a number of at least 1000.");
        await using var stores = await Installation.StoresAsync(StoreKinds.Postgres | StoreKinds.ClickHouse, ct);
        var name = $"bench_{Guid.NewGuid():N}";
        await stores.CreateDatabaseAsync(name, ct);
        var admin = new NpgsqlConnectionStringBuilder(stores.Postgres) { Database = name, PersistSecurityInfo = true }.ConnectionString;
        await new Migrator(NullLogger<Migrator>.Instance).MigrateAsync(admin, AppPassword, ct);
        await PrepareAsync(admin, ct);
        var app = new NpgsqlConnectionStringBuilder(admin) { Username = "bsp_app", Password = AppPassword, MaxPoolSize = 20 };
        var source = NpgsqlDataSource.Create(app.ConnectionString);
        await using var shards = new Shards(source, [new("A-Z", 1, source) { ConnectionString = app.ConnectionString }]);
        using var client = new ClickHouseClient(
            new UriBuilder(stores.ClickHouse) { Query = $"database=bsp_{name}" }.Uri.AbsoluteUri);
        var bench = new ReportsBench(client, shards);
        await bench.CountAsync(report, rows, ct);
        await bench.AskAsync(report, ct);
        bench.daily.Dispose();
        NpgsqlConnection.ClearAllPools();
    }

    private static async Task PrepareAsync(string admin, CancellationToken ct)
    {
        await using var source = NpgsqlDataSource.Create(admin);
        await using var command = source.CreateCommand($"""
            INSERT INTO bsp.directory_organizations (organization_id, slug, shard) VALUES
                {string.Join(", ", ReportsData.All.Select(id => $"('{id}', 'bench-{id}', 'A-Z')"))};
            INSERT INTO bsp.response_times (organization_id, position, kind, conversation_id, account_id, episode, user_id, by, from_at, at,
                seconds, business_seconds)
            SELECT '{ReportsData.Largest}', n, (ARRAY['first', 'next', 'resolution'])[n % 3 + 1], md5('v' || n % 20000)::uuid,
                '{ReportsData.Account}', 1, md5('u' || n % 40)::uuid, md5('u' || n % 40)::uuid::text, t.at - interval '5 minutes', t.at,
                n * 7919 % 20000, n * 104729 % 9000
              FROM generate_series(1::bigint, {Answers}) n
             CROSS JOIN LATERAL (SELECT now() - n * interval '365 days' / {Answers} AS at) t;
            """);
        command.CommandTimeout = 0;
        await command.ExecuteNonQueryAsync(ct);
        await using var analyze = source.CreateCommand("VACUUM ANALYZE bsp.response_times");
        await analyze.ExecuteNonQueryAsync(ct);
    }

    private async Task CountAsync(Report report, long rows, CancellationToken ct)
    {
        await schema.EnsureAsync(ct);
        Report.Say($"making {rows:N0} rows of {ReportsData.Organizations} organizations and {ReportsData.Days} days");
        await ReportsData.FillAsync(client, rows, ct);
        var there = await NumberAsync("SELECT count() FROM message_analytics", ct);
        await QuietAsync(["message_analytics"], 8, ct);

        var bare = await TimedAsync(async () =>
        {
            await client.ExecuteAsync("CREATE TABLE bare AS message_analytics", ct);
            for (var month = ReportsData.First; month <= ReportsData.Last; month = month.AddMonths(1))
            {
                await client.ExecuteAsync("INSERT INTO bare SELECT * FROM message_analytics WHERE toYYYYMM(timestamp) = {month:UInt32}",
                    ct, ("month", (month.Year * 100) + month.Month));
            }
        });
        await client.ExecuteAsync("DROP TABLE bare SYNC", ct);
        var all = await TimedAsync(() => daily.RebuildAsync(ct));
        report.Add(new($"counting {there:N0} rows anew", there / all.TotalSeconds, "rows/s", there / bare.TotalSeconds,
            "the same rows by INSERT … SELECT into such a table"));
        report.Add(new("… seconds", all.TotalSeconds, "s", bare.TotalSeconds, "the same"));

        // As though the 150 s were over after which what was counted is counted once more.
        await client.ExecuteAsync("INSERT INTO daily_counted SELECT organization_id, date, max(seen), max(counted_at) + INTERVAL 1 HOUR "
            + "FROM daily_counted GROUP BY organization_id, date", ct);
        await RestAsync(ct);
        report.Add(new("a round when nothing came", (await TimedAsync(() => daily.RebuildAsync(ct))).TotalMilliseconds, "ms"));
        await ReportsData.FillAsync(client, 1_000, ct); // rows that are there already, of many days: they count as news
        var marked = await TimedAsync(() => daily.RebuildAsync(ct));
        report.Add(new($"a round after {await NumberAsync("SELECT count() FROM daily_round", ct):N0} organizations' days received a row",
            marked.TotalMilliseconds, "ms"));
        await RestAsync(ct);
    }

    private async Task AskAsync(Report report, CancellationToken ct)
    {
        var worst = (Year: 0.0, Quarter: 0.0);
        foreach (var (name, ask) in Questions(ct))
        {
            var (from, to) = (ReportsData.First, ReportsData.Last);
            await ask(Scope(from, to)); // warms up what the process keeps
            var times = new List<double>();
            for (var i = 0; i < Asked; i++)
            {
                times.Add((await TimedAsync(() => ask(Scope(from, to)))).TotalMilliseconds);
            }

            worst.Year = Math.Max(worst.Year, Add(report, $"{name}, a year, one caller", times));
            var many = await Task.WhenAll(Enumerable.Range(0, Callers).Select(async caller =>
            {
                var own = new List<double>();
                for (var i = 0; i < AskedByEach; i++)
                {
                    var last = to.AddDays(-(caller * 30) - i);
                    own.Add((await TimedAsync(() => ask(Scope(last.AddDays(-89), last)))).TotalMilliseconds);
                }

                return own;
            }));
            worst.Quarter = Math.Max(worst.Quarter, Add(report, $"{name}, 90 days, {Callers} callers", [.. many.SelectMany(t => t)]));
        }

        report.Add(new($"slowest report, a year, one caller: p99 (mark {MarkMs})", worst.Year, "ms"));
        report.Add(new($"slowest report, 90 days, {Callers} callers: p99 (mark {MarkMs})", worst.Quarter, "ms"));
        report.Add(new("questions that were refused as too large", refused, "questions"));
    }

    private static double Add(Report report, string name, List<double> times)
    {
        var p99 = times.Percentile(0.99);
        report.Add(new($"{name}: p99", p99, "ms", times.Median(), "p50 of the same"));
        return p99;
    }

    private static AnalyticsScope Scope(DateOnly from, DateOnly to) => new(ReportsData.Largest, from, to, null, null, Zone);

    private IEnumerable<(string Name, Func<AnalyticsScope, Task> Ask)> Questions(CancellationToken ct) =>
    [
        .. new[] { "day", "week", "month", "total", "account" }.Select(by =>
            ($"daily by {by}", Of(s => days.Handle(new(s, by), ct)))),
        .. new[] { "day", "hour", AnalyticsGroups.EachHour, "account", "campaign", "type" }.Select(by =>
            ($"messages by {by}", Of(s => reader.Handle(new GetMessageCounts(s, by), ct)))),
        ("messages by day, of one campaign", Of(s =>
            reader.Handle(new GetMessageCounts(s with { CampaignId = ReportsData.Campaign }, "day"), ct), mayBeEmpty: true)),
        ("messages by day, of one number", Of(s =>
            reader.Handle(new GetMessageCounts(s with { AccountId = ReportsData.Account }, "day"), ct))),
        .. new[] { "day", "campaign", "variant", "template", "type" }.Select(by =>
            ($"funnel by {by}", Of(s => funnels.Handle(new GetFunnel(s, by), ct)))),
        ("heat map", Of(s => reader.Handle(new GetHeatMap(s, "day"), ct))),
        .. new[] { "day", "month", "category", "market", "account" }.Select(by =>
            ($"costs by {by}", Of(s => reader.Handle(new GetCosts(s, by), ct)))),
        ("templates", Of(s => funnels.Handle(new GetTemplatePerformance(s, "day"), ct))),
        ("ai by day", Of(s => reader.Handle(new GetAiStats(s, "day"), ct))),
        .. new[] { "agent", "day" }.Select(by => ($"agents by {by}", Of(s => agents.Handle(new(s, by), ct)))),
    ];

    // A question that finds nothing would be quick, and wrong. One that is refused took its time, and the others are asked all the same.
    private Func<AnalyticsScope, Task> Of<TRow>(Func<AnalyticsScope, Task<Report<TRow>>> ask, bool mayBeEmpty = false) =>
        async scope =>
    {
        try
        {
            if ((await ask(scope)).Rows.Count == 0 && !mayBeEmpty)
            {
                throw new Obstacle($"A report from {scope.From:O} to {scope.To:O} is empty.");
            }
        }
        catch (Refusal refusal) when (refusal.Code is "analytics.too_large" or "analytics.too_many_rows")
        {
            Interlocked.Increment(ref refused);
        }
    };

    // What half an hour of rest does, in seconds: each month of the counted tables one part.
    private async Task RestAsync(CancellationToken ct)
    {
        foreach (var table in BucketCounting.Tables)
        {
            await client.ExecuteAsync($"ALTER TABLE {table} MODIFY SETTING min_age_to_force_merge_seconds = 1", ct);
        }

        await QuietAsync(BucketCounting.Tables, 1, ct);
    }

    private async Task QuietAsync(IReadOnlyCollection<string> tables, int partsMax, CancellationToken ct)
    {
        var names = string.Join(", ", tables.Select(t => $"'{t}'"));
        for (var began = Stopwatch.GetTimestamp(); Stopwatch.GetElapsedTime(began) < QuietWithin; await Task.Delay(500, ct))
        {
            var parts = await NumberAsync($"""
                SELECT max(n) FROM (SELECT count() AS n FROM system.parts
                    WHERE active AND database = currentDatabase() AND table IN ({names}) GROUP BY table, partition)
                """, ct);
            if (parts <= partsMax && await NumberAsync("SELECT count() FROM system.merges", ct) == 0)
            {
                return;
            }
        }

        Report.Say("the merges went on for five minutes: measured beside them");
    }

    private async Task<long> NumberAsync(string sql, CancellationToken ct) =>
        (await client.QueryAsync(sql, row => Convert.ToInt64(row.GetValue(0), CultureInfo.InvariantCulture), ct))[0];

    private static async Task<TimeSpan> TimedAsync(Func<Task> work)
    {
        var began = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(began);
    }
}
