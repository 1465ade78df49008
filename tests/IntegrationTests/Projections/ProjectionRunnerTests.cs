using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Sharding;
using Bsp.IntegrationTests.EventStore;
using Microsoft.Extensions.Logging.Abstractions;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.Projections;

public sealed class ProjectionRunnerTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(20);

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_view_follows_the_log_and_can_be_waited_for()
    {
        var view = await NewViewAsync();
        await using var process = await StartAsync(view);
        var organization = await database.NewOrganizationAsync();

        var last = Position.Start;
        for (var n = 0; n < 50; n++)
        {
            var stream = Uuid.New();
            last = (await process.Store.AppendAsync(organization, [Append(stream, 0, Paused(stream, $"{n}"), Resumed(stream))], Ct)).LastPosition;
            await process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, Patience, Ct);
            (await view.RowsAsync(database, organization)).ShouldBe(n + 1);
        }

        await UntilAsync(async () => (await process.StatusAsync(view)).Sequence >= last.Sequence); // also beyond the last event of its own types
        (await process.StatusAsync(view)).State.ShouldBe(ProjectionState.Running);
    }

    [Fact]
    public async Task A_page_that_fails_leaves_neither_rows_nor_checkpoint_and_only_the_bad_event_is_parked()
    {
        var view = await NewViewAsync();
        var organization = await database.NewOrganizationAsync();
        await using var process = await StartAsync(view);
        var streams = Enumerable.Range(0, 40).Select(_ => Uuid.New()).ToList();
        var outcome = await process.Store.AppendAsync(organization, [.. streams.Select((s, i) => Append(s, 0, Paused(s, i == 23 ? view.Poison : "fine")))], Ct);

        await process.Runner.WaitAsync(view.Name, database.Shard, outcome.LastPosition.Sequence, Patience, Ct);

        (await view.RowsAsync(database, organization)).ShouldBe(39);
        var parked = await database.AdminQueryAsync("SELECT p.error, e.stream_id FROM bsp.parked_events p JOIN mt_events e ON e.seq_id = p.sequence WHERE p.projection = $1", r => (r.GetString(0), r.GetGuid(1)), view.Name);
        parked.ShouldBe([("poisoned", streams[23])]);
        (await process.StatusAsync(view)).Parked.ShouldBe(1);
    }

    [Fact]
    public async Task A_view_that_must_not_miss_an_event_stops_before_it_and_goes_on_when_resumed()
    {
        var view = await NewViewAsync(OnPoison.Stop);
        var organization = await database.NewOrganizationAsync();
        await using var process = await StartAsync(view);
        var (good, bad) = (Uuid.New(), Uuid.New());
        var last = (await process.Store.AppendAsync(organization, [Append(good, 0, Paused(good, "fine"))], Ct)).LastPosition;
        last = (await process.Store.AppendAsync(organization, [Append(bad, 0, Paused(bad, view.Poison))], Ct)).LastPosition;

        await UntilAsync(async () => (await process.StatusAsync(view)).State == ProjectionState.Stopped);
        (await process.StatusAsync(view)).Error.ShouldBe("poisoned");
        (await view.RowsAsync(database, organization)).ShouldBe(1);
        await Should.ThrowAsync<ViewBehind>(process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, TimeSpan.FromMilliseconds(100), Ct));

        view.Cured = true;
        await process.Runner.RequestAsync(view.Name, ProjectionRequest.Resume, Ct);
        await process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, Patience, Ct);
        (await view.RowsAsync(database, organization)).ShouldBe(2);
    }

    [Fact]
    public async Task Of_two_processes_one_works_and_the_other_takes_over_when_it_dies()
    {
        var view = await NewViewAsync();
        var (firstView, secondView) = (view, view.InAnotherProcess());
        var organization = await database.NewOrganizationAsync();
        await using var first = await StartAsync(firstView);
        var stream = Uuid.New();
        var last = (await first.Store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "1"))], Ct)).LastPosition;
        await first.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, Patience, Ct);
        await using var second = await StartAsync(secondView);

        last = (await first.Store.AppendAsync(organization, [Append(stream, 1, Paused(stream, "2"))], Ct)).LastPosition;
        await second.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, Patience, Ct); // sees it although the first one runs it
        firstView.Pages.ShouldBeGreaterThan(0);
        secondView.Pages.ShouldBe(0);

        await first.DisposeAsync();
        last = (await second.Store.AppendAsync(organization, [Append(stream, 2, Paused(stream, "3"))], Ct)).LastPosition;
        await second.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, Patience, Ct);

        secondView.Pages.ShouldBeGreaterThan(0);
        (await view.RowsAsync(database, organization)).ShouldBe(3);
    }

    [Fact]
    public async Task A_runner_whose_lock_connection_is_killed_gives_way_and_nothing_is_applied_twice()
    {
        var view = await NewViewAsync();
        var organization = await database.NewOrganizationAsync();
        await using var process = await StartAsync(view);
        var appended = Position.Start;
        for (var n = 0; n < 5; n++)
        {
            var stream = Uuid.New();
            appended = (await process.Store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "x"))], Ct)).LastPosition;
            await process.Runner.WaitAsync(view.Name, database.Shard, appended.Sequence, Patience, Ct);
            await database.AdminQueryAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND application_name IN ('bsp projections', 'bsp listen')", _ => 0);
        }

        (await view.RowsAsync(database, organization)).ShouldBe(5);
    }

    [Fact]
    public async Task A_rebuilt_view_is_equal_to_the_one_before()
    {
        var view = await NewViewAsync();
        await using var process = await StartAsync(view);
        var last = Position.Start;
        for (var n = 0; n < 3; n++)
        {
            var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
            last = (await process.Store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "a"), Paused(stream, "b"), Resumed(stream))], Ct)).LastPosition;
        }

        await process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, Patience, Ct);
        var before = await view.ContentAsync(database);

        await database.AdminQueryAsync($"UPDATE public.{view.Table} SET reason = 'spoiled'", _ => 0);
        await process.Runner.RequestAsync(view.Name, ProjectionRequest.Rebuild, Ct);
        await UntilAsync(async () => (await process.StatusAsync(view)) is { State: ProjectionState.Running, Pending: null } status && status.Sequence >= last.Sequence);
        view.Resets.ShouldBe(1);

        (await view.ContentAsync(database)).ShouldBe(before);
    }

    [Fact]
    public async Task A_paused_view_stands_still_until_it_is_resumed()
    {
        var view = await NewViewAsync();
        await using var process = await StartAsync(view);
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        await process.Runner.RequestAsync(view.Name, ProjectionRequest.Pause, Ct);
        await UntilAsync(async () => (await process.StatusAsync(view)).State == ProjectionState.Paused);

        var last = (await process.Store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "a"))], Ct)).LastPosition;
        await Should.ThrowAsync<ViewBehind>(process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, TimeSpan.FromMilliseconds(300), Ct));
        (await process.StatusAsync(view)).Lag.ShouldBeGreaterThan(0);

        await process.Runner.RequestAsync(view.Name, ProjectionRequest.Resume, Ct);
        await process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, Patience, Ct);
    }

    [Fact]
    public async Task While_a_store_is_down_the_view_waits_says_so_and_catches_up_alone()
    {
        var view = await NewViewAsync();
        await using var process = await StartAsync(view);
        var (organization, stream) = (await database.NewOrganizationAsync(), Uuid.New());
        view.Down = true;
        var last = (await process.Store.AppendAsync(organization, [Append(stream, 0, Paused(stream, "a"))], Ct)).LastPosition;

        await UntilAsync(async () => (await process.StatusAsync(view)) is { State: ProjectionState.Waiting, Error: "redis cannot be reached." });
        view.Down = false;
        await process.Runner.WaitAsync(view.Name, database.Shard, last.Sequence, Patience, Ct);

        await UntilAsync(async () => (await process.StatusAsync(view)) is { State: ProjectionState.Running, Error: null, Parked: 0 });
    }

    private static async Task UntilAsync(Func<Task<bool>> condition)
    {
        using var patience = new CancellationTokenSource(Patience);
        while (!await condition())
        {
            await Task.Delay(20, patience.Token);
        }
    }

    private async Task<PausesView> NewViewAsync(OnPoison onPoison = OnPoison.Park)
    {
        var view = new PausesView($"pauses_{Guid.NewGuid():N}", onPoison);
        await database.AdminQueryAsync($"""
            SET ROLE bsp_owner;
            CREATE TABLE public.{view.Table} (organization_id uuid, campaign_id uuid, version bigint, reason text, PRIMARY KEY (campaign_id, version));
            SELECT bsp.secure_by_tenant('public.{view.Table}');
            """, _ => 0);
        return view;
    }

    private async Task<Process> StartAsync(IProjection projection)
    {
        var process = new Process(database, projection);
        await process.Runner.StartAsync(Ct);
        return process;
    }

    /// <summary>The store and the runner as one process has them.</summary>
    private sealed class Process : IAsyncDisposable
    {
        private readonly LogReaders readers = new(new());
        private bool ended;

        public Process(LogDatabase database, IProjection projection)
        {
            var signals = LogDatabase.NewSignals();
            Store = new(database.Shards, [], signals, new(), TimeProvider.System);
            Runner = new([projection], database.Shards, readers, signals, TimeProvider.System, NullLogger<ProjectionRunner>.Instance);
        }

        public PostgresEventStore Store { get; }

        public ProjectionRunner Runner { get; }

        public async Task<ProjectionStatus> StatusAsync(IProjection projection) => (await Runner.StatusAsync(Ct)).Single(s => s.Name == projection.Name);

        public async ValueTask DisposeAsync()
        {
            if (!ended)
            {
                ended = true;
                await Runner.StopAsync(CancellationToken.None);
                await Store.DisposeAsync();
                await readers.DisposeAsync();
            }
        }
    }
}

