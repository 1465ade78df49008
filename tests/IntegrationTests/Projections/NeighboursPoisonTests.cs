using System.Diagnostics.Metrics;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.EventStore;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.Projections;

/// <summary>Whose fault it is: an organization's events, or the projection.</summary>
public sealed class NeighboursPoisonTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_organizations_poison_parks_its_own_events_and_the_view_goes_on_for_the_others()
    {
        var view = await RunnerProcess.NewViewAsync(database);
        await using var process = await RunnerProcess.StartAsync(database, view);
        var (bad, good) = (await database.NewOrganizationAsync(), await database.NewOrganizationAsync());
        var last = await PauseAsync(process, bad, view.Poison, 130);
        last = await PauseAsync(process, good, "fine", 3);

        await process.Runner.WaitAsync(view.Name, database.Shard, last, RunnerProcess.Patience, Ct);

        (await view.RowsAsync(database, good)).ShouldBe(3);
        await RunnerProcess.UntilAsync(async () =>
            (await process.StatusAsync(view)) is { State: ProjectionState.Running, Parked: 130 });
    }

    [Fact]
    public async Task A_view_that_takes_nothing_of_anybody_is_broken_and_stops()
    {
        var view = await RunnerProcess.NewViewAsync(database);
        await using var process = await RunnerProcess.StartAsync(database, view);
        for (var n = 0; n < 6; n++)
        {
            await PauseAsync(process, await database.NewOrganizationAsync(), view.Poison, 25);
        }

        await RunnerProcess.UntilAsync(async () => (await process.StatusAsync(view)).State == ProjectionState.Stopped);
        (await process.StatusAsync(view)).Parked.ShouldBeLessThan(150);
        await RunnerProcess.UntilAsync(() => IsTroubleAsync(process, view));
    }

    [Fact]
    public async Task A_run_that_ends_is_trouble_everywhere_until_one_works_again()
    {
        var view = await RunnerProcess.NewViewAsync(database);
        var dying = new Dying(view) { Dies = true };
        var seen = new Dictionary<string, double>();
        using var listener =
            new MeterListener { InstrumentPublished = (instrument, l) =>
                { if (instrument.Name == "bsp_projection_trouble") { l.EnableMeasurementEvents(instrument); } } };
        listener.SetMeasurementEventCallback<double>((_, value, tags, _) =>
        {
            foreach (var tag in tags)
            {
                if (tag.Key == "projection" && tag.Value is string name)
                {
                    seen[name] = value;
                }
            }
        });
        listener.Start();
        await using var process = await RunnerProcess.StartAsync(database, dying);

        await RunnerProcess.UntilAsync(async () =>
            (await process.StatusAsync(view)) is { State: ProjectionState.Waiting, Error: { } error }
            && error.Contains("no checkpoint", StringComparison.Ordinal));
        await RunnerProcess.UntilAsync(() => MeasuredAsync(1));
        await RunnerProcess.UntilAsync(() => IsTroubleAsync(process, view));

        dying.Dies = false;
        await RunnerProcess.UntilAsync(async () => (await process.StatusAsync(view)) is { State: ProjectionState.Running, Error: null });
        await RunnerProcess.UntilAsync(async () => !await IsTroubleAsync(process, view));
        await RunnerProcess.UntilAsync(() => MeasuredAsync(0));

        // Other applications of this process measure themselves, too, and may end meanwhile.
        Task<bool> MeasuredAsync(double wanted)
        {
            try
            {
                listener.RecordObservableInstruments();
            }
            catch (AggregateException)
            {
                return Task.FromResult(false);
            }

            return Task.FromResult(seen.TryGetValue(view.Name, out var value) && value == wanted);
        }
    }

    private static async Task<bool> IsTroubleAsync(RunnerProcess process, PausesView view) =>
        (await process.Runner.TroubleAsync(Ct))?.Contains(view.Name, StringComparison.Ordinal) == true;

    private static async Task<long> PauseAsync(RunnerProcess process, Guid organization, string reason, int count)
    {
        var streams = Enumerable.Range(0, count).Select(_ => Uuid.New()).ToList();
        return (await process.Store.AppendAsync(organization, [.. streams.Select(s => Append(s, 0, Paused(s, reason)))],
            Ct)).LastPosition.Sequence;
    }

    private sealed class Dying(PausesView view) : IProjection
    {
        public bool Dies { get; set; }

        public string Name => view.Name;

        public IReadOnlyCollection<string>? EventTypes => view.EventTypes;

        public int PageEventsMax => view.PageEventsMax;

        public Task<long> CheckpointAsync(Shard shard, CancellationToken ct) =>
            Dies ? throw new InvalidOperationException("there is no checkpoint: no checkpoint") : view.CheckpointAsync(shard, ct);

        public Task ApplyAsync(EventPage page, CancellationToken ct) => view.ApplyAsync(page, ct);
    }
}
