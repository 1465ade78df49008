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
    private static readonly TimeSpan TroublePauseMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan TroublePauseMax = TimeSpan.FromSeconds(5);

    private readonly JobsInHand hand = new(clock, log);

    /// <summary>Jobs being worked on at this moment.</summary>
    public int Busy => hand.Count;

    /// <summary>Works until <paramref name="stop"/> is cancelled and every batch in hand is settled; then returns. Call once.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var timers = new CancellationTokenSource();
        var renewing = Every(queue.LockDuration / 2, hand.RenewAsync, timers.Token);
        var sweeping = Every(options.StalledInterval, SweepAsync, timers.Token);

        await TakeUntilAsync(stop);
        await hand.EndAsync(options.StopGrace);

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
        var free = options.Slots - hand.Count;
        if (free <= 0)
        {
            await hand.FreedAsync(stop);
            return;
        }

        var fetched = await queue.FetchAsync(Math.Min(free, options.BatchMax), options.Name, stop);
        if (fetched.Jobs.Count > 0) hand.Start(queue, fetched.Jobs, handler);
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
