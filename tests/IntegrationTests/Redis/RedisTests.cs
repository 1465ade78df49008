using System.Diagnostics;
using System.Text.Json;
using Bsp.Application.Presence;
using Bsp.Application.Templates;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Templates;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Bsp.IntegrationTests.Redis;

[Collection(RedisCollection.Name)]
public sealed class RedisTests(RedisFixture fixture)
{
    private readonly RedisConnection redis = fixture.Redis;
    private readonly Guid organization = Guid.NewGuid();

    private sealed record Card(string Name, int[] Numbers);

    [Fact]
    public async Task Permits_are_granted_up_to_the_rate_in_each_window()
    {
        var limit = new RateLimit(redis);
        Permits first, rest, none;
        Stopwatch asking;
        do
        {
            // again, should this machine stand still until the window is over
            await (await redis.DatabaseAsync()).KeyDeleteAsync($"ratelimit:{organization}:1055");
            asking = Stopwatch.StartNew();
            (first, rest, none) =
                (await limit.TakeAsync(organization, "1055", 30, 80), await limit.TakeAsync(organization, "1055", 100, 80),
                    await limit.TakeAsync(organization, "1055", 1, 80));
        }
        while (asking.ElapsedMilliseconds >= RateLimit.WindowMs);
        (first.Granted, first.NextWindowIn).ShouldBe((30, TimeSpan.Zero));
        rest.Granted.ShouldBe(50);
        rest.NextWindowIn.TotalMilliseconds.ShouldBeInRange(1, 1000);
        none.Granted.ShouldBe(0);
        (await limit.TakeAsync(organization, "1056", 1, 80)).Granted.ShouldBe(1, "another number has its own");

        await Eventually.Holds(async () =>
            (await limit.TakeAsync(organization, "1055", 80, 80)).Granted == 80, "the next window is full again");
        var hash = await (await redis.DatabaseAsync()).HashGetAllAsync($"ratelimit:{organization}:1055");
        hash.Select(e => e.Name.ToString()).ShouldBe(["count", "reset_at"], ignoreOrder: true);
        (await (await redis.DatabaseAsync())
            .KeyTimeToLiveAsync($"ratelimit:{organization}:1055"))!.Value.ShouldBeLessThan(TimeSpan.FromHours(24));
    }

