using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Bsp.Application.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Bsp.Infrastructure.Projections;

/// <summary>
/// Runs every projection on every shard: in one process at a time each, woken by NOTIFY and by this process's own appends. Decision:
/// docs/decisions/0031.
/// </summary>
public sealed class ProjectionRunner(IEnumerable<IProjection> projections, Shards shards, LogReaders readers, LogSignals signals,
    TimeProvider clock, ILogger<ProjectionRunner> log) : BackgroundService
{
    private static readonly TimeSpan LookElsewhereEvery = TimeSpan.FromMilliseconds(50);

    private readonly Meter meter = new("Bsp.Projections");
    [Application.Common.Bounded("one a shard")]
    private readonly List<ShardRunner> running = [];

    private readonly IProjection[] all = [.. projections];
    [Application.Common.Bounded("one a projection and shard")]
    private readonly ConcurrentDictionary<(string Projection, string Shard), ProjectionProgress> progress = new();

    /// <summary>This build has a projection of this name.</summary>
    public bool Has(string projection) => all.Any(p => p.Name == projection);

    /// <summary>It makes a view, which can be built anew.</summary>
    /// <exception cref="ArgumentException">No projection has this name.</exception>
    public bool MayRebuild(string projection) => Named(projection).Beside is not null;

    /// <summary>How every projection fares on every shard, whichever process runs it.</summary>
    public async Task<IReadOnlyList<ProjectionStatus>> StatusAsync(CancellationToken ct = default)
    {
        var statuses = new List<ProjectionStatus>();
        foreach (var shard in shards.All)
        {
            var end = await readers.Of(shard).EndAsync(ct);
            statuses.AddRange(await new ProjectionBoard(shard).StatusAsync(end, ct));
        }

        return statuses;
    }

    /// <summary>
    /// Names of the projections of this build that are in trouble, whichever process runs them; null: none is. Anybody may read it, so the
    /// errors are in <c>/v1/projections</c> only.
    /// </summary>
    public async Task<string?> TroubleAsync(CancellationToken ct)
    {
        var troubled = new SortedSet<string>(StringComparer.Ordinal);
        foreach (var shard in shards.All)
        {
            troubled.UnionWith((await new ProjectionBoard(shard).TroubledAsync(ct))
                .Where(name => Has(name) || Array.Exists(all, p => CopyName.Of(p.Name) == name)).Select(name => $"{name} on {shard.Name}"));
            troubled.UnionWith(all.Where(p => ProgressOf(p, shard).IsTrouble).Select(p => $"{p.Name} on {shard.Name}"));
        }

        return troubled.Count == 0 ? null : $"{string.Join(", ", troubled)}: in trouble; GET /v1/projections says why.";
    }

    /// <summary>A shard from or to which an organization is moving at this moment; null: none.</summary>
    public async Task<string?> IsMovingAsync(CancellationToken ct)
    {
        foreach (var shard in shards.All)
        {
            await using var command = shard.App.CreateCommand("SELECT bsp.is_moving()");
            if (await command.ExecuteScalarAsync(ct) is true)
            {
                return shard.Name;
            }
        }

        return null;
    }

    /// <summary>Asks whoever runs it, on every shard; taken up within about a second.</summary>
    /// <exception cref="ArgumentException">No projection has this name.</exception>
    public async Task RequestAsync(string projection, ProjectionRequest request, CancellationToken ct)
    {
        _ = Named(projection);
        foreach (var shard in shards.All)
        {
            await new ProjectionBoard(shard).AskAsync(projection, request, ct);
        }
    }

    /// <summary>Waits until a view is complete up to a position of its shard.</summary>
    /// <param name="sequence">Of this shard's log; 0 returns at once.</param>
    /// <param name="max">How long.</param>
    /// <exception cref="ViewBehind">It was not in time.</exception>
    /// <exception cref="ArgumentException">No projection has this name.</exception>
    public async Task WaitAsync(string projection, Shard shard, long sequence, TimeSpan max, CancellationToken ct)
    {
        var view = Named(projection);
        var known = ProgressOf(view, shard);
        var began = clock.GetTimestamp();
        while (true)
        {
            var next = known.Next;
            if (known.Complete >= sequence
                || (known.Complete == ProjectionProgress.Elsewhere && await view.CheckpointAsync(shard, ct) >= sequence))
            {
                return;
            }

            known.Hurry();
            var left = max - clock.GetElapsedTime(began);
            if (left <= TimeSpan.Zero)
            {
                throw new ViewBehind(projection);
            }

            var wait = known.Complete == ProjectionProgress.Elsewhere && left > LookElsewhereEvery ? LookElsewhereEvery : left;
            using var over = CancellationTokenSource.CreateLinkedTokenSource(ct);
            await Task.WhenAny(next, Task.Delay(wait, clock, over.Token));
            await over.CancelAsync();
            ct.ThrowIfCancellationRequested();
        }
    }

    public override void Dispose()
    {
        meter.Dispose();
        base.Dispose();
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (all.Length == 0)
        {
            return Task.CompletedTask;
        }

        running.AddRange(shards.All.Select(shard =>
            new ShardRunner(all, shard, readers.Of(shard), signals.Of(shard), projection => ProgressOf(projection, shard), clock, log)));
        Measure("bsp_projection_here", "1: this process runs it; the other figures are 0 where it does not.", (_, _) => 1);
        Measure("bsp_projection_lag", "Numbers of the log still to go through.", (progress, shard) =>
            Math.Max(0, shard.End - progress.Complete));
        Measure("bsp_projection_events_per_second", "Of the last seconds, of its own event types.", (progress, _) =>
            progress.EventsPerSecond);
        meter.CreateObservableGauge("bsp_projection_trouble", () =>
            Each((progress, _) => progress.IsTrouble ? 1 : 0), description: "1: it waits for a store, has stopped, or its runs end.");
        return Task.WhenAll(running.Select(shard => shard.RunAsync(stoppingToken)));
    }

    private void Measure(string name, string description, Func<ProjectionProgress, ShardRunner, double> value) =>
        meter.CreateObservableGauge(name, () =>
        Each((progress, shard) => progress.Complete == ProjectionProgress.Elsewhere ? 0 : value(progress, shard)),
        description: description);

    private IEnumerable<Measurement<double>> Each(Func<ProjectionProgress, ShardRunner, double> value) =>
        from shard in running
        from projection in all
        select new Measurement<double>(value(ProgressOf(projection, shard.Shard), shard), new("projection", projection.Name),
            new("shard", shard.Shard.Name));

    private IProjection Named(string projection) => all.FirstOrDefault(p => p.Name == projection)
        ?? throw new ArgumentException($"There is no projection {projection}.", nameof(projection));

    private ProjectionProgress ProgressOf(IProjection projection, Shard shard) =>
        progress.GetOrAdd((projection.Name, shard.Name), _ => new());
}
