using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.IntegrationTests.EventStore;
using static Bsp.IntegrationTests.EventStore.Facts;

namespace Bsp.IntegrationTests.Projections;

/// <summary>
/// A page that several connections write, each its part of the keys: half written, each event still reaches the view once. The view inserts
/// without upsert, so twice would fail.
/// </summary>
public sealed class PartsTests(LogDatabase database) : IClassFixture<LogDatabase>
{
    private const int Parts = 4;

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_page_of_which_some_parts_were_written_is_completed_by_the_next_try()
    {
        var view = await RunnerProcess.NewViewAsync(database, parts: Parts);
        var (organization, page) = await PageAsync(view, 800);
        view.Failures = 1; // one part of four
        await Should.ThrowAsync<Application.Common.StoreUnavailable>(view.ApplyAsync(page, Ct));
        (await view.RowsAsync(database, organization)).ShouldBeInRange(1, 799);
        (await view.CheckpointAsync(database.Shard, Ct)).ShouldBe(page.After);

        await view.ApplyAsync(page, Ct);
        (await view.RowsAsync(database, organization)).ShouldBe(800);
        (await view.CheckpointAsync(database.Shard, Ct)).ShouldBe(page.UpTo);
    }

    [Theory]
    [InlineData(100)] // too small for parts: one transaction
    [InlineData(600)]
    public async Task Another_process_that_cuts_the_pages_otherwise_leaves_out_what_was_written(int cut)
    {
        var view = await RunnerProcess.NewViewAsync(database, parts: Parts);
        var (organization, page) = await PageAsync(view, 900);
        view.Failures = 2;
        await Should.ThrowAsync<Application.Common.StoreUnavailable>(view.ApplyAsync(page, Ct));

        var other = view.InAnotherProcess();
        var first = new EventPage(page.Shard, page.After, page.Events[cut - 1].Sequence, [.. page.Events.Take(cut)]);
        await other.ApplyAsync(first, Ct);
        await Should.ThrowAsync<CheckpointMoved>(view.ApplyAsync(page, Ct)); // the first one wakes up and goes on
        await other.ApplyAsync(new(page.Shard, first.UpTo, page.UpTo, [.. page.Events.Skip(cut)]), Ct);
        (await view.RowsAsync(database, organization)).ShouldBe(900);
    }

    [Fact]
    public async Task Two_processes_that_write_the_same_page_at_once_write_it_once()
    {
        var view = await RunnerProcess.NewViewAsync(database, parts: Parts);
        var (organization, page) = await PageAsync(view, 1_000);
        var both = await Task.WhenAll(new[] { view, view.InAnotherProcess() }.Select(v =>
            Record.ExceptionAsync(() => v.ApplyAsync(page, Ct)).AsTask()));
        both.Count(failed => failed is null).ShouldBe(1);
        both.ShouldAllBe(failed => failed == null || failed is CheckpointMoved);
        (await view.RowsAsync(database, organization)).ShouldBe(1_000);
    }

    [Fact]
    public async Task A_bad_event_in_one_part_is_parked_alone()
    {
        var view = await RunnerProcess.NewViewAsync(database, parts: Parts);
        var organization = await database.NewOrganizationAsync();
        await using (var writer = database.NewStore())
        {
            await writer.AppendAsync(organization,
                [.. Enumerable.Range(0, 700).Select(i => (Id: Uuid.New(), Reason: i == 345 ? view.Poison : "fine"))
                    .Select(s => Append(s.Id, 0, Paused(s.Id, s.Reason)))], Ct);
        }

        await using var process = await RunnerProcess.StartAsync(database, view);
        await process.Runner.WaitAsync(view.Name, database.Shard,
            await database.ScalarAsync<long>("SELECT bsp.last_event(last_value) FROM mt_events_sequence"), RunnerProcess.Patience, Ct);
        (await view.RowsAsync(database, organization)).ShouldBe(699);
        (await process.StatusAsync(view)).Parked.ShouldBe(1);
    }

    // The checkpoint stands just before events of one organization; the page holds them all.
    private async Task<(Guid Organization, EventPage Page)> PageAsync(PausesView view, int events)
    {
        var organization = await database.NewOrganizationAsync();
        await using var store = database.NewStore();
        var before = await database.ScalarAsync<long>("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM mt_events_sequence");
        await store.AppendAsync(organization,
            [.. Enumerable.Range(0, events).Select(_ => Uuid.New()).Select(s => Append(s, 0, Paused(s, "fine")))], Ct);
        await using var reader = new LogReader(database.Shard, new());
        var page = await reader.ReadAsync(before, ["campaign_paused"], 5_000, Ct);
        page.Events.Count.ShouldBe(events);
        await database.AdminQueryAsync("INSERT INTO bsp.projections (name, sequence) VALUES ($1, $2)", _ => 0, view.Name, before);
        return (organization, new(database.Shard, before, page.UpTo, page.Events));
    }
}
