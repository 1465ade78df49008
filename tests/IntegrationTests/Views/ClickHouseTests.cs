using Bsp.Application.Common;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Bsp.IntegrationTests.Common;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Views;

public sealed class ClickHouseTests(StoresFixture fixture)
{
    /// <summary>A client with a database of its own.</summary>
    public static ClickHouseClient NewClient(StoresFixture fixture)
    {
        var address = new UriBuilder(fixture.Stores.ClickHouse) { Query = $"database=bsp_{Guid.NewGuid():N}" };
        return new(address.Uri.AbsoluteUri);
    }

    [Fact]
    public async Task Without_a_connection_string_every_call_says_so()
    {
        using var client = new ClickHouseClient(null);
        var error = await Should.ThrowAsync<StoreUnavailable>(client.PingAsync(default));
        error.Store.ShouldBe("clickhouse");
        error.InnerException!.Message.ShouldContain("ConnectionStrings:ClickHouse");
    }

    [Fact]
    public async Task A_refusal_carries_ClickHouses_code()
    {
        using var client = NewClient(fixture);
        await new ClickHouseSchema(client).EnsureAsync(default);
        (await Should.ThrowAsync<ClickHouseException>(client.ExecuteAsync("SELECT * FROM no_such_table", default))).Code.ShouldBe(60);
        (await Should.ThrowAsync<ClickHouseException>(client.ExecuteAsync("SELEC", default))).Code.ShouldBe(62);
    }

    [Fact]
    public async Task A_page_written_again_or_cut_otherwise_adds_nothing()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(7, await database.NewOrganizationAsync(), 40);
        await database.WriteAsync(log);
        using var client = NewClient(fixture);
        var (projection, daily) = New(client, database);
        using var _ = daily;
        await database.RunAsync(projection, log);
        var before = await ContentAsync(client);
        before.ShouldNotBe("0 0 0");

