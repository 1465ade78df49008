using System.Globalization;
using Bsp.Benchmarks.Chaos;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.IntegrationTests.Views;
using Bsp.LocalStores.Postgres;
using Npgsql;

namespace Bsp.IntegrationTests.Sharding;

/// <summary>
/// An application with a PostgreSQL of its own and a streaming replica of it. It knows the address of something before the primary, which
/// can be made to lead to the replica: what a virtual address or a name does.
/// </summary>
public sealed class ReplicaApp(StoresFixture stores) : OwnPostgresApp(stores)
{
    private StoppableProxy? door;
    private string database = "";

    internal PostgresStandby Standby { get; private set; } = null!;

    internal StoppableProxy Door => door!;

    protected override IEnumerable<(string Name, string? Value)> Settings =>
    [
        ("ConnectionStrings:Directory", Through(AdminConnection)),
        ("ConnectionStrings:DirectoryApp", Through(AsApp(AdminConnection))),
        ("Bsp:Replicas:default", AsApp(At(Standby.ConnectionString))),
        ("Bsp:ReplicaLagMs", "3000"), ("ConnectionStrings:Mongo", null),
    ];

    public override async ValueTask DisposeAsync()
    {
        await StopAsync();
        await Standby.RemoveAsync();
        door?.Dispose();
        await base.DisposeAsync();
        GC.SuppressFinalize(this);
    }

    protected override async Task<string> NewDatabaseAsync(string name)
    {
        var admin = await base.NewDatabaseAsync(name);
        database = name;
        Standby = await PostgresStandby.StartAsync(Own.Postgres, Path.Combine(Own.Directory, "standby"), CancellationToken.None);
        var primary = new NpgsqlConnectionStringBuilder(admin);
        door = new(new($"tcp://{primary.Host}:{primary.Port}"));
        return admin;
    }

    /// <summary>A statement on the replica's server, as the role that owns it.</summary>
    public Task OnStandbyAsync(string sql) => OnAsync(Standby.ConnectionString, sql);

    /// <summary>A statement on the primary's server.</summary>
    public Task OnPrimaryAsync(string sql) => OnAsync(Own.Postgres, sql);

    /// <summary>A number from the replica's copy of the database.</summary>
    public async Task<long> CountOnStandbyAsync(string sql)
    {
        await using var connection = new NpgsqlConnection(At(Standby.ConnectionString) + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (long)(await command.ExecuteScalarAsync())!;
    }

    private static async Task OnAsync(string server, string sql)
    {
        await using var connection = new NpgsqlConnection(server + ";Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 150 };
        await command.ExecuteNonQueryAsync();
    }

    private string At(string server) => new NpgsqlConnectionStringBuilder(server) { Database = database }.ConnectionString;

    private string Through(string connection) =>
        new NpgsqlConnectionStringBuilder(connection) { Host = "127.0.0.1", Port = door!.Port }.ConnectionString;

    private static string AsApp(string connection) => new NpgsqlConnectionStringBuilder(connection)
    {
        Username = "bsp_app", Password = EventStore.LogDatabase.AppPassword,
    }.ConnectionString;
}

public sealed class ReplicaTests(ReplicaApp app) : IClassFixture<ReplicaApp>
{
    private const string Lag = "Bsp-Replica-Lag";
    private const string Inbox = "/v1/conversations?limit=200";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    /// <summary>One test, because the end of the second part is the end of the primary.</summary>
    [Fact]
    public async Task Documents_are_read_at_a_near_replica_and_when_the_primary_is_lost_it_goes_on_and_nobody_is_reached_twice()
    {
        using var tenant = await Tenant.NewAsync(app.Address, app.Meta, 1_000);
        await tenant.ImportAsync(Tenant.PlainNumbers(20));
        var first = await tenant.LaunchAsync();
        await tenant.CompletedAsync(first);
        await tenant.EndedAsync(first);

        await NearAndFarAsync(tenant);
        await LostAsync(tenant, first);
    }

    private async Task NearAndFarAsync(Tenant tenant)
    {
        var near = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", Inbox), a =>
            a.Header(Lag) is not null && a["data"].GetArrayLength() == 20, "the inbox is read at the replica");
        int.Parse(near.Header(Lag)!, CultureInfo.InvariantCulture).ShouldBeInRange(1, 3_000);
        var said = await QueueAsync(tenant, Tenant.PlainNumbers(1)[0]);
        said.Header(Lag).ShouldBeNull();
        var own = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", Inbox, null,
            ("Bsp-Min-Position", said.Header("Bsp-Position")!)), a => a.Status == 200, "the view has reached it");
        own.Header(Lag).ShouldBeNull("who asks for a position reads at the primary");

