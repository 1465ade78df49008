using System.Globalization;
using Bsp.Application.Common;
using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.ClickHouse;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.IntegrationTests.Views;
using Confluent.Kafka;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Analytics;

/// <summary>
/// <c>messages_kafka</c> as a Kafka table, on the cluster that librdkafka brings along for tests: the protocol is real, the broker keeps
/// nothing.
/// </summary>
public sealed class KafkaTests(StoresFixture fixture)
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task By_way_of_Kafka_the_same_rows_arrive_once_in_effect_and_what_cannot_be_read_is_put_aside()
    {
        using var broker = new ProducerBuilder<Null, byte[]>(MockCluster()).SetLogHandler((_, _) => { }).Build();
        using var admin = new DependentAdminClientBuilder(broker.Handle).Build();
        var brokers = string.Join(',', admin.GetMetadata(TimeSpan.FromSeconds(30)).Brokers.Select(b => $"{b.Host}:{b.Port}"));
        await using var database = await ViewsDatabase.NewAsync(fixture);
        var log = new RandomLog(51, await database.NewOrganizationAsync(), 40);
        await database.WriteAsync(log);
        using var direct = ClickHouseTests.NewClient(fixture);
        using var client = ClickHouseTests.NewClient(fixture);
        var schema = new ClickHouseSchema(client, brokers);
        using var entry = new KafkaEntry(client, schema, brokers, TimeProvider.System);
        var (byHttp, daily) = New(direct, new(direct), new HttpEntry(direct), database);
        var (byKafka, dailyToo) = New(client, schema, entry, database);
        using var _ = daily;
        using var __ = dailyToo;
        await database.RunAsync(byHttp, log);

        var end = log.Events[^1].Sequence;
        var middle = log.Events[log.Events.Count / 2].Sequence;
        await AppliedAsync(0, middle);
        await AppliedAsync(middle, end);
        (await ContentAsync(client)).ShouldBe(await ContentAsync(direct));
        (await byKafka.CheckpointAsync(database.Shard, Ct)).ShouldBe(end);

        // sent again, cut otherwise, beside something that is no row
        await broker.ProduceAsync(ClickHouseSchema.KafkaTopic(client), new() { Value = "not json"u8.ToArray() }, Ct);
        await Patience.UntilAsync(async () => (await client.QueryAsync("SELECT raw FROM messages_kafka_errors", r => r.GetString(0), Ct))
            .FirstOrDefault(), raw => raw == "not json", "the message is put aside");
        await AppliedAsync(3, end);
        (await ContentAsync(client)).ShouldBe(await ContentAsync(direct));
        (await daily.RebuildAsync(Ct)).ShouldBeTrue();
        await Patience.SoonAsync(async () => // a mark may come a moment after its rows
        {
            (await dailyToo.RebuildAsync(Ct)).ShouldBeTrue();
            (await DaysAsync(client)).ShouldBe(await DaysAsync(direct));
        });

        // back to HTTP: the entry is made anew, the rows stay
        var http = new ClickHouseSchema(client);
        await http.EnsureAsync(Ct);
        (await client.QueryAsync("SELECT engine FROM system.tables WHERE database = currentDatabase() AND name = 'messages_kafka'",
            r => r.GetString(0), Ct)).ShouldBe(["Null"]);
        await New(client, http, new HttpEntry(client), database).Projection.ApplyAsync(database.Page(byKafka, log, 3, end), Ct);
        (await ContentAsync(client)).ShouldBe(await ContentAsync(direct));

        // As the runner goes on: what is late on a busy machine is tried again.
        Task AppliedAsync(long after, long upTo) => Patience.UntilAsync(async () =>
        {
            try
            {
                await byKafka.ApplyAsync(database.Page(byKafka, log, after, upTo), Ct);
                return true;
            }
            catch (StoreUnavailable)
            {
                return false;
            }
        }, done => done, "the page went through Kafka");
    }

    private static ProducerConfig MockCluster()
    {
        var config = new ProducerConfig { BootstrapServers = "mock" };
        config.Set("test.mock.num.brokers", "1");
        return config;
    }

    private static (MessageAnalyticsProjection Projection, DailyStats Daily) New(ClickHouseClient client, ClickHouseSchema schema,
        IAnalyticsEntry entry, ViewsDatabase database)
    {
        var daily = new DailyStats(client, schema, database.Shards, TimeProvider.System, NullLogger<DailyStats>.Instance);
        return (new(client, schema, daily, database.Shards, entry), daily);
    }

    private static async Task<string> ContentAsync(ClickHouseClient client) => string.Join('\n', await client.QueryAsync(
        "SELECT toJSONString(tuple(* EXCEPT ingested_at)) AS x FROM message_analytics FINAL ORDER BY x", r => r.GetString(0), Ct));

    private static async Task<string> DaysAsync(ClickHouseClient client) => string.Join('\n', await client.QueryAsync(
        "SELECT toJSONString(tuple(*)) AS x FROM daily_stats ORDER BY x", r => r.GetString(0), Ct));
}