        await projection.ApplyAsync(database.Page(projection, log, 0, log.Events[^1].Sequence), default);
        await projection.ApplyAsync(database.Page(projection, log, 0, log.Events[^1].Sequence), default);
        await projection.ApplyAsync(database.Page(projection, log, 3, log.Events[20].Sequence), default);
        (await ContentAsync(client)).ShouldBe(before);
        (await projection.CheckpointAsync(database.Shard, default)).ShouldBe(log.Events[^1].Sequence);
    }

    [Fact]
    public async Task Statuses_of_130_months_are_taken_and_stop_nobody()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var organization = await database.NewOrganizationAsync();
        using var client = NewClient(fixture);
        var (projection, daily) = New(client, database);
        using var _ = daily;
        var events = Enumerable.Range(1, 130).Select(n =>
        {
            var message =
                new Domain.Messages.MessageRef(Domain.Common.Uuid.Of($"m{n}"), Domain.Common.Uuid.Of("a"), Domain.Common.Uuid.Of("c"),
                    Domain.Common.Uuid.Of("v"), null, "text", "outbound");
            var at = Inbound.Noon.AddMonths(-n);
            return Inbound.Stored(organization, new Domain.Messages.MessageSent(message, false, null, at), message.MessageId,
                n) with { Timestamp = n % 2 == 0 ? Inbound.Noon : at };
        }).ToList();

        await projection.ApplyAsync(new(database.Shard, 0, 130, events), default);
        await projection.ApplyAsync(new(database.Shard, 0, 130, events), default); // a page that was killed before its checkpoint

        (await projection.CheckpointAsync(database.Shard, default)).ShouldBe(130);
        Infrastructure.Analytics.MessageAnalyticsRows.Write(new(database.Shard, 0, 130, events),
            new Dictionary<Guid, Infrastructure.Campaigns.PriorSettlement>(), new Dictionary<Guid, Guid>()).Count.ShouldBeGreaterThan(1);
        var rows = (await client.QueryAsync(
            "SELECT count() AS rows FROM message_analytics FINAL WHERE timestamp > now() - INTERVAL 50 MONTH", row =>
                (long)row.GetFieldValue<ulong>(0), default))[0];
        rows.ShouldBeInRange(35, 130);
    }

    [Fact]
    public async Task A_rebuild_gives_the_same_rows()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(8, await database.NewOrganizationAsync(), 40);
        await database.WriteAsync(log);
        using var client = NewClient(fixture);
        var (projection, daily) = New(client, database);
        using var _ = daily;
        await database.RunAsync(projection, log);
        var before = await ContentAsync(client);

        await client.ExecuteAsync(
            "INSERT INTO message_analytics SELECT * REPLACE (generateUUIDv4() AS message_id) FROM message_analytics LIMIT 5", default);
        (await ContentAsync(client)).ShouldNotBe(before);
        await database.RebuildAsync(projection, log);
        (await ContentAsync(client)).ShouldBe(before);
    }

    [Fact]
    public async Task A_dropped_database_is_made_and_filled_again()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(9, await database.NewOrganizationAsync(), 40);
        await database.WriteAsync(log);
        using var client = NewClient(fixture);
        var (projection, daily) = New(client, database);
        using var _ = daily;
        await database.RunAsync(projection, log);
        var before = await ContentAsync(client);

        foreach (var table in (string[])["message_analytics_mv", "messages_kafka", "message_analytics", "projection_checkpoints"])
        {
            await client.ExecuteAsync($"DROP TABLE {table}", default);
        }

        await Should.ThrowAsync<StoreUnavailable>(
            projection.ApplyAsync(database.Page(projection, log, log.Events[^1].Sequence, log.Events[^1].Sequence), default));
        await database.RunAsync(projection, log);
        (await ContentAsync(client)).ShouldBe(before);
    }

    [Fact]
    public async Task While_it_is_down_nothing_moves_and_afterwards_it_catches_up()
    {
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(10, await database.NewOrganizationAsync(), 40);
        await database.WriteAsync(log);
        using var client = NewClient(fixture);
        using var server = new StoppableProxy(new Uri(fixture.Stores.ClickHouse));
        using var through =
            new ClickHouseClient(new UriBuilder(fixture.Stores.ClickHouse) { Port = server.Port,
                Query = $"database={client.Database}" }.Uri.AbsoluteUri);
        var (projection, daily) = New(through, database);
        using var _ = daily;
        var middle = log.Events[log.Events.Count / 2].Sequence;
        await projection.ApplyAsync(database.Page(projection, log, 0, middle), default);

        server.Stop();
        await Should.ThrowAsync<StoreUnavailable>(projection.CheckpointAsync(database.Shard, default));
        await Should.ThrowAsync<StoreUnavailable>(projection.ApplyAsync(database.Page(projection, log, middle, log.Events[^1].Sequence),
            default));

        server.Start();
        (await projection.CheckpointAsync(database.Shard, default)).ShouldBe(middle);
        await database.RunAsync(projection, log);
        (await projection.CheckpointAsync(database.Shard, default)).ShouldBe(log.Events[^1].Sequence);
        (await ContentAsync(client)).ShouldNotBe("0 0 0");
    }

    private static (MessageAnalyticsProjection Projection, DailyStats Daily) New(ClickHouseClient client, ViewsDatabase database)
    {
        var schema = new ClickHouseSchema(client);
        var daily = new DailyStats(client, schema, database.Shards, TimeProvider.System, NullLogger<DailyStats>.Instance);
        return (new(client, schema, daily, database.Shards, new HttpEntry(client)), daily);
    }

    private static async Task<string> ContentAsync(ClickHouseClient client) => (await client.QueryAsync(
        "SELECT concat(toString(count()), ' ', toString(sum(count)), ' ', toString(sum(cityHash64(timestamp, message_id, status, direction, message_type_exact, count, delivery_time_ms, read_time_ms, new_contact)))) AS content FROM message_analytics FINAL",
        r => r.GetString(0), default))[0];
}
