using Bsp.Application.EventStore;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.ClickHouse;
using Npgsql;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.Views;

/// <summary>
/// What all views hold, whole, for comparing; how each is spoiled; and whatever a rebuild makes and must take away again.
/// </summary>
internal static class ViewContents
{
    /// <summary>
    /// By view: a table of PostgreSQL that it fills, its rows as text (without what only says when something was written), and the
    /// statement that spoils it. A view that has no row here
    /// fails the tests of rebuilding, by name.
    /// </summary>
    private static readonly (string View, string Table, string Rows, string Spoil)[] InPostgres =
    [
        Whole(ViewNames.Conversations, "documents.conversations",
            "DELETE FROM documents.conversations WHERE _id IN (SELECT _id FROM documents.conversations LIMIT 2)"),
        Whole(ViewNames.Conversations, "documents.messages",
            "UPDATE documents.messages SET doc = doc || '{\"status\": \"spoiled\"}' WHERE _id IN (SELECT _id FROM documents.messages LIMIT 3)"),
        Whole(ViewNames.Conversations, "documents.message_logs",
            "DELETE FROM documents.message_logs WHERE _id IN (SELECT _id FROM documents.message_logs LIMIT 4)"),
        Whole(ViewNames.Conversations, "documents.ai_conversations",
            "DELETE FROM documents.ai_conversations WHERE _id IN (SELECT _id FROM documents.ai_conversations LIMIT 2)"),
        Whole(ViewNames.CampaignCounters, "bsp.campaign_progress", "UPDATE bsp.campaign_progress SET unknown = 99"),
        (ViewNames.CampaignCounters, "campaigns",
            "SELECT (id, sent_count, delivered_count, read_count, failed_count)::text AS x FROM campaigns",
            "UPDATE campaigns SET sent_count = sent_count + 7, read_count = 0"),
        (ViewNames.ContactCounters, "contacts",
            "SELECT (id, total_messages_sent, total_messages_received, last_interaction)::text AS x FROM contacts",
            "UPDATE contacts SET total_messages_sent = total_messages_sent + 1"),
        (ViewNames.AccountCounters, "whatsapp_accounts",
            "SELECT (id, daily_sent_count, limit_reset_date)::text AS x FROM whatsapp_accounts",
            "UPDATE whatsapp_accounts SET daily_sent_count = 4711"),
        Whole(ViewNames.MessageSearch, "bsp.message_search",
            "DELETE FROM bsp.message_search WHERE message_id IN (SELECT message_id FROM bsp.message_search LIMIT 3)"),
        Whole(ViewNames.MessageSearch, "bsp.conversation_search", "UPDATE bsp.conversation_search SET tokens = '{1}'"),
        Whole(ViewNames.LogPlaces, "bsp.log_places",
            "DELETE FROM bsp.log_places WHERE key IN (SELECT key FROM bsp.log_places ORDER BY key LIMIT 2)"),
    ];

    /// <summary>Views whose rows lie elsewhere: <see cref="AllAsync"/> and <see cref="SpoilAsync"/> name them.</summary>
    private static readonly string[] InOtherStores = [ViewNames.CampaignProgress, ViewNames.MessageAnalytics];

    /// <summary>
    /// Views that the random log cannot fill, each with the class of tests that spoils and rebuilds it.
    /// </summary>
    private static readonly Dictionary<string, Type> RebuiltElsewhere = new()
    {
        [ViewNames.ResponseTimes] = typeof(Analytics.ResponseTimesTests),
    };

    /// <summary>Those of the views of which nothing is known here.</summary>
    public static IEnumerable<string> Unknown(IEnumerable<string> views) =>
        views.Except([.. InPostgres.Select(table => table.View), .. InOtherStores, .. RebuiltElsewhere.Keys]);

