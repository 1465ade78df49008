using Bsp.Infrastructure.Analytics;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EventStore;
using Microsoft.Extensions.Logging.Abstractions;

namespace Bsp.IntegrationTests.Views;

/// <summary>
/// Promise 6: every view, spoiled and built anew beside the old one by the runner, is equal as a whole, and nothing of the work is left
/// behind.
/// </summary>
public sealed class RebuildTests(StoresFixture fixture)
{
    [Fact]
    public async Task Every_view_spoiled_and_rebuilt_is_equal_as_a_whole_and_leaves_no_litter()
    {
        await using var world = await World.NewAsync(fixture, 71);
        await world.StartAsync();
        await world.CaughtUpAsync();
        var before = await world.ContentAsync();
        before.Values.ShouldAllBe(content => content.Length > 50);

        await world.SpoilAsync();
        var spoiled = await world.ContentAsync();
        before.Keys.Where(view => spoiled[view] == before[view]).ShouldBeEmpty();
        await world.RebuildAllAsync();

        var after = await world.ContentAsync();
        foreach (var (view, content) in before)
        {
            after[view].ShouldBe(content, view);
        }

        (await world.LitterAsync()).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(81)]
    [InlineData(82)]
    public async Task Runners_that_die_and_lose_their_connections_at_random_in_the_middle_of_rebuilds_leave_the_same_views(int seed)
    {
        await using var world = await World.NewAsync(fixture, seed);
        await world.StartAsync();
        await world.CaughtUpAsync();
        var before = await world.ContentAsync();
        await world.SpoilAsync();
        await world.AskAllAsync(ProjectionRequest.Rebuild);
        var random = new Random(seed);
        for (var death = 0; death < 6; death++)
        {
            await world.TerminateAtPageAsync(random.Next(1, 12)); // in the middle of whatever is being done then
            await world.StartAsync();
        }

        await world.UntilRebuiltAsync();
        var after = await world.ContentAsync();
        foreach (var (view, content) in before)
        {
            after[view].ShouldBe(content, view);
        }

        (await world.LitterAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task A_rebuild_that_is_cancelled_leaves_the_view_as_it_was_and_no_litter()
    {
        await using var world = await World.NewAsync(fixture, 73);
        await world.StartAsync();
        await world.CaughtUpAsync();
        await world.SpoilAsync();
        var spoiled = await world.ContentAsync();
        await world.TerminateAtPageAsync(1);
        foreach (var projection in world.Projections)
        {
            // killed just when it had been asked for
            await new ProjectionBoard(world.Database.Shard).BeginCopyAsync(projection.Name, default);
            await projection.Beside!.BeginAsync(world.Database.Shard, default);
            await world.Database.RunAsync(projection.Beside, world.Log);
        }

        await world.AskAllAsync(ProjectionRequest.Cancel);
        await world.StartAsync();
        await world.UntilRebuiltAsync();
        (await world.ContentAsync()).ShouldBe(spoiled);
        (await world.LitterAsync()).ShouldBeEmpty();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_swap_whose_end_nobody_noted_is_not_made_again(bool dies)
    {
        await using var world = await World.NewAsync(fixture, 75, view => new Troubled(view, dies));
        await world.StartAsync();
        await world.CaughtUpAsync();
        var before = await world.ContentAsync();
        await world.SpoilAsync();
        await world.AskAllAsync(ProjectionRequest.Rebuild);
        var views = world.Projections.Cast<Troubled>().ToList();
        await Task.WhenAll(views.Select(view => view.Swapped)).WaitAsync(EndToEnd.Patience.Deadline, TestContext.Current.CancellationToken);
        if (dies)
        {
            await world.StopAsync();
            await world.StartAsync();
        }

        await world.UntilRebuiltAsync();
        var after = await world.ContentAsync();
        foreach (var (view, content) in before)
        {
            after[view].ShouldBe(content, view);
        }

        views.ShouldAllBe(view => view.BuildsAfterSwap == 0);
        (await world.LitterAsync()).ShouldBeEmpty();
    }

    [Fact]
    public async Task ClickHouse_killed_between_two_exchanges_is_completed_by_the_next_runner()
    {
        await using var world = await World.NewAsync(fixture, 76);
        await world.StartAsync();
        await world.CaughtUpAsync();
        var before = await world.ContentAsync();
        await world.StopAsync();
        await world.SpoilAsync();
        var analytics = world.Projections.OfType<MessageAnalyticsProjection>().Single();
        await new ProjectionBoard(world.Database.Shard).BeginCopyAsync(analytics.Name, default);
        await analytics.Beside!.BeginAsync(world.Database.Shard, default);
        await world.Database.RunAsync(analytics.Beside, world.Log);
        await world.ExchangeRowsAsync();
        await world.StartAsync();
        await world.UntilRebuiltAsync();
        var after = await world.ContentAsync();
        (after["message_analytics"], after["daily_stats"]).ShouldBe((before["message_analytics"], before["daily_stats"]));
        (await world.LitterAsync()).ShouldBeEmpty();
    }

    /// <summary>Every view on stores of its own, and one runner after another.</summary>
    private sealed class World : IAsyncDisposable
    {
        private readonly ViewsContainer container;
        private (ProjectionRunner Runner, LogReaders Readers)? running;

        private World(ViewsContainer container, ViewsDatabase database, RandomLog log, Func<IProjection, IProjection> with)
        {
            (this.container, Database, Log) = (container, database, log);
            Projections = [.. container.Views.Select(with)];
        }

        public ViewsDatabase Database { get; }

        public RandomLog Log { get; }

        public IProjection[] Projections { get; }

        public static async Task<World> NewAsync(StoresFixture fixture, int seed, Func<IProjection, IProjection>? with = null)
        {
            var database = await ViewsDatabase.NewAsync(fixture);
            var log = new RandomLog(seed, await database.NewOrganizationAsync(), 300);
            await database.WriteAsync(log);
            return new(new(fixture, database), database, log, with ?? (view => view));
        }

        public async Task StartAsync()
        {
            var readers = new LogReaders(new());
            var runner =
                new ProjectionRunner(Projections, Database.Shards, readers, LogDatabase.NewSignals(), TimeProvider.System,
                    NullLogger<ProjectionRunner>.Instance);
            running = (runner, readers);
            await runner.StartAsync(default);
        }

        /// <summary>After so many of the runner's statements of any kind, its connections are ended and it is abandoned.</summary>
        public async Task TerminateAtPageAsync(int looks)
        {
            for (var look = 0; look < looks; look++)
            {
                await Database.ScalarAsync<long>("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()");
            }

            await Database.ScalarAsync<long>(
                "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'bsp_app'");
            await StopAsync();
            Database.Shard.App.Clear(); // of connections that were ended while they lay in the pool
        }

        public async Task StopAsync()
        {
            if (running is var (runner, readers))
            {
                running = null;
                await runner.StopAsync(default);
                await readers.DisposeAsync();
            }
        }

        public async Task CaughtUpAsync()
        {
            foreach (var projection in Projections)
            {
                await running!.Value.Runner.WaitAsync(projection.Name, Database.Shard, Log.Events[^1].Sequence,
                    EndToEnd.Patience.Deadline, default);
                // A view that needs none of the events is complete before its checkpoint has moved; the places of the log are noted with
                // that move.
                await EndToEnd.Patience.UntilAsync(() => projection.CheckpointAsync(Database.Shard, default), at =>
                    at >= Log.Events[^1].Sequence, $"{projection.Name} has noted where it is");
            }

            await container.Daily.RebuildAsync(default);
        }

        public async Task AskAllAsync(ProjectionRequest request)
        {
            foreach (var projection in Projections)
            {
                await new ProjectionBoard(Database.Shard).AskAsync(projection.Name, request, default);
            }
        }

        public async Task RebuildAllAsync()
        {
            await AskAllAsync(ProjectionRequest.Rebuild);
            await UntilRebuiltAsync();
        }

        public Task UntilRebuiltAsync() => EndToEnd.Patience.UntilAsync(async () => await running!.Value.Runner.StatusAsync(default),
            all => Projections.All(p =>
                all.Any(s => s.Name == p.Name && s is { Pending: null, Rebuild: null, State: ProjectionState.Running })),
                "every view is rebuilt");

        public Task ExchangeRowsAsync() =>
            container.ClickHouse.ExecuteAsync("EXCHANGE TABLES message_analytics AND message_analytics_next_a_z", default);

        public async Task SpoilAsync() =>
            await ViewContents.SpoilAsync(Database.Admin, await RedisAsync(), CampaignProgressProjection.HashOf(Log.Campaigns[0]),
                container.ClickHouse, container.Daily);

        public async Task<Dictionary<string, string>> ContentAsync() =>
            await ViewContents.AllAsync(Database.Admin, await RedisAsync(), container.ClickHouse);

        public async Task<List<string>> LitterAsync() =>
            await ViewContents.LitterAsync(Database.Admin, await RedisAsync(), container.ClickHouse);

        public async ValueTask DisposeAsync()
        {
            await StopAsync();
            await container.DisposeAsync();
            await Database.DisposeAsync();
        }

        private Task<StackExchange.Redis.IDatabase> RedisAsync() => container.Redis.DatabaseAsync().AsTask();
    }
}
