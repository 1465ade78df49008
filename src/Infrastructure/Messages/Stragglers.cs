using Bsp.Application.Common;

namespace Bsp.Infrastructure.Messages;

/// <summary>
/// Calls whose answer is still awaited when their batch goes on: one that hangs for the whole of the time-out holds up nobody else.
/// </summary>
internal sealed class Stragglers
{
    /// <summary>
    /// So many at once; with more, batches wait for all their calls. Also what a kill -9 may leave unknown besides the batches.
    /// </summary>
    public const int CallsMax = 400;

    [Bounded("CallsMax, and what one batch adds")]
    private readonly HashSet<Task> all = [];

    /// <summary>Whether a batch may leave some behind.</summary>
    public bool MayLeave
    {
        get
        {
            lock (all)
            {
                return all.Count < CallsMax;
            }
        }
    }

    /// <param name="calls">Each ends when its outcome is written, and never fails.</param>
    public void Follow(IEnumerable<Task> calls)
    {
        foreach (var call in calls)
        {
            lock (all)
            {
                all.Add(call);
            }

            _ = call.ContinueWith(ended =>
            {
                lock (all)
                {
                    all.Remove(ended);
                }
            }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        }
    }

    /// <summary>Ends with the last of those that are followed now.</summary>
    public Task EndAsync()
    {
        lock (all)
        {
            return Task.WhenAll(all);
        }
    }
}
