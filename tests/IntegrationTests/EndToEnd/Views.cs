using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.ClickHouse;
using Bsp.IntegrationTests.Common;
using Npgsql;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>What every view says of a campaign, each asked in its own store, as "sent delivered read failed".</summary>
internal sealed class Views(NpgsqlDataSource admin, string redis, ClickHouseClient clickHouse, string? mongo = null) : IAsyncDisposable
{
    private DocumentsSeen? documents;

    private readonly Lazy<Task<ConnectionMultiplexer>> connection = new(() => ConnectionMultiplexer.ConnectAsync(redis));

    /// <summary>The documents, in MongoDB or as JSONB.</summary>
    public ClickHouseClient Click => clickHouse;

    public DocumentsSeen Documents => documents ??= new(ScalarAsync, mongo);

    /// <summary>Waits until all agree with the log, asserts that they do, and returns the log's counts.</summary>
    /// <param name="wanted">What they must agree on in the end; null: on whatever the log says.</param>
    public async Task<string> AgreeAsync(Tenant tenant, Guid campaign, string? wanted = null)
    {
        var (truth, seen) = ("", new Dictionary<string, string?>());
        await Patience.SoonAsync(async () =>
        {
            truth = await LogAsync(campaign);
            seen = await AllAsync(tenant, campaign);
            truth.ShouldBe(wanted ?? truth, "the log itself");
            seen.ShouldAllBe(view =>
                view.Value == truth, $"the log says {truth}, but {string.Join("; ", seen.Select(v => $"{v.Key} {v.Value}"))}");
        });
        return truth;
    }

    /// <summary>Counts of facts in the event log: a failure that a later delivery overruled does not count.</summary>
    public Task<string> LogAsync(Guid campaign) => ScalarAsync("""
        SELECT concat_ws(' ', count(*) FILTER (WHERE type = 'message_sent'), count(*) FILTER (WHERE type = 'message_delivered'), count(*) FILTER (WHERE type = 'message_read'),
            count(*) FILTER (WHERE type IN ('message_failed', 'message_rejected')) - count(*) FILTER (WHERE type = 'message_delivered' AND data ->> 'failed_at' IS NOT NULL))
          FROM mt_events WHERE type LIKE 'message_%' AND data -> 'ref' ->> 'campaign_id' = $1::text
        """, campaign);

    /// <summary>One text from PostgreSQL.</summary>
    public async Task<string> ScalarAsync(string sql, params object[] arguments)
    {
        await using var command = admin.CreateCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        return $"{await command.ExecuteScalarAsync()}";
    }

    /// <summary>
    /// Every table with its number of rows and its last change, save those that move by themselves (of the API keys only their number: when
    /// one was last used is written later): differs after any write.
    /// </summary>
    public Task<string> RowsAsync() => ScalarAsync("""
        SELECT string_agg(format('%s.%s %s', table_schema, table_name,
            (xpath('/row/c/text()', query_to_xml(format('SELECT count(*) || ''/'' || %s AS c FROM %I.%I', CASE table_name WHEN 'api_keys' THEN '0' ELSE 'coalesce(max(xmin::text::bigint), 0)' END, table_schema, table_name), false, true, '')))[1]), E'\n' ORDER BY table_schema, table_name)
          FROM information_schema.tables
         WHERE table_type = 'BASE TABLE' AND table_schema IN ('public', 'bsp', 'documents') AND table_name !~ 'projection|progression|partition|idempotency|journal|inbox|log_places|nudges|retention_rounds'
        """);

    /// <summary>Where any of the texts still stands: tables of this database (also inside bytes) and keys or values of Redis.</summary>
    public async Task<IReadOnlyList<string>> TracesAsync(params string[] texts)
    {
        while (true)
        {
            try
            {
                return await TracesNowAsync(texts);
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UndefinedTable)
            {
                // A view that was being built anew has taken its place meanwhile: looked for in all tables once more.
            }
        }
    }

    private async Task<IReadOnlyList<string>> TracesNowAsync(string[] texts)
    {
        var tables =
            (await ScalarAsync(
                "SELECT string_agg(format('%I.%I', table_schema, table_name), ' ' ORDER BY 1) FROM information_schema.tables WHERE table_type = 'BASE TABLE' AND table_schema IN ('public', 'bsp', 'documents')")).Split(' ');
        var found = new List<string>();
        foreach (var text in texts)
        {
            var hex = Convert.ToHexStringLower(System.Text.Encoding.UTF8.GetBytes(text));
            foreach (var table in tables)
            {
                if (await ScalarAsync(
                    $"SELECT count(*) FROM {table} AS t WHERE position($1 IN t::text) > 0 OR position($2 IN t::text) > 0", text,
                    hex) != "0")
                {
                    found.Add($"{table}: {text}");
                }
            }

            var server = (await connection.Value).GetServers()[0];
            await foreach (var key in server.KeysAsync(pattern: "*"))
            {
                var dump = await (await connection.Value).GetDatabase().KeyDumpAsync(key);
                if (key.ToString().Contains(text, StringComparison.Ordinal)
                    || (dump is not null && dump.AsSpan().IndexOf(System.Text.Encoding.UTF8.GetBytes(text)) >= 0))
                {
                    found.Add($"Redis {key}: {text}");
                }
            }
        }

        return found;
    }

