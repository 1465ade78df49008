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

    /// <summary>For a day after a move the events still lie at the former shard; both shards count on the same keys.</summary>
    [Theory]
    [InlineData("leaving", "gone")]
    [InlineData("arriving", "arriving")]
    public async Task Campaigns_of_who_lives_on_another_shard_are_left_to_that_shards_counting(string role, string state)
    {
        await using var world = await World.NewAsync(fixture, 40);
        await world.RunAsync();
        var theirs = await world.EpochsAsync();
        await world.Database.ExecuteAsync("INSERT INTO bsp.moves_here (organization_id, role, state, move_id) VALUES ($1, $2, $3, $4)",
            world.Log.OrganizationId, role, state, Guid.NewGuid());
        await world.ForgetAsync();

        await world.RunAsync();
        (await world.Projection.CheckpointAsync(world.Database.Shard, default)).ShouldBe(world.End);
        (await world.EpochsAsync()).ShouldBe(theirs, "nobody counted them anew");

        await world.Database.ExecuteAsync("UPDATE bsp.moves_here SET role = 'arriving', state = 'here'");
        await world.ForgetAsync();
        await world.RunAsync();
        (await world.EpochsAsync()).ShouldNotBe(theirs, "they live here");
    }

    public static TheoryData<string> Forgeries =>
    [
        "a number", "a number without a MAC", "a position", "anothers hash", "a hash of another kind", "a sequence",
            "a sequence that is none", "a checkpoint of another kind", "an epoch", "a MAC",
    ];

    /// <summary>
    /// Somebody else writes into Redis in the middle of the log: it is as if that had been wiped, and the numbers come back right.
    /// </summary>
    [Theory]
    [MemberData(nameof(Forgeries))]
    public async Task What_we_did_not_write_counts_as_wiped(string what)
    {
        await using var world = await World.NewAsync(fixture, 37);
        await world.RunAsync();
        var truth = await world.ContentAsync();
        await world.ForgetAsync();
        var middle = world.Log.Events[world.Log.Events.Count / 2].Sequence;
        await world.ApplyAsync(0, middle);
        await world.ForgeAsync(what);

        await world.RunAsync();

        (await world.ContentAsync()).ShouldBe(truth, what);
        (await world.Projection.CheckpointAsync(world.Database.Shard, default)).ShouldBe(world.End);
    }

    /// <summary>Planted before the first event of a campaign, where no loss is suspected.</summary>
    [Fact]
    public async Task A_hash_that_was_there_before_its_campaign_gives_way()
    {
        await using var world = await World.NewAsync(fixture, 38);
        await world.RunAsync();
        var truth = await world.ContentAsync();
        await world.ForgetAsync();
        var epoch = (await world.ApplyAndEpochAsync(0, 0)).ToString();
        var db = await world.Redis.DatabaseAsync();
        await db.KeyDeleteAsync(CampaignProgressProjection.HashOf(world.Log.Campaigns[0]));
        await db.HashSetAsync(CampaignProgressProjection.HashOf(world.Log.Campaigns[0]),
            [new("epoch", epoch), new("position", long.MaxValue), new("sent", 4711), new("mac", "x")]);
        await db.KeyDeleteAsync(CampaignProgressProjection.HashOf(world.Log.Campaigns[1]));
        await db.StringSetAsync(CampaignProgressProjection.HashOf(world.Log.Campaigns[1]), "x");

        await world.RunAsync();

        (await world.ContentAsync()).ShouldBe(truth);
    }

    [Fact]
    public async Task A_rebuild_beside_takes_nothing_that_we_did_not_write()
    {
        await using var world = await World.NewAsync(fixture, 39);
        await world.RunAsync();
        var truth = await world.ContentAsync();
        var db = await world.Redis.DatabaseAsync();
        var key = CampaignProgressProjection.Key(world.Database.Shard);
        await db.HashSetAsync(key, [new("next_epoch", "forged"), new("next_sequence", world.End), new("next_mac", "x")]);
        await db.SetAddAsync($"{key}:next", ["no id", Guid.NewGuid().ToString()]);
        (await world.Projection.Beside!.CheckpointAsync(world.Database.Shard, default)).ShouldBe(0);
        await db.StringSetAsync($"{CampaignProgressProjection.HashOf(world.Log.Campaigns[0])}:next", "x");

        await world.Database.RebuildAsync(world.Projection, world.Log);

        (await world.ContentAsync()).ShouldBe(truth);
    }

    [Fact]
    public async Task Down_is_said_as_down()
    {
        await using var world = await World.NewAsync(fixture, 36);
        await world.RunAsync();
        world.Server.Kill();
        (await Should.ThrowAsync<StoreUnavailable>(world.Projection.CheckpointAsync(world.Database.Shard, default))).Store.ShouldBe(
            "redis");
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

        /// <summary>As the runner goes on: what is lost, or late on a busy machine, is tried again.</summary>
        public Task RunAsync() => EndToEnd.Patience.UntilAsync(async () =>
        {
            try
            {
                await database.RunAsync(Projection, log, Random.Shared.Next());
                return true;
            }
            catch (StoreUnavailable)
            {
                return false;
            }
        }, done => done, "the projection is at the end of the log");

        public Task ApplyAsync(long after, long upTo) => Projection.ApplyAsync(database.Page(Projection, log, after, upTo), default);

        public async Task<RedisValue> ApplyAndEpochAsync(long after, long upTo)
        {
            await ApplyAsync(after, upTo);
            return await (await Redis.DatabaseAsync()).HashGetAsync(CampaignProgressProjection.Key(database.Shard), "epoch");
        }

        public async Task ForgeAsync(string what)
        {
            var db = await Redis.DatabaseAsync();
            var (checkpoint, one, other) =
                (CampaignProgressProjection.Key(database.Shard), CampaignProgressProjection.HashOf(log.Campaigns[0]),
                    CampaignProgressProjection.HashOf(log.Campaigns[1]));
            await (what switch
            {
                "a number" => db.HashSetAsync(one, "sent", 4711),
                "a number without a MAC" => ForgedAsync(() => db.HashDeleteAsync(one, "mac"), () => db.HashSetAsync(one, "sent", 4711)),
                "a position" => db.HashSetAsync(one, "position", long.MaxValue),
                "anothers hash" =>
                    ForgedAsync(() => db.KeyDeleteAsync(other), async () => await db.HashSetAsync(other, await db.HashGetAllAsync(one))),
                "a hash of another kind" => db.StringSetAsync(one, "x"),
                "a sequence" => db.HashSetAsync(checkpoint, "sequence", End),
                "a sequence that is none" => db.HashSetAsync(checkpoint, "sequence", "x"),
                "a checkpoint of another kind" => db.StringSetAsync(checkpoint, "x"),
                "an epoch" => db.HashSetAsync(checkpoint, "epoch", "x"),
                "a MAC" => db.HashSetAsync(checkpoint, "mac", ""),
                _ => throw new ArgumentOutOfRangeException(nameof(what)),
            });

            static async Task ForgedAsync(Func<Task> first, Func<Task> second)
            {
                await first();
                await second();
            }
        }

        /// <summary>The checkpoint is lost, the hashes are not.</summary>
        public async Task ForgetAsync() =>
            await (await Redis.DatabaseAsync()).KeyDeleteAsync(CampaignProgressProjection.Key(database.Shard));

        public async Task FlushAsync() => await (await Redis.DatabaseAsync()).ExecuteAsync("FLUSHALL");

        /// <summary>Which beginning each campaign's hash is of.</summary>
        public async Task<string> EpochsAsync()
        {
            var db = await Redis.DatabaseAsync();
            return string.Join(' ', await Task.WhenAll(log.Campaigns.Select(async c =>
                (await db.HashGetAsync(CampaignProgressProjection.HashOf(c), "epoch")).ToString())));
        }

        /// <summary>All but what belongs to one beginning (epoch).</summary>
        public async Task<string> ContentAsync()
        {
            var db = await Redis.DatabaseAsync();
            var hashes = await Task.WhenAll(log.Campaigns.Select(c => db.HashGetAllAsync(CampaignProgressProjection.HashOf(c))));
            hashes.ShouldAllBe(h => h.Length > 10);
            return string.Join('\n',
                hashes.Select(h =>
                    string.Join(' ', h.Where(f => f.Name != "epoch" && f.Name != "mac").Select(f => $"{f.Name}={f.Value}").Order())));
        }

        public async ValueTask DisposeAsync()
        {
            await Redis.DisposeAsync();
            server.Dispose();
            await database.DisposeAsync();
        }
    }
}
