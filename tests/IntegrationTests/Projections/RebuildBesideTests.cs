using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.IntegrationTests.EventStore;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.Projections;

/// <summary>What readers of a view see while it is built anew, and what becomes of a rebuild that meets trouble.</summary>
public sealed class RebuildBesideTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task The_old_view_serves_and_follows_the_log_while_the_new_one_is_built_and_waiting_for_it_does_not_lie()
    {
        var view = await RunnerProcess.NewViewAsync(database);
        await using var process = await RunnerProcess.StartAsync(database, view);
        var organization = await database.NewOrganizationAsync();
        var first = await PauseAsync(process, organization, 250);
        await process.Runner.WaitAsync(view.Name, database.Shard, first.Sequence, RunnerProcess.Patience, Ct);
        await database.AdminQueryAsync($"UPDATE public.{view.Table} SET reason = 'spoiled'", _ => 0);
        var gate = new TaskCompletionSource();
        view.Next.Gate = gate.Task;
        await process.Runner.RequestAsync(view.Name, ProjectionRequest.Rebuild, Ct);
        await RunnerProcess.UntilAsync(async () =>
            (await process.StatusAsync(view)) is { Shown: ProjectionState.Rebuilding, Pending: null });

        for (var n = 0; n < 5; n++)
        {
            var last = await PauseAsync(process, organization, 1);
            await process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, RunnerProcess.Patience, Ct);
            (await view.RowsAsync(database, organization)).ShouldBe(251 + n); // what was waited for is there, in the view that serves
        }

        var during = await process.StatusAsync(view);
        during.Rebuild!.State.ShouldBe(ProjectionState.Rebuilding);
        during.RebuildPercent.ShouldBe(0);
        (await view.ContentAsync(database)).ShouldContain(row => row.Contains("spoiled"));

        gate.SetResult();
        await RunnerProcess.UntilAsync(async () =>
        {
            (await view.RowsAsync(database, organization)).ShouldBe(255); // never less, at whatever moment somebody looks
            return (await process.StatusAsync(view)) is { Rebuild: null };
        });
        (await view.ContentAsync(database)).ShouldNotContain(row => row.Contains("spoiled"));
        view.Next.Swaps.ShouldBe(1);
        var next = await PauseAsync(process, organization, 1);
        await process.Runner.WaitAsync(view.Name, database.Shard, next.Sequence, RunnerProcess.Patience, Ct);
        (await view.RowsAsync(database, organization)).ShouldBe(256);
    }

    [Fact]
    public async Task Another_process_goes_on_with_the_copy_where_it_stands_and_pausing_stops_both()
    {
        var view = await RunnerProcess.NewViewAsync(database);
        var (firstView, secondView) = (view, view.InAnotherProcess());
        var organization = await database.NewOrganizationAsync();
        await using var first = await RunnerProcess.StartAsync(database, firstView);
        await PauseAsync(first, organization, 350);
        var stuck = new TaskCompletionSource();
        var pages = 0;
        firstView.Next.BeforePage = () => ++pages > 2 ? stuck.Task : Task.CompletedTask;
        await first.Runner.RequestAsync(view.Name, ProjectionRequest.Rebuild, Ct);
        await RunnerProcess.UntilAsync(async () =>
            (await first.StatusAsync(view)).Rebuild is { Sequence: > 0 } && Volatile.Read(ref pages) > 2);
        var stood = (await first.StatusAsync(view)).Rebuild!.Sequence;

        await first.DisposeAsync();
        secondView.Next.Gate = stuck.Task;
        await using var second = await RunnerProcess.StartAsync(database, secondView);
        await second.Runner.RequestAsync(view.Name, ProjectionRequest.Pause, Ct);
        // taken up: only now may the copy go on
        await RunnerProcess.UntilAsync(async () => (await second.StatusAsync(view)).State == ProjectionState.Paused);
        stuck.SetResult();
        await RunnerProcess.UntilAsync(async () =>
            (await second.StatusAsync(view)) is { State: ProjectionState.Paused,
                Rebuild: { State: ProjectionState.Paused, Sequence: var at } } && at >= stood);
        secondView.Next.Swaps.ShouldBe(0);
        await second.Runner.RequestAsync(view.Name, ProjectionRequest.Resume, Ct);
        await RunnerProcess.UntilAsync(async () => (await second.StatusAsync(view)) is { State: ProjectionState.Running, Rebuild: null });

        firstView.Next.Begins.ShouldBeGreaterThan(0); // an order that is read twice begins it twice
        secondView.Next.Begins.ShouldBe(0); // it was not begun again
        (await view.RowsAsync(database, organization)).ShouldBe(350);
    }

    [Fact]
    public async Task A_bad_event_stops_the_rebuild_of_a_view_that_must_not_miss_one_and_the_old_view_stays()
    {
        var view = await RunnerProcess.NewViewAsync(database, OnPoison.Stop);
        view.Cured = true;
        await using var process = await RunnerProcess.StartAsync(database, view);
        var organization = await database.NewOrganizationAsync();
        await PauseAsync(process, organization, 3);
        var stream = Uuid.New();
        var bad = (await process.Store.AppendAsync(organization, [Append(stream, 0, Paused(stream, view.Poison))], Ct)).LastPosition;
        await process.Runner.WaitAsync(view.Name, database.Shard, bad.Sequence, RunnerProcess.Patience, Ct);

        view.Cured = false;
        await process.Runner.RequestAsync(view.Name, ProjectionRequest.Rebuild, Ct);
        await RunnerProcess.UntilAsync(async () =>
            (await process.StatusAsync(view)) is { State: ProjectionState.Running,
                Rebuild: { State: ProjectionState.Stopped, Error: "poisoned" } });
        (await view.RowsAsync(database, organization)).ShouldBe(4);

        view.Cured = true;
        await process.Runner.RequestAsync(view.Name, ProjectionRequest.Rebuild, Ct);
        await RunnerProcess.UntilAsync(async () => (await process.StatusAsync(view)) is { Rebuild: null, Pending: null });
        (await view.RowsAsync(database, organization)).ShouldBe(4);
        view.Next.Swaps.ShouldBe(1);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Parked_events_are_taken_again_when_asked_for_each_once(bool orderMatters)
    {
        var view = await RunnerProcess.NewViewAsync(database, OnPoison.Park, orderMatters);
        await using var process = await RunnerProcess.StartAsync(database, view);
        var organization = await database.NewOrganizationAsync();
        var streams = Enumerable.Range(0, 20).Select(_ => Uuid.New()).ToList();
        var last = (await process.Store.AppendAsync(organization,
            [.. streams.Select((s, i) => Append(s, 0, Paused(s, i % 10 == 3 ? view.Poison : "fine")))], Ct)).LastPosition;
        await process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, RunnerProcess.Patience, Ct);
        (await process.StatusAsync(view)).Parked.ShouldBe(2);

        await process.Runner.RequestAsync(view.Name, ProjectionRequest.Retry, Ct); // nobody has cured it
        await RunnerProcess.UntilAsync(async () => (await process.StatusAsync(view)) is { Pending: null, Rebuild: null });
        (await process.StatusAsync(view)).Parked.ShouldBe(2);
        (await view.RowsAsync(database, organization)).ShouldBe(18);

        view.Cured = true;
        await process.Runner.RequestAsync(view.Name, ProjectionRequest.Retry, Ct);
        await RunnerProcess.UntilAsync(async () => (await process.StatusAsync(view)) is { Pending: null, Rebuild: null, Parked: 0 });
        (await view.RowsAsync(database, organization)).ShouldBe(20);
        view.Next.Swaps.ShouldBe(orderMatters ? 2 : 0);
    }

    private static async Task<Position> PauseAsync(RunnerProcess process, Guid organization, int count)
    {
        var streams = Enumerable.Range(0, count).Select(_ => Uuid.New());
        return (await process.Store.AppendAsync(organization, [.. streams.Select(s => Append(s, 0, Paused(s, "fine")))], Ct)).LastPosition;
    }
}
