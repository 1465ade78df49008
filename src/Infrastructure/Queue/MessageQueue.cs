using Bsp.Infrastructure.Redis;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Queue;

/// <summary>
/// A queue in Redis that BullMQ (>= 5.53; pausing only from >= 6.0) can share: same keys, same events, own scripts. At least once: a
/// job whose lock runs out is run again. See docs/decisions/0020-queue-keys.md.
/// </summary>
/// <param name="name">Without ':'; the keys are <c>bull:{name}:…</c>.</param>
/// <param name="lockDuration">How long a taken job is ours without renewal; null means 30 s.</param>
/// <remarks>All methods throw <see cref="RedisException"/> (or a <see cref="TimeoutException"/>) when Redis cannot be reached or answers an
/// error.</remarks>
public sealed class MessageQueue(RedisConnection redis, TimeProvider clock, string name = "messages", TimeSpan? lockDuration = null)
{
    /// <summary>Jobs per enqueue call; keeps Redis busy for about 6 ms. More are sent in several calls.</summary>
    public const int EnqueuedMax = 500;

    /// <summary>Jobs per take call.</summary>
    public const int TakenMax = 50;

    /// <summary>Jobs per finish, retry or extend call.</summary>
    public const int FinishedMax = 100;

    private readonly RedisKey[] keys = [$"bull:{name}:"];
    private readonly string tokenPrefix = Guid.NewGuid().ToString("N");
    private long takes;

    public string Name { get; } = name;

    public RedisConnection Redis { get; } = redis;

    public TimeSpan LockDuration { get; } = lockDuration ?? TimeSpan.FromSeconds(30);

    internal RedisKey MarkerKey => $"bull:{Name}:marker";

    internal long NowMs => clock.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>
    /// Adds the jobs in their order, <see cref="EnqueuedMax"/> at a time; a failure in between leaves the first ones added.
    /// </summary>
    /// <returns>The ids the queue held already, in whatever state: nothing was added for these.</returns>
    public async Task<IReadOnlyList<string>> EnqueueAsync(IReadOnlyList<Job> jobs, CancellationToken ct = default)
    {
        var duplicates = new List<string>();
        foreach (var chunk in jobs.Chunk(EnqueuedMax))
        {
            var reply = await EvaluateAsync(QueueScripts.Enqueue, [NowMs, .. chunk.SelectMany(Arguments)], ct);
            duplicates.AddRange((string[])reply!);
        }

        return duplicates;
    }

    /// <summary>
    /// Forgets what lies under these ids and neither waits nor runs, so that the jobs can be added again: it ended, its line was lost, or a
    /// stranger wrote it.
    /// </summary>
    /// <param name="delayMax">No job is delayed for longer; what is, is forgotten too.</param>
    /// <returns>The ids forgotten.</returns>
    public async Task<IReadOnlyList<string>> ReviveAsync(IReadOnlyList<string> ids, TimeSpan delayMax, CancellationToken ct = default)
    {
        var forgotten = new List<string>();
        foreach (var chunk in ids.Chunk(FinishedMax))
        {
            forgotten.AddRange(
                (string[])(await EvaluateAsync(QueueScripts.Revive,
                    [NowMs, (long)delayMax.TotalMilliseconds, .. chunk.Select(id => (RedisValue)id)], ct))!);
        }

        return forgotten;
    }

    /// <summary>Takes up to <paramref name="max"/> jobs that may start now, without waiting; at most <see cref="TakenMax"/>.</summary>
    /// <returns>None when there is no work, or the queue is paused, at its concurrency or at its rate limit.</returns>
    public async Task<IReadOnlyList<TakenJob>> TakeAsync(int max, CancellationToken ct = default) =>
        (await FetchAsync(max, "", ct)).Jobs;

    internal async Task<Fetched> FetchAsync(int max, string workerName, CancellationToken ct)
    {
        var token = $"{tokenPrefix}:{Interlocked.Increment(ref takes)}";
        var reply = (RedisResult[])(await EvaluateAsync(
            QueueScripts.Take, [NowMs, token, LockMs, Math.Clamp(max, 1, TakenMax), workerName], ct))!;
        return new([.. reply.Skip(2).Select(job => TakenJob.From(job, token))], (long)reply[0], (long)reply[1]);
    }

