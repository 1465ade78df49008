using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Bsp.Infrastructure.Queue;
using Bsp.IntegrationTests.Redis;

namespace Bsp.IntegrationTests.Queue;

/// <summary>The claim "BullMQ &gt;= 5.53 can share this queue", against the real package, both ways.</summary>
[Collection(RedisCollection.Name)]
public sealed class BullMqTests(RedisFixture fixture) : QueueTest(fixture)
{
    // Its locks outlive the slowest machine; it looks for the stalled all the time.
    private static readonly object QuickWorker = new { concurrency = 10, stalledInterval = 200, lockDuration = 60_000 };

    // One that will die: what it held is free soon.
    private static readonly object MortalWorker = new { concurrency = 10, stalledInterval = 200, lockDuration = 4_000 };

    private NodeBullMq StartNode() => NodeBullMq.Start(ConnectionString, QueueName);

    [Fact]
    public async Task A_real_worker_runs_our_jobs_with_their_data_results_and_order()
    {
        await using var node = StartNode();
        var queue = NewQueue();
        await queue.EnqueueAsync(
        [
            NewJob("prio-9", "{}") with { Priority = 9 }, NewJob("prio-1", "{}") with { Priority = 1 },
            NewJob("a", """{"list":[],"map":{},"text":"\u00e9\n","answer":{"wamid":"x"}}"""), NewJob("b", "{}"),
            NewJob("first", "{}") with { Lifo = true }, NewJob("late", "{}") with { Delay = TimeSpan.FromSeconds(2) },
        ]);
        await SameCounts(node, queue);
        await node.Do("work", new { options = new { concurrency = 1 } });
        await Eventually.Holds(async () => (await queue.CountsAsync()).Completed == 6, "the real worker completes all");

        var seen = (await node.Do("seen"))!.AsArray();
        var order = seen.Select(j => (string)j!["id"]!).ToList();
        order.ShouldContain("late"); // when it comes depends on how soon the worker was up
        order.Where(id => id != "late").ShouldBe(["first", "a", "b", "prio-1", "prio-9"]);
        seen.Single(j => (string)j!["id"]! == "a")!["data"]!.ToJsonString()
            .ShouldBe(JsonNode.Parse("""{"list":[],"map":{},"text":"\u00e9\n","answer":{"wamid":"x"}}""")!.ToJsonString());
        var job = (await node.Do("job", new { id = "a" }))!;
        ((string)job["state"]!, job["returnvalue"]!.ToJsonString(), (int)job["opts"]!["attempts"]!)
            .ShouldBe(("completed", """{"wamid":"x"}""", 3));
        await SameCounts(node, queue);
    }

    [Fact]
    public async Task A_real_worker_repeats_postpones_and_fails_our_jobs()
    {
        await using var node = StartNode();
        var queue = NewQueue();
        var backoff = Backoff.Exponential(TimeSpan.FromMilliseconds(50));
        await queue.EnqueueAsync(
        [
            NewJob("twice", """{"failures":2}""") with { Attempts = 3, Backoff = backoff },
            NewJob("always", """{"failures":99}""") with { Attempts = 2, Backoff = backoff },
            NewJob("never", """{"unrecoverable":true}"""), NewJob("later", """{"postpone":50}"""),
        ]);
        await node.Do("work", new { options = QuickWorker });
        await Eventually.Holds(async () => await queue.CountsAsync() is { Completed: 2, Failed: 2 }, "two complete, two fail");
        (await Hash("twice"))["atm"].ShouldBe("3");
        (await Hash("later"))["atm"].ShouldBe("1");
        await SameCounts(node, queue);
    }