    /// <summary>By store and table, without what only says when something was written (epochs of Redis, times of ingestion).</summary>
    public static async Task<Dictionary<string, string>> AllAsync(NpgsqlDataSource admin, IDatabase redis, ClickHouseClient clickHouse)
    {
        var all = new Dictionary<string, string>();
        foreach (var (_, table, rows, _) in InPostgres)
        {
            all[table] = await TextAsync(admin, rows);
        }

        var hashes =
            await Task.WhenAll(((string[])(await redis.ExecuteAsync("KEYS", "campaign:*:progress"))!).Order()
                .Select(async key => (Key: key, Fields: await redis.HashGetAllAsync(key))));
        all["redis"] =
            string.Join('\n',
                hashes.Select(h =>
                    $"{h.Key} {string.Join(' ', h.Fields.Where(f => f.Name != "epoch" && f.Name != "mac").Select(f => $"{f.Name}={f.Value}").Order())}"));
        all["message_analytics"] =
            string.Join('\n',
                await clickHouse.QueryAsync(
                    "SELECT toJSONString(tuple(* EXCEPT ingested_at)) AS x FROM message_analytics FINAL ORDER BY x", r =>
                        r.GetString(0), default));
        all["quarter_stats"] =
            string.Join('\n',
                await clickHouse.QueryAsync("SELECT toJSONString(tuple(*)) AS x FROM quarter_stats ORDER BY x", r =>
                    r.GetString(0), default));
        all["daily_stats"] =
            string.Join('\n',
                await clickHouse.QueryAsync("SELECT toJSONString(tuple(*)) AS x FROM daily_stats ORDER BY x", r =>
                    r.GetString(0), default));
        return all;
    }

    /// <summary>Makes the content of every view wrong.</summary>
    /// <param name="hash">A campaign's progress in Redis.</param>
    public static async Task SpoilAsync(NpgsqlDataSource admin, IDatabase redis, RedisKey hash, ClickHouseClient clickHouse,
        DailyStats daily)
    {
        foreach (var (_, _, _, spoil) in InPostgres)
        {
            await using var command = admin.CreateCommand(spoil);
            await command.ExecuteNonQueryAsync();
        }

        await redis.HashSetAsync(hash, "sent", 4711);
        await clickHouse.ExecuteAsync(
            "INSERT INTO message_analytics SELECT * REPLACE (generateUUIDv4() AS message_id) FROM message_analytics LIMIT 5", default);
        await clickHouse.ExecuteAsync(
            "INSERT INTO daily_marks SELECT organization_id, date, now64(3) FROM message_analytics GROUP BY organization_id, date",
            default);
        await daily.RebuildAsync(default);
    }

    /// <summary>Empty when nothing is left of any rebuild in any store.</summary>
    public static async Task<List<string>> LitterAsync(NpgsqlDataSource admin, IDatabase redis, ClickHouseClient clickHouse)
    {
        var left = new List<string>();
        var next = await TextAsync(admin,
            "SELECT format('%I.%I', schemaname, tablename) AS x FROM pg_tables WHERE schemaname IN ('bsp', 'public') AND tablename LIKE '%\\_next'");
        foreach (var sql in (string[])
        [
            "SELECT name AS x FROM bsp.projections WHERE name LIKE '%+next' UNION ALL SELECT name FROM bsp.projection_parts WHERE name LIKE '%+next' UNION ALL SELECT projection FROM bsp.parked_events WHERE projection LIKE '%+next'",
            "SELECT relname::text AS x FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'documents' AND relname LIKE '%next%'",
            .. next.Split('\n').Select(table => $"SELECT '{table}: ' || t::text AS x FROM {table} t"),
        ])
        {
            left.AddRange((await TextAsync(admin, sql)).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }

        left.AddRange((string[])(await redis.ExecuteAsync("KEYS", "*next*"))!);
        foreach (var checkpoint in (string[])(await redis.ExecuteAsync("KEYS", "bsp:projection:*"))!)
        {
            left.AddRange((await redis.HashGetAllAsync(checkpoint)).Select(f => (string)f.Name!)
                .Where(f => f.StartsWith("next", StringComparison.Ordinal)));
        }

        left.AddRange(
            await clickHouse.QueryAsync(
                "SELECT name AS x FROM system.tables WHERE database = currentDatabase() AND name LIKE '%next%' UNION ALL SELECT name FROM projection_checkpoints WHERE name LIKE '%next%'",
            r => r.GetString(0), default));
        return left;
    }

    private static (string View, string Table, string Rows, string Spoil) Whole(string view, string table, string spoil) =>
        (view, table, $"SELECT t::text AS x FROM {table} t", spoil);

    private static async Task<string> TextAsync(NpgsqlDataSource admin, string sql)
    {
        await using var command = admin.CreateCommand($"SELECT coalesce(string_agg(x, E'\\n' ORDER BY x), '') FROM ({sql}) q");
        return (string)(await command.ExecuteScalarAsync())!;
    }
}
