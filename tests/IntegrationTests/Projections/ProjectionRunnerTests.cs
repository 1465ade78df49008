using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Projections;
using Bsp.IntegrationTests.EventStore;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.Projections;

public sealed class ProjectionRunnerTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_view_follows_the_log_and_can_be_waited_for()
    {
        var view = await RunnerProcess.NewViewAsync(database);
        await using var process = await RunnerProcess.StartAsync(database, view);
        var organization = await database.NewOrganizationAsync();

        var last = Position.Start;
        for (var n = 0; n < 50; n++)
        {
            var stream = Uuid.New();
            last = (await process.Store.AppendAsync(organization, [Append(stream, 0, Paused(stream, $"{n}"), Resumed(stream))],
                Ct)).LastPosition;
            await process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, RunnerProcess.Patience, Ct);
            (await view.RowsAsync(database, organization)).ShouldBe(n + 1);
        }

        // also beyond the last event of its own types
        await RunnerProcess.UntilAsync(async () => (await process.StatusAsync(view)).Sequence >= last.Sequence);
        (await process.StatusAsync(view)).State.ShouldBe(ProjectionState.Running);
    }

    [Fact]
    public async Task A_page_that_fails_leaves_neither_rows_nor_checkpoint_and_only_the_bad_event_is_parked()
    {
        var view = await RunnerProcess.NewViewAsync(database);
        var organization = await database.NewOrganizationAsync();
        await using var process = await RunnerProcess.StartAsync(database, view);
        var streams = Enumerable.Range(0, 40).Select(_ => Uuid.New()).ToList();
        var outcome =
            await process.Store.AppendAsync(organization,
                [.. streams.Select((s, i) => Append(s, 0, Paused(s, i == 23 ? view.Poison : "fine")))], Ct);

        await process.Runner.WaitAsync(view.Name, database.Shard, outcome.LastPosition.Sequence, RunnerProcess.Patience, Ct);

        (await view.RowsAsync(database, organization)).ShouldBe(39);
        var parked =
            await database.AdminQueryAsync(
                "SELECT p.error, e.stream_id FROM bsp.parked_events p JOIN mt_events e ON e.seq_id = p.sequence WHERE p.projection = $1",
                r => (r.GetString(0), r.GetGuid(1)), view.Name);
        parked.ShouldBe([("poisoned", streams[23])]);
        (await process.StatusAsync(view)).Parked.ShouldBe(1);
    }

    [Fact]
    public async Task A_view_that_must_not_miss_an_event_stops_before_it_and_goes_on_when_resumed()
    {
        var view = await RunnerProcess.NewViewAsync(database, OnPoison.Stop);
        var organization = await database.NewOrganizationAsync();
        await using var process = await RunnerProcess.StartAsync(database, view);
        var (good, bad) = (Uuid.New(), Uuid.New());
        var last = (await process.Store.AppendAsync(organization, [Append(good, 0, Paused(good, "fine"))], Ct)).LastPosition;
        last = (await process.Store.AppendAsync(organization, [Append(bad, 0, Paused(bad, view.Poison))], Ct)).LastPosition;

        await RunnerProcess.UntilAsync(async () => (await process.StatusAsync(view)).State == ProjectionState.Stopped);
        (await process.StatusAsync(view)).Error.ShouldBe("poisoned");
        (await view.RowsAsync(database, organization)).ShouldBe(1);
        await Should.ThrowAsync<ViewBehind>(process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence,
            TimeSpan.FromMilliseconds(100), Ct));

        view.Cured = true;
        await process.Runner.RequestAsync(view.Name, ProjectionRequest.Resume, Ct);
        await process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, RunnerProcess.Patience, Ct);
        (await view.RowsAsync(database, organization)).ShouldBe(2);
    }

    [Fact]
    public async Task Of_two_processes_one_works_and_the_other_takes_over_when_it_dies()
    {
        var view = await RunnerProcess.NewViewAsync(database);
        var (firstView, secondView) = (view, view.InAnotherProcess());
        var organization = await database.NewOrganizationAsync();
        await using var first = await RunnerProcess.StartAsync(database, firstView);
        var stream = Uuid.New();
        var last = (await first.Store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "1"))], Ct)).LastPosition;
        await first.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, RunnerProcess.Patience, Ct);
        await using var second = await RunnerProcess.StartAsync(database, secondView);

        last = (await first.Store.AppendAsync(organization, [Append(stream, 1, Paused(stream, "2"))], Ct)).LastPosition;
        // sees it although the first one runs it
        await second.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, RunnerProcess.Patience, Ct);
        firstView.Pages.ShouldBeGreaterThan(0);
        secondView.Pages.ShouldBe(0);

        await first.DisposeAsync();
        last = (await second.Store.AppendAsync(organization, [Append(stream, 2, Paused(stream, "3"))], Ct)).LastPosition;
        await second.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, RunnerProcess.Patience, Ct);

        secondView.Pages.ShouldBeGreaterThan(0);
        (await view.RowsAsync(database, organization)).ShouldBe(3);
    }

    [Fact]
    public async Task A_runner_whose_lock_connection_is_killed_gives_way_and_nothing_is_applied_twice()
    {
        var view = await RunnerProcess.NewViewAsync(database);
        var organization = await database.NewOrganizationAsync();
        await using var process = await RunnerProcess.StartAsync(database, view);
        var appended = Position.Start;
        for (var n = 0; n < 5; n++)
        {
            var stream = Uuid.New();
            appended = (await process.Store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "x"))], Ct)).LastPosition;
            await process.Runner.WaitAsync(view.Name, database.Shard, appended.Sequence, RunnerProcess.Patience, Ct);
            await database.AdminQueryAsync(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name IN ('bsp projections', 'bsp listen')", _ => 0);
        }

        (await view.RowsAsync(database, organization)).ShouldBe(5);
    }

    [Fact]
    public async Task A_rebuilt_view_is_equal_to_the_one_before()
    {
        var view = await RunnerProcess.NewViewAsync(database);
        await using var process = await RunnerProcess.StartAsync(database, view);
        var last = Position.Start;
        for (var n = 0; n < 3; n++)
        {
            var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
            last = (await process.Store.AppendAsync(organization,
                [Append(stream, 0, Paused(stream, "a"), Paused(stream, "b"), Resumed(stream))], Ct)).LastPosition;
        }

        await process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, RunnerProcess.Patience, Ct);
        var before = await view.ContentAsync(database);

        await database.AdminQueryAsync($"UPDATE public.{view.Table} SET reason = 'spoiled'", _ => 0);
        await process.Runner.RequestAsync(view.Name, ProjectionRequest.Rebuild, Ct);
        await RunnerProcess.UntilAsync(async () =>
            (await process.StatusAsync(view)) is { State: ProjectionState.Running, Pending: null, Rebuild: null } status
            && status.Sequence >= last.Sequence);

        (await view.ContentAsync(database)).ShouldBe(before);
    }

    [Fact]
    public async Task A_paused_view_stands_still_until_it_is_resumed()
    {
        var view = await RunnerProcess.NewViewAsync(database);
        await using var process = await RunnerProcess.StartAsync(database, view);
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        await process.Runner.RequestAsync(view.Name, ProjectionRequest.Pause, Ct);
        await RunnerProcess.UntilAsync(async () => (await process.StatusAsync(view)).State == ProjectionState.Paused);

        var last = (await process.Store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "a"))], Ct)).LastPosition;
        await Should.ThrowAsync<ViewBehind>(process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence,
            TimeSpan.FromMilliseconds(300), Ct));
        (await process.StatusAsync(view)).Lag.ShouldBeGreaterThan(0);

        await process.Runner.RequestAsync(view.Name, ProjectionRequest.Resume, Ct);
        await process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, RunnerProcess.Patience, Ct);
    }

    [Fact]
    public async Task While_a_store_is_down_the_view_waits_says_so_and_catches_up_alone()
    {
        var view = await RunnerProcess.NewViewAsync(database);
        await using var process = await RunnerProcess.StartAsync(database, view);
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        view.Down = true;
        var last = (await process.Store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "a"))], Ct)).LastPosition;

        await RunnerProcess.UntilAsync(async () =>
            (await process.StatusAsync(view)) is { State: ProjectionState.Waiting, Error: "redis cannot be reached." });
        view.Down = false;
        await process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, RunnerProcess.Patience, Ct);

        await RunnerProcess.UntilAsync(async () =>
            (await process.StatusAsync(view)) is { State: ProjectionState.Running, Error: null, Parked: 0 });
    }

    [Fact]
    public async Task An_event_that_nobody_notified_of_is_found_by_looking()
    {
        var view = await RunnerProcess.NewViewAsync(database);
        await using var process = await RunnerProcess.StartAsync(database, view);
        var organization = await database.NewOrganizationAsync();
        var stream = Uuid.New();
        var known = (await process.Store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "1"))], Ct)).LastPosition;
        await process.Runner.WaitAsync(view.Name, database.Shard, known.Sequence, RunnerProcess.Patience, Ct);

        // As a writer whose process died between its commit and its NOTIFY.
        await using var other = await database.Admin.OpenConnectionAsync(Ct);
        await using var transaction = await other.BeginTransactionAsync(Ct);
        await using var announce = new Npgsql.NpgsqlCommand("SELECT bsp.announce()", other, transaction);
        await announce.ExecuteScalarAsync(Ct);
        await using var insert = new Npgsql.NpgsqlCommand("""
            INSERT INTO mt_events (seq_id, id, stream_id, version, data, type, tenant_id)
            SELECT nextval('mt_events_sequence'), gen_random_uuid(), stream_id, 2, data, type, tenant_id FROM mt_events WHERE seq_id = $1 RETURNING seq_id
            """, other, transaction) { Parameters = { new() { Value = known.Sequence } } };
        var unheard = (long)(await insert.ExecuteScalarAsync(Ct))!;
        await transaction.CommitAsync(Ct);
        await process.Runner.WaitAsync(view.Name, database.Shard, unheard, RunnerProcess.Patience, Ct);
        (await view.RowsAsync(database, organization)).ShouldBe(2);
    }

    [Fact]
    public async Task What_an_open_transaction_held_back_is_found_when_it_is_rolled_back()
    {
        var view = await RunnerProcess.NewViewAsync(database);
        await using var process = await RunnerProcess.StartAsync(database, view);
        var organization = await database.NewOrganizationAsync();
        await using var other = await database.Admin.OpenConnectionAsync(Ct);
        await using var transaction = await other.BeginTransactionAsync(Ct);
        await using (var announce = new Npgsql.NpgsqlCommand("SELECT bsp.announce()", other, transaction))
        {
            await announce.ExecuteScalarAsync(Ct);
        }

        var stream = Uuid.New();
        var held = (await process.Store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "1"))], Ct)).LastPosition;
        await Should.ThrowAsync<ViewBehind>(process.Runner.WaitAsync(view.Name, database.Shard, held.Sequence,
            TimeSpan.FromMilliseconds(300), Ct));
        await transaction.RollbackAsync(Ct); // tells nobody
        await process.Runner.WaitAsync(view.Name, database.Shard, held.Sequence, RunnerProcess.Patience, Ct);
        (await view.RowsAsync(database, organization)).ShouldBe(1);
    }
}