    [Fact]
    public async Task Our_worker_runs_a_real_queues_jobs_with_their_options()
    {
        await using var node = StartNode();
        var queue = NewQueue();
        var order = new ConcurrentQueue<string>();
        await node.Do("add", new
        {
            jobs = new object[]
            {
                new { name = "low", data = new { n = 1 }, opts = new { priority = 5 } },
                new { name = "plain", data = new { n = 2 }, opts = new { removeOnComplete = true } },
                new { name = "late", data = new { n = 3 }, opts = new { delay = 300 } },
                new { name = "retry", data = new { n = 4 }, opts = new { attempts = 3, backoff = 50 } },
                new { name = "fatal", data = new { n = 5 }, opts = new { removeOnFail = false } },
                new { name = "lifo", data = new { n = 6 }, opts = new { lifo = true, jobId = "own-id" } },
            },
        });
        await SameCounts(node, queue);
        await node.Do("listen");

        await using var worker = Work(queue, (batch, _) => Task.FromResult<IReadOnlyList<JobOutcome>>([.. batch.Select(job =>
        {
            order.Enqueue(job.Name);
            return (JobOutcome)(job switch
            {
                { Name: "fatal" } => new JobFailed(job, "no way"),
                { Name: "retry", AttemptsMade: < 2 } => new JobFailed(job, "once more"),
                _ => new JobCompleted(job, """{"ok":true}"""),
            });
        })]), new() { Slots = 1 });
        await Eventually.Holds(async () => await queue.CountsAsync() is { Waiting: 0, Active: 0, Delayed: 0, Prioritized: 0 }, "all done");

        // when the late one and the repeats come depends on how soon the worker was up
        order.Where(name => name != "late").Distinct().ShouldBe(["lifo", "plain", "retry", "fatal", "low"]);
        order.Count(name => name == "retry").ShouldBe(3);
        await SameCounts(node, queue);
        (await queue.CountsAsync()).ShouldBe(new(0, 0, 0, 4, 1, 0, false), "plain removed itself");
        (await State(node, "own-id")).ShouldBe("completed");
        await Eventually.Holds(async () => (await Names(node)).Count(n => n == "completed") == 5, "the listener heard of every completion");
        (await Names(node))
            .ShouldBeSubsetOf(["added", "waiting", "active", "completed", "failed", "delayed", "drained", "retries-exhausted"]);
        (await node.Do("workers"))!.AsArray().Select(w => (string)w!).ShouldHaveSingleItem().ShouldContain(Environment.MachineName);
    }

    [Fact]
    public async Task Both_recover_the_jobs_of_the_other_that_died()
    {
        var queue = NewQueue(lockDuration: TimeSpan.FromMilliseconds(500));
        await queue.EnqueueAsync(Jobs(5, i => NewJob($"ours-{i}", "{}")));
        (await queue.TakeAsync(5)).Count.ShouldBe(5, "our process dies here");

        await using (var node = StartNode())
        {
            await node.Do("work", new { options = MortalWorker });
            await Eventually.Holds(async () => (await queue.CountsAsync()).Completed == 5, "the real worker recovers ours");
            await queue.EnqueueAsync(Jobs(5, i => NewJob($"theirs-{i}", """{"hang":true}""")));
            await Eventually.Holds(async () => (await queue.CountsAsync()).Active == 5, "the real worker holds five");
            node.Kill();
        }

        await using var worker =
            Work(NewQueue(), (batch, _) => Complete(batch), new() { StalledInterval = TimeSpan.FromMilliseconds(200) });
        await Eventually.Holds(async () => (await queue.CountsAsync()).Completed == 10, "we recover theirs");
        (await Hash("theirs-0"))["stc"].ShouldBe("1");
    }

    [Fact]
    public async Task Renewed_on_either_side_no_job_is_stolen_or_run_twice()
    {
        await using var node = StartNode();
        var queue = NewQueue(lockDuration: TimeSpan.FromSeconds(5));
        var ours = new ConcurrentBag<string>();
        var theyHaveBegun = new TaskCompletionSource();
        await using var worker = Work(queue, async (batch, _) =>
        {
            foreach (var job in batch) ours.Add(job.Id);
            await theyHaveBegun.Task; // so that both have some, whoever is faster
            return await Complete(batch);
        }, new() { Slots = 10, BatchMax = 10, StalledInterval = TimeSpan.FromMilliseconds(200) });

        await queue.EnqueueAsync(Jobs(2_000, i => NewJob($"job-{i}", "{}") with { KeepCompleted = Retention.Everything }));
        await Eventually.Holds(() => !ours.IsEmpty, "we hold some");
        await node.Do("work", new { options = QuickWorker });
        await Eventually.Holds(async () => (await queue.CountsAsync()).Completed > 0, "they complete some");
        theyHaveBegun.SetResult();
        await Eventually.Holds(async () => (await queue.CountsAsync()).Completed == 2_000, "both together complete all");
        var theirs = (await node.Do("seen"))!.AsArray().Select(j => (string)j!["id"]!).ToList();
        ours.Concat(theirs).Order().ShouldBe(Jobs(2_000).Select(j => j.Id).Order());
        ours.ShouldNotBeEmpty();
        theirs.ShouldNotBeEmpty();
        await SameCounts(node, queue);
    }

