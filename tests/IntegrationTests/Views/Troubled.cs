using Bsp.Application.Common;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;

namespace Bsp.IntegrationTests.Views;

/// <summary>
/// A view whose copy's first swap succeeds in its store without the runner hearing of it: the answer is lost, or the runner dies waiting
/// for it.
/// </summary>
internal sealed class Troubled(IProjection view, bool dies = false) : IProjection
{
    private readonly Copy copy = new(view.Beside!, dies);

    public string Name => view.Name;

    public IReadOnlyCollection<string>? EventTypes => view.EventTypes;

    public int PageEventsMax => view.PageEventsMax;

    public OnPoison OnPoison => view.OnPoison;

    public IProjectionCopy? Beside => copy;

    /// <summary>How often the view was begun anew after its store had swapped. (Before that a begin may be repeated: a store that did not
    /// answer, or an order that was read twice, begins the copy again.)</summary>
    public int BuildsAfterSwap => copy.BuildsAfterSwap;

    /// <summary>Completes when the store has swapped.</summary>
    public Task Swapped => copy.Swapped.Task;

    public Task<long> CheckpointAsync(Shard shard, CancellationToken ct) => view.CheckpointAsync(shard, ct);

    public Task ApplyAsync(EventPage page, CancellationToken ct) => view.ApplyAsync(page, ct);

    private sealed class Copy(IProjectionCopy copy, bool dies) : IProjectionCopy
    {
        public TaskCompletionSource Swapped { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public int BuildsAfterSwap { get; private set; }

        public string Name => copy.Name;

        public IReadOnlyCollection<string>? EventTypes => copy.EventTypes;

        public int PageEventsMax => copy.PageEventsMax;

        public OnPoison OnPoison => copy.OnPoison;

        public Task<long> CheckpointAsync(Shard shard, CancellationToken ct) => copy.CheckpointAsync(shard, ct);

        public Task ApplyAsync(EventPage page, CancellationToken ct) => copy.ApplyAsync(page, ct);

        public Task BeginAsync(Shard shard, CancellationToken ct)
        {
            BuildsAfterSwap += Swapped.Task.IsCompleted ? 1 : 0;
            return copy.BeginAsync(shard, ct);
        }

        public async Task<bool> SwapAsync(Shard shard, CancellationToken ct)
        {
            var swapped = await copy.SwapAsync(shard, ct);
            if (swapped && Swapped.TrySetResult())
            {
                await (dies ? Task.Delay(Timeout.Infinite, ct)
                    : Task.FromException(new StoreUnavailable("a store", new IOException("The answer was lost."))));
            }

            return swapped;
        }

        public Task<bool> FinishAsync(Shard shard, CancellationToken ct) => copy.FinishAsync(shard, ct);

        public Task DropAsync(Shard shard, CancellationToken ct) => copy.DropAsync(shard, ct);
    }
}
