using Bsp.Infrastructure.Queue;
using Bsp.IntegrationTests.Redis;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.Queue;

[Collection(RedisCollection.Name)]
public sealed class MessageQueueTests(RedisFixture fixture) : QueueTest(fixture)
{
    [Fact]
    public async Task A_job_goes_through_waiting_and_active_to_completed()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync([NewJob("m-1", """{"to":[],"o":{}}""")]);
        (await queue.CountsAsync()).ShouldBe(new(1, 0, 0, 0, 0, 0, false));

        var job = (await queue.TakeAsync(5)).ShouldHaveSingleItem();
        (job.Id, job.Name, job.Data, job.Starts, job.AttemptsMade).ShouldBe(("m-1", "send", """{"to":[],"o":{}}""", 1, 0));
        (await queue.CountsAsync()).ShouldBe(new(0, 1, 0, 0, 0, 0, false));

        (await queue.FinishAsync([new JobCompleted(job, "\"wamid\"")])).ShouldBe([Verdict.Done]);
        (await queue.CountsAsync()).ShouldBe(new(0, 0, 0, 1, 0, 0, false));
        var hash = await Hash("m-1");
        (hash["data"], hash["returnvalue"], hash["atm"], hash["ats"], hash["delay"], hash["priority"])
            .ShouldBe(("""{"to":[],"o":{}}""", "\"wamid\"", "1", "1", "0", "0"));
        (await Events()).ShouldBe(
        [
            "added jobId=m-1 name=send", "waiting jobId=m-1", "active jobId=m-1 prev=waiting",
            "completed jobId=m-1 returnvalue=\"wamid\" prev=active", "drained",
        ]);
        (await (await Db()).KeyExistsAsync($"bull:{QueueName}:m-1:lock")).ShouldBeFalse();
    }

    [Fact]
    public async Task Jobs_are_taken_in_their_order_lifo_first_and_priorities_last()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync(
        [
            NewJob("low") with { Priority = 9 }, NewJob("high") with { Priority = 1 }, NewJob("high-2") with { Priority = 1 },
            NewJob("a"), NewJob("b"), NewJob("urgent") with { Lifo = true },
        ]);

        (await queue.CountsAsync()).ShouldBe(new(3, 0, 0, 0, 0, 3, false));
        (await queue.TakeAsync(2)).Select(j => j.Id).ShouldBe(["urgent", "a"]);
        (await queue.TakeAsync(50)).Select(j => j.Id).ShouldBe(["b", "high", "high-2", "low"]);
        (await queue.TakeAsync(1)).ShouldBeEmpty();
    }

    [Fact]
    public async Task Delayed_jobs_start_when_due_in_the_order_of_their_due_times()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync(
        [
            NewJob("third") with { Delay = TimeSpan.FromMinutes(2) }, NewJob("first") with { Delay = TimeSpan.FromMinutes(1) },
            NewJob("second") with { Delay = TimeSpan.FromMinutes(1) },
            NewJob("prio") with { Delay = TimeSpan.FromMinutes(1), Priority = 3 },
        ]);
        (await queue.TakeAsync(50)).ShouldBeEmpty();
        (await queue.CountsAsync()).ShouldBe(new(0, 0, 4, 0, 0, 0, false));

        Clock.Advance(TimeSpan.FromMinutes(1.5));
        (await queue.TakeAsync(50)).Select(j => j.Id).ShouldBe(["first", "second", "prio"]);
        Clock.Advance(TimeSpan.FromMinutes(1));
        (await queue.TakeAsync(50)).Select(j => j.Id).ShouldBe(["third"]);
        (await Hash("third"))["delay"].ShouldBe("0");
    }

    [Fact]
    public async Task An_id_is_enqueued_once_in_whatever_state_it_is()
    {
        var queue = NewQueue();
        (await queue.EnqueueAsync([NewJob("m-1"), NewJob("m-2")])).ShouldBeEmpty();
        (await queue.EnqueueAsync([NewJob("m-1", "2"), NewJob("m-3")])).ShouldBe(["m-1"]);

        var taken = await queue.TakeAsync(50);
        taken.Select(j => j.Data).ShouldBe(["""{"n":1}""", """{"n":1}""", """{"n":1}"""]);
        await queue.FinishAsync([.. taken.Select((j, i) => new JobCompleted(j, Forget: i == 0))]);
        (await queue.EnqueueAsync(Jobs(0))).ShouldBeEmpty();
        (await queue.EnqueueAsync([NewJob("m-1"), NewJob("m-2")])).ShouldBe(["m-2"]);
    }

    [Fact]
    public async Task A_failure_is_repeated_after_its_backoff_until_the_attempts_are_used_up()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync([NewJob("m-1") with { Attempts = 3, Backoff = Backoff.Exponential(TimeSpan.FromSeconds(10)) }]);

        foreach (var (made, waitSeconds) in new[] { (0, 10), (1, 20) })
        {
            var job = (await queue.TakeAsync(1)).ShouldHaveSingleItem();
            job.AttemptsMade.ShouldBe(made);
            await queue.FinishAsync([new JobFailed(job, $"reason {made}")]);
            (await queue.CountsAsync()).Delayed.ShouldBe(1);
            Clock.Advance(TimeSpan.FromSeconds(waitSeconds - 1));
            (await queue.TakeAsync(1)).ShouldBeEmpty();
            Clock.Advance(TimeSpan.FromSeconds(1.1));
        }

        await queue.FinishAsync([new JobFailed((await queue.TakeAsync(1)).Single(), "reason 2")]);
        (await queue.CountsAsync()).ShouldBe(new(0, 0, 0, 0, 1, 0, false));
        var hash = await Hash("m-1");
        (hash["failedReason"], hash["stacktrace"], hash["atm"]).ShouldBe(("reason 2", """["reason 0","reason 1","reason 2"]""", "3"));
        (await Events()).TakeLast(3).ShouldBe(
            ["failed jobId=m-1 failedReason=reason 2 prev=active", "retries-exhausted jobId=m-1 attemptsMade=3", "drained"]);
    }

    [Fact]
    public async Task A_failure_that_may_not_be_repeated_ends_at_once()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync([NewJob("m-1")]);
        await queue.FinishAsync([new JobFailed((await queue.TakeAsync(1)).Single(), "no", Retryable: false)]);
        (await queue.CountsAsync()).Failed.ShouldBe(1);
        (await Events()).ShouldNotContain(e => e.StartsWith("retries-exhausted"));
    }

    [Fact]
    public async Task A_postponed_job_keeps_its_attempts_and_is_next()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync([NewJob("m-1") with { Attempts = 1 }, NewJob("m-2")]);
        await queue.FinishAsync([new JobPostponed((await queue.TakeAsync(1)).Single(), TimeSpan.Zero)]);

        var again = (await queue.TakeAsync(1)).Single();
        (again.Id, again.AttemptsMade, again.Starts).ShouldBe(("m-1", 0, 2));
        await queue.FinishAsync([new JobPostponed(again, TimeSpan.FromSeconds(30))]);
        (await queue.CountsAsync()).Delayed.ShouldBe(1);
    }

    [Fact]
    public async Task An_explicit_retry_comes_after_its_delay_or_behind_the_others()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync([NewJob("m-1"), NewJob("m-2")]);
        (await queue.RetryAsync((await queue.TakeAsync(1)).Single(), TimeSpan.Zero)).ShouldBe(Verdict.Done);
        (await queue.RetryAsync((await queue.TakeAsync(1)).Single(), TimeSpan.FromSeconds(60), "later")).ShouldBe(Verdict.Done);
        (await queue.TakeAsync(50)).Select(j => (j.Id, j.AttemptsMade)).ShouldBe([("m-1", 1)]);
        (await Hash("m-2"))["failedReason"].ShouldBe("later");
    }

    [Fact]
    public async Task Verdicts_tell_whose_job_it_is()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync(Jobs(5));
        var taken = await queue.TakeAsync(5);
        var db = await Db();
        await db.KeyDeleteAsync($"bull:{QueueName}:job-1:lock");
        await db.StringSetAsync($"bull:{QueueName}:job-2:lock", "someone-else");
        await db.KeyDeleteAsync($"bull:{QueueName}:job-3");
        await db.ListRemoveAsync($"bull:{QueueName}:active", "job-4");

        (await queue.ExtendAsync(taken)).ShouldBe(["job-1", "job-2"]);
        (await queue.FinishAsync([.. taken.Select(job => new JobCompleted(job))]))
            .ShouldBe([Verdict.Done, Verdict.LockLost, Verdict.LockTaken, Verdict.Missing, Verdict.NotActive]);
        (await queue.CountsAsync()).Completed.ShouldBe(1);
        (await Events()).Count(e => e.StartsWith("completed")).ShouldBe(1);
    }

    [Fact]
    public async Task A_paused_queue_gives_nothing_and_keeps_its_jobs()
    {
        var queue = NewQueue();
        await queue.PauseAsync();
        await queue.EnqueueAsync([NewJob("m-1"), NewJob("m-2") with { Priority = 2 }]);
        (await queue.TakeAsync(50)).ShouldBeEmpty();
        (await queue.CountsAsync()).ShouldBe(new(1, 0, 0, 0, 0, 1, true));
        (await (await Db()).KeyExistsAsync($"bull:{QueueName}:marker")).ShouldBeFalse();

        await queue.ResumeAsync();
        (await (await Db()).SortedSetScoreAsync($"bull:{QueueName}:marker", "0")).ShouldBe(0);
        (await queue.TakeAsync(50)).Count.ShouldBe(2);
        (await Events()).Where(e => e is "paused" or "resumed").ShouldBe(["paused", "resumed"]);
    }

    [Fact]
    public async Task The_queues_own_limits_hold_for_every_take()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync(Jobs(10));
        var db = await Db();
        await db.HashSetAsync($"bull:{QueueName}:meta", [new("concurrency", 3)]);
        var first = await queue.TakeAsync(50);
        first.Count.ShouldBe(3);
        (await queue.TakeAsync(50)).ShouldBeEmpty();
        await queue.FinishAsync([.. first.Select(job => new JobCompleted(job))]);

        await db.HashDeleteAsync($"bull:{QueueName}:meta", "concurrency");
        await db.HashSetAsync($"bull:{QueueName}:meta", [new("max", 4), new("duration", 60_000)]);
        (await queue.TakeAsync(50)).Count.ShouldBe(4);
        (await queue.TakeAsync(50)).ShouldBeEmpty();
        (await db.KeyTimeToLiveAsync($"bull:{QueueName}:limiter")).ShouldNotBeNull();
        await db.KeyDeleteAsync($"bull:{QueueName}:limiter");
        (await queue.TakeAsync(50)).Count.ShouldBe(3);
    }

    [Fact]
    public async Task Finished_jobs_are_kept_by_count_and_age()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync(Jobs(20, i =>
            NewJob($"job-{i}") with { KeepCompleted = new(5), KeepFailed = new(null, TimeSpan.FromMinutes(10)) }));
        var taken = await queue.TakeAsync(20);
        await queue.FinishAsync([.. taken.Take(10).Select(job => new JobCompleted(job))]);
        await queue.FinishAsync([.. taken.Skip(10).Take(9).Select(job => new JobFailed(job, "x", Retryable: false))]);
        var counts = await queue.CountsAsync();
        (counts.Completed, counts.Failed).ShouldBe((5, 9));
        (await Hash("job-0")).ShouldBeEmpty();
        (await Hash("job-9")).ShouldNotBeEmpty();

        Clock.Advance(TimeSpan.FromMinutes(11));
        await queue.FinishAsync([new JobFailed(taken[19], "x", Retryable: false)]);
        (await queue.CountsAsync()).Failed.ShouldBe(1, "nine are older than ten minutes");
    }

    [Fact]
    public async Task Finishing_frees_a_deduplication_key_that_lives_as_long_as_its_job()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync([NewJob("m-1"), NewJob("m-2")]);
        var db = await Db();
        foreach (var id in new[] { "m-1", "m-2" }) await db.HashSetAsync($"bull:{QueueName}:{id}", "deid", $"d-{id}");
        await db.StringSetAsync($"bull:{QueueName}:de:d-m-1", "m-1");
        await db.StringSetAsync($"bull:{QueueName}:de:d-m-2", "m-2", TimeSpan.FromMinutes(1));

        await queue.FinishAsync([.. (await queue.TakeAsync(2)).Select(job => new JobCompleted(job))]);
        (await db.KeyExistsAsync($"bull:{QueueName}:de:d-m-1")).ShouldBeFalse();
        (await db.KeyExistsAsync($"bull:{QueueName}:de:d-m-2")).ShouldBeTrue();
    }

    [Fact]
    public async Task Fifty_takers_share_ten_thousand_jobs_without_overlap()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync(Jobs(10_000));
        var taken = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => Task.Run(async () =>
        {
            var mine = new List<string>();
            while (await queue.TakeAsync(17) is { Count: > 0 } jobs)
            {
                mine.AddRange(jobs.Select(j => j.Id));
                (await queue.FinishAsync([.. jobs.Select(j => new JobCompleted(j))])).ShouldAllBe(v => v == Verdict.Done);
            }

            return mine;
        })));

        taken.SelectMany(ids => ids).Order().ShouldBe(Jobs(10_000).Select(j => j.Id).Order());
        var counts = await queue.CountsAsync();
        (counts.Waiting, counts.Active, counts.Completed).ShouldBe((0, 0, 1_000));
    }

    [Fact]
    public async Task A_job_whose_owner_is_gone_is_found_and_fails_when_that_repeats()
    {
        var queue = NewQueue(lockDuration: TimeSpan.FromMilliseconds(50));
        await queue.EnqueueAsync([NewJob("m-1"), NewJob("m-2")]);

        for (var stalls = 1; stalls <= 2; stalls++)
        {
            var lost = (await queue.TakeAsync(1)).Single();
            (lost.Id, lost.MustFail).ShouldBe(("m-1", null));
            await Eventually.Holds(async () => (await Sweep(queue)).Contains("m-1"), "the stalled job is put back");
            (await queue.FinishAsync([new JobCompleted(lost)])).ShouldBe([Verdict.LockLost]);
        }

        var patient = NewQueue(); // its lock outlives the slowest machine
        var job = (await patient.TakeAsync(1)).Single();
        (job.Id, job.Stalls, job.MustFail).ShouldBe(("m-1", 2, "job stalled more than allowable limit"));
        (await Events()).ShouldContain("stalled jobId=m-1");
        (await patient.FinishAsync([new JobFailed(job, job.MustFail!, Retryable: false)])).ShouldBe([Verdict.Done]);
        (await Hash("m-1")).ShouldNotContainKey("defa");
    }

    [Fact]
    public async Task A_renewed_job_is_not_stalled_and_one_sweep_serves_all()
    {
        var queue = NewQueue();
        await queue.EnqueueAsync([NewJob("m-1")]);
        var taken = await queue.TakeAsync(1);
        for (var i = 0; i < 3; i++)
        {
            (await Sweep(queue)).ShouldBeEmpty();
            (await queue.ExtendAsync(taken)).ShouldBeEmpty();
            (await (await Db()).SetLengthAsync($"bull:{QueueName}:stalled")).ShouldBe(0);
        }

        (await queue.SweepStalledAsync(TimeSpan.FromMinutes(1))).ShouldBeEmpty();
        await (await Db()).KeyDeleteAsync($"bull:{QueueName}:m-1:lock");
        await (await Db()).SetAddAsync($"bull:{QueueName}:stalled", "m-1");
        (await queue.SweepStalledAsync(TimeSpan.FromMinutes(1))).ShouldBeEmpty("somebody swept within the minute");
    }

    [Theory]
    [InlineData("12")]
    [InlineData("a:b")]
    [InlineData("")]
    [InlineData("meta")]
    public void An_id_that_BullMQ_refuses_or_confuses_is_refused(string id) => Should.Throw<ArgumentException>(() => NewJob(id));

    [Theory]
    [InlineData("{")]
    [InlineData("")]
    [InlineData("{} {}")]
    public void Data_and_return_values_must_be_JSON(string text) => Should.Throw<ArgumentException>(() => NewJob("m-1", text));

    // Every sweep of the tests is a new interval.
    private async Task<IReadOnlyList<string>> Sweep(MessageQueue queue)
    {
        await (await Db()).KeyDeleteAsync($"bull:{QueueName}:stalled-check");
        return await queue.SweepStalledAsync(TimeSpan.FromMinutes(1));
    }
}
