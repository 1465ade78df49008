using System.Collections.Concurrent;
using System.Threading.Channels;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Queue;

/// <summary>Carries out a batch and answers one outcome per job; a job without one, or an exception, counts as a failed attempt.</summary>
/// <param name="ct">Cancelled when the worker stops and the grace period is over; what is thrown for it puts the batch back
/// uncounted.</param>
public delegate Task<IReadOnlyList<JobOutcome>> BatchHandler(IReadOnlyList<TakenJob> batch, CancellationToken ct);

/// <summary>
/// Takes jobs, hands them over in batches, renews their locks and settles them. Survives Redis being down, restarted or wiped: it logs,
/// waits and goes on.
/// </summary>
public sealed class Worker(
    MessageQueue queue, WorkerOptions options, BatchHandler handler, TimeProvider clock, ILogger<Worker> log)
{
    private const int ShownMax = 200;
    private static readonly TimeSpan TroublePauseMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan TroublePauseMax = TimeSpan.FromSeconds(5);

    [Application.Common.Bounded("the slots of the worker")]
    private readonly ConcurrentDictionary<(string Id, string Token), TakenJob> inHand = new();
    [Application.Common.Bounded("one")]
    private readonly Channel<bool> slotFreed =
        Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource graceOver = new();

    /// <summary>Jobs being worked on at this moment.</summary>
    public int Busy => inHand.Count;

    /// <summary>Works until <paramref name="stop"/> is cancelled and every batch in hand is settled; then returns. Call once.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var timers = new CancellationTokenSource();
        var renewing = Every(queue.LockDuration / 2, RenewAsync, timers.Token);
        var sweeping = Every(options.StalledInterval, SweepAsync, timers.Token);

        await TakeUntilAsync(stop);
        graceOver.CancelAfter(options.StopGrace);
        while (!inHand.IsEmpty) await slotFreed.Reader.ReadAsync(CancellationToken.None);

        await timers.CancelAsync();
        await Task.WhenAll(renewing, sweeping);
    }

    private async Task TakeUntilAsync(CancellationToken stop)
    {
        await using var signal = new WakeSignal(queue, options.Name);
        var trouble = TimeSpan.Zero;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await TakeOrSleepAsync(signal, stop);
                trouble = TimeSpan.Zero;
                Loop.Worked();
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                trouble = trouble == TimeSpan.Zero ? TroublePauseMin
                    : TimeSpan.FromTicks(Math.Min(trouble.Ticks * 2, TroublePauseMax.Ticks));
                Loop.Failed(error);
                log.LogWarning(error, "Queue {Queue}: cannot take jobs; trying again in {PauseMs} ms", queue.Name,
                    trouble.TotalMilliseconds);
                await Task.Delay(trouble, clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task TakeOrSleepAsync(WakeSignal signal, CancellationToken stop)
    {
        var free = options.Slots - inHand.Count;
        if (free <= 0)
        {
            await slotFreed.Reader.ReadAsync(stop);
            return;
        }

        var fetched = await queue.FetchAsync(Math.Min(free, options.BatchMax), options.Name, stop);
        if (fetched.Jobs.Count > 0) Start(fetched.Jobs);
        else if (fetched.LimitedMs > 0) await Task.Delay(Bounded(fetched.LimitedMs), clock, stop);
        else await SleepAsync(signal, fetched.NextDueMs, stop);
    }

    // A marker may name a time in the future: then sleep on until that time, or until a marker says "now".
    private async Task SleepAsync(WakeSignal signal, long nextDueMs, CancellationToken stop)
    {
        var wakeAtMs = queue.NowMs + (long)options.IdleMax.TotalMilliseconds;
        if (nextDueMs > 0) wakeAtMs = Math.Min(wakeAtMs, nextDueMs);
        while (wakeAtMs > queue.NowMs)
        {
            var named = await signal.WaitAsync(Bounded(wakeAtMs - queue.NowMs), stop);
            if (named is null || named <= queue.NowMs) return;
            wakeAtMs = Math.Min(wakeAtMs, named.Value);
        }
    }

    private TimeSpan Bounded(long ms) => TimeSpan.FromMilliseconds(Math.Clamp(ms, 1, (long)options.IdleMax.TotalMilliseconds));

    private void Start(IReadOnlyList<TakenJob> batch)
    {
        foreach (var job in batch) inHand[(job.Id, job.Token)] = job;
        _ = Task.Run(() => WorkAsync(batch));
    }

    private async Task WorkAsync(IReadOnlyList<TakenJob> batch)
    {
        try
        {
            var runnable = batch.Where(job => job.MustFail is null).ToList();
            var outcomes = runnable.Count == 0 ? [] : await HandleAsync(runnable);
            await SettleAsync([.. outcomes, .. batch.Where(job => job.MustFail is not null).Select(Refuse)]);
        }
        catch (Exception error)
        {
            log.LogError(error, "Queue {Queue}: {Count} jobs could not be settled; they run again when their locks end", queue.Name,
                batch.Count);
        }
        finally
        {
            foreach (var job in batch) inHand.TryRemove((job.Id, job.Token), out _);
            slotFreed.Writer.TryWrite(true);
        }
    }

    private JobOutcome Refuse(TakenJob job)
    {
        log.LogError("Queue {Queue}: job {Job} is failed without running: {Reason}", queue.Name, Shown(job.Id), Shown(job.MustFail!));
        return new JobFailed(job, job.MustFail!, Retryable: false);
    }

    private async Task<IReadOnlyList<JobOutcome>> HandleAsync(List<TakenJob> batch)
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
    private async Task SettleAsync(IReadOnlyList<JobOutcome> outcomes)
    {
        var begun = clock.GetTimestamp();
        for (var pause = TroublePauseMin; ; pause = TimeSpan.FromTicks(Math.Min(pause.Ticks * 2, TroublePauseMax.Ticks)))
        {
            try
            {
                Report(outcomes, await queue.FinishAsync(outcomes));
                return;
            }
            catch (Exception error) when (clock.GetElapsedTime(begun) < queue.LockDuration && !graceOver.IsCancellationRequested)
            {
                log.LogWarning(error, "Queue {Queue}: cannot settle {Count} jobs; trying again", queue.Name, outcomes.Count);
                await Task.Delay(pause, clock, graceOver.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private void Report(IReadOnlyList<JobOutcome> outcomes, IReadOnlyList<Verdict> verdicts)
    {
        foreach (var foreign in outcomes.Zip(verdicts).Where(o => o.Second != Verdict.Done).GroupBy(o => o.Second, o => o.First.Job.Id))
        {
            log.LogWarning("Queue {Queue}: {Count} jobs were no longer ours ({Verdict}): {Jobs}", queue.Name, foreign.Count(), foreign.Key,
                string.Join(", ", foreign.Take(10).Select(Shown)));
        }
    }

    // Ids and names are whatever a client chose.
    private static string Shown(string text) => Text.Cut(text, ShownMax);

    private async Task RenewAsync()
    {
        if (inHand.IsEmpty) return;
        var lost = await queue.ExtendAsync([.. inHand.Values]);
        var still = lost.Where(id => inHand.Keys.Any(key => key.Id == id)).ToList();
        if (still.Count > 0) log.LogWarning("Queue {Queue}: lost the locks of {Jobs}", queue.Name,
            string.Join(", ", still.Take(10).Select(Shown)));
    }

    private async Task SweepAsync()
    {
        var found = await queue.SweepStalledAsync(options.StalledInterval, options.StallsMax);
        if (found.Count > 0) log.LogWarning("Queue {Queue}: {Count} stalled jobs put back", queue.Name, found.Count);
    }

    private async Task Every(TimeSpan period, Func<Task> work, CancellationToken ct)
    {
        using var timer = new PeriodicTimer(period, clock);
        while (!ct.IsCancellationRequested)
        {
            try
            {
                await timer.WaitForNextTickAsync(ct);
                await work();
            }
            catch (OperationCanceledException) when (ct.IsCancellationRequested)
            {
                return;
            }
            catch (Exception error)
            {
                log.LogWarning(error, "Queue {Queue}: {Work} failed; trying again in {PeriodMs} ms", queue.Name, work.Method.Name,
                    period.TotalMilliseconds);
            }
        }
    }
}
