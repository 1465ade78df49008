using System.Globalization;
using System.Text;
using Bsp.Application.Common;
using Bsp.Infrastructure.ClickHouse;
using Bsp.Infrastructure.Common;
using Confluent.Kafka;

namespace Bsp.Infrastructure.Analytics;

/// <summary>
/// By way of Kafka: each row is a message of the topic that <c>messages_kafka</c> reads. A batch is in when all its rows are seen in
/// <c>message_analytics</c>, so that a checkpoint never runs ahead of what can be asked; sent twice, rows fall on their own keys. A row
/// that the
/// engine could not read is the page's fault. Decision: docs/decisions/0312.
/// </summary>
internal sealed class KafkaEntry : IAnalyticsEntry, IDisposable
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan SeenWithin = TimeSpan.FromMinutes(2);
        // an engine that was killed has its partitions again after some 45 s
    private const int FlightMax = 100_000;

    private readonly ClickHouseClient client;
    private readonly ClickHouseSchema schema;
    private readonly TimeProvider clock;
    private readonly string topic;
    private readonly Lazy<IProducer<byte[], byte[]>> producer;

    public KafkaEntry(ClickHouseClient client, ClickHouseSchema schema, string brokers, TimeProvider clock)
    {
        (this.client, this.schema, this.clock) = (client, schema, clock);
        topic = ClickHouseSchema.KafkaTopic(client);
        producer = new(() => new ProducerBuilder<byte[], byte[]>(new ProducerConfig
        {
            BootstrapServers = brokers, ClientId = "bsp", EnableIdempotence = true, Acks = Acks.All, LingerMs = 5,
            QueueBufferingMaxMessages = FlightMax, MessageTimeoutMs = 30_000, CompressionType = CompressionType.Lz4,
        }).SetErrorHandler((_, _) => { }).SetLogHandler((_, _) => { }).Build()); // what fails is said by the delivery of each row
    }

    public async Task InsertAsync(AnalyticsBatch batch, string token, CancellationToken ct)
    {
        await schema.EnsureAsync(ct);
        var began = (await client.QueryAsync("SELECT toUnixTimestamp64Milli(now64(3, 'UTC')) AS now", row => row.GetInt64(0), ct))[0];
        await ProduceAsync(batch, ct);
        await SeenAsync(batch, began, ct);
    }

    public void Dispose()
    {
        if (producer.IsValueCreated)
        {
            producer.Value.Dispose();
        }
    }

    private async Task ProduceAsync(AnalyticsBatch batch, CancellationToken ct)
    {
        var flights = new List<Task>(batch.Rows);
        try
        {
            var key = Encoding.ASCII.GetBytes(batch.Organizations.First().ToString());
            for (var rest = batch.Json; rest.Length > 0;)
            {
                var end = rest.Span.IndexOf((byte)'\n');
                var line = rest.Slice(0, end < 0 ? rest.Length : end + 1);
                rest = rest.Slice(line.Length);
                flights.Add(producer.Value.ProduceAsync(topic, new() { Key = key, Value = line.TrimEnd((byte)'\n').ToArray() }, ct));
            }

            await Task.WhenAll(flights);
        }
        catch (KafkaException e)
        {
            throw new StoreUnavailable("kafka", e);
        }
    }

    // Of two rows of one key the later place wins, so what stands there may be from beyond the batch.
    private async Task SeenAsync(AnalyticsBatch batch, long began, CancellationToken ct)
    {
        for (var since = clock.GetTimestamp(); clock.GetElapsedTime(since) < SeenWithin;)
        {
            var seen = await client.QueryAsync("""
                SELECT uniqExact(timestamp, message_id, status) AS n FROM message_analytics
                WHERE organization_id IN {organizations:Array(UUID)} AND timestamp >= fromUnixTimestamp64Milli({from:Int64}, 'UTC')
                    AND timestamp <= fromUnixTimestamp64Milli({to:Int64}, 'UTC') AND position > {after:UInt64}
                """, row => Convert.ToInt64(row.GetValue(0), CultureInfo.InvariantCulture), ct,
                ("organizations", batch.Organizations.ToArray()),
                ("from", batch.From.ToUnixTimeMilliseconds()), ("to", batch.To.ToUnixTimeMilliseconds()), ("after", batch.After));
            if (seen[0] >= batch.Keys)
            {
                return;
            }

            var refused = await client.QueryAsync("""
                SELECT error FROM messages_kafka_errors WHERE at >= fromUnixTimestamp64Milli({began:Int64}, 'UTC') AND topic =
                    {topic:String} LIMIT 1
                """, row => row.GetString(0), ct, ("began", began), ("topic", topic));
            if (refused.Count > 0)
            {
                throw new ClickHouseException(0, $"The Kafka table could not read a row: {refused[0]}");
            }

            await Task.Delay(LookEvery, clock, ct);
        }

        throw new StoreUnavailable("kafka", new TimeoutException(
            $"{batch.Keys} rows were sent to topic {topic} and are not seen in ClickHouse after {SeenWithin.TotalSeconds:0} s."));
    }
}
