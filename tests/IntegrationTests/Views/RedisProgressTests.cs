using Bsp.Application.Common;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.Redis;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.Redis;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.Views;

/// <summary>Promise 7 for the progress hashes: whatever Redis loses and whenever, the numbers come back right.</summary>
public sealed class RedisProgressTests(StoresFixture fixture)
{
    [Fact]
    public async Task A_page_written_again_or_cut_otherwise_moves_no_number()
    {
        await using var world = await World.NewAsync(fixture, 31);
        await world.RunAsync();
        var before = await world.ContentAsync();
        await world.ApplyAsync(0, world.End);
        await world.ApplyAsync(10, world.Log.Events[50].Sequence);
        (await world.ContentAsync()).ShouldBe(before);
    }

    [Fact]
    public async Task Wiped_Redis_begins_again_by_itself_and_ends_with_the_same_numbers()
    {
        await using var world = await World.NewAsync(fixture, 32);
        await world.RunAsync();
        var before = await world.ContentAsync();
        await world.FlushAsync();
        (await world.Projection.CheckpointAsync(world.Database.Shard, default)).ShouldBe(0);
        await world.RunAsync();
        (await world.ContentAsync()).ShouldBe(before);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.5)]
    [InlineData(0.9)]
    public async Task Wiped_between_two_pages_no_half_count_stays(double part)
    {
        await using var world = await World.NewAsync(fixture, 33);
        await world.RunAsync();
        var truth = await world.ContentAsync();
        await world.ForgetAsync();

        var middle = world.Log.Events[(int)(world.Log.Events.Count * part)].Sequence;
        await world.ApplyAsync(0, middle);
        await world.FlushAsync();
        await Should.ThrowAsync<StoreUnavailable>(world.ApplyAsync(middle, world.End));
        await world.RunAsync();
        (await world.ContentAsync()).ShouldBe(truth);
    }

    [Fact]
    public async Task Hashes_that_outlive_their_checkpoint_are_not_added_to()
    {
        await using var world = await World.NewAsync(fixture, 34);
        await world.RunAsync();
        var truth = await world.ContentAsync();
        await world.ForgetAsync();
        await world.RunAsync();
        (await world.ContentAsync()).ShouldBe(truth);
    }

    [Fact]
    public async Task One_lost_hash_is_noticed_and_everything_built_again()
    {
        await using var world = await World.NewAsync(fixture, 35);
        await world.RunAsync();
        var truth = await world.ContentAsync();
        await world.ForgetAsync();
        var middle = world.Log.Events[world.Log.Events.Count / 2].Sequence;
        await world.ApplyAsync(0, middle);
        await (await world.Redis.DatabaseAsync()).KeyDeleteAsync(CampaignProgressProjection.HashOf(world.Log.Campaigns[0]));

        await Should.ThrowAsync<StoreUnavailable>(world.ApplyAsync(middle, world.End));
        (await world.Projection.CheckpointAsync(world.Database.Shard, default)).ShouldBe(0);
        await world.RunAsync();
        (await world.ContentAsync()).ShouldBe(truth);
    }

    [Fact]
    public async Task Down_is_said_as_down()
    {
        await using var world = await World.NewAsync(fixture, 36);
        await world.RunAsync();
        world.Server.Kill();
        (await Should.ThrowAsync<StoreUnavailable>(world.Projection.CheckpointAsync(world.Database.Shard, default))).Store.ShouldBe("redis");
    }

    private sealed class World(ViewsDatabase database, RandomLog log, RedisServer server) : IAsyncDisposable
    {
        public ViewsDatabase Database => database;

        public RandomLog Log => log;

        public RedisServer Server => server;

        public RedisConnection Redis { get; } = new(server.ConnectionString);

        public CampaignProgressProjection Projection { get; private set; } = null!;

        public long End => log.Events[^1].Sequence;

        public static async Task<World> NewAsync(StoresFixture fixture, int seed)
        {
            var database = await ViewsDatabase.NewAsync(fixture);
            var log = new RandomLog(seed, await database.NewOrganizationAsync(), 60);
            await database.WriteAsync(log);
            var world = new World(database, log, new RedisServer());
            world.Projection = new(world.Redis);
            return world;
        }

        public Task RunAsync() => database.RunAsync(Projection, log, Random.Shared.Next());

        public Task ApplyAsync(long after, long upTo) => Projection.ApplyAsync(database.Page(Projection, log, after, upTo), default);

        /// <summary>The checkpoint is lost, the hashes are not.</summary>
        public async Task ForgetAsync() => await (await Redis.DatabaseAsync()).KeyDeleteAsync(CampaignProgressProjection.Key(database.Shard));

        public async Task FlushAsync() => await (await Redis.DatabaseAsync()).ExecuteAsync("FLUSHALL");

        /// <summary>All but what belongs to one beginning (epoch).</summary>
        public async Task<string> ContentAsync()
        {
            var db = await Redis.DatabaseAsync();
            var hashes = await Task.WhenAll(log.Campaigns.Select(c => db.HashGetAllAsync(CampaignProgressProjection.HashOf(c))));
            hashes.ShouldAllBe(h => h.Length > 10);
            return string.Join('\n', hashes.Select(h => string.Join(' ', h.Where(f => f.Name != "epoch").Select(f => $"{f.Name}={f.Value}").Order())));
        }

        public async ValueTask DisposeAsync()
        {
            await Redis.DisposeAsync();
            server.Dispose();
            await database.DisposeAsync();
        }
    }
}
