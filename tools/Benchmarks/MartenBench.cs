using System.Diagnostics;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore.Marten;
using Bsp.LocalStores;
using JasperFx;
using JasperFx.Events;
using Marten;
using Marten.Exceptions;

namespace Bsp.Benchmarks;

/// <summary>
/// Our store and Marten 9 in turns, each on a database of its own with the same tables; Marten in its fastest mode (Quick, statements
/// prepared). Both
/// write the same events and decide the same way.
/// </summary>
internal static class MartenBench
{
    private const int Streams = 1_000;
    private const int ShortStreams = 2_000;
    private const string Baseline = "Marten 9, Quick, prepared";
    private static readonly TimeSpan Turn = TimeSpan.FromSeconds(2);
    private static readonly string Reason = new('x', 60); // bodies of about 180 bytes

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        await using var stores = await Installation.StoresAsync(StoreKinds.Postgres, ct);
        await using var own = await OwnLog.CreateAsync(stores.Postgres, ct);
        await using var theirs = await OwnLog.CreateAsync(stores.Postgres, ct);
        using var marten = Open(theirs.Admin);
        await marten.Storage.ApplyAllConfiguredChangesToDatabaseAsync();
        Report.Say($"{Environment.ProcessorCount} cores; medians of {Medians.Runs} turns of {Turn.TotalSeconds} s, Marten's and ours alternately");
        await new Pair(report, own, marten, theirs.Organization.ToString()).RunAsync(ct);
    }

    private static DocumentStore Open(string connection) => DocumentStore.For(options =>
    {
        options.Connection(connection + ";Max Auto Prepare=100;Maximum Pool Size=50");
        options.Configure(AutoCreate.CreateOrUpdate, EventAppendMode.Quick);
    });

    private sealed class Pair(Report report, OwnLog own, DocumentStore marten, string tenant)
    {
        private readonly Guid[] ownStreams = [.. Enumerable.Range(0, Streams).Select(_ => Uuid.New())];
        private readonly Guid[] theirStreams = [.. Enumerable.Range(0, Streams).Select(_ => Uuid.New())];
        private readonly Guid[] ownShort = [.. Enumerable.Range(0, ShortStreams).Select(_ => Uuid.New())];
        private readonly Guid[] theirShort = [.. Enumerable.Range(0, ShortStreams).Select(_ => Uuid.New())];

        public async Task RunAsync(CancellationToken ct)
        {
            foreach (var callers in (int[])[1, 8, 64, 256])
            {
                await CompareAsync($"new streams of 5 events, {callers} callers", "events/s", callers, _ => AppendNewAsync(ct), _ =>
                    MartenAppendNewAsync(ct), ct);
            }

            await AppendManyAsync(ownStreams, 1, ct);
            await MartenAppendManyAsync(theirStreams, 1, ct);
            foreach (var callers in (int[])[8, 64])
            {
                await CompareAsync($"load, decide, append 1 on {Streams:N0} streams, {callers} callers", "commands/s", callers, r =>
                    DecideAsync(ownStreams, r, ct), r => MartenDecideAsync(theirStreams, r, ct), ct);
            }

            await CompareAsync("1,000 events over 200 new streams in one call, 1 caller", "events/s", 1, _ =>
                AppendManyAsync(NewIds(200), 5, ct), _ => MartenAppendManyAsync(NewIds(200), 5, ct), ct);
            await CompareAsync("1,000 events over 200 new streams in one call, 4 callers", "events/s", 4, _ =>
                AppendManyAsync(NewIds(200), 5, ct), _ => MartenAppendManyAsync(NewIds(200), 5, ct), ct);
            await using (var path = await MartenPath.CreateAsync(own, ct))
            {
                foreach (var callers in (int[])[1, 8, 64])
                {
                    await CompareAsync($"a campaign's command by the product's Marten path, {callers} callers", "commands/s", callers, r =>
                        path.OwnAsync(r, ct), r => path.BareAsync(r, ct), ct,
                        "a bare session of Marten, same work, RLS and fence");
                }
            }

            await AppendManyAsync(ownShort, 10, ct);
            await MartenAppendManyAsync(theirShort, 10, ct);
            await CompareAsync("folding 10-event streams, 8 workers", "streams/s", 8, r => FoldAsync(ownShort, r, ct), r =>
                MartenFoldAsync(theirShort, r, ct), ct);
            await LongStreamAsync(ct);
        }

        private static Guid[] NewIds(int count) => [.. Enumerable.Range(0, count).Select(_ => Uuid.New())];

        private static object[] Facts(Guid stream, int count) =>
            [.. Enumerable.Range(0, count).Select(_ => (object)new CampaignPaused(stream, Reason, DateTimeOffset.UtcNow))];

        private async Task<int> AppendNewAsync(CancellationToken ct)
        {
            var stream = Uuid.New();
            await own.Store.AppendAsync(own.Organization, [new(stream, "campaign", 0, Facts(stream, 5))], ct);
            return 5;
        }

        private async Task<int> MartenAppendNewAsync(CancellationToken ct)
        {
            var stream = Uuid.New();
            await using var session = marten.LightweightSession(tenant);
            session.Events.StartStream(stream, Facts(stream, 5));
            await session.SaveChangesAsync(ct);
            return 5;
        }

        private async Task<int> AppendManyAsync(Guid[] streams, int events, CancellationToken ct)
        {
            await own.Store.AppendAsync(own.Organization, [.. streams.Select(s => new StreamAppend(s, "campaign", 0, Facts(s, events)))],
                ct);
            return streams.Length * events;
        }

        private async Task<int> MartenAppendManyAsync(Guid[] streams, int events, CancellationToken ct)
        {
            await using var session = marten.LightweightSession(tenant);
            foreach (var stream in streams)
            {
                session.Events.StartStream(stream, Facts(stream, events));
            }

            await session.SaveChangesAsync(ct);
            return streams.Length * events;
        }

        private async Task<int> DecideAsync(Guid[] streams, Random random, CancellationToken ct)
        {
            var stream = streams[random.Next(streams.Length)];
            await own.Store.Decide<Counted, CampaignEvent>(own.Organization, stream, _ =>
                [new CampaignPaused(stream, Reason, DateTimeOffset.UtcNow)], null, ct);
            return 1;
        }

        // FetchForWriting is Marten's own way to load, decide and append; a conflict is decided again, as ours is.
        private async Task<int> MartenDecideAsync(Guid[] streams, Random random, CancellationToken ct)
        {
            var id = streams[random.Next(streams.Length)];
            while (true)
            {
                await using var session = marten.LightweightSession(tenant);
                var stream = await session.Events.FetchForWriting<CountedPauses>(id, ct);
                stream.AppendOne(new CampaignPaused(id, Reason, DateTimeOffset.UtcNow));
                try
                {
                    await session.SaveChangesAsync(ct);
                    return 1;
                }
                catch (ConcurrencyException)
                {
                    // Somebody was faster.
                }
            }
        }

        private async Task<int> FoldAsync(Guid[] streams, Random random, CancellationToken ct)
        {
            var stream = await own.Store.LoadAsync(own.Organization, streams[random.Next(streams.Length)], ct);
            return stream.Fold<int, CampaignEvent>(0, (n, _) => n + 1) == 10 ? 1
                : throw new InvalidOperationException("A stream of ten was not read whole.");
        }

        private async Task<int> MartenFoldAsync(Guid[] streams, Random random, CancellationToken ct)
        {
            await using var session = marten.QuerySession(tenant);
            var state = await session.Events.AggregateStreamAsync<CountedPauses>(streams[random.Next(streams.Length)], token: ct);
            return state!.Count == 10 ? 1 : throw new InvalidOperationException("A stream of ten was not read whole.");
        }

        private async Task LongStreamAsync(CancellationToken ct)
        {
            var (ownLong, theirLong) = (Uuid.New(), Uuid.New());
            await AppendManyAsync([ownLong], 1_000, ct);
            await MartenAppendManyAsync([theirLong], 1_000, ct);
            var (ours, bare) = (new List<double>(), new List<double>());
            for (var n = 0; n < 60; n++)
            {
                bare.Add(await MillisecondsAsync(async () =>
                {
                    await using var session = marten.QuerySession(tenant);
                    _ = await session.Events.AggregateStreamAsync<CountedPauses>(theirLong, token: ct);
                }));
                ours.Add(await MillisecondsAsync(async () =>
                    (await own.Store.LoadAsync(own.Organization, ownLong, ct)).Fold<int, CampaignEvent>(0, (n, _) => n + 1)));
            }

            report.Add(new("loading and folding a 1,000-event stream, p50", ours.Skip(20).Median(), "ms", bare.Skip(20).Median(),
                Baseline));
        }

        private static async Task<double> MillisecondsAsync(Func<Task> work)
        {
            var began = Stopwatch.GetTimestamp();
            await work();
            return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
        }

        private async Task CompareAsync(string what, string unit, int callers, Func<Random, Task<int>> ours,
            Func<Random, Task<int>> theirs, CancellationToken ct,
            string baseline = Baseline)
        {
            var (mine, bare) = (new List<double>(), new List<double>());
            for (var round = -1; round < Medians.Runs; round++)
            {
                var turn = round < 0 ? Turn / 2 : Turn; // the first one warms up
                var (b, o) = (await RateAsync(callers, turn, theirs, ct), await RateAsync(callers, turn, ours, ct));
                if (round >= 0)
                {
                    bare.Add(b);
                    mine.Add(o);
                }
            }

            report.Add(new(what, mine.Median(), unit, bare.Median(), baseline));
        }

        private static async Task<double> RateAsync(int callers, TimeSpan turn, Func<Random, Task<int>> once, CancellationToken ct)
        {
            var began = Stopwatch.GetTimestamp();
            var counts = await Task.WhenAll(Enumerable.Range(0, callers).Select(i => Task.Run(async () =>
            {
                var (random, count) = (new Random(i), 0L);
                while (Stopwatch.GetElapsedTime(began) < turn)
                {
                    count += await once(random);
                }

                return count;
            }, ct)));
            return counts.Sum() / Stopwatch.GetElapsedTime(began).TotalSeconds;
        }
    }
}

/// <summary>The aggregate that Marten folds, as little as ours.</summary>
public sealed class CountedPauses
{
    public Guid Id { get; set; }

    public int Count { get; set; }

    public void Apply(CampaignPaused _) => Count++;
}
