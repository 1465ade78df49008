using System.Collections.Concurrent;
using System.Threading.Channels;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Queue;

/// <summary>
/// Taken jobs of one queue or of several: handed over in batches, their locks renewed, settled. Survives Redis being down, restarted or
/// wiped.
/// </summary>
internal sealed class JobsInHand(TimeProvider clock, ILogger<Worker> log)
{
    private const int ShownMax = 200;
    private static readonly TimeSpan TroublePauseMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan TroublePauseMax = TimeSpan.FromSeconds(5);

    [Bounded("the slots of the worker")]
    private readonly ConcurrentDictionary<(string Queue, string Id, string Token), (MessageQueue Queue, TakenJob Job)> inHand = new();
    [Bounded("one")]
    private readonly Channel<bool> slotFreed =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource graceOver = new();

    /// <summary>Jobs being worked on at this moment.</summary>
    public int Count => inHand.Count;

    /// <summary>The same of one queue.</summary>
    public int CountOf(string queue) => inHand.Keys.Count(key => key.Queue == queue);

    /// <summary>Ends when a batch has been settled.</summary>
    public ValueTask<bool> FreedAsync(CancellationToken ct) => slotFreed.Reader.ReadAsync(ct);

    /// <summary>Ends when every batch is settled; after the grace their handlers' tokens are cancelled.</summary>
    public async Task EndAsync(TimeSpan grace)
    {
        graceOver.CancelAfter(grace);
        while (!inHand.IsEmpty)
        {
            await slotFreed.Reader.ReadAsync(CancellationToken.None);
        }
    }

    /// <summary>One batch, on its own.</summary>
    public void Start(MessageQueue queue, IReadOnlyList<TakenJob> batch, BatchHandler handler)
    {
        foreach (var job in batch)
        {
            inHand[(queue.Name, job.Id, job.Token)] = (queue, job);
        }

        _ = Task.Run(() => WorkAsync(queue, batch, handler));
    }

    /// <summary>Renews the locks of all.</summary>
    public async Task RenewAsync()
    {
        foreach (var own in inHand.Values.GroupBy(one => one.Queue.Name))
        {
            var jobs = own.ToList();
            var lost = await jobs[0].Queue.ExtendAsync(jobs.ConvertAll(one => one.Job));
            var still = lost.Where(id => inHand.Keys.Any(key => key.Queue == own.Key && key.Id == id)).ToList();
            if (still.Count > 0)
            {
                log.LogWarning("Queue {Queue}: lost the locks of {Jobs}", own.Key, string.Join(", ", still.Take(10).Select(Shown)));
            }
        }
    }

    private async Task WorkAsync(MessageQueue queue, IReadOnlyList<TakenJob> batch, BatchHandler handler)
    {
        try
        {
            var runnable = batch.Where(job => job.MustFail is null).ToList();
            var outcomes = runnable.Count == 0 ? [] : await HandleAsync(queue, runnable, handler);
            await SettleAsync(queue, [.. outcomes, .. batch.Where(job => job.MustFail is not null).Select(job => Refuse(queue, job))]);
        }
        catch (Exception error)
        {
            log.LogError(error, "Queue {Queue}: {Count} jobs could not be settled; they run again when their locks end", queue.Name,
                batch.Count);
        }
        finally
        {
            foreach (var job in batch)
            {
                inHand.TryRemove((queue.Name, job.Id, job.Token), out _);
            }

            slotFreed.Writer.TryWrite(true);
        }
    }

    private JobOutcome Refuse(MessageQueue queue, TakenJob job)
    {
        log.LogError("Queue {Queue}: job {Job} is failed without running: {Reason}", queue.Name, Shown(job.Id), Shown(job.MustFail!));
        return new JobFailed(job, job.MustFail!, Retryable: false);
    }

    private async Task<IReadOnlyList<JobOutcome>> HandleAsync(MessageQueue queue, List<TakenJob> batch, BatchHandler handler)
    {
        try
        {
            var answered = (await handler(batch, graceOver.Token)).ToDictionary(outcome => (outcome.Job.Id, outcome.Job.Token));
            return [.. batch.Select(job =>
                answered.GetValueOrDefault((job.Id, job.Token)) ?? new JobFailed(job, "the handler gave no outcome"))];
        }
        catch (OperationCanceledException) when (graceOver.IsCancellationRequested)
        {
            return [.. batch.Select(job => new JobPostponed(job, TimeSpan.Zero))];
        }
        catch (Exception error)
        {
            log.LogError(error, "Queue {Queue}: the handler failed a batch of {Count}", queue.Name, batch.Count);
            return [.. batch.Select(job => new JobFailed(job, error.Message, Stack: error.ToString()))];
        }
    }

    // Tried for as long as the locks could be ours, or until the grace is over; after that the jobs are found by the sweep, as if this
    // process had died.
    private async Task SettleAsync(MessageQueue queue, IReadOnlyList<JobOutcome> outcomes)
    {
        var begun = clock.GetTimestamp();
        for (var pause = TroublePauseMin; ; pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, TroublePauseMax.Ticks)))
        {
            try
            {
                Report(queue, outcomes, await queue.FinishAsync(outcomes));
                return;
            }
            catch (Exception error) when (clock.GetElapsedTime(begun) < queue.LockDuration && !graceOver.IsCancellationRequested)
            {
                log.LogWarning(error, "Queue {Queue}: cannot settle {Count} jobs; trying again", queue.Name, outcomes.Count);
                await Task.Delay(pause, clock, graceOver.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Report(MessageQueue queue, IReadOnlyList<JobOutcome> outcomes, IReadOnlyList<Verdict> verdicts)
    {
        foreach (var foreign in outcomes.Zip(verdicts).Where(o => o.Second != Verdict.Done).GroupBy(o => o.Second, o => o.First.Job.Id))
        {
            log.LogWarning("Queue {Queue}: {Count} jobs were no longer ours ({Verdict}): {Jobs}", queue.Name, foreign.Count(), foreign.Key,
                string.Join(", ", foreign.Take(10).Select(Shown)));
        }
    }

    // Ids and names are whatever a client chose.
    internal static string Shown(string text) => Text.Cut(text, ShownMax);
}
