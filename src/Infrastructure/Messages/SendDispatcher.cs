using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Queue;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sending;
using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// Takes jobs from the numbers' queues in turn: organization by organization, number by number, at most a batch a turn and as many as the
/// number's pace allows at that moment, so that nobody waits behind another's campaign. Within a queue people's answers go before campaigns
/// (BullMQ's ordinary line before its priorities). Decision: docs/decisions/0321.
/// </summary>
public sealed class SendDispatcher(SendQueues queues, SendSignal signal, SendingNumbers numbers, NumberPaces paces, RateLimit limits,
    Sender sender, SendingSwitch sending, TimeProvider clock, ILogger<Worker> log)
{
    /// <summary>Jobs in hand at once. Also what a kill -9 can leave of unknown outcome, so no more than the pace needs.</summary>
    private const int Slots = 250;

    /// <summary>Of one organization: a batch of somebody else's finds a place at any time.</summary>
    private const int OrganizationSlots = Slots - MessageQueue.TakenMax;

    // A job that lost its worker is decided by the log, not by how often it stalled.
    private const int StallsMax = 1_000_000;

    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Blink = TimeSpan.FromMilliseconds(5);
    private static readonly TimeSpan IdleLook = TimeSpan.FromSeconds(5); // as BullMQ's own workers do
    private static readonly TimeSpan ForgottenAfter = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan NumberStoppedPause = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan NoTokenPause = TimeSpan.FromSeconds(5); // somebody corrects it, and looks whether it helps
    private static readonly TimeSpan StopGrace = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan TroublePauseMin = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan TroublePauseMax = TimeSpan.FromSeconds(5);

    // After a kill its jobs wait for the end of their locks and two looks.
    private static readonly TimeSpan StalledInterval = TimeSpan.FromSeconds(5);

    private readonly SendTurns turns = new();
    private readonly Lock gate = new(); // around the turns: the sweep walks them beside the loop
    private readonly string name = Environment.MachineName;
    private JobsInHand? hand;
    private long lookAt;

    /// <summary>Works until <paramref name="stop"/> is cancelled and every batch in hand is settled; then returns. Call once.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        hand = new(clock, log);
        using var timers = new CancellationTokenSource();
        var renewing = Every(SendWorker.LockDuration / 2, hand.RenewAsync, timers.Token);
        var sweeping = Every(StalledInterval, SweepAsync, timers.Token);
        await TakeUntilAsync(stop);
        await hand.EndAsync(StopGrace);
        await timers.CancelAsync();
        await Task.WhenAll(renewing, sweeping);
    }

    private async Task TakeUntilAsync(CancellationToken stop)
    {
        var trouble = TimeSpan.Zero;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                await RoundAsync(stop);
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
                log.LogWarning(error, "Sending: cannot take jobs; trying again in {PauseMs} ms", trouble.TotalMilliseconds);
                await Task.Delay(trouble, clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task RoundAsync(CancellationToken stop)
    {
        if (Now >= lookAt)
        {
            await LookAsync(stop);
            lookAt = Now + Ticks(LookEvery);
        }

        var free = Slots - hand!.Count;
        if (free <= 0)
        {
            await hand.FreedAsync(stop);
            return;
        }

        SendLine? line;
        long? readyAt;
        lock (gate)
        {
            line = turns.Next(Now, organization => InHand(organization) < OrganizationSlots);
            readyAt = turns.ReadyAt;
        }

        if (line is not null)
        {
            await ServeAsync(line, Math.Min(free, MessageQueue.TakenMax), stop);
            return;
        }

        // A line that is ready and not served is its organization's, which has as many jobs in hand as one may: a batch ends soon.
        var least = readyAt <= Now ? Blink : TimeSpan.FromMilliseconds(1);
        var patience = TimeSpan.FromTicks(Math.Clamp(Span(Math.Min(readyAt ?? lookAt, lookAt) - Now).Ticks, least.Ticks, LookEvery.Ticks));
        var asked = Now;
        await signal.WaitAsync(patience, stop);
        if (Span(Now - asked) < patience)
        {
            lookAt = Now; // somebody put something in
        }
    }

    private async Task LookAsync(CancellationToken ct)
    {
        foreach (var (organization, account, seen) in await queues.DueAsync(ct))
        {
            lock (gate)
            {
                if (turns.Count < SendQueues.LinesMax)
                {
                    var line = turns.Of(organization, account);
                    line.UsedAt = line.UsedAt == 0 ? Now : line.UsedAt;
                    (line.Idle, line.Seen) = (false, seen);
                }
            }
        }
    }

    // One turn: as many as the number may send at this moment, a batch at most.
    private async Task ServeAsync(SendLine line, int most, CancellationToken ct)
    {
        if (!sending.IsOpen)
        {
            line.NotBefore = Now + Ticks(LookEvery);
            return;
        }

        if (await FindAsync(line, ct) is not { } number)
        {
            await queues.RestAsync(line, null, ct);
            lock (gate)
            {
                turns.Remove(line);
            }

            return;
        }

        if (!number.MaySend || !number.HasToken)
        {
            line.NotBefore = Now + Ticks(number.MaySend ? NoTokenPause : NumberStoppedPause);
            return;
        }

        var pace = paces.Of(line.AccountId);
        var (asked, wait) = pace.Ask(number.MessagesPerSecondMax, most, Span(Now));
        if (asked == 0)
        {
            line.NotBefore = Now + Ticks(wait);
            return;
        }

        var paused = queues.IsPausedAsync(ct);
        var permits = await limits.TakeAsync(line.OrganizationId, number.Meta.PhoneNumberId, asked,
            pace.PerSecond(number.MessagesPerSecondMax), ct);
        if (await paused && permits.Granted > 0)
        {
            await limits.ReturnAsync(line.OrganizationId, number.Meta.PhoneNumberId, permits.Granted, permits.Window, ct);
            line.NotBefore = Now + Ticks(LookEvery);
            return;
        }

        if (permits.Granted == 0)
        {
            line.NotBefore = Now + Math.Max(Ticks(permits.NextWindowIn), Ticks(TimeSpan.FromMilliseconds(1)));
            return;
        }

        var queue = queues.Of(line.AccountId);
        var fetched = await queue.FetchAsync(permits.Granted, name, ct);
        pace.Use(fetched.Jobs.Count);
        if (fetched.Jobs.Count > 0)
        {
            hand!.Start(queue, fetched.Jobs, (batch, stop) => sender.HandleAsync(batch, line.AccountId,
                unused => GiveBackAsync(line, number.Meta.PhoneNumberId, pace, unused, permits.Window), stop));
            line.UsedAt = Now;
        }

        if (fetched.Jobs.Count < permits.Granted)
        {
            await limits.ReturnAsync(line.OrganizationId, number.Meta.PhoneNumberId, permits.Granted - fetched.Jobs.Count, permits.Window,
                ct);
        }

        if (fetched.Jobs.Count == 0)
        {
            await RestAsync(line, queue, fetched, ct);
        }
    }

    // Whoever is not sent to has not used the number's pace: what was cancelled, or waits with its campaign, holds up nobody behind it.
    private async Task GiveBackAsync(SendLine line, string phoneNumberId, PacedPermits pace, int unused, long window)
    {
        pace.Use(-unused);
        try
        {
            await limits.ReturnAsync(line.OrganizationId, phoneNumberId, unused, window);
        }
        catch (RedisException error)
        {
            log.LogWarning(error, "Sending: {Count} permits of number {PhoneNumberId} are lost for a second", unused, phoneNumberId);
        }

        line.NotBefore = 0;
        signal.Raise();
    }

    private async Task<SendingNumber?> FindAsync(SendLine line, CancellationToken ct)
    {
        try
        {
            return await numbers.FindAsync(line.OrganizationId, line.AccountId, ct);
        }
        catch (Refusal)
        {
            return null; // no such organization
        }
    }

    // Nothing to take: looked at again when the next delayed job is due, and every few seconds as long as it was used lately.
    private async Task RestAsync(SendLine line, MessageQueue queue, Fetched fetched, CancellationToken ct)
    {
        var now = clock.GetUtcNow();
        var next = now + IdleLook;
        next = fetched.LimitedMs > 0 ? Earlier(next, now.AddMilliseconds(fetched.LimitedMs))
            : fetched.NextDueMs > 0 ? Earlier(next, DateTimeOffset.FromUnixTimeMilliseconds(fetched.NextDueMs)) : next;
        var forget = fetched.NextDueMs == 0 && Now - line.UsedAt > Ticks(ForgottenAfter)
            && await queue.CountsAsync(ct) is { Waiting: 0, Active: 0, Delayed: 0, Prioritized: 0 };
        line.Idle = true;
        await queues.RestAsync(line, forget ? null : next, ct);
        if (forget)
        {
            lock (gate)
            {
                turns.Remove(line);
            }
        }
    }

    private async Task SweepAsync()
    {
        List<Guid> accounts;
        lock (gate)
        {
            accounts = [.. turns.All.Select(line => line.AccountId)];
        }

        foreach (var account in accounts)
        {
            var found = await queues.Of(account).SweepStalledAsync(StalledInterval, StallsMax);
            if (found.Count > 0)
            {
                log.LogWarning("Queue {Queue}: {Count} stalled jobs put back", SendQueues.NameOf(account), found.Count);
            }
        }
    }

    private int InHand(Guid organizationId) =>
        turns.All.Where(l => l.OrganizationId == organizationId).Sum(l => hand!.CountOf(SendQueues.NameOf(l.AccountId)));

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
                log.LogWarning(error, "Sending: {Work} failed; trying again in {PeriodMs} ms", work.Method.Name, period.TotalMilliseconds);
            }
        }
    }

    private long Now => clock.GetTimestamp();

    private long Ticks(TimeSpan span) => (long)(span.TotalSeconds * clock.TimestampFrequency);

    private TimeSpan Span(long timestamps) => TimeSpan.FromSeconds((double)timestamps / clock.TimestampFrequency);

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;
}
