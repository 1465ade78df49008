using System.Diagnostics;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Domain.Conversations;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Bsp.LocalStores;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Benchmarks;

/// <summary>Appending, deciding and reading, each beside its baseline from the same minute, on the same tables and indexes.</summary>
internal static class EventsBench
{
    private const int Rounds = 3;
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(2);
    private static readonly string Reason = new('x', 60); // bodies of about 180 bytes

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        await using var stores = await Installation.StoresAsync(StoreKinds.Postgres, ct);
        await using var log = await OwnLog.CreateAsync(stores.Postgres, ct, organizations: 4);
        await new Bench(log).RunAsync(report, ct);
    }

    private sealed class Bench(OwnLog log)
    {
        private readonly string admin = log.Admin;
        private readonly Shard shard = log.Shard;
        private readonly PostgresEventStore store = log.Store;
        private readonly IReadOnlyList<Guid> organizations = log.Organizations;

        public async Task RunAsync(Report report, CancellationToken ct)
        {
            Report.Say($"PostgreSQL appends; {Environment.ProcessorCount} cores; medians of {Rounds} turns of {Turn.TotalSeconds} s, baseline and ours in turns");
            var unnest = Baseline("U  unnest, 1,000 a transaction, 1 connection", 1, 200, 5);
            var five = Baseline("F  5 a transaction, 8 connections", 8, 1, 5);
            await CompareAsync(report, "new streams of 5 events, 8 callers", NewStreams(8), five, 0.6, ct);
            await CompareAsync(report, "new streams of 5 events, 64 callers", NewStreams(64), unnest, 1.2, ct);
            await CompareAsync(report, "new streams of 5 events, 256 callers", NewStreams(256), unnest, 1.7, ct);
            // Each row has streams of its own: they grow with every decision, and what is not remembered is loaded whole.
            await CompareAsync(report, "load, decide, append 1 on 1,000 streams, 8 callers",
                Decisions(8, await ExistingStreamsAsync(1_000, ct)), Singles("S8 single-row commits, 8 connections", 8), 0.45, ct);
            await CompareAsync(report, "load, decide, append 1 on 1,000 streams, 64 callers",
                Decisions(64, await ExistingStreamsAsync(1_000, ct)), Singles("S32 single-row commits, 32 connections", 32), 1.0, ct);
            await LoneAsync(report, ct);
            await ReadAsync(report, ct);
        }

        private static async Task CompareAsync(Report report, string what, Work ours, Work baseline, double mark, CancellationToken ct)
        {
            var (own, bare) = (new List<double>(), new List<double>());
            for (var round = -1; round < Rounds; round++)
            {
                // the first one warms up: on two cores the compiler takes one for seconds
                var (b, o) = (await baseline.Run(Turn, ct), await ours.Run(Turn, ct));
                if (round >= 0)
                {
                    bare.Add(b);
                    own.Add(o);
                }
            }

            var (median, bareMedian) = (own.Order().ElementAt(Rounds / 2), bare.Order().ElementAt(Rounds / 2));
            report.Add(new($"{what} (mark {mark:0.00})", median, "events/s", bareMedian, baseline.Name));
        }

        private Work NewStreams(int callers) => new($"{callers} callers", async (turn, ct) =>
        {
            return await CountAsync(callers, turn, async (_, random) =>
            {
                var stream = Uuid.New();
                var events = Enumerable.Range(0, 5).Select(_ => (object)new CampaignPaused(stream, Reason, DateTimeOffset.UtcNow))
                    .ToArray();
                await store.AppendAsync(organizations[random.Next(4)], [new(stream, "campaign", 0, events)], ct);
                return 5;
            });
        });

        private Work Decisions(int callers, (Guid Organization, Guid Stream)[] streams) => new($"{callers} callers", async (turn, ct) =>
        {
            return await CountAsync(callers, turn, async (_, random) =>
            {
                var (organization, stream) = streams[random.Next(streams.Length)];
                await store.Decide<Counted, CampaignEvent>(organization, stream, n =>
                    [new CampaignPaused(stream, Reason, DateTimeOffset.UtcNow)], null, ct);
                return 1;
            });
        });

        private async Task<(Guid, Guid)[]> ExistingStreamsAsync(int count, CancellationToken ct)
        {
            var streams = Enumerable.Range(0, count).Select(i => (Organization: organizations[i % 4], Stream: Uuid.New())).ToArray();
            await store.AppendManyAsync(
                [.. streams.Select(s =>
                    (s.Organization,
                        (IReadOnlyList<StreamAppend>)[new(s.Stream, "campaign", 0,
                            [new CampaignResumed(s.Stream, DateTimeOffset.UtcNow)])]))], ct);
            return streams;
        }

        private async Task LoneAsync(Report report, CancellationToken ct)
        {
            await using var single = await SingleInsert.OpenAsync(admin, ct);
            var (own, bare) = (new List<double>(), new List<double>());
            for (var n = 0; n < 1_000; n++)
            {
                var stream = Uuid.New();
                var began = Stopwatch.GetTimestamp();
                await single.RunAsync();
                bare.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
                began = Stopwatch.GetTimestamp();
                await store.AppendAsync(organizations[0],
                    [new(stream, "campaign", 0, [new CampaignPaused(stream, Reason, DateTimeOffset.UtcNow)])], ct);
                own.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }

            var (median, bareMedian) = (own.Skip(200).Order().ElementAt(400), bare.Skip(200).Order().ElementAt(400));
            report.Add(new("one lone append, p50 (mark 1.60 at most)", median, "ms", bareMedian, "bare prepared INSERT + commit"));
        }

        private async Task ReadAsync(Report report, CancellationToken ct)
        {
            await using var reader = new LogReader(shard, new());
            var end = await reader.EndAsync(ct);
            var (count, began) = (0L, Stopwatch.GetTimestamp());
            for (var at = 0L; at < end && count < 500_000;)
            {
                var page = await reader.ReadAsync(at, null, 5_000, ct);
                (at, count) = (page.UpTo, count + page.Events.Count);
            }

            report.Add(new($"reading and decoding the log ({count:N0} events)", count / Stopwatch.GetElapsedTime(began).TotalSeconds,
                "events/s"));
            var stream = Uuid.New();
            await store.AppendAsync(organizations[0],
                [new(stream, "campaign", 0,
                    [.. Enumerable.Range(0, 1_000).Select(_ => (object)new CampaignPaused(stream, Reason, DateTimeOffset.UtcNow))])], ct);
            report.Add(new("loading a 1,000-event stream, p50 (mark 4 ms at most)",
                await MedianAsync(() => store.LoadAsync(organizations[0], stream, ct)), "ms"));
            var talk = Uuid.New();
            await store.AppendAsync(organizations[0],
                [new(talk, "conversation", 0,
                    [.. Enumerable.Range(0, 1_000)
                        .Select(n =>
                            (object)new CustomerWindowOpened(talk, talk, talk, DateTimeOffset.UnixEpoch.AddHours(n),
                                DateTimeOffset.UtcNow))])], ct);
            report.Add(new("the state of a 1,000-event stream, p50, with snapshot (mark 1 ms at most)",
                await MedianAsync(() => store.LoadStateAsync<Conversation, ConversationEvent>(organizations[0], talk, ct)), "ms"));
            await PagesAsync(report, ct);
        }

        // One organization's own log, by the places noted of it, and what noting them costs.
        private async Task PagesAsync(Report report, CancellationToken ct)
        {
            await using var readers = new LogReaders(new());
            var (places, end) = (new LogPlacesProjection(), await readers.Of(shard).EndAsync(ct));
            var began = Stopwatch.GetTimestamp();
            await places.ApplyAsync(new(shard, 0, end, []), ct);
            report.Add(new($"noting the places of the log ({end:N0} numbers)", end / Stopwatch.GetElapsedTime(began).TotalSeconds,
                "events/s"));
            var own = new OrganizationLog(log.Shards, readers, store);
            var (count, after, more) = (0L, Position.Start, true);
            for (began = Stopwatch.GetTimestamp(); more && count < 200_000;)
            {
                var slice = await own.ReadAsync(organizations[1], LogFilter.All, after, OrganizationLog.SliceEventsMax, ct);
                (count, after, more) = (count + slice.Events.Count, slice.UpTo, slice.More);
            }

            report.Add(new($"one of four organizations reads its own log ({count:N0} events)",
                count / Stopwatch.GetElapsedTime(began).TotalSeconds, "events/s"));
        }

        private static async Task<double> MedianAsync(Func<Task> once)
        {
            var times = new List<double>();
            for (var n = 0; n < 60; n++)
            {
                var began = Stopwatch.GetTimestamp();
                await once();
                times.Add(Stopwatch.GetElapsedTime(began).TotalMilliseconds);
            }

            return times.Skip(20).Median();
        }

        private Work Baseline(string name, int connections, int streams, int eventsPerStream) => new(name, async (turn, ct) =>
        {
            await using var inserts = new Pool<BulkInsert>(connections, () => BulkInsert.OpenAsync(admin, streams, eventsPerStream, ct));
            await inserts.OpenAsync();
            return await CountAsync(connections, turn, (i, _) => inserts[i].RunAsync());
        });

        private Work Singles(string name, int connections) => new(name, async (turn, ct) =>
        {
            await using var inserts = new Pool<SingleInsert>(connections, () => SingleInsert.OpenAsync(admin, ct));
            await inserts.OpenAsync();
            return await CountAsync(connections, turn, (i, _) => inserts[i].RunAsync());
        });

        private static async Task<double> CountAsync(int workers, TimeSpan turn, Func<int, Random, Task<int>> once)
        {
            var began = Stopwatch.GetTimestamp();
            var counts = await Task.WhenAll(Enumerable.Range(0, workers).Select(i => Task.Run(async () =>
            {
                var (random, count) = (new Random(), 0L);
                while (Stopwatch.GetElapsedTime(began) < turn)
                {
                    count += await once(i, random);
                }

                return count;
            })));
            return counts.Sum() / Stopwatch.GetElapsedTime(began).TotalSeconds;
        }
    }

    private sealed record Work(string Name, Func<TimeSpan, CancellationToken, Task<double>> Run);

    private sealed class Pool<T>(int count, Func<Task<T>> open) : IAsyncDisposable where T : IAsyncDisposable
    {
        private T[] all = [];

        public T this[int index] => all[index];

        public async Task OpenAsync() => all = await Task.WhenAll(Enumerable.Range(0, count).Select(_ => open()));

        public async ValueTask DisposeAsync()
        {
            foreach (var one in all)
            {
                await one.DisposeAsync();
            }
        }
    }

    /// <summary>Streams and their events by unnest, prepared, without check or verdict.</summary>
    private sealed class BulkInsert(NpgsqlConnection connection, NpgsqlBatch batch, int streams, int eventsPerStream) : IAsyncDisposable
    {
        private const NpgsqlDbType Array = NpgsqlDbType.Array;

        public static async Task<BulkInsert> OpenAsync(string admin, int streams, int eventsPerStream, CancellationToken ct)
        {
            var connection = new NpgsqlConnection(admin + ";Pooling=false;Options=-c jit=off -c plan_cache_mode=force_generic_plan");
            await connection.OpenAsync(ct);
            var batch = new NpgsqlBatch(connection);
            batch.BatchCommands.Add(
                new("INSERT INTO mt_streams (tenant_id, id, type, version) SELECT $1, s, 'campaign', $2 FROM unnest($3) s")
            {
                Parameters =
                    { new() { NpgsqlDbType = NpgsqlDbType.Text, Value = "bench" },
                        new() { NpgsqlDbType = NpgsqlDbType.Bigint, Value = (long)eventsPerStream },
                        new() { NpgsqlDbType = Array | NpgsqlDbType.Uuid, Value = new Guid[streams] } },
            });
            batch.BatchCommands.Add(new("""
                INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, mt_dotnet_type)
                SELECT nextval('mt_events_sequence'), e.id, e.stream, e.version, e.data, 'campaign_paused', now(), $1, 'Bsp.Domain.Campaigns.CampaignPaused, Bsp.Domain'
                  FROM unnest($2, $3, $4, $5) AS e (id, stream, version, data)
                """)
            {
                Parameters =
                {
                    new() { NpgsqlDbType = NpgsqlDbType.Text, Value = "bench" },
                        new() { NpgsqlDbType = Array | NpgsqlDbType.Uuid, Value = new Guid[0] },
                        new() { NpgsqlDbType = Array | NpgsqlDbType.Uuid, Value = new Guid[0] },
                    new() { NpgsqlDbType = Array | NpgsqlDbType.Bigint, Value = new long[0] },
                    new() { NpgsqlDbType = Array | NpgsqlDbType.Jsonb, Value = new string[0] },
                },
            });
            await batch.PrepareAsync(ct);
            return new(connection, batch, streams, eventsPerStream);
        }

        public async Task<int> RunAsync()
        {
            var ids = Enumerable.Range(0, streams).Select(_ => Uuid.New()).ToArray();
            batch.BatchCommands[0].Parameters[2].Value = ids;
            var (total, events) = (streams * eventsPerStream, batch.BatchCommands[1].Parameters);
            events[1].Value = Enumerable.Range(0, total).Select(_ => Uuid.New()).ToArray();
            events[2].Value = Enumerable.Range(0, total).Select(i => ids[i / eventsPerStream]).ToArray();
            events[3].Value = Enumerable.Range(0, total).Select(i => (long)(i % eventsPerStream) + 1).ToArray();
            events[4].Value = Enumerable.Range(0, total).Select(i => Body(ids[i / eventsPerStream])).ToArray();
            await batch.ExecuteNonQueryAsync();
            return total;
        }

        public async ValueTask DisposeAsync()
        {
            await batch.DisposeAsync();
            await connection.DisposeAsync();
        }
    }

    /// <summary>One event at a time onto one stream of its own, prepared, autocommit, without check or verdict.</summary>
    private sealed class SingleInsert(NpgsqlConnection connection, NpgsqlCommand command, Guid stream) : IAsyncDisposable
    {
        private long version;

        public static async Task<SingleInsert> OpenAsync(string admin, CancellationToken ct)
        {
            var connection = new NpgsqlConnection(admin + ";Pooling=false;Options=-c jit=off -c plan_cache_mode=force_generic_plan");
            await connection.OpenAsync(ct);
            var stream = Uuid.New();
            await using (var make =
                new NpgsqlCommand($"INSERT INTO mt_streams (tenant_id, id, type, version) VALUES ('bench', '{stream}', 'campaign', 1)",
                    connection))
            {
                await make.ExecuteNonQueryAsync(ct);
            }

            var command = new NpgsqlCommand("""
                INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, mt_dotnet_type)
                VALUES (nextval('mt_events_sequence'), $1, $2, $3, $4, 'campaign_paused', now(), 'bench', 'Bsp.Domain.Campaigns.CampaignPaused, Bsp.Domain')
                """, connection);
            command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Uuid, Value = stream });
            command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Uuid, Value = stream });
            command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Bigint, Value = 0L });
            command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Jsonb, Value = "{}" });
            await command.PrepareAsync(ct);
            return new(connection, command, stream);
        }

        public async Task<int> RunAsync()
        {
            command.Parameters[0].Value = Uuid.New();
            command.Parameters[2].Value = ++version;
            command.Parameters[3].Value = Body(stream);
            await command.ExecuteNonQueryAsync();
            return 1;
        }

        public async ValueTask DisposeAsync()
        {
            await command.DisposeAsync();
            await connection.DisposeAsync();
        }
    }

    private static string Body(Guid stream) =>
        $$"""{"campaign_id":"{{stream}}","reason":"{{Reason}}","at":"2026-01-01T12:00:00.0000000+00:00"}""";
}