    [Fact]
    public async Task Pausing_and_limits_hold_across_both()
    {
        await using var node = StartNode();
        var queue = NewQueue();
        await node.Do("pause");
        await queue.EnqueueAsync(Jobs(6, i => NewJob($"job-{i}", "{}")));
        (await queue.CountsAsync()).ShouldBe(new(6, 0, 0, 0, 0, 0, true));
        (await queue.TakeAsync(1)).ShouldBeEmpty();
        await node.Do("resume");
        await node.Do("concurrency", new { value = 2 });
        var two = await queue.TakeAsync(50);
        two.Count.ShouldBe(2);
        await queue.FinishAsync([.. two.Select(job => new JobCompleted(job))]);
        await node.Do("removeLimits");
        await node.Do("rateLimit", new { max = 1, duration = 60_000 });
        (await queue.TakeAsync(50)).Count.ShouldBe(1);
        (await queue.TakeAsync(50)).ShouldBeEmpty();
        await node.Do("removeLimits");

        await queue.PauseAsync();
        ((bool)(await node.Do("paused"))!).ShouldBeTrue();
        await node.Do("work", new { options = new { concurrency = 5 } });
        await queue.ResumeAsync();
        await Eventually.Holds(async () => (await queue.CountsAsync()).Completed == 5, "the real worker wakes when we resume");
    }

    [Fact]
    public async Task A_dashboard_can_promote_retry_and_remove_our_jobs()
    {
        await using var node = StartNode();
        var queue = NewQueue();
        await queue.EnqueueAsync(
            [NewJob("later") with { Delay = TimeSpan.FromHours(1) }, NewJob("bad"), NewJob("gone"), NewJob("gone-too")]);
        var taken = await queue.TakeAsync(1);
        await queue.FinishAsync([new JobFailed(taken[0], "bad", Retryable: false)]);

        await node.Do("promote", new { id = "later" });
        await node.Do("retry", new { id = "bad" });
        await node.Do("remove", new { id = "gone" });
        await SameCounts(node, queue);
        (await queue.TakeAsync(50)).Select(j => j.Id).ShouldBe(["gone-too", "later", "bad"], ignoreOrder: true);
    }

    [Fact]
    public async Task Of_a_jobs_log_its_keepLogs_last_lines_stay_whoever_made_it_through_our_retry_and_go_with_the_job()
    {
        await using var node = StartNode();
        var queue = NewQueue();
        await queue.EnqueueAsync([NewJob("ours") with { KeepLogs = 2, Attempts = 2, Backoff = Backoff.Fixed(TimeSpan.Zero) }]);
        await node.Do("add", new
        {
            jobs = new object[]
            {
                new { name = "send", data = new { }, opts = new { jobId = "theirs", keepLogs = 3, attempts = 2 } },
                new { name = "send", data = new { }, opts = new { jobId = "brief", keepLogs = 3, attempts = 2, removeOnComplete = true } },
            },
        });
        foreach (var id in new[] { "ours", "theirs", "brief" })
        {
            await node.Do("log", new { id, rows = new[] { "1", "2", "3", "4", "5" } });
        }

        await using var worker = Work(queue, (batch, _) => Task.FromResult<IReadOnlyList<JobOutcome>>([.. batch.Select(job =>
            (JobOutcome)(job.AttemptsMade == 0 ? new JobFailed(job, "once more") : new JobCompleted(job)))]));
        await Eventually.Holds(async () => await queue.CountsAsync() is { Waiting: 0, Active: 0, Delayed: 0, Completed: 2 },
            "all are done");

        (await Logs("ours")).ShouldBe(["4", "5"]);
        (await Logs("theirs")).ShouldBe(["3", "4", "5"]);
        (await (await Db()).KeyExistsAsync($"bull:{QueueName}:brief:logs")).ShouldBeFalse();
        await node.Do("log", new { id = "ours", rows = new[] { "6" } }); // its own bound holds for whoever writes
        (await Logs("ours")).ShouldBe(["5", "6"]);
        await node.Do("remove", new { id = "ours" });
        (await (await Db()).KeyExistsAsync($"bull:{QueueName}:ours:logs")).ShouldBeFalse();

        async Task<string[]> Logs(string id) => [.. (await node.Do("logs", new { id }))!["logs"]!.AsArray().Select(line => (string)line!)];
    }

