using System.Collections.Frozen;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Projections;

/// <summary>
/// One view, or one copy of a view, on one shard, while this process holds its lock: page after page, checkpoint with effects.
/// </summary>
internal sealed partial class ProjectionRun(IProjection projection, Shard shard, LogTail tail, LogReader reader, LogSignal signal,
    ProjectionProgress progress, TimeProvider clock, ILogger log)
{
    private const int ParkedInARowMax = 100;
    private const int FailingOrganizationsMin = 2;
    private const int FailingOrganizationsMax = 5;

    // Bad events of one organization in a row with each of which it waits a little, in case it was no event's fault. The others wait for
    // that, so not with all.
    private const int PatientWith = 2;

    // Times that a page is too much for a store which answers otherwise.
    private const int ExhaustedMax = 6;

    // A page of so many is as cheap an event as it gets.
    private const int GatherEventsMax = 500;

    // Only a safety net: appends of this process, NOTIFY and the shard's own look at the fence once a second wake it.
    private static readonly TimeSpan LookAnywayEvery = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan BareMoveEvery = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan RetryDelayMax = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan[] PoisonRetries =
        [TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(2)];

    private readonly ProjectionBoard board = new(shard);
    private readonly ProjectionReport report = new(new(shard), projection, progress, clock);
    private readonly FrozenSet<string>? types = projection.EventTypes?.ToFrozenSet();
    private readonly LogAhead ahead = new(reader, projection.EventTypes, projection.PageEventsMax);
    private readonly Pace pace = new(signal, clock, projection is IProjectionCopy ? Pace.Rebuild : Pace.CatchUp);
    private readonly SemaphoreSlim turn = new(1, 1);
    private readonly TaskCompletionSource entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ProjectionState state = Following(projection);
    private string? error;
    private long stored;            // the view's own checkpoint
    private long seen;              // nothing of its types lies between
    private bool far;               // the log is read ahead
    private readonly Dictionary<Guid, int> failing = []; // organizations of which nothing was taken since, with the events parked
    private long movedAt;
    private ProjectionRequest? request;
    private Task waitFor = Task.CompletedTask;
    private bool reload;            // somebody replaced the view
    private TaskCompletionSource asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Of a copy: called when it has reached the end of the log. True: it is the view now, and the run is over.</summary>
    public Func<CancellationToken, Task<bool>>? CaughtUp { get; init; }

    /// <summary>Completes when it knows where it stands; a swap that was killed half-way is complete by then.</summary>
    public Task Entered => entered.Task;

    /// <summary>Somebody asks for something; looked at before the next page.</summary>
    public void Ask(ProjectionRequest what)
    {
        request = what;
        Volatile.Read(ref asked).TrySetResult();
    }

    /// <summary>
    /// Runs until cancelled, until another runner turns up, or until the copy has become the view. Store trouble is waited out here.
    /// </summary>
    public async Task RunAsync(CancellationToken ct)
    {
        try
        {
            await UntilItWorksAsync(() => EnterAsync(ct), ct);
            entered.TrySetResult();
            while (true)
            {
                ct.ThrowIfCancellationRequested();
                progress.Complete = seen;
                var (wait, over) = await TurnAsync(ct);
                if (over)
                {
                    return;
                }

                if (wait > TimeSpan.Zero)
                {
                    await AnyAsync(wait, waitFor, Volatile.Read(ref asked).Task, ct);
                }
            }
        }
        finally
        {
            progress.Complete = ProjectionProgress.Elsewhere;
            entered.TrySetCanceled(CancellationToken.None);
        }
    }

    /// <summary>
    /// While it stands still between two pages: <paramref name="work"/> is told how far it is, and may replace the view under it.
    /// </summary>
    public async Task<bool> WhileHeldAsync(Func<long, Task<bool>> work, CancellationToken ct)
    {
        await turn.WaitAsync(ct);
        try
        {
            return await work(seen);
        }
        finally
        {
            reload = true;
            turn.Release();
        }
    }

    /// <summary>
    /// Of a copy at the end of the log: goes on without a pause until it is complete up to <paramref name="sequence"/>. False: an event
    /// stopped it.
    /// </summary>
    public async Task<bool> ReachAsync(long sequence, CancellationToken ct)
    {
        while (seen < sequence && state != ProjectionState.Stopped)
        {
            await StepAsync(ct);
        }

        if (seen > stored && state != ProjectionState.Stopped)
        {
            await ApplyAsync(new(shard, stored, seen, []), ct);
        }

        return state != ProjectionState.Stopped;
    }

    /// <summary>
    /// Of a view into which nobody writes meanwhile: completes a swap that was begun, and notes one that its store completed without
    /// anybody noting it. True: the copy is the view now. Called
    /// before anything is written to the copy: what were written to a copy that is the view already would lie beside it, empty but for
    /// that.
    /// </summary>
    public async Task<bool> FinishSwapAsync(CancellationToken ct)
    {
        if (projection.Beside is not { } copy)
        {
            return false;
        }

        if (!await copy.FinishAsync(shard, ct))
        {
            if (!await board.IsSwappingAsync(projection.Name, ct) || await copy.CheckpointAsync(shard, ct) > 0)
            {
                return false;
            }

            await copy.DropAsync(shard, ct);
        }

        await board.SwappedAsync(projection.Name, await projection.CheckpointAsync(shard, ct), ct);
        return true;
    }

    private static ProjectionState Following(IProjection projection) =>
        projection is IProjectionCopy ? ProjectionState.Rebuilding : ProjectionState.Running;

    private async Task EnterAsync(CancellationToken ct)
    {
        var (left, shown) = await board.EnterAsync(projection.Name, ct);
        if (projection is IProjectionCopy copy && (shown == 0 || await copy.CheckpointAsync(shard, ct) == 0))
        {
            await copy.BeginAsync(shard, ct); // asked for just now; killed before the first page was reported; or its store lost it
        }

        state = left == ProjectionState.Paused ? left : Following(projection);
        if (progress.Ended is { } ended && state == Following(projection))
        {
            (state, error) = (ProjectionState.Waiting, ended); // until it has done what the run before it died of
        }

        await ReloadAsync(ct);
        movedAt = clock.GetTimestamp();
        report.Begin();
    }

    private async Task ReloadAsync(CancellationToken ct)
    {
        await FinishSwapAsync(ct); // no page is applied to what is half replaced
        stored = seen = await projection.CheckpointAsync(shard, ct);
        report.From(seen);
        far = await ahead.LookAsync(seen, ct);
        reload = false;
    }

    // What is done while nobody may replace the view: obey, and apply at most one page. Then how long to wait.
    private async Task<(TimeSpan Wait, bool Over)> TurnAsync(CancellationToken ct)
    {
        await turn.WaitAsync(ct);
        try
        {
            if (reload)
            {
                await UntilItWorksAsync(() => ReloadAsync(ct), ct);
            }

            await UntilItWorksAsync(() => ObeyAsync(ct), ct);
            await report.TellAsync((state, error, stored), seen, ct);
            if (state is ProjectionState.Paused or ProjectionState.Stopped)
            {
                waitFor = Volatile.Read(ref asked).Task;
                return (LookAnywayEvery, false);
            }

            waitFor = signal.Next;
            progress.Looked();
            pace.Begin();
            var page = await StepAsync(ct);
            await RecoveredAsync(ct);
            if (CaughtUp is not null && state != ProjectionState.Stopped && !far && page.Events.Count < projection.PageEventsMax / 2)
            {
                var over = false;
                await UntilItWorksAsync(async () => over = await CaughtUp(ct), ct);
                return (TimeSpan.Zero, over);
            }

            if (page.UpTo == page.After)
            {
                var rests = report.Says((state, error, stored)) ? LookAnywayEvery : ProjectionReport.Every;
                return (seen > stored ? BareMoveEvery : rests, false);
            }

            if (far)
            {
                waitFor = Volatile.Read(ref asked).Task;
                return (pace.Rest(ahead.End - seen), false);
            }

            if (CaughtUp is null && page.Events.Count < Math.Max(GatherEventsMax, projection.PageEventsMax / 2))
            {
                waitFor = progress.Hurried;
                return (pace.Gather(projection.GatherFor), false);
            }

            return (TimeSpan.Zero, false);
        }
        finally
        {
            turn.Release();
        }
    }

    // A page was read, and taken: what an earlier run ended with is over.
    private async Task RecoveredAsync(CancellationToken ct)
    {
        if (progress.Ended is not null)
        {
            progress.Ended = null;
            (state, error) = state == ProjectionState.Waiting ? (Following(projection), null) : (state, error);
            await report.TellAsync((state, error, stored), seen, ct);
        }
    }

    private async Task<LogPage> StepAsync(CancellationToken ct)
    {
        LogPage page = null!;
        await UntilItWorksAsync(async () => page = await ReadAsync(ct), ct);
        if (page.Events.Count > 0)
        {
            await ApplyAsync(new(shard, stored, page.UpTo, page.Events), ct);
        }

        if (state != ProjectionState.Stopped)
        {
            seen = Math.Max(seen, page.UpTo);
        }

        if (seen > stored && state != ProjectionState.Stopped && clock.GetElapsedTime(movedAt) >= BareMoveEvery)
        {
            await ApplyAsync(new(shard, stored, seen, []), ct);
        }

        return page;
    }

    private async Task<LogPage> ReadAsync(CancellationToken ct)
    {
        if ((far && seen >= ahead.End) || (!far && tail.IsPast(seen)))
        {
            far = await ahead.LookAsync(seen, ct);
        }

        return far ? await ahead.ReadAsync(seen, pace.Others, ct) : await tail.ReadAsync(seen, types, projection.PageEventsMax, ct);
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
            case ProjectionRequest.Retry:
                await RetryParkedAsync(ct);
                break;
            default:
                (state, error) = (Following(projection), null);
                failing.Clear();
                seen = stored;
                break;
        }

        await report.WriteAsync((state, error, stored), ct);
        await board.DoneAsync(projection.Name, what, ct);
        Volatile.Write(ref asked, new(TaskCreationOptions.RunContinuationsAsynchronously));
        request = null;
    }

    private async Task UntilItWorksAsync(Func<Task> work, CancellationToken ct)
    {
        var (before, troubled) = (state, false);
        for (var delay = TimeSpan.FromMilliseconds(100); ; delay = delay * 2 < RetryDelayMax ? delay * 2 : RetryDelayMax)
        {
            try
            {
                await work();
                if (troubled)
                {
                    // The work may have said how things stand (it found the view paused, an event stopped it); that a store was away is
                    // over in any case.
                    (state, error) = (state == ProjectionState.Waiting ? before : state, state == ProjectionState.Stopped ? error : null);
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

                (state, error, troubled) = (ProjectionState.Waiting, failed.Message, true);
                await report.TellAsync((state, error, stored), seen, ct);
                await Task.Delay(delay, clock, ct);
            }
        }
    }

    // One flat WhenAny: it takes its continuations back, while one inside another would leave one on the longest-lived task at every look.
    private async Task AnyAsync(TimeSpan max, Task sign, Task other, CancellationToken ct)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(ct);
        await Task.WhenAny(sign, other, Task.Delay(max, clock, done.Token));
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
