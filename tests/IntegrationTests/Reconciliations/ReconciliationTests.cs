using Bsp.Application.Reconciliations;
using Bsp.Infrastructure.Campaigns;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.Views;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.Reconciliations;

/// <summary>Every store beside a log of refusals, losses, doubles and contradictions: equal as it is, and named when it was
/// spoiled.</summary>
public sealed class ReconciliationTests(StoresFixture fixture)
{
    [Fact]
    public async Task Each_store_that_was_spoiled_is_named_with_the_first_message_that_differs()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(41, await database.NewOrganizationAsync());
        await database.WriteAsync(log);
        await using var container = new ViewsContainer(fixture, database);
        foreach (var projection in container.Views)
        {
            await database.RunAsync(projection, log);
        }

        container.Reconciliation.CountsSettle = TimeSpan.Zero;
        await CountedAsync();
        var whole = await ReconcileAsync();
        whole.First.ShouldBeNull();
        whole.Rows.Where(r => r.Status != ReconciliationStatus.Equal).ShouldBeEmpty();
        whole.Rows.Select(r => $"{r.Store} {r.View}").ShouldBe(
        [
            "postgres messages", "postgres conversations", "clickhouse message_analytics", "clickhouse daily_stats",
            "clickhouse quarter_stats", "clickhouse quarter_totals", "clickhouse day_stats", "postgres campaign_progress",
            "postgres campaigns",
            "redis campaign_progress", "ledger transactions", "ledger charges",
        ], ignoreOrder: true);
        whole.Rows.Single(r => r.View == "messages").Expected.ShouldBe(
            log.Ends.Count(m => m.Phase != Domain.Messages.MessagePhase.Skipped));

        var message = await database.ScalarAsync<string>(
            "SELECT doc ->> 'uuid' FROM documents.messages WHERE organization_id = $1 AND status = 'read' ORDER BY _id LIMIT 1",
            log.OrganizationId);
        await SpoiledAsync("UPDATE documents.messages SET doc = jsonb_set(doc, '{sent_at}', '\"2026-01-01T00:00:00.000Z\"') WHERE doc "
            + "->> 'uuid' = $1",
            "postgres", "messages", "store.differs");
        await SpoiledAsync("UPDATE documents.messages SET status = 'failed' WHERE doc ->> 'uuid' = $1", "postgres", "messages",
            "store.differs");
        await SpoiledAsync("DELETE FROM documents.messages WHERE doc ->> 'uuid' = $1", "postgres", "messages", "store.missing");
        await SpoiledAsync("""
            INSERT INTO documents.messages (_id, organization_id, position, conversation_id, contact_id, status, created_at, doc)
            SELECT decode('0102030405060708090a0b0c', 'hex'), organization_id, position, conversation_id, contact_id, status, created_at,
                doc
              FROM documents.messages WHERE doc ->> 'uuid' = $1
            """, "postgres", "messages", "store.surplus");

        var conversation = await SpoiledSubjectAsync("documents.conversations",
            "UPDATE documents.conversations SET doc = jsonb_set(doc, '{message_count,incoming}', '99') WHERE _id = (SELECT _id FROM "
                + "documents.conversations WHERE organization_id = $1 ORDER BY _id LIMIT 1) RETURNING doc ->> 'uuid'",
            "postgres", "conversations", "doc = k.doc", "_id");
        conversation.Detail.ShouldContain("99 in");
        (await SpoiledSubjectAsync("bsp.campaign_progress",
            "UPDATE bsp.campaign_progress SET unknown = unknown + 5 WHERE campaign_id = (SELECT min(id::text)::uuid FROM campaigns "
                + "WHERE organization_id = $1) RETURNING campaign_id::text",
            "postgres", "campaign_progress", "unknown = k.unknown", "campaign_id")).Detail.ShouldContain("unknown is");
        (await SpoiledSubjectAsync("campaigns",
            "UPDATE campaigns SET read_count = 4711 WHERE id = (SELECT min(id::text)::uuid FROM campaigns WHERE organization_id = $1) "
                + "RETURNING id::text",
            "postgres", "campaigns", "read_count = k.read_count", "id")).Detail.ShouldContain("read_count is");

        await container.ClickHouse.ExecuteAsync(
            "INSERT INTO message_analytics SELECT * REPLACE (if(status = 'sent', 2, 1)::UInt32 AS count) FROM message_analytics FINAL "
                + "WHERE message_id = {message:UUID}",
            default, ("message", Guid.Parse(message)));
        var rows = await ReconcileAsync();
        rows.First.ShouldNotBeNull();
        (rows.First!.Store, rows.First.View, rows.First.MessageId).ShouldBe(("clickhouse", "message_analytics",
            (Guid?)Guid.Parse(message)));
        await database.RebuildAsync(container.Views.Single(v => v.Name == Application.EventStore.ViewNames.MessageAnalytics), log);
        (await ReconcileAsync()).Status.ShouldBe(ReconciliationStatus.Equal);