    [Fact]
    public async Task Our_events_and_fields_are_the_real_ones()
    {
        var real = await Lives("real", async (node, queue, jobs) =>
        {
            await node.Do("add", new { jobs });
            await node.Do("work", new { options = new { name = "w" } });
        });
        var own = await Lives("own", async (_, queue, jobs) =>
        {
            await queue.EnqueueAsync(
            [
                NewJob("plain", "{}"), NewJob("again", "{}") with { Attempts = 3, Backoff = Backoff.Fixed(TimeSpan.FromMilliseconds(50)) },
                NewJob("bad", "{}") with { Attempts = 2, Backoff = Backoff.Fixed(TimeSpan.Zero) },
                NewJob("late", "{}") with { Delay = TimeSpan.FromMilliseconds(50), Priority = 7 },
            ]);
            return new RunningWorker(new Worker(queue, new() { Name = "w", Slots = 1 }, (batch, _) =>
                Task.FromResult<IReadOnlyList<JobOutcome>>(
                [.. batch.Select(job => (JobOutcome)(job switch
                {
                    { Id: "again", AttemptsMade: 0 } => new JobFailed(job, "failure 0"),
                    { Id: "bad" } => new JobFailed(job, $"failure {job.AttemptsMade}"),
                    _ => new JobCompleted(job),
                }))]), TimeProvider.System, TestLog.For<Worker>()));
        });
        own.ShouldBe(real);
    }

    private async Task<string[]> Lives(string kind, Func<NodeBullMq, MessageQueue, object[], Task> begin) =>
        await Lives(kind, async (node, queue, jobs) =>
        {
            await begin(node, queue, jobs);
            return null;
        });

    // What four jobs leave behind: each one's events in order, and the names of its fields. Times are left out.
    private async Task<string[]> Lives(string kind, Func<NodeBullMq, MessageQueue, object[], Task<IAsyncDisposable?>> begin)
    {
        var name = $"{QueueName}-{kind}";
        await using var node = NodeBullMq.Start(ConnectionString, name);
        var queue = new MessageQueue(Redis, TimeProvider.System, name);
        object[] jobs =
        [
            new { name = "send", data = new { }, opts = new { jobId = "plain" } },
            new { name = "send", data = new { failures = 1 }, opts = new { jobId = "again", attempts = 3, backoff = 50 } },
            new { name = "send", data = new { failures = 9 }, opts = new { jobId = "bad", attempts = 2 } },
            new { name = "send", data = new { }, opts = new { jobId = "late", delay = 50, priority = 7 } },
        ];
        await using (await begin(node, queue, jobs))
            await Eventually.Holds(async () => await queue.CountsAsync() is { Completed: 3, Failed: 1 }, $"{kind}: all end");

        var db = await Db();
        var left = new List<string>();
        foreach (var id in new[] { "plain", "again", "bad", "late" })
        {
            var events = (await db.StreamRangeAsync($"bull:{name}:events")).Where(e => e["jobId"] == id);
            left.AddRange(events.Select(e => string.Join(" ", e.Values.Select(v => v.Name == "delay" ? "delay" : $"{v.Name}={v.Value}"))));
            left.Add($"{id}: {string.Join(",", (await db.HashKeysAsync($"bull:{name}:{id}")).Select(f => f.ToString()).Order())}");
        }

        return [.. left];
    }

    private static async Task SameCounts(NodeBullMq node, MessageQueue queue)
    {
        var theirs = (await node.Do("counts"))!;
        var ours = await queue.CountsAsync();
        new[] { "waiting", "active", "delayed", "completed", "failed", "prioritized" }.Select(name => (long)theirs[name]!)
            .ShouldBe([ours.Waiting, ours.Active, ours.Delayed, ours.Completed, ours.Failed, ours.Prioritized]);
    }

    private static async Task<string> State(NodeBullMq node, string id) => (string)(await node.Do("job", new { id }))!["state"]!;

    private static async Task<string[]> Names(NodeBullMq node) =>
        [.. (await node.Do("events"))!.AsArray().Select(e => (string)e!["event"]!)];
}