    /// <summary>Settles the jobs: kept as completed or failed, put back for another attempt, or postponed.</summary>
    /// <returns>One verdict per outcome, in order.</returns>
    public async Task<IReadOnlyList<Verdict>> FinishAsync(IReadOnlyList<JobOutcome> outcomes, CancellationToken ct = default)
    {
        var verdicts = new Verdict[outcomes.Count];
        var settled = outcomes.Select((outcome, index) => (Settlement: Settlement.Of(outcome, LastAttemptDelay), index)).ToList();
        foreach (var script in settled.GroupBy(s => s.Settlement.Script))
        {
            foreach (var chunk in script.Chunk(FinishedMax))
            {
                var codes = (int[])(await EvaluateAsync(
                    script.Key, [NowMs, .. chunk.SelectMany(s => s.Settlement.Arguments)], ct))!;
                for (var i = 0; i < codes.Length; i++) verdicts[chunk[i].index] = (Verdict)codes[i];
            }
        }

        return verdicts;

        static TimeSpan LastAttemptDelay(TakenJob job) => job.Options.Backoff.After(job.AttemptsMade + 1, Random.Shared);
    }

    /// <summary>Puts a job back to run after <paramref name="delay"/>; the attempt counts, whether or not any are left.</summary>
    /// <param name="reason">Shown on dashboards as the reason of the failed attempt.</param>
    public async Task<Verdict> RetryAsync(TakenJob job, TimeSpan delay, string reason = "retried", CancellationToken ct = default)
    {
        var codes = (int[])(await EvaluateAsync(QueueScripts.Retry, [NowMs, .. Settlement.Retry(job, delay, reason, null).Arguments], ct))!;
        return (Verdict)codes[0];
    }

    /// <summary>Renews the locks for another <see cref="LockDuration"/>.</summary>
    /// <returns>The ids that are no longer ours.</returns>
    public async Task<IReadOnlyList<string>> ExtendAsync(IReadOnlyList<TakenJob> jobs, CancellationToken ct = default)
    {
        var lost = new List<string>();
        foreach (var chunk in jobs.Chunk(FinishedMax))
        {
            var reply = await EvaluateAsync(
                QueueScripts.Extend, [LockMs, .. chunk.SelectMany(job => new RedisValue[] { job.Id, job.Token })], ct);
            lost.AddRange((string[])reply!);
        }

        return lost;
    }

    /// <summary>
    /// Puts jobs whose owner is gone back first in line, once per <paramref name="interval"/> among all workers of the queue. A job is
    /// found by the second sweep after its lock ran out.
    /// </summary>
    /// <param name="stallsMax">More stalls than this fail the job at its next take.</param>
    /// <returns>The ids put back.</returns>
    public async Task<IReadOnlyList<string>> SweepStalledAsync(TimeSpan interval, int stallsMax = 1, CancellationToken ct = default) =>
        (string[])(await EvaluateAsync(QueueScripts.Stalled, [NowMs, (long)interval.TotalMilliseconds, stallsMax], ct))!;

    /// <summary>No job starts any more, here and in every other worker; running ones go on.</summary>
    public Task PauseAsync(CancellationToken ct = default) => EvaluateAsync(QueueScripts.Pause, ["1"], ct);

    public Task ResumeAsync(CancellationToken ct = default) => EvaluateAsync(QueueScripts.Pause, ["0"], ct);

    public async Task<QueueCounts> CountsAsync(CancellationToken ct = default)
    {
        var all = (await Redis.DatabaseAsync(ct)).CreateTransaction();
        var wait = all.ListLengthAsync(Key("wait"));
        var active = all.ListLengthAsync(Key("active"));
        var delayed = all.SortedSetLengthAsync(Key("delayed"));
        var completed = all.SortedSetLengthAsync(Key("completed"));
        var failed = all.SortedSetLengthAsync(Key("failed"));
        var prioritized = all.SortedSetLengthAsync(Key("prioritized"));
        var paused = all.HashExistsAsync(Key("meta"), "paused");
        await all.ExecuteAsync().WaitAsync(ct);
        return new(await wait, await active, await delayed, await completed, await failed, await prioritized, await paused);
    }

    private long LockMs => (long)LockDuration.TotalMilliseconds;

    private RedisKey Key(string suffix) => $"bull:{Name}:{suffix}";

    private async Task<RedisResult> EvaluateAsync(string script, RedisValue[] arguments, CancellationToken ct)
    {
        var database = await Redis.DatabaseAsync(ct);
        // Not cancelled once sent: the script runs in any case, and its answer says who owns what.
        ct.ThrowIfCancellationRequested();
        return await database.ScriptEvaluateAsync(script, keys, arguments);
    }

    private static IEnumerable<RedisValue> Arguments(Job job) =>
        [job.Id, job.Name, job.Data, JobOptions.Write(job), (long)job.Delay.TotalMilliseconds, job.Priority, job.Lifo ? "1" : "0"];
}

/// <param name="LimitedMs">Wait because of the queue's rate limit; 0 when there is none.</param>
/// <param name="NextDueMs">Unix time at which the next delayed job is due; 0 when none waits.</param>
internal sealed record Fetched(IReadOnlyList<TakenJob> Jobs, long LimitedMs, long NextDueMs);