/// <summary>One row for each pause. Inserts without upsert: an event applied twice fails.</summary>
internal sealed class PausesView(string name, OnPoison onPoison) : PostgresProjection
{
    public int Pages { get; private set; }

    public int Resets { get; private set; }

    public bool Cured { get; set; }

    public bool Down { get; set; }

    public string Table => name;

    /// <summary>The reason it cannot take; its own, because the tests share one log.</summary>
    public string Poison => name;

    public PausesView InAnotherProcess() => new(name, onPoison);

    public override string Name => $"{name}.v1";

    public override OnPoison OnPoison => onPoison;

    public override IReadOnlyCollection<string> EventTypes => ["campaign_paused"];

    public Task<long> RowsAsync(LogDatabase database, Guid organization) => database.ScalarAsync<long>($"SELECT count(*) FROM public.{Table} WHERE organization_id = $1", organization);

    public Task<List<string>> ContentAsync(LogDatabase database) => database.AdminQueryAsync($"SELECT t::text FROM public.{Table} t ORDER BY t::text", row => row.GetString(0));

    protected override async Task ProjectAsync(TenantTransaction tx, EventPage page, CancellationToken ct)
    {
        Pages++;
        await tx.ExecuteAsync($"INSERT INTO public.{Table} SELECT * FROM unnest($1, $2, $3, $4)", ct, page.Events.Select(e => e.OrganizationId).ToArray(),
            page.Events.Select(e => e.StreamId).ToArray(), page.Events.Select(e => e.Version).ToArray(), page.Events.Select(e => ((CampaignPaused)e.Body!).Reason).ToArray());
        if (Down)
        {
            throw new StoreUnavailable("redis");
        }

        if (!Cured && page.Events.Any(e => e.Body is CampaignPaused paused && paused.Reason == Poison))
        {
            throw new InvalidOperationException("poisoned");
        }
    }

    protected override async Task EmptyAsync(TenantTransaction tx, CancellationToken ct)
    {
        Resets++;
        await tx.ExecuteAsync($"DELETE FROM public.{Table}", ct);
    }
}
