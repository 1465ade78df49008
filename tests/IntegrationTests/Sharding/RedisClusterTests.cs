using System.Globalization;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Sharding;

/// <summary>
/// The application on a Redis Cluster of three nodes, in which keys lie where their names say. Where Redis is not installed it is as ever,
/// and the test says so.
/// </summary>
public sealed class RedisClusterApp(StoresFixture stores) : OwnRedisApp(stores)
{
    private const int Nodes = 3;

    private readonly List<int> ports = [];

    /// <summary>Of the common queue.</summary>
    public string QueueName { get; set; } = "{messages}";

    protected override IEnumerable<(string Name, string? Value)> Settings => !RedisPrograms.Are ? [] :
    [
        ("ConnectionStrings:Redis", string.Join(',', ports.Select(port => $"127.0.0.1:{port}"))), ("Bsp:Queue:Name", QueueName),
    ];

    protected override async Task StartRedisAsync()
    {
        for (var n = 0; n < Nodes; n++)
        {
            var own = Folder.CreateSubdirectory(n.ToString(CultureInfo.InvariantCulture)).FullName;
            ports.Add(ApiProcess.FreePort());
            Programs.Start(ports[n], own, "--cluster-port", $"{ApiProcess.FreePort()}", "--cluster-enabled", "yes",
                "--cluster-config-file", "nodes.conf");
        }

        await Patience.UntilAsync(() => EachAsync("PONG", "PING"), all => all, "every node answers");
        await RedisPrograms.AskAsync(["--cluster", "create", .. ports.Select(port => $"127.0.0.1:{port}"), "--cluster-yes"]);
        await Patience.UntilAsync(() => EachAsync("cluster_state:ok", "CLUSTER", "INFO"), all => all, "every node knows the cluster");
    }

    private async Task<bool> EachAsync(string wanted, params string[] command)
    {
        Programs.AllRun.ShouldBeTrue("a node ended");
        var answers = await Task.WhenAll(ports.Select(port => RedisPrograms.AskAsync(["-p", $"{port}", .. command])));
        return answers.All(answer => answer.Contains(wanted, StringComparison.Ordinal));
    }
}

public sealed class RedisClusterTests(RedisClusterApp app) : IClassFixture<RedisClusterApp>
{
    private const int People = 60;

    [Fact]
    public async Task On_a_cluster_a_campaign_goes_out_once_and_a_queue_whose_keys_lie_on_several_nodes_is_named()
    {
        Assert.SkipUnless(RedisPrograms.Are,
            "There is no redis-server with redis-cli on this machine: with Debian, apt-get install redis.");
        using var tenant = await Tenant.NewAsync(app.Address, app.Meta, 1_000);
        await tenant.ImportAsync(Tenant.PlainNumbers(People));
        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        var members = await tenant.EndedAsync(campaign);
        members.Select(m => app.Meta.State.CountOfCallback($"{m.MessageId}")).ShouldBe(Enumerable.Repeat((1, 1), People));
        await Patience.SoonAsync(async () => (await tenant.ProgressAsync(campaign))["delivered"].GetInt32().ShouldBe(People));
        await Patience.UntilAsync(() => app.Anonymous.SendAsync("GET", "/health/ready"), r =>
            r["status"].GetString() == "ok", "everything is well");

        await app.StopAsync();
        app.QueueName = "messages";
        await app.StartAsync();
        using var anonymous = app.Client(null); // each start has a port of its own
        var ready = await Patience.UntilAsync(() => anonymous.SendAsync("GET", "/health/ready"), r =>
            r["stores"].GetProperty("queue").GetString()!.Contains("{messages}"), "the queue is named, and what it should be called");
        (ready.Status, ready["status"].GetString()).ShouldBe((200, "degraded"));
    }
}