        await CountedAsync();
        foreach (var (view, spoiled) in new[]
        {
            ("daily_stats", "sent_messages + 7 AS sent_messages"), ("quarter_stats", "failed + 7 AS failed"),
            ("quarter_totals", "received + 7 AS received"), ("day_stats", "cost + 7 AS cost"),
        })
        {
            await container.ClickHouse.ExecuteAsync($"INSERT INTO {view}_data SELECT * REPLACE ({spoiled}, now64(3, 'UTC') AS version) "
                + $"FROM {view}_data FINAL ORDER BY date LIMIT 1", default);
            var counted = await ReconcileAsync();
            (counted.First!.Store, counted.First.View, counted.First.Code).ShouldBe(("clickhouse", view, "store.differs"));
            counted.Rows.Where(r => r.Status != ReconciliationStatus.Equal).ShouldHaveSingleItem().Days.ShouldHaveSingleItem().Day
                .ShouldBe(counted.First.Day);
            await container.ClickHouse.ExecuteAsync("INSERT INTO daily_marks SELECT organization_id, date, now64(3, 'UTC') "
                + "FROM message_analytics GROUP BY organization_id, date", default);
            await CountedAsync(); // whatever is counted again is right again
            (await ReconcileAsync()).Status.ShouldBe(ReconciliationStatus.Equal);
        }

        var hash = CampaignProgressProjection.HashOf(log.Campaigns[0]);
        var redis = await container.Redis.DatabaseAsync();
        var sent = await redis.HashGetAsync(hash, "sent");
        await redis.HashSetAsync(hash, "sent", 4711);
        var fault = (await ReconcileAsync()).First!;
        (fault.Store, fault.View, fault.Subject).ShouldBe(("redis", "campaign_progress", log.Campaigns[0].ToString()));
        await redis.HashSetAsync(hash, "sent", sent);
        (await ReconcileAsync()).Status.ShouldBe(ReconciliationStatus.Equal);

        async Task CountedAsync() => await EndToEnd.Patience.UntilAsync(async () =>
        {
            await container.Daily.RebuildAsync(default);
            return await container.ClickHouse.QueryAsync("SELECT count() FROM daily_round", r => Convert.ToInt32(r.GetValue(0)), default);
        }, n => n is [0], "nothing is left to be counted");

        Task<ReconciliationView> ReconcileAsync() =>
            container.Reconciliation.WholeAsync(database.Shard, log.OrganizationId, 2, TestContext.Current.CancellationToken);

        async Task SpoiledAsync(string sql, string store, string view, string code)
        {
            await database.ExecuteAsync("DROP TABLE IF EXISTS kept");
            await database.ExecuteAsync("CREATE TABLE kept AS SELECT * FROM documents.messages");
            await database.ExecuteAsync(sql, message);
            var found = await ReconcileAsync();
            found.Status.ShouldBe(ReconciliationStatus.Different);
            (found.First!.Store, found.First.View, found.First.Code).ShouldBe((store, view, code));
            found.First.MessageId.ShouldBe(Guid.Parse(message));
            found.Rows.Where(r => r.Status != ReconciliationStatus.Equal).ShouldHaveSingleItem().Days.ShouldHaveSingleItem().Day
                .ShouldBe(found.First.Day);
            await database.ExecuteAsync("DELETE FROM documents.messages");
            await database.ExecuteAsync("INSERT INTO documents.messages SELECT * FROM kept");
        }

        async Task<ReconciliationFault> SpoiledSubjectAsync(string table, string sql, string store, string view,
            string restore, string key)
        {
            await database.ExecuteAsync("DROP TABLE IF EXISTS kept");
            await database.ExecuteAsync($"CREATE TABLE kept AS SELECT * FROM {table}");
            var subject = await database.ScalarAsync<string>(sql, log.OrganizationId);
            var found = await ReconcileAsync();
            (found.First!.Store, found.First.View, found.First.Subject).ShouldBe((store, view, subject));
            found.Rows.Where(r => r.Status != ReconciliationStatus.Equal).ShouldHaveSingleItem();
            await database.ExecuteAsync($"UPDATE {table} t SET {restore} FROM kept k WHERE k.{key} = t.{key}");
            return found.First;
        }
    }

    [Fact]
    public async Task A_store_that_is_away_is_no_equal_store_and_the_others_are_compared_all_the_same()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(42, await database.NewOrganizationAsync(), 20);
        await database.WriteAsync(log);
        await using var container = new ViewsContainer(fixture, database);
        foreach (var projection in container.Views)
        {
            await database.RunAsync(projection, log);
        }

        await (await container.Redis.DatabaseAsync()).ExecuteAsync("FLUSHALL");
        var view = await container.Reconciliation.WholeAsync(database.Shard, log.OrganizationId, 1, TestContext.Current.CancellationToken);
        view.Status.ShouldBe(ReconciliationStatus.Different);
        view.Rows.Where(r => r.Status != ReconciliationStatus.Equal).ShouldHaveSingleItem().Status.ShouldBe(ReconciliationStatus.Away);
        (view.First!.Store, view.First.Code).ShouldBe(("redis", "store.away"));
    }
}
