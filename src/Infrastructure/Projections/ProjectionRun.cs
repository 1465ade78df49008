using System.Collections.Frozen;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Projections;

/// <summary>One projection on one shard, while this process holds its lock: page after page, checkpoint with effects.</summary>
internal sealed partial class ProjectionRun(IProjection projection, Shard shard, LogTail tail, LogReader reader, LogSignal signal, ProjectionProgress progress, TimeProvider clock, ILogger log)
{
    private const int ParkedInARowMax = 100;
    private static readonly TimeSpan PollEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan ReportEvery = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan BareMoveEvery = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RetryDelayMax = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan[] PoisonRetries = [TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(2)];

    private readonly ProjectionBoard board = new(shard);
    private readonly FrozenSet<string>? types = projection.EventTypes?.ToFrozenSet();
    private ProjectionState state = ProjectionState.Running;
    private string? error;
    private long stored;            // the view's own checkpoint
    private long seen;              // nothing of its types lies between
    private long rebuildTo;
    private int parkedInARow;
    private long appliedSinceReport;
    private double rate;
    private long reportedAt;
    private long movedAt;
    private (ProjectionState, string?, long) reported;
    private ProjectionRequest? request;
    private TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Somebody asks for something; looked at before the next page.</summary>
    public void Ask(ProjectionRequest what)
    {
        request = what;
        Volatile.Read(ref asked).TrySetResult();
    }

