using System.Diagnostics;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Sharding;

/// <summary>
/// The application with a Redis, its replica, and three sentinels that decide which of the two is the master. Where Redis is not installed
/// it is as ever, and the test says so.
/// </summary>
public sealed class RedisSentinelApp(StoresFixture stores) : OwnRedisApp(stores)
{
    private const string Name = "mymaster";

    private readonly List<int> sentinels = [];
    private Process? master;

    protected override IEnumerable<(string Name, string? Value)> Settings => !RedisPrograms.Are ? [] :
        [("ConnectionStrings:Redis", $"{string.Join(',', sentinels.Select(port => $"127.0.0.1:{port}"))},serviceName={Name}")];

    /// <summary>kill -9 of the master; the sentinels make the replica one.</summary>
    public void KillMaster() => master!.Kill();

    protected override async Task StartRedisAsync()
    {
        var (first, second) = (ApiProcess.FreePort(), ApiProcess.FreePort());
        master = Programs.Start(first, Folder.CreateSubdirectory("first").FullName);
        Programs.Start(second, Folder.CreateSubdirectory("second").FullName, "--replicaof", "127.0.0.1", $"{first}");
        for (var n = 1; n <= 3; n++)
        {
            var own = Folder.CreateSubdirectory($"sentinel{n}").FullName;
            var file = Path.Combine(own, "sentinel.conf"); // it writes into it what it learns
            await File.WriteAllTextAsync(file, $"""
                sentinel monitor {Name} 127.0.0.1 {first} 2
                sentinel down-after-milliseconds {Name} 2000
                sentinel failover-timeout {Name} 10000

                """);
            sentinels.Add(ApiProcess.FreePort());
            Programs.Start(sentinels[^1], own, "--sentinel", file);
        }

        await Patience.UntilAsync(async () =>
        {
            Programs.AllRun.ShouldBeTrue("one of them ended");
            var each = await Task.WhenAll(sentinels.Select(async port =>
                await RedisPrograms.AskAsync("-p", $"{port}", "SENTINEL", "ckquorum", Name)
                + await RedisPrograms.AskAsync("-p", $"{port}", "SENTINEL", "replicas", Name)));
            return each.All(said => said.Contains("OK 3 usable", StringComparison.Ordinal) && said.Contains($"{second}"));
        }, all => all, "the sentinels know of each other and of the replica");
    }
}

public sealed class RedisSentinelTests(RedisSentinelApp app) : IClassFixture<RedisSentinelApp>
{
    private const int People = 120;

    [Fact]
    public async Task When_the_master_dies_in_the_middle_of_a_campaign_its_replica_takes_over_and_everybody_is_reached_once()
    {
        Assert.SkipUnless(RedisPrograms.Are,
            "There is no redis-server with redis-cli on this machine: with Debian, apt-get install redis.");
        using var tenant = await Tenant.NewAsync(app.Address, app.Meta, 20);
        await tenant.ImportAsync(Tenant.PlainNumbers(People));
        var campaign = await tenant.LaunchAsync();
        await tenant.SentAsync(campaign, 20);
        app.KillMaster();

        await tenant.CompletedAsync(campaign);
        var members = await tenant.EndedAsync(campaign);
        members.Select(m => app.Meta.State.CountOfCallback($"{m.MessageId}")).ShouldBe(Enumerable.Repeat((1, 1), People));
        await Patience.SoonAsync(async () => (await tenant.ProgressAsync(campaign))["delivered"].GetInt32().ShouldBe(People));
        await Patience.UntilAsync(() => app.Anonymous.SendAsync("GET", "/health/ready"), r =>
            r["status"].GetString() == "ok", "everything is well");
    }
}
