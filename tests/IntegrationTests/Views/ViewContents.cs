using Bsp.Infrastructure.ClickHouse;
using Npgsql;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.Views;

/// <summary>What all views hold, whole, for comparing; and whatever a rebuild makes and must take away again.</summary>
internal static class ViewContents
{
    /// <summary>By store and table, without what only says when something was written (epochs of Redis, times of ingestion).</summary>
    public static async Task<Dictionary<string, string>> AllAsync(NpgsqlDataSource admin, IDatabase redis, ClickHouseClient clickHouse)
    {
        var all = new Dictionary<string, string>();
        foreach (var table in (string[])["documents.conversations", "documents.messages", "documents.message_logs", "bsp.campaign_progress"])
        {
            all[table] = await TextAsync(admin, $"SELECT t::text AS x FROM {table} t");
        }

        all["campaigns"] = await TextAsync(admin, "SELECT (id, sent_count, delivered_count, read_count, failed_count)::text AS x FROM campaigns");
        all["contacts"] = await TextAsync(admin, "SELECT (id, total_messages_sent, total_messages_received, last_interaction)::text AS x FROM contacts");
        all["whatsapp_accounts"] = await TextAsync(admin, "SELECT (id, daily_sent_count, limit_reset_date)::text AS x FROM whatsapp_accounts");
        var hashes = await Task.WhenAll(((string[])(await redis.ExecuteAsync("KEYS", "campaign:*:progress"))!).Order().Select(async key => (Key: key, Fields: await redis.HashGetAllAsync(key))));
        all["redis"] = string.Join('\n', hashes.Select(h => $"{h.Key} {string.Join(' ', h.Fields.Where(f => f.Name != "epoch" && f.Name != "mac").Select(f => $"{f.Name}={f.Value}").Order())}"));
        all["message_analytics"] = string.Join('\n', await clickHouse.QueryAsync("SELECT toJSONString(tuple(* EXCEPT ingested_at)) AS x FROM message_analytics FINAL ORDER BY x", r => r.GetProperty("x").GetString(), default));
        all["daily_stats"] = string.Join('\n', await clickHouse.QueryAsync("SELECT toJSONString(tuple(*)) AS x FROM daily_stats ORDER BY x", r => r.GetProperty("x").GetString(), default));
        return all;
    }

    /// <summary>Empty when nothing is left of any rebuild in any store.</summary>
    public static async Task<List<string>> LitterAsync(NpgsqlDataSource admin, IDatabase redis, ClickHouseClient clickHouse)
    {
        var left = new List<string>();
        foreach (var sql in (string[])
        [
            "SELECT name AS x FROM bsp.projections WHERE name LIKE '%+next' UNION ALL SELECT name FROM bsp.projection_parts WHERE name LIKE '%+next' UNION ALL SELECT projection FROM bsp.parked_events WHERE projection LIKE '%+next'",
            "SELECT relname::text AS x FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = 'documents' AND relname LIKE '%next%'",
            "SELECT t::text AS x FROM bsp.campaign_progress_next t", "SELECT t::text AS x FROM bsp.contact_counters_next t", "SELECT t::text AS x FROM bsp.account_counters_next t",
        ])
        {
            left.AddRange((await TextAsync(admin, sql)).Split('\n', StringSplitOptions.RemoveEmptyEntries));
        }

        left.AddRange((string[])(await redis.ExecuteAsync("KEYS", "*next*"))!);
        foreach (var checkpoint in (string[])(await redis.ExecuteAsync("KEYS", "bsp:projection:*"))!)
        {
            left.AddRange((await redis.HashGetAllAsync(checkpoint)).Select(f => (string)f.Name!).Where(f => f.StartsWith("next", StringComparison.Ordinal)));
        }

        left.AddRange(await clickHouse.QueryAsync("SELECT name AS x FROM system.tables WHERE database = currentDatabase() AND name LIKE '%next%' UNION ALL SELECT name FROM projection_checkpoints WHERE name LIKE '%next%'",
            r => r.GetProperty("x").GetString()!, default));
        return left;
    }

    private static async Task<string> TextAsync(NpgsqlDataSource admin, string sql)
    {
        await using var command = admin.CreateCommand($"SELECT coalesce(string_agg(x, E'\\n' ORDER BY x), '') FROM ({sql}) q");
        return (string)(await command.ExecuteScalarAsync())!;
    }
}
