using Bsp.Infrastructure.Queue;
using Bsp.Infrastructure.Redis;
using Bsp.IntegrationTests.Redis;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.Queue;

/// <summary>What the queue's tests share: a queue of their own name, a clock they move, and looks at the raw keys.</summary>
public abstract class QueueTest(RedisFixture fixture)
{
    protected RedisConnection Redis { get; } = fixture.Redis;

    protected string ConnectionString { get; } = fixture.ConnectionString;

    // Named as the queue of a number is.
    protected string QueueName { get; } = Bsp.Infrastructure.Messages.SendQueues.NameOf(Guid.NewGuid());

    internal MovableClock Clock { get; } = new();

    protected MessageQueue NewQueue(TimeSpan? lockDuration = null) => new(Redis, Clock, QueueName, lockDuration);

    protected static Job NewJob(string id, string data = """{"n":1}""") => new(id, "send", data);

    protected static Job[] Jobs(int count, Func<int, Job>? each = null) =>
        [.. Enumerable.Range(0, count).Select(i => each?.Invoke(i) ?? NewJob($"job-{i}"))];

    protected async Task<IDatabase> Db() => await Redis.DatabaseAsync();

    protected async Task<Dictionary<string, string>> Hash(string id) =>
        (await (await Db()).HashGetAllAsync($"bull:{QueueName}:{id}")).ToDictionary(e => e.Name.ToString(), e => e.Value.ToString());

    /// <summary>Every event so far as "event field=value …", in order.</summary>
    protected async Task<string[]> Events()
    {
        var entries = await (await Db()).StreamRangeAsync($"bull:{QueueName}:events");
        return [.. entries.Select(e => string.Join(" ", e.Values.Select((v, i) => i == 0 ? $"{v.Value}" : $"{v.Name}={v.Value}")))];
    }

    /// <summary>Runs a worker on this queue until the test disposes it.</summary>
    protected RunningWorker Work(MessageQueue queue, BatchHandler handler, WorkerOptions? options = null) =>
        new(new Worker(queue, options ?? new(), handler, TimeProvider.System, TestLog.For<Worker>()));

    protected static Task<IReadOnlyList<JobOutcome>> Complete(IReadOnlyList<TakenJob> batch) =>
        Task.FromResult<IReadOnlyList<JobOutcome>>([.. batch.Select(job => new JobCompleted(job))]);
}

public sealed class RunningWorker : IAsyncDisposable
{
    private readonly CancellationTokenSource stop = new();
    private readonly Task running;

    public RunningWorker(Worker worker)
    {
        Worker = worker;
        running = worker.RunAsync(stop.Token);
    }

    public Worker Worker { get; }

    public async Task StopAsync()
    {
        await stop.CancelAsync();
        await running.WaitAsync(TimeSpan.FromSeconds(60));
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        stop.Dispose();
    }
}

/// <summary>The system's clock plus what the test added; timers run on real time.</summary>
internal sealed class MovableClock : TimeProvider
{
    private TimeSpan ahead;

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + ahead;

    public void Advance(TimeSpan by) => ahead += by;
}

internal static class TestLog
{
    private static readonly ILoggerFactory Factory = LoggerFactory.Create(_ => { });

    public static ILogger<T> For<T>() => Factory.CreateLogger<T>();
}
