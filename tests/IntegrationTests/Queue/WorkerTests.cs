using System.Collections.Concurrent;
using System.Diagnostics;
using Bsp.Infrastructure.Queue;
using Bsp.Infrastructure.Redis;
using Bsp.IntegrationTests.Redis;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.Queue;

[Collection(RedisCollection.Name)]
public sealed class WorkerTests(RedisFixture fixture) : QueueTest(fixture)
{
    private static readonly WorkerOptions Quick = new() { StalledInterval = TimeSpan.FromMilliseconds(100) };

    [Fact]
    public async Task Every_job_is_run_once_in_batches_within_the_slots()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync(Jobs(2_000));
        var seen = new ConcurrentBag<string>();
        var (inHand, most, largest) = (0, 0, 0);

        await using var worker = Work(queue, async (batch, ct) =>
        {
            InterlockedMax(ref most, Interlocked.Add(ref inHand, batch.Count));
            InterlockedMax(ref largest, batch.Count);
            foreach (var job in batch) seen.Add(job.Id);
            await Task.Yield();
            Interlocked.Add(ref inHand, -batch.Count);
            return await Complete(batch);
        }, new() { Slots = 60, BatchMax = 25 });

        await Eventually.Holds(async () => await queue.CountsAsync() is { Waiting: 0, Active: 0 }, "the queue is empty");
        seen.Order().ShouldBe(Jobs(2_000).Select(j => j.Id).Order());
        (largest, most <= 60).ShouldBe((25, true));
        worker.Worker.Busy.ShouldBe(0);
    }

    [Fact]
    public async Task A_sleeping_worker_wakes_for_new_delayed_and_resumed_work()
    {
        var queue = NewQueue();
        var startedAfterMs = new ConcurrentDictionary<string, double>();
        await using var worker = Work(queue, (batch, _) =>
        {
            foreach (var job in batch) startedAfterMs[job.Id] = (Clock.GetUtcNow() - job.EnqueuedAt).TotalMilliseconds;
            return Complete(batch);
        }, new() { IdleMax = TimeSpan.FromMinutes(5) });
        await Sleeping(queue);

        await queue.EnqueueAsync([NewJob("now")]);
        await Eventually.Holds(() => startedAfterMs.ContainsKey("now"), "a new job wakes it");
        await queue.EnqueueAsync([NewJob("later") with { Delay = TimeSpan.FromMilliseconds(400) }]);
        await Eventually.Holds(() => startedAfterMs.ContainsKey("later"), "it knows when the next one is due");
        startedAfterMs["later"].ShouldBeGreaterThanOrEqualTo(400);

        await queue.PauseAsync();
        await queue.EnqueueAsync([NewJob("held")]);
        (await queue.CountsAsync()).Waiting.ShouldBe(1);
        startedAfterMs.ShouldNotContainKey("held");
        await queue.ResumeAsync();
        await Eventually.Holds(() => startedAfterMs.ContainsKey("held"), "resuming wakes it");
    }

    [Fact]
    public async Task A_handler_that_throws_or_forgets_a_job_costs_one_attempt()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync(Jobs(3, i =>
            NewJob($"job-{i}") with { Attempts = 2, Backoff = Backoff.Fixed(TimeSpan.FromMilliseconds(20)) }));
        await using var worker = Work(queue, async (batch, _) => batch.Any(j => j.AttemptsMade == 0)
            ? batch.Any(j => j.Id == "job-0") ? throw new InvalidOperationException("boom") : []
            : await Complete(batch), new() { BatchMax = 1 });

        await Eventually.Holds(async () => (await queue.CountsAsync()).Completed == 3, "all complete at the second attempt");
        (await Hash("job-0"))["failedReason"].ShouldBe("boom");
        (await Hash("job-0"))["stacktrace"].ShouldContain("InvalidOperationException");
        (await Hash("job-1"))["failedReason"].ShouldBe("the handler gave no outcome");
    }

    [Theory]
    [InlineData("defa", "job stalled more than allowable limit", "job stalled more than allowable limit")]
    [InlineData("rjk", "nightly", "job schedulers are not supported by this worker (scheduler 'nightly')")]
    [InlineData("parentKey", "bull:q:1", "flows are not supported by this worker (parent 'bull:q:1')")]
    public async Task A_job_that_must_fail_fails_without_running(string field, string value, string reason)
    {
        var queue = NewQueue();
        await queue.EnqueueAsync([NewJob("m-1")]);
        await (await Db()).HashSetAsync($"bull:{QueueName}:m-1", field, value);
        var ran = 0;
        await using var worker = Work(queue, (batch, _) =>
        {
            Interlocked.Add(ref ran, batch.Count);
            return Complete(batch);
        });

        await Eventually.Holds(async () => (await queue.CountsAsync()).Failed == 1, "it fails");
        (ran, (await Hash("m-1"))["failedReason"]).ShouldBe((0, reason));
    }

    [Fact]
    public async Task Jobs_of_a_worker_that_died_are_run_by_another()
    {
        await NewQueue().EnqueueAsync(Jobs(40));
        (await NewQueue(lockDuration: TimeSpan.FromMilliseconds(200)).TakeAsync(40)).Count.ShouldBe(40, "these are never heard of again");

        var queue = NewQueue(); // its own locks outlive the slowest machine
        var seen = new ConcurrentBag<TakenJob>();
        await using var worker = Work(queue, (batch, _) =>
        {
            foreach (var job in batch) seen.Add(job);
            return Complete(batch);
        }, Quick);
        await Eventually.Holds(async () => (await queue.CountsAsync()).Completed == 40, "the stalled jobs are completed");
        seen.Select(j => (j.Stalls, j.Starts, j.AttemptsMade)).Distinct().ShouldBe([(1, 2, 0)]);
        seen.Count.ShouldBe(40);
    }

    [Fact]
    public async Task Renewal_keeps_a_long_job_through_many_sweeps()
    {
        var queue = NewQueue(lockDuration: TimeSpan.FromSeconds(5)); // renewed in the middle, with two seconds to spare
        await queue.EnqueueAsync([NewJob("long")]);
        var starts = 0;
        await using var worker = Work(queue, async (batch, ct) =>
        {
            Interlocked.Increment(ref starts);
            var sweeps = new HashSet<string>();
            await Eventually.Holds(
                async () => sweeps.Add($"{await (await Db()).StringGetAsync($"bull:{QueueName}:stalled-check")}") && sweeps.Count > 60,
                "many sweeps pass");
            return await Complete(batch);
        }, Quick);

        await Eventually.Holds(async () => (await queue.CountsAsync()).Completed == 1, "it completes");
        (starts, (await Hash("long")).ContainsKey("stc")).ShouldBe((1, false));
    }

    [Fact]
    public async Task Stopping_settles_what_is_in_hand_and_takes_no_more()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync(Jobs(10));
        var started = new TaskCompletionSource();
        var release = new TaskCompletionSource();
        var worker = Work(queue, async (batch, _) =>
        {
            started.TrySetResult();
            await release.Task;
            return await Complete(batch);
        }, new() { Slots = 4, BatchMax = 4 });

        await started.Task;
        var stopping = worker.StopAsync();
        stopping.IsCompleted.ShouldBeFalse();
        release.SetResult();
        await stopping;
        (await queue.CountsAsync()).ShouldBe(new(6, 0, 0, 4, 0, 0, false));
    }

    [Fact]
    public async Task When_the_grace_is_over_a_batch_goes_back_uncounted()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync([NewJob("m-1") with { Attempts = 1 }]);
        var started = new TaskCompletionSource();
        var worker = Work(queue, async (_, ct) =>
        {
            started.TrySetResult();
            await Task.Delay(Timeout.Infinite, ct);
            return [];
        }, new() { StopGrace = TimeSpan.FromMilliseconds(50) });

        await started.Task;
        await worker.StopAsync();
        (await queue.CountsAsync()).ShouldBe(new(1, 0, 0, 0, 0, 0, false));
        (await Hash("m-1")).ShouldNotContainKey("atm");
    }

    [Fact]
    public async Task Wiping_Redis_and_forgetting_the_scripts_in_the_middle_harms_only_what_was_in_it()
    {
        using var server = new RedisServer();
        await using var redis = new RedisConnection(server.ConnectionString);
        var queue = new MessageQueue(redis, TimeProvider.System);
        var seen = new ConcurrentDictionary<string, int>();
        var blocked = new TaskCompletionSource();
        await using var worker = Work(queue, async (batch, _) =>
        {
            foreach (var job in batch) seen.AddOrUpdate(job.Id, 1, (_, n) => n + 1);
            if (batch.Any(j => j.Id == "job-0")) await blocked.Task;
            return await Complete(batch);
        });
        await queue.EnqueueAsync(Jobs(10));
        await Eventually.Holds(() => seen.Count == 10, "the first jobs run");

        var db = await redis.DatabaseAsync();
        await db.ExecuteAsync("FLUSHALL");
        await db.ExecuteAsync("SCRIPT", "FLUSH");
        blocked.SetResult();
        await queue.EnqueueAsync(Jobs(500, i => NewJob($"after-{i}")));
        await Eventually.Holds(async () => (await queue.CountsAsync()).Completed == 500, "what came afterwards completes");
        seen.Count.ShouldBe(510);
        seen.Values.ShouldAllBe(n => n == 1);
    }

    [Fact]
    public async Task A_worker_outlives_a_Redis_that_is_down_at_the_start_and_is_killed_in_the_middle()
    {
        using var server = new RedisServer();
        server.Kill();
        await using var redis = new RedisConnection(server.ConnectionString);
        var queue = new MessageQueue(redis, TimeProvider.System);
        var seen = new ConcurrentDictionary<string, int>();
        await using var worker = Work(queue, (batch, _) =>
        {
            foreach (var job in batch) seen.AddOrUpdate(job.Id, 1, (_, n) => n + 1);
            return Complete(batch);
        }, new() { StopGrace = TimeSpan.FromSeconds(1) });
        await Should.ThrowAsync<RedisException>(() => queue.EnqueueAsync([NewJob("lost")]));
        redis.IsUp.ShouldBeFalse();

        foreach (var round in new[] { "first", "second" })
        {
            server.Start();
            await Eventually.Holds(() => TryEnqueue(queue, round), "enqueueing works again");
            await Eventually.Holds(() => seen.ContainsKey(round), $"the worker runs the {round} job");
            server.Kill();
            await Eventually.Holds(() => !redis.IsUp, "the connection notices");
        }
    }

    private static async Task<bool> TryEnqueue(MessageQueue queue, string id)
    {
        try
        {
            await queue.EnqueueAsync([NewJob(id)]);
            return true;
        }
        catch (RedisException)
        {
            return false;
        }
    }

    // Asleep = its blocking connection is named and blocked.
    private async Task Sleeping(MessageQueue queue)
    {
        var name = $"bull:{Convert.ToBase64String(System.Text.Encoding.UTF8.GetBytes(queue.Name))}:w:";
        await Eventually.Holds(
            async () => $"{await (await Db()).ExecuteAsync("CLIENT", "LIST")}".Split('\n')
            .Any(l => l.Contains($"name={name}") && l.Contains("cmd=bzpopmin")),
            "the worker sleeps on the marker under BullMQ's name");
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (var seen = target; value > seen; seen = target)
        {
            if (Interlocked.CompareExchange(ref target, value, seen) == seen) return;
        }
    }
}