    [Fact]
    public async Task Fifty_senders_together_never_exceed_the_rate_of_a_window()
    {
        var limit = new RateLimit(redis);
        var asking = Stopwatch.StartNew();
        var granted = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => limit.TakeAsync(organization, "1", 7, 100)));
        var windows = 1 + (int)(asking.ElapsedMilliseconds / RateLimit.WindowMs); // one, unless this machine stood still meanwhile
        granted.Sum(p => p.Granted).ShouldBeInRange(100, 100 * windows);
    }

    [Fact]
    public async Task A_lowered_rate_holds_until_its_time_is_over_and_only_gets_stricter()
    {
        var limit = new RateLimit(redis);
        var lowered = TimeSpan.FromSeconds(4);
        string number;
        Permits taken;
        Stopwatch asking;
        do
        {
            // again, should this machine stand still until it is over
            number = $"{Random.Shared.NextInt64()}";
            asking = Stopwatch.StartNew();
            await limit.LowerAsync(organization, number, 2, lowered);
            await limit.LowerAsync(organization, number, 50, TimeSpan.FromMilliseconds(100));
            taken = await limit.TakeAsync(organization, number, 10, 80);
        }
        while (asking.Elapsed >= lowered);
        taken.Granted.ShouldBe(2);
        await Eventually.Holds(async () => (await limit.TakeAsync(organization, number, 80, 80)).Granted > 2, "the full rate is back");
    }

    [Fact]
    public async Task Of_a_pair_forty_five_go_at_once_and_then_one_in_six_seconds()
    {
        var pairs = new PairLimit(redis);
        var (person, other) = (Guid.NewGuid(), Guid.NewGuid());
        string number;
        IReadOnlyList<TimeSpan> waits;
        Stopwatch asking;
        do
        {
            // again, should this machine stand still until the next may go
            number = $"{Random.Shared.NextInt64()}";
            asking = Stopwatch.StartNew();
            (await pairs.TakeAsync(number, [.. Enumerable.Repeat(person, 45)], default)).ShouldAllBe(wait => wait == TimeSpan.Zero);
            waits = await pairs.TakeAsync(number, [person, other, person], default);
        }
        while (asking.Elapsed >= TimeSpan.FromSeconds(5));
        waits[0].ShouldBeInRange(TimeSpan.FromMilliseconds(1), TimeSpan.FromSeconds(6));
        waits[1].ShouldBe(TimeSpan.Zero, "somebody else");
        var database = await redis.DatabaseAsync();
        await database.StringSetAsync($"pair:{number}:{person}", "9e15"); // what no call of ours writes keeps nobody waiting
        (await pairs.TakeAsync(number, [person], default)).ShouldBe([TimeSpan.Zero]);
        (await database.KeyTimeToLiveAsync($"pair:{number}:{other}") ?? TimeSpan.Zero).ShouldBeLessThanOrEqualTo(TimeSpan.FromSeconds(6));
    }

    [Fact]
    public async Task Permits_that_were_not_used_are_there_for_others()
    {
        var limit = new RateLimit(redis);
        Permits after;
        Stopwatch asking;
        do
        {
            // again, should this machine stand still until the window is over
            await (await redis.DatabaseAsync()).KeyDeleteAsync($"ratelimit:{organization}:1057");
            asking = Stopwatch.StartNew();
            (await limit.TakeAsync(organization, "1057", 80, 80)).Granted.ShouldBe(80);
            var taken = await limit.TakeAsync(organization, "1057", 1, 80);
            await limit.ReturnAsync(organization, "1057", 30, taken.Window);
            await limit.ReturnAsync(organization, "1057", 20, taken.Window - 1); // of a window that is over
            after = await limit.TakeAsync(organization, "1057", 80, 80);
        }
        while (asking.ElapsedMilliseconds >= RateLimit.WindowMs);
        after.Granted.ShouldBe(30);
    }

    [Fact]
    public async Task A_lock_has_one_holder_who_alone_can_extend_and_release_it()
    {
        var locks = new Locks(redis);
        var campaign = Guid.NewGuid();
        var tries = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => locks.TryCampaignAsync(campaign, TimeSpan.FromMinutes(1))));
        var held = tries.OfType<HeldLock>().ShouldHaveSingleItem();
        (await held.ExtendAsync(TimeSpan.FromMinutes(5))).ShouldBeTrue();
        (await (await redis.DatabaseAsync())
            .KeyTimeToLiveAsync($"lock:campaign:{campaign}"))!.Value.ShouldBeGreaterThan(TimeSpan.FromMinutes(4));

        await (await redis.DatabaseAsync()).StringSetAsync($"lock:campaign:{campaign}", "somebody else");
        (await held.ExtendAsync(TimeSpan.FromMinutes(5))).ShouldBeFalse();
        (await held.ReleaseAsync()).ShouldBeFalse();
        (await (await redis.DatabaseAsync()).StringGetAsync($"lock:campaign:{campaign}")).ToString().ShouldBe("somebody else");
    }

    [Fact]
    public async Task A_lock_ends_with_its_time_or_its_scope()
    {
        var locks = new Locks(redis);
        var contact = Guid.NewGuid();
        await using (await locks.TryContactAsync(contact, TimeSpan.FromMinutes(1)))
            (await locks.TryContactAsync(contact, TimeSpan.FromMinutes(1))).ShouldBeNull();
        (await locks.TryContactAsync(contact, TimeSpan.FromMilliseconds(50))).ShouldNotBeNull();
        await Eventually.Holds(async () => await locks.TryContactAsync(contact, TimeSpan.FromMinutes(1)) is not null, "the lock ends");
    }

    [Fact]
    public async Task Cached_rows_come_back_until_a_change_makes_them_old_and_what_was_read_before_it_is_not_taken()
    {
        var cache = new RowCaches(redis, NullLogger<JsonCache>.Instance).Templates;
        var id = Guid.NewGuid();
        (await cache.FindAsync<Card>(id)).ShouldBeNull();
        await cache.SetAsync(id, 3, new Card("Grüße", [1, 2]));
        var found = (await cache.FindAsync<Card>(id)).ShouldNotBeNull();
        (found.Version, found.Row!.Name).ShouldBe((3, "Grüße"));
        found.Row.Numbers.ShouldBe([1, 2]);
        var database = await redis.DatabaseAsync();
        (await database.KeyTypeAsync($"template:{id}")).ShouldBe(RedisType.String);
        (await database.KeyTimeToLiveAsync($"template:{id}"))!.Value.ShouldBeLessThanOrEqualTo(JsonCache.Life);

        await cache.ForgetAsync(id, 2);
        (await cache.FindAsync<Card>(id)).ShouldNotBeNull("an older change says nothing about it");
        await cache.ForgetAsync(id, 3);
        (await cache.FindAsync<Card>(id)).ShouldNotBeNull("it shows that very version");
        await cache.ForgetAsync(id, 4);
        (await cache.FindAsync<Card>(id)).ShouldBeNull();
        await cache.SetAsync(id, 3, new Card("read before the change", []));
        (await cache.FindAsync<Card>(id)).ShouldBeNull();
        await cache.SetAsync(id, 4, new Card("after", []));
        (await cache.FindAsync<Card>(id))!.Row!.Name.ShouldBe("after");

        await database.StringSetAsync($"template:{id}", "[");
        (await cache.FindAsync<Card>(id)).ShouldBeNull("what cannot be read is a miss");
        await cache.SetAsync(id, 1, new Card("anew", []));
        (await cache.FindAsync<Card>(id))!.Row!.Name.ShouldBe("anew", "and is replaced");
    }

    [Fact]
    public async Task One_number_is_another_contact_in_another_organization()
    {
        var cache = new ContactCache(redis, NullLogger<ContactCache>.Instance);
        var number = $"+49{Random.Shared.NextInt64(1_000_000_000, 9_999_999_999)}";
        var other = Guid.NewGuid();
        Task<Card?> Get(Guid owner, string? loads) =>
            cache.GetAsync(owner, number, () => Task.FromResult(loads is null ? null : new Card(loads, [])));
        (await Get(organization, null)).ShouldBeNull();
        (await Get(organization, "Anna"))!.Name.ShouldBe("Anna");
        (await Get(other, "Bert"))!.Name.ShouldBe("Bert");
        (await Get(organization, "not asked"))!.Name.ShouldBe("Anna");
        await cache.RemoveAsync(organization, number);
        (await Get(organization, "Anna B."))!.Name.ShouldBe("Anna B.");
        (await Get(other, "not asked"))!.Name.ShouldBe("Bert");
        (await (await redis.DatabaseAsync()).KeyTimeToLiveAsync($"contact:{number}")).ShouldNotBeNull();
    }

    [Fact]
    public async Task A_copy_read_before_a_change_is_not_kept_after_it()
    {
        var cache = new ContactCache(redis, NullLogger<ContactCache>.Instance);
        var number = $"+49{Random.Shared.NextInt64(1_000_000_000, 9_999_999_999)}";
        var stale = await cache.GetAsync(organization, number, async () =>
        {
            await cache.RemoveAsync(organization, number); // the row changes while it is being read
            return new Card("before", []);
        });
        stale!.Name.ShouldBe("before");
        (await cache.GetAsync(organization, number, () => Task.FromResult<Card?>(new("after", []))))!.Name.ShouldBe("after");
    }

    [Fact]
    public async Task Without_Redis_a_contact_is_read_from_where_it_is()
    {
        await using var away = new RedisConnection("127.0.0.1:1,connectTimeout=200,abortConnect=false");
        var cache = new ContactCache(away, NullLogger<ContactCache>.Instance);
        (await cache.GetAsync(organization, "+4915112345678", () => Task.FromResult<Card?>(new("Anna", []))))!.Name.ShouldBe("Anna");
        await cache.RemoveAsync(organization, "+4915112345678");
    }

    [Fact]
    public async Task Webhook_items_are_seen_only_after_they_were_marked_done()
    {
        var marks = new WebhookMarks(redis, NullLogger<WebhookMarks>.Instance);
        var ids = Enumerable.Range(0, 300).Select(i => $"wamid.{Guid.NewGuid():N}:{i}").ToList();
        var organization = Guid.NewGuid();
        (await marks.SeenAsync(organization, ids)).ShouldBeEmpty();
        await marks.MarkDoneAsync(organization, ids[..100]);
        (await marks.SeenAsync(organization, ids)).Order().ShouldBe(ids[..100].Order());
        (await marks.SeenAsync(Guid.NewGuid(), ids)).ShouldBeEmpty();
        (await (await redis.DatabaseAsync()).KeyTimeToLiveAsync($"webhook:processing:{ids[0]}"))!.Value
            .ShouldBeInRange(TimeSpan.FromHours(23), TimeSpan.FromHours(24));
    }

    [Fact]
    public async Task A_sessions_copy_is_found_by_the_hash_of_its_token_until_it_ends()
    {
        var sessions = new SessionCopies(redis, TimeProvider.System, NullLogger<SessionCopies>.Instance);
        var session =
            new Session(Guid.NewGuid(), organization,
                DateTimeOffset.FromUnixTimeMilliseconds(DateTimeOffset.UtcNow.AddHours(24).ToUnixTimeMilliseconds()));
        await sessions.PutAsync("abc", session);
        (await sessions.FindAsync("abc")).ShouldBe(session);
        ((await (await redis.DatabaseAsync()).KeyTimeToLiveAsync("session:abc"))!.Value)
            .ShouldBe(TimeSpan.FromHours(24), TimeSpan.FromMinutes(1));

        await sessions.EndAsync(["abc"]);
        (await sessions.FindAsync("abc")).ShouldBeNull();
        await sessions.PutAsync("ended", session with { ExpiresAt = DateTimeOffset.UtcNow.AddSeconds(-1) });
        (await sessions.FindAsync("ended")).ShouldBeNull();
    }

    [Fact]
    public async Task Presence_shows_one_organizations_people_until_they_fall_silent()
    {
        var clock = new MovableClock();
        var presence = new Infrastructure.Redis.Presence(redis, clock);
        var (anna, bert) = (Guid.NewGuid(), Guid.NewGuid());
        await presence.SetAsync(organization, anna, "online", default);
        await presence.SetAsync(organization, bert, "away", default);
        await presence.SetAsync(organization, anna, "away", default);
        await presence.SetAsync(organization, bert, "offline", default);
        (await presence.AllAsync(organization, default)).Select(p => (p.UserId, p.Status)).ShouldBe([(anna, "away")]);
        (await presence.AllAsync(Guid.NewGuid(), default)).ShouldBeEmpty();
        // as the specification has it
        ((string?)await (await redis.DatabaseAsync()).HashGetAsync($"presence:{organization}", anna.ToString())).ShouldBe("away");

        clock.Now += IPresence.Life - TimeSpan.FromSeconds(1);
        await presence.SetAsync(organization, bert, "online", default);
        (await presence.AllAsync(organization, default)).Count.ShouldBe(2);
        clock.Now += TimeSpan.FromSeconds(2);
        (await presence.AllAsync(organization, default)).Select(p => p.UserId).ShouldBe([bert]);
        (await (await redis.DatabaseAsync()).HashExistsAsync($"presence:{organization}", anna.ToString())).ShouldBeFalse();
    }

    private sealed class MovableClock : TimeProvider
    {
        public DateTimeOffset Now { get; set; } = DateTimeOffset.UtcNow;

        public override DateTimeOffset GetUtcNow() => Now;
    }

    [Fact]
    public async Task Without_Redis_caches_miss_nothing_seems_seen_and_the_rest_says_so()
    {
        using var server = new RedisServer();
        server.Kill();
        await using var down = new RedisConnection(server.ConnectionString);
        var cache = new RowCaches(down, NullLogger<JsonCache>.Instance).Campaigns;
        var marks = new WebhookMarks(down, NullLogger<WebhookMarks>.Instance);

        (await cache.FindAsync<Card>(Guid.NewGuid())).ShouldBeNull();
        await cache.SetAsync(Guid.NewGuid(), 1, new Card("", []));
        await cache.ForgetAsync(Guid.NewGuid(), 1);
        var template =
            new TemplateView(Guid.NewGuid(), organization, Guid.NewGuid(), "t", null, "UTILITY", "en",
                JsonSerializer.SerializeToElement(new { }), null, "DRAFT", "DRAFT", null, "UNKNOWN", null, null, default, default, 1);
        (await new CachedTemplate(new RowCaches(down, NullLogger<JsonCache>.Instance))
            .Handle(new(organization, template.Id), default, () => Task.FromResult(template))).ShouldBe(template);
        (await marks.SeenAsync(Guid.NewGuid(), ["a"])).ShouldBeEmpty();
        await marks.MarkDoneAsync(Guid.NewGuid(), ["a"]);
        await Should.ThrowAsync<RedisException>(() => new RateLimit(down).TakeAsync(organization, "1", 1, 1));
        await Should.ThrowAsync<RedisException>(() => down.PingAsync());
        down.IsUp.ShouldBeFalse();

        server.Start();
        await Eventually.Holds(() => down.IsUp, "it connects by itself");
        (await new RateLimit(down).TakeAsync(organization, "1", 1, 1)).Granted.ShouldBe(1);
    }
}
