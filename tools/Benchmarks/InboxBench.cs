using System.Diagnostics;
using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Conversations;
using Bsp.Infrastructure.Documents;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Schema;
using Bsp.Infrastructure.Search;
using Bsp.Infrastructure.Sharding;
using Bsp.LocalStores;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;

namespace Bsp.Benchmarks;

/// <summary>
/// The inbox at a million messages in 100,000 conversations of 50 organizations: filling the documents and the search index through their
/// projections, each beside the same rows inserted straight; pages of the list and searches in
/// the largest organization, on a database that was analyzed. <c>BENCH_MESSAGES</c> changes the number (a tenth of it are conversations).
/// </summary>
internal static class InboxBench
{
    private const string AppPassword = "only-for-bench";
    private const int Asked = 200;
    private const int PageEvents = 1_000;

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        await InAsync(StoreKinds.Postgres, async (_, shards, shard, admin) =>
        {
            var (data, index) = await FillAsync(report, shard, admin, full: true, ct);
            var views = new PostgresDocumentViews(shards);
            await ListsAsync(report, views, data, ct);
            await SearchesAsync(report, new ConversationSearch(shards, index, views), data, ct);
        }, ct);
        await InboxLiveBench.RunAsync(report, ct);
    }

    /// <summary>Only what the views take in.</summary>
    public static Task ViewsAsync(Report report, CancellationToken ct) =>
        InAsync(StoreKinds.Postgres | StoreKinds.ClickHouse, async (stores, shards, shard, admin) =>
        {
            await FillAsync(report, shard, admin, full: false, ct);
            await RowsAsync(report, stores, shards, shard, ct);
        }, ct);

    private static async Task InAsync(StoreKinds kinds, Func<Stores, Shards, Shard, string, Task> measure, CancellationToken ct)
    {
        await using var stores = await Installation.StoresAsync(kinds, ct);
        var name = $"bench_{Guid.NewGuid():N}";
        await ExecuteAsync(stores.Postgres, $"CREATE DATABASE {name}", ct);
        try
        {
            var admin = new NpgsqlConnectionStringBuilder(stores.Postgres) { Database = name, PersistSecurityInfo = true }.ConnectionString;
            await new Migrator(NullLogger<Migrator>.Instance).MigrateAsync(admin, AppPassword, ct);
            var text = new NpgsqlConnectionStringBuilder(admin) { Username = "bsp_app", Password = AppPassword, MaxAutoPrepare = 50,
                MaxPoolSize = 20 };
            var app = NpgsqlDataSource.Create(text.ConnectionString);
            var shard = new Shard("A-Z", 1, app) { ConnectionString = text.ConnectionString };
            await using var shards = new Shards(app, [shard]);
            await measure(stores, shards, shard, admin);
        }
        finally
        {
            NpgsqlConnection.ClearAllPools();
            await ExecuteAsync(stores.Postgres, $"DROP DATABASE {name} WITH (FORCE)", CancellationToken.None);
        }
    }

    private static async Task<(InboxData Data, SearchKeys Keys)> FillAsync(Report report, Shard shard, string admin, bool full,
        CancellationToken ct)
    {
        var messages = Messages(full);
        var data = new InboxData(messages, Math.Max(10, messages / 10));
        foreach (var organization in data.All)
        {
            await ExecuteAsync(admin,
                $"INSERT INTO bsp.directory_organizations (organization_id, slug, shard) VALUES ('{organization}', 'bench-{organization}', 'A-Z')", ct);
        }

        Report.Say($"{messages:N0} messages in {messages / 10:N0} conversations of {data.All.Count} organizations, through both projections");
        var personal = new Unsealed();
        var keys = new SearchKeys(new MasterKeys(new BspOptions
        {
            DirectoryApp = "", Shards = [], PlatformKeySha256 = [], MasterKey = new byte[32],
                Meta = new() { BaseUrl = new("http://127.0.0.1/") },
        }));
        var (documents, search) =
            (new ConversationsProjection(new PostgresDocumentStore(), personal), new MessageSearchProjection(personal, keys));
        var (inDocuments, inSearch, events) = (TimeSpan.Zero, TimeSpan.Zero, 0L);
        foreach (var page in data.Pages(shard, PageEvents))
        {
            inDocuments += await TimedAsync(() => documents.ApplyAsync(page, ct));
            inSearch += await TimedAsync(() =>
                search.ApplyAsync(page with { Events = [.. page.Events.Where(e => search.EventTypes!.Contains(e.Type))] }, ct));
            events += page.Events.Count;
        }

        var bareDocuments =
            await TimedAsync(() =>
                ExecuteAsync(admin,
                    "CREATE TABLE bare (LIKE documents.messages INCLUDING ALL); INSERT INTO bare SELECT * FROM documents.messages", ct));
        var bareIndex =
            await TimedAsync(() =>
                ExecuteAsync(admin,
                    "CREATE TABLE bare_index (LIKE bsp.message_search INCLUDING ALL); INSERT INTO bare_index SELECT * FROM bsp.message_search", ct));
        report.Add(new("documents: events through the whole projection (mark 10,000)", events / inDocuments.TotalSeconds, "events/s",
            messages / bareDocuments.TotalSeconds, "the same message rows, INSERT … SELECT, same indexes"));
        report.Add(new("search index: messages through the whole projection", messages / inSearch.TotalSeconds, "messages/s",
            messages / bareIndex.TotalSeconds, "the same rows, INSERT … SELECT, same indexes"));
        await ExecuteAsync(admin, "DROP TABLE bare, bare_index; VACUUM ANALYZE", ct);
        return (data, keys);
    }

    // The same events into the analytics, beside the same lines inserted straight into such a table.
    private static async Task RowsAsync(Report report, Stores stores, Shards shards, Shard shard, CancellationToken ct)
    {
        using var client = new ClickHouseClient(
            new UriBuilder(stores.ClickHouse) { Query = $"database=bsp_{Guid.NewGuid():N}" }.Uri.AbsoluteUri);
        var schema = new ClickHouseSchema(client);
        using var daily = new DailyStats(client, schema, shards, TimeProvider.System, NullLogger<DailyStats>.Instance);
        var projection = new MessageAnalyticsProjection(client, schema, daily, shards, new HttpEntry(client));
        await schema.EnsureAsync(ct);
        await client.ExecuteAsync("CREATE TABLE bare AS message_analytics", ct);
        var (own, bare, rows, n) = (TimeSpan.Zero, TimeSpan.Zero, 0L, 0);
        foreach (var whole in new InboxData(Messages(false), Math.Max(10, Messages(false) / 10)).Pages(shard, projection.PageEventsMax))
        {
            var page = whole with { Events = [.. whole.Events.Where(e => MessageAnalyticsProjection.Types.Contains(e.Type))] };
            own += await TimedAsync(() => projection.ApplyAsync(page, ct));
            foreach (var batch in MessageAnalyticsRows.Write(page, new Dictionary<Guid, Infrastructure.Campaigns.PriorSettlement>(),
                new Dictionary<Guid, Guid>()))
            {
                bare += await TimedAsync(() => client.InsertAsync(ClickHouseSchema.DirectInsert("bare"), batch.Json, $"{n++}", ct));
                rows += batch.Rows;
            }
        }

        report.Add(new("ClickHouse: rows through the whole projection (mark 50,000)", rows / own.TotalSeconds, "rows/s",
            rows / bare.TotalSeconds, "the same lines inserted straight, in the same batches"));
    }

    private static int Messages(bool full) =>
        int.TryParse(Environment.GetEnvironmentVariable("BENCH_MESSAGES"), out var given) && given > 0 ? given : full ? 1_000_000 : 200_000;

    private static async Task ListsAsync(Report report, PostgresDocumentViews views, InboxData data, CancellationToken ct)
    {
        foreach (var (name, filter) in new (string, ConversationFilter)[]
        {
            ("first page", new()), ("unread", new(Unread: true)),
                ("window open", new(WindowOpen: true, Now: new(2026, 10, 1, 0, 0, 0, TimeSpan.Zero))),
                ("active, medium, nobody's", new("active", Priority: "medium", Unassigned: true)),
            ("a tag that nobody has", new(Tag: "rare")),
        })
        {
            await AddAsync(report, $"list of the largest organization, {name} (mark p99 20)", i =>
                views.ConversationsAsync(data.Largest, filter, 50, null, ct));
        }

        string? cursor = null;
        await AddAsync(report, "list, page after page", async _ =>
            cursor = (await views.ConversationsAsync(data.Largest, new(), 50, cursor, ct)).NextCursor);
    }

    private static async Task SearchesAsync(Report report, ConversationSearch search, InboxData data, CancellationToken ct)
    {
        foreach (var (name, words) in new (string, Func<int, string>)[]
        {
            ("a frequent word", _ => "the"), ("two words", _ => "parcel tomorrow"),
                ("an order number", i => $"ORD-{i * 4_801 % 1_000_000:D7}"), ("the middle of a word", _ => "eliver"),
                ("Arabic", _ => "توصيل"), ("Hindi", _ => "डिलीवरी"),
            ("a name", i => $"Rao {i * 37}"), ("a number", i => $"9198{i * 40:D8}"), ("what nobody wrote", _ => "xylophone"),
        })
        {
            await AddAsync(report, $"search in the largest organization, {name} (mark p99 60)", i =>
                search.SearchAsync(data.Largest, words(i), new(), 50, null, ct));
        }
    }

    private static async Task AddAsync(Report report, string name, Func<int, Task> ask)
    {
        var times = new List<double>();
        for (var i = 0; i < Asked + 10; i++)
        {
            var took = await TimedAsync(() => ask(i));
            if (i >= 10)
            {
                times.Add(took.TotalMilliseconds);
            }
        }

        times.Sort();
        report.Add(new($"{name}: p50", times[times.Count / 2], "ms"));
        report.Add(new($"{name}: p99", times[times.Count * 99 / 100], "ms"));
    }

    private static async Task<TimeSpan> TimedAsync(Func<Task> work)
    {
        var began = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(began);
    }

    private static async Task ExecuteAsync(string connection, string sql, CancellationToken ct)
    {
        await using var source = NpgsqlDataSource.Create(connection);
        foreach (var statement in sql.Split(';', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            await using var command = source.CreateCommand(statement);
            command.CommandTimeout = 0;
            await command.ExecuteNonQueryAsync(ct);
        }
    }
}