    /// <summary>The same, once the views have caught up: two looks in a row see no change.</summary>
    public Task<string> SettledRowsAsync()
    {
        var last = "";
        return Patience.UntilAsync(RowsAsync, rows => rows == Interlocked.Exchange(ref last, rows), "the views have caught up");
    }

    /// <summary>All views, whole, but for the places of the log's events: every administrative act adds some.</summary>
    public async Task<Dictionary<string, string>> ContentsAsync()
    {
        var all = await IntegrationTests.Views.ViewContents.AllAsync(admin, (await connection.Value).GetDatabase(), clickHouse);
        all.Remove("bsp.log_places");
        return all;
    }

    /// <summary>What is left of rebuilds, in any store.</summary>
    public async Task<List<string>> LitterAsync() =>
        await IntegrationTests.Views.ViewContents.LitterAsync(admin, (await connection.Value).GetDatabase(), clickHouse);

    /// <summary>Waits until every webhook that was taken has been worked off, with what of it was postponed.</summary>
    public Task InboxEmptyAsync() =>
        Patience.UntilAsync(() => ScalarAsync("""
            SELECT (SELECT count(*) FROM bsp.webhook_inbox)
                 + (SELECT count(*) FROM bsp.webhook_set_aside WHERE reason = 'postponed' AND next_at IS NOT NULL)
            """), n => n == "0", "the inbox is empty");

    /// <summary>Waits until the conversations' documents show what an organization's log says of its messages up to now.</summary>
    public async Task DocumentsReachedAsync(Guid organization)
    {
        var last = await ScalarAsync("""
            SELECT coalesce(max(seq_id), 0) FROM mt_events WHERE tenant_id = $1 AND type LIKE ANY ('{message_%,conversation_%,contact_%}')
            """, $"{organization}");
        await Patience.UntilAsync(() => ScalarAsync($"SELECT sequence >= {last} FROM bsp.projections WHERE name = 'conversations.v1'"),
            reached => reached == "True", "the documents show all that was said");
    }

    /// <summary>Redis loses everything.</summary>
    public async Task WipeRedisAsync()
    {
        var multiplexer = await connection.Value;
        await multiplexer.GetServers()[0].FlushAllDatabasesAsync();
    }

    public async ValueTask DisposeAsync()
    {
        if (connection.IsValueCreated)
        {
            await (await connection.Value).DisposeAsync();
        }

        clickHouse.Dispose();
    }

    private async Task<Dictionary<string, string?>> AllAsync(Tenant tenant, Guid campaign)
    {
        var progress = await tenant.ProgressAsync(campaign);
        var row = await tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}");
        return new()
        {
            ["Redis"] = await HashAsync(campaign),
            ["documents"] = await Documents.CountsAsync(campaign),
            ["ClickHouse"] = await ClickHouseAsync(campaign),
            ["campaigns row"] = $"{row["sent_count"]} {row["delivered_count"]} {row["read_count"]} {row["failed_count"]}",
            ["bsp.campaign_progress"] =
            await ScalarAsync("SELECT concat_ws(' ', sent, delivered, read, failed) FROM bsp.campaign_progress WHERE campaign_id = $1",
                campaign),
            ["GET progress"] = $"{progress["sent"]} {progress["delivered"]} {progress["read"]} {progress["failed"]}",
        };
    }

    private async Task<string> HashAsync(Guid campaign)
    {
        var values = await (await connection.Value).GetDatabase()
            .HashGetAsync(CampaignProgressProjection.HashOf(campaign), ["sent", "delivered", "read", "failed"]);
        return string.Join(' ', values);
    }

    private async Task<string?> ClickHouseAsync(Guid campaign)
    {
        string Of(string status) => $"toString(uniqExactIf(message_id, status = '{status}' AND count > 0))";
        return (await clickHouse.QueryAsync(
            $"SELECT concat({Of("sent")}, ' ', {Of("delivered")}, ' ', {Of("read")}, ' ', {Of("failed")}) AS counts FROM message_analytics FINAL WHERE campaign_id = {{campaign:UUID}}",
            r => r.GetString(0), default, ("campaign", campaign)))[0];
    }
}