    /// <summary>Runs until cancelled or until another runner turns up. Store trouble is waited out here.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        try
        {
            await UntilItWorksAsync(async () =>
            {
                state = await board.EnterAsync(projection.Name, ct) is var left and (ProjectionState.Paused or ProjectionState.Rebuilding) ? left : ProjectionState.Running;
                stored = seen = await projection.CheckpointAsync(shard, ct);
                rebuildTo = state == ProjectionState.Rebuilding ? await reader.EndAsync(ct) : 0;
            }, ct);
            (movedAt, reportedAt) = (clock.GetTimestamp(), clock.GetTimestamp());
            while (true)
            {
                ct.ThrowIfCancellationRequested();
                progress.Complete = seen;
                await UntilItWorksAsync(() => ObeyAsync(ct), ct);
                await ReportAsync(ct);
                if (state is ProjectionState.Paused or ProjectionState.Stopped)
                {
                    await AnyAsync(PollEvery, Volatile.Read(ref asked).Task, ct);
                }
                else
                {
                    await StepAsync(ct);
                }
            }
        }
        finally
        {
            progress.Complete = ProjectionProgress.Elsewhere;
        }
    }

    private async Task StepAsync(CancellationToken ct)
    {
        var next = signal.Next;
        LogPage page = null!;
        await UntilItWorksAsync(async () => page = await tail.ReadAsync(seen, types, projection.PageEventsMax, ct), ct);
        if (page.Events.Count > 0)
        {
            await ApplyAsync(new(shard, stored, page.UpTo, page.Events), ct);
        }

        if (state != ProjectionState.Stopped)
        {
            seen = Math.Max(seen, page.UpTo);
            if (state == ProjectionState.Rebuilding && seen >= rebuildTo)
            {
                state = ProjectionState.Running;
            }
        }

        if (page.UpTo == page.After)
        {
            var wait = seen > stored ? BareMoveEvery : PollEvery;
            await AnyAsync(wait, Task.WhenAny(next, Volatile.Read(ref asked).Task), ct);
        }

        if (seen > stored && state != ProjectionState.Stopped && clock.GetElapsedTime(movedAt) >= BareMoveEvery)
        {
            await ApplyAsync(new(shard, stored, seen, []), ct);
        }
    }

    // Store trouble: again, ever more slowly. Anything else: halve until the bad event stands alone.
    private async Task ApplyAsync(EventPage page, CancellationToken ct)
    {
        if (page.Events.Count == 1 && page.Events[0].Body is UnreadableBody unreadable)
        {
            await PoisonAsync(page, new InvalidDataException(unreadable.Error), ct);
            return;
        }

        var tried = page.Events.Any(stored => stored.Body is UnreadableBody) ? new InvalidDataException("The page holds an unreadable body.") : await TryAsync(page, ct);
        if (tried is null)
        {
            return;
        }

        if (page.Events.Count <= 1)
        {
            await PoisonAsync(page, tried, ct);
            return;
        }

        var half = page.Events.Count / 2;
        await ApplyAsync(new(shard, page.After, page.Events[half - 1].Sequence, [.. page.Events.Take(half)]), ct);
        if (state != ProjectionState.Stopped)
        {
            await ApplyAsync(new(shard, stored, page.UpTo, [.. page.Events.Skip(half)]), ct);
        }
    }

    private async Task<Exception?> TryAsync(EventPage page, CancellationToken ct)
    {
        Exception? bad = null;
        await UntilItWorksAsync(async () =>
        {
            try
            {
                await projection.ApplyAsync(page, ct);
                Applied(page);
            }
            catch (Exception failed) when (!ct.IsCancellationRequested)
            {
                // The page may have been committed before the answer was lost.
                stored = await projection.CheckpointAsync(shard, ct);
                if (stored == page.UpTo)
                {
                    Applied(page);
                    return;
                }

                if (stored != page.After || failed is CheckpointMoved)
                {
                    throw new CheckpointMoved(projection.Name, page.After);
                }

                if (StoreTrouble.Is(failed))
                {
                    throw;
                }

                bad = failed;
            }
        }, ct);
        return bad;
    }

    private void Applied(EventPage page)
    {
        stored = page.UpTo;
        seen = Math.Max(seen, stored);
        movedAt = clock.GetTimestamp();
        if (page.Events.Count > 0)
        {
            parkedInARow = 0;
            appliedSinceReport += page.Events.Count;
        }
    }

    private async Task PoisonAsync(EventPage page, Exception failed, CancellationToken ct)
    {
        foreach (var delay in failed is InvalidDataException ? [] : PoisonRetries)
        {
            await Task.Delay(delay, clock, ct);
            if (await TryAsync(page, ct) is not { } again)
            {
                return;
            }

            failed = again;
        }

        if (page.Events.Count == 0 || projection.OnPoison == OnPoison.Stop || parkedInARow >= ParkedInARowMax)
        {
            (state, error) = (ProjectionState.Stopped, failed.Message);
            LogStopped(projection.Name, shard.Name, page.After, failed);
            return;
        }

        var bad = page.Events[0];
        LogParked(projection.Name, shard.Name, bad.Sequence, bad.Type, failed);
        await UntilItWorksAsync(() => board.ParkAsync(projection.Name, bad, failed.Message, ct), ct);
        parkedInARow++;
        await ApplyAsync(page with { Events = [] }, ct);
    }

    private async Task ObeyAsync(CancellationToken ct)
    {
        if (request is not { } what)
        {
            return;
        }

        switch (what)
        {
            case ProjectionRequest.Pause:
                (state, error) = (ProjectionState.Paused, null);
                break;
            case ProjectionRequest.Resume:
                (state, error, parkedInARow) = (rebuildTo > stored ? ProjectionState.Rebuilding : ProjectionState.Running, null, 0);
                seen = stored;
                break;
            default:
                await projection.ResetAsync(shard, ct);
                await board.UnparkAllAsync(projection.Name, ct);
                rebuildTo = await reader.EndAsync(ct);
                (state, error, stored, seen, parkedInARow) = (ProjectionState.Rebuilding, null, 0, 0, 0);
                progress.Complete = 0;
                break;
        }

        await board.ReportAsync(projection.Name, state, error, rate, Sequence, ct);
        await board.DoneAsync(projection.Name, what, ct);
        Volatile.Write(ref asked, new(TaskCreationOptions.RunContinuationsAsynchronously));
        request = null;
    }

    private async Task UntilItWorksAsync(Func<Task> work, CancellationToken ct)
    {
        var before = state;
        for (var delay = TimeSpan.FromMilliseconds(100); ; delay = delay * 2 < RetryDelayMax ? delay * 2 : RetryDelayMax)
        {
            try
            {
                await work();
                if (state == ProjectionState.Waiting)
                {
                    (state, error) = (before, null);
                }

                return;
            }
            catch (Exception failed) when (StoreTrouble.Is(failed) && !ct.IsCancellationRequested)
            {
                if (state != ProjectionState.Waiting)
                {
                    before = state;
                    LogWaiting(projection.Name, shard.Name, failed);
                }

                (state, error) = (ProjectionState.Waiting, failed.Message);
                await ReportAsync(ct);
                await Task.Delay(delay, clock, ct);
            }
        }
    }

    private long? Sequence => projection is PostgresProjection ? null : stored;

    private async Task ReportAsync(CancellationToken ct)
    {
        var elapsed = clock.GetElapsedTime(reportedAt);
        var changed = (state, error) != (reported.Item1, reported.Item2);
        if (!changed && (elapsed < ReportEvery || (reported.Item3 == stored && rate < 0.5 && appliedSinceReport == 0)))
        {
            return;
        }

        if (elapsed >= ReportEvery)
        {
            var current = appliedSinceReport / elapsed.TotalSeconds;
            rate = rate > 0 && current > 0 ? (rate + current) / 2 : current;
            (appliedSinceReport, reportedAt) = (0, clock.GetTimestamp());
        }

        reported = (state, error, stored);
        try
        {
            await board.ReportAsync(projection.Name, state, error, rate, Sequence, ct);
        }
        catch (Exception failed) when (StoreTrouble.Is(failed) && !ct.IsCancellationRequested)
        {
            reported = default; // nobody could read it either; it is written again
        }
    }

    private async Task AnyAsync(TimeSpan max, Task sign, CancellationToken ct)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAny(sign, Task.Delay(max, clock, done.Token));
        await done.CancelAsync();
        ct.ThrowIfCancellationRequested();
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "projection {Projection} on {Shard} waits: a store does not answer")]
    private partial void LogWaiting(string projection, string shard, Exception error);

    [LoggerMessage(Level = LogLevel.Error, Message = "projection {Projection} on {Shard}: event {Sequence} ({Type}) was parked")]
    private partial void LogParked(string projection, string shard, long sequence, string type, Exception error);

    [LoggerMessage(Level = LogLevel.Error, Message = "projection {Projection} on {Shard} stopped after {After}")]
    private partial void LogStopped(string projection, string shard, long after, Exception error);
}
