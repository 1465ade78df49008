using System.Diagnostics;
using Bsp.Infrastructure.Queue;
using Bsp.Infrastructure.Redis;
using Bsp.LocalStores;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Bsp.Benchmarks;

/// <summary>
/// The queue alone: jobs put in by the thousand, and worked off by a worker that does nothing. Baseline: the fewest commands that could
/// move a job.
/// </summary>
internal static class QueueBench
{
    private const int Jobs = 20_000;
    private const int BareChunk = 500;

    public static async Task RunAsync(Report report, CancellationToken ct)
    {
        await using var stores = await Installation.StoresAsync(StoreKinds.Redis, ct);
        await using var redis = new RedisConnection(stores.Redis);
        var (put, worked, bareIn, bareOut) = (new List<double>(), new List<double>(), new List<double>(), new List<double>());
        for (var run = -1; run < Medians.Runs; run++)
        {
            var bare = await BareAsync(await redis.DatabaseAsync(ct), $"bare{run}");
            var own = await OwnAsync(new MessageQueue(redis, TimeProvider.System, $"bench{run}"), ct);
            if (run >= 0)
            {
                bareIn.Add(bare.In);
                bareOut.Add(bare.Out);
                put.Add(own.In);
                worked.Add(own.Out);
            }
        }

        report.Add(new($"queue: {Jobs:N0} jobs put in", put.Median(), "jobs/s", bareIn.Median(), "HSET and LPUSH, pipelined"));
        report.Add(new($"queue: {Jobs:N0} jobs worked off", worked.Median(), "jobs/s", bareOut.Median(),
            "RPOP, HGETALL and DEL, pipelined"));
    }

    private static async Task<(double In, double Out)> OwnAsync(MessageQueue queue, CancellationToken ct)
    {
        var jobs = Enumerable.Range(0, Jobs).Select(i => new Job(Guid.CreateVersion7().ToString(), "send", $$"""{"n":{{i}}}""")).ToList();
        var began = Stopwatch.GetTimestamp();
        await queue.EnqueueAsync(jobs, ct);
        var put = Jobs / Stopwatch.GetElapsedTime(began).TotalSeconds;

        var left = Jobs;
        using var all = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var worker = new Worker(queue, new WorkerOptions { Slots = 400 }, (batch, _) =>
        {
            if (Interlocked.Add(ref left, -batch.Count) <= 0)
            {
                all.Cancel();
            }

            return Task.FromResult<IReadOnlyList<JobOutcome>>([.. batch.Select(job => new JobCompleted(job))]);
        }, TimeProvider.System, NullLogger<Worker>.Instance);
        began = Stopwatch.GetTimestamp();
        await worker.RunAsync(all.Token);
        ct.ThrowIfCancellationRequested();
        return (put, Jobs / Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    private static async Task<(double In, double Out)> BareAsync(IDatabase redis, string list)
    {
        var began = Stopwatch.GetTimestamp();
        foreach (var chunk in Enumerable.Range(0, Jobs).Chunk(BareChunk))
        {
            await Task.WhenAll(chunk.SelectMany(i => new Task[]
            {
                redis.HashSetAsync($"{list}:{i}", [new("name", "send"), new("data", $$"""{"n":{{i}}}""")]),
                    redis.ListLeftPushAsync(list, $"{list}:{i}"),
            }));
        }

        var put = Jobs / Stopwatch.GetElapsedTime(began).TotalSeconds;
        began = Stopwatch.GetTimestamp();
        foreach (var chunk in Enumerable.Range(0, Jobs).Chunk(BareChunk))
        {
            await Task.WhenAll(chunk.Select(async _ =>
            {
                var key = (string)(await redis.ListRightPopAsync(list))!;
                await redis.HashGetAllAsync(key);
                await redis.KeyDeleteAsync(key);
            }));
        }

        return (put, Jobs / Stopwatch.GetElapsedTime(began).TotalSeconds);
    }
}
