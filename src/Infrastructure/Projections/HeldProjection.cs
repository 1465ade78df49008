using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Projections;

/// <summary>
/// A projection on one shard, while this process holds its lock: the view that serves, and, while a rebuild is under way, its copy beside
/// it. Whoever takes over finds the copy's row and
/// goes on where the copy stands. Decision: docs/decisions/0085.
/// </summary>
internal sealed partial class HeldProjection(IProjection projection, Shard shard, LogTail tail, LogReader reader, LogSignal signal,
    ProjectionProgress progress, TimeProvider clock, ILogger log)
{
    private static readonly TimeSpan AfterTrouble = TimeSpan.FromSeconds(1);

    private readonly ProjectionBoard board = new(shard);
    private readonly ProjectionRun live = new(projection, shard, tail, reader, signal, progress, clock, log);
    private ProjectionRun? copying;
    private bool paused;            // asked since this process holds it; what was asked before stands in both rows
    private ProjectionRequest? order;
    private TaskCompletionSource ordered = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>May be asked the same again until it has answered.</summary>
    public void Ask(ProjectionRequest what)
    {
        if (what is ProjectionRequest.Pause or ProjectionRequest.Resume)
        {
            paused = what == ProjectionRequest.Pause;
            live.Ask(what);
            copying?.Ask(what);
        }
        else if (what == ProjectionRequest.Retry && projection is PostgresProjection { OrderMatters: false })
        {
            live.Ask(what);
        }
        else
        {
            order = what;
            Volatile.Read(ref ordered).TrySetResult();
        }
    }

    /// <summary>Runs until cancelled, or until another runner turns up.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        using var both = CancellationTokenSource.CreateLinkedTokenSource(ct);
        var tasks = new[] { live.RunAsync(both.Token), RebuildsAsync(both.Token) };
        var first = await Task.WhenAny(tasks);
        await both.CancelAsync();
        await Task.WhenAll(tasks)
            .ContinueWith(static _ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        await (Array.Find(tasks, task => task.IsFaulted) ?? first); // one that ends takes the other along: what it died of is said
    }

    private async Task RebuildsAsync(CancellationToken ct)
    {
        await live.Entered.WaitAsync(ct);
        while (true)
        {
            try
            {
                await ObeyAsync(ct);
                // what is ordered from here on wakes us; what came in between is ordered again within a second
                var next = Volatile.Read(ref ordered).Task;
                if (projection.Beside is { } copy && await board.CopyAsync(projection.Name, ct) is not null)
                {
                    await CopyAsync(copy, next, ct);
                }
                else
                {
                    await next.WaitAsync(ct);
                }
            }
            catch (Exception failed) when (!ct.IsCancellationRequested && (StoreTrouble.Is(failed) || failed is CheckpointMoved))
            {
                LogAgain(projection.Name, shard.Name, failed);
                await Task.Delay(AfterTrouble, clock, ct);
            }
        }
    }

    private async Task ObeyAsync(CancellationToken ct)
    {
        if (order is not { } what)
        {
            return;
        }

        // What was read from the board a moment before it was carried out comes in once more: nobody asks for it any longer.
        if (projection.Beside is { } copy && await board.IsAskedAsync(projection.Name, what, ct))
        {
            if (what == ProjectionRequest.Cancel)
            {
                await live.WhileHeldAsync(_ => live.FinishSwapAsync(ct), ct); // too late to cancel what is half the view already
                await board.BeginCopyAsync(projection.Name, ct); // first: killed after this, nobody goes on with half a copy
                await copy.DropAsync(shard, ct);
                await board.ForgetCopyAsync(projection.Name, ct);
            }
            else if (await board.CopyAsync(projection.Name, ct) is null or ProjectionState.Stopped)
            {
                await board.BeginCopyAsync(projection.Name, ct);
            }
        }

        order = null;
        Volatile.Write(ref ordered, new(TaskCreationOptions.RunContinuationsAsynchronously));
        await board.DoneAsync(projection.Name, what, ct);
    }

    // Until the copy is the view, or somebody orders otherwise. What goes wrong without being a store's trouble is shown, and waits for a
    // new order.
    private async Task CopyAsync(IProjectionCopy copy, Task orders, CancellationToken ct)
    {
        // Where the view itself noted the end of a swap meanwhile, the copy's row is gone: a run of it would be another rebuild.
        if (await live.WhileHeldAsync(async _ => await live.FinishSwapAsync(ct) || await board.CopyAsync(projection.Name, ct) is null, ct))
        {
            LogRebuilt(projection.Name, shard.Name);
            return;
        }

        using var end = CancellationTokenSource.CreateLinkedTokenSource(ct);
        ProjectionRun run = null!;
        run = copying = new(copy, shard, tail, reader, signal, new(), clock, log) { CaughtUp = token => SwapAsync(copy, run, token) };
        if (paused)
        {
            run.Ask(ProjectionRequest.Pause);
        }

        LogRebuilding(projection.Name, shard.Name);
        var running = Task.Run(() => run.RunAsync(end.Token), end.Token);
        await Task.WhenAny(running, orders);
        copying = null;
        await end.CancelAsync();
        try
        {
            await running;
            LogRebuilt(projection.Name, shard.Name);
        }
        catch (OperationCanceledException) when (!ct.IsCancellationRequested)
        {
            // somebody ordered otherwise
        }
        catch (Exception failed) when (!StoreTrouble.Is(failed) && failed is not CheckpointMoved && !ct.IsCancellationRequested)
        {
            LogFailed(projection.Name, shard.Name, failed);
            await board.ReportAsync(copy.Name, ProjectionState.Stopped, failed.Message, 0, 0, null, ct);
            await orders.WaitAsync(ct);
        }
    }

    // Called again after a store's trouble, wherever that struck. True: the run of the copy is over.
    private Task<bool> SwapAsync(IProjectionCopy copy, ProjectionRun run, CancellationToken ct) => live.WhileHeldAsync(async seen =>
    {
        if (await live.FinishSwapAsync(ct) || await board.CopyAsync(projection.Name, ct) is null)
        {
            return true;
        }

        // After a restore from an earlier moment a view in another store may be ahead of the log; what is not in the log cannot be reached.
        if (!await run.ReachAsync(Math.Min(seen, await reader.EndAsync(ct)), ct))
        {
            return false;
        }

        if (await projection.CheckpointAsync(shard, ct) > seen)
        {
            throw new CheckpointMoved(projection.Name, seen); // a view does not go backwards
        }

        if (await copy.CheckpointAsync(shard, ct) > 0)
        {
            await board.SwappingAsync(projection.Name, ct);
        }

        if (await copy.SwapAsync(shard, ct))
        {
            await board.SwappedAsync(projection.Name, await projection.CheckpointAsync(shard, ct), ct);
        }

        return true;
    }, ct);

    [LoggerMessage(Level = LogLevel.Information, Message = "projection {Projection} on {Shard} is built anew beside the old one")]
    private partial void LogRebuilding(string projection, string shard);

    [LoggerMessage(Level = LogLevel.Information, Message = "projection {Projection} on {Shard} was built anew and serves")]
    private partial void LogRebuilt(string projection, string shard);

    [LoggerMessage(Level = LogLevel.Warning, Message = "projection {Projection} on {Shard}: its rebuild is taken up again")]
    private partial void LogAgain(string projection, string shard, Exception error);

    [LoggerMessage(Level = LogLevel.Error, Message = "projection {Projection} on {Shard}: its rebuild failed")]
    private partial void LogFailed(string projection, string shard, Exception error);
}