        // It stands still: what is read there would be older than is allowed, and soon nothing is.
        await app.OnStandbyAsync("SELECT pg_wal_replay_pause()");
        var queued = await QueueAsync(tenant, "+919876509999");
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", Inbox), a =>
            a.Header(Lag) is null && a["data"].GetArrayLength() == 21, "the primary shows what has come");
        (await app.CountOnStandbyAsync($"SELECT count(*) FROM mt_streams WHERE id = '{queued["id"].GetGuid()}'")).ShouldBe(0);
        await Patience.UntilAsync(() => app.Anonymous.SendAsync("GET", "/health/ready"), r => r.Status == 200
            && r["stores"].GetProperty("replicas").GetString()!.Contains("too far behind"), "somebody sees it");

        await app.OnStandbyAsync("SELECT pg_wal_replay_resume()");
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", Inbox), a =>
            a.Header(Lag) is not null && a["data"].GetArrayLength() == 21, "the replica has caught up and is read again");
    }

    // The steps of docs/scale.md: each commit waits for the replica; the primary is lost; the replica is promoted; the address leads there.
    private async Task LostAsync(Tenant tenant, Guid first)
    {
        await app.OnPrimaryAsync("ALTER SYSTEM SET synchronous_standby_names = 'standby'");
        await app.OnPrimaryAsync("SELECT pg_reload_conf()");
        (await tenant.Api.SendAsync("PATCH", $"/v1/accounts/{tenant.AccountId}", new { messages_per_second_max = 5 })).Status.ShouldBe(200);
        var second = await tenant.LaunchAsync();
        await tenant.SentAsync(second, 3);
        using var over = new CancellationTokenSource();
        var commands = CommandsAsync(tenant, over.Token);
        await using (var source = NpgsqlDataSource.Create(app.Own.Postgres + ";Pooling=false"))
        {
            await new PostgresHarm(app.Own, source).LoseAsync(Ct);
        }

        await app.OnStandbyAsync("SELECT pg_promote(true, 120)");
        var promoted = new NpgsqlConnectionStringBuilder(app.Standby.ConnectionString);
        app.Door.PointTo(new($"tcp://{promoted.Host}:{promoted.Port}"));
        await Patience.UntilAsync(() => tenant.Api.SendAsync("POST", "/v1/lists", new { name = "afterwards" }), a => a.Status == 201,
            "commands are taken again");
        await over.CancelAsync();
        var answers = await commands;
        answers.ShouldAllBe(a => a.Status == 201 || (a.Status == 503 && a.Header("Retry-After") != null));

        var acknowledged = answers.Where(a => a.Status == 201).Select(a => a["id"].GetGuid()).ToList();
        var there = (await tenant.AllAsync("/v1/lists")).Select(l => l.GetProperty("id").GetGuid()).ToHashSet();
        acknowledged.Where(id => !there.Contains(id)).ShouldBeEmpty("what was acknowledged is there");
        await tenant.CompletedAsync(second);
        var members = await tenant.EndedAsync(second);
        members.Count(m => m.Status == "skipped").ShouldBe(1, "who was only written to, and consented to nothing");
        members.Count.ShouldBe(21);
        members.Where(m => m.Status != "skipped").Concat(await tenant.MembersAsync(first))
            .Select(m => app.Meta.State.CountOfCallback($"{m.MessageId}"))
            .ShouldAllBe(calls => calls.Equals(ValueTuple.Create(1, 1)), "nobody twice, nobody missed");
        await Patience.UntilAsync(() => app.Anonymous.SendAsync("GET", "/health/ready"), r =>
            r["stores"].GetProperty("replicas").GetString()!.Contains("promoted"), "it is said that there is no replica any more");
        (await tenant.Api.SendAsync("GET", Inbox)).ShouldSatisfyAllConditions(a => a.Status.ShouldBe(200), a =>
            a.Header(Lag).ShouldBeNull());
    }

    private static async Task<List<Answer>> CommandsAsync(Tenant tenant, CancellationToken ct)
    {
        var answers = new List<Answer>();
        while (!ct.IsCancellationRequested)
        {
            answers.Add(await tenant.Api.SendAsync("POST", "/v1/lists", new { name = $"list {answers.Count}" }));
            await Task.Delay(20, CancellationToken.None);
        }

        return answers;
    }

    private static async Task<Answer> QueueAsync(Tenant tenant, string to)
    {
        var queued = await tenant.Api.SendAsync("POST", "/v1/messages", new
        {
            account_id = tenant.AccountId, to, type = "template",
            template = new { name = "order_on_its_way", language = new { code = "en" },
                components = new[] { new { type = "body", parameters = new[] { new { type = "text", text = "Asha" } } } } },
        });
        queued.Status.ShouldBe(201, queued.Text);
        return queued;
    }
}
