using Bsp.Application.Webhooks;
using Bsp.Application.Common;
using Bsp.Infrastructure.Configuration;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Imports;
using Bsp.Infrastructure.Webhooks;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Bsp.IntegrationTests.Limits;

/// <summary>Few of everything.</summary>
public sealed class FewApp(StoresFixture stores) : AppFixture(stores)
{
    protected override IEnumerable<(string Name, string? Value)> Settings =>
        [("Bsp:Limits:StreamsPerCaller", "2"), ("Bsp:Limits:DownloadsPerCaller", "1"), ("Bsp:Limits:OrganizationAtOnce", "2"),
            ("Bsp:Uploads:OrganizationAtOnce", "2"), ("Bsp:Uploads:BytesPerSecondMin", "1"), ("Bsp:Limits:OwnWebhookKbPerSecond", "1")];
}

public sealed class TurnTests(FewApp app) : IClassFixture<FewApp>
{
    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task A_caller_has_so_many_open_streams_and_an_organization_five_times_as_many()
    {
        var organization = await app.NewOrganizationAsync();
        var import =
            await organization.Writer.SendAsync("POST", "/v1/contacts/import", "phone_number\n+4915100000001\n",
                ("Content-Type", "text/csv"));
        await using (var command =
            app.Admin.CreateCommand("UPDATE bsp.imports SET status = 'running', leased_until = now() + interval '1 hour' WHERE id = $1"))
        {
            command.Parameters.Add(new() { Value = import["id"].GetGuid() });
            await Patience.UntilAsync(() => organization.Reader.SendAsync("GET", import["url"].GetString()!), i =>
                i["status"].GetString() == "completed", "the import ends");
            await command.ExecuteNonQueryAsync(Ct); // a stream that does not end
        }

        var path = import["url"].GetString() + "/stream";
        var open = new List<HttpResponseMessage>();
        async Task<int> OpenAsync(HttpClient client)
        {
            var answer = await client.GetAsync(path, HttpCompletionOption.ResponseHeadersRead, Ct);
            open.Add(answer);
            return (int)answer.StatusCode;
        }

        (await OpenAsync(organization.Reader)).ShouldBe(200);
        (await OpenAsync(organization.Reader)).ShouldBe(200);
        (await organization.Reader.SendAsync("GET", path)).ShouldBeProblem(429, "request.too_many_streams").Header("Retry-After")
            .ShouldNotBeNull();
        (await organization.Reader.SendAsync("GET", "/v1/contacts")).Status.ShouldBe(200); // open streams take no turn of ordinary requests
        var admitted = 2;
        for (var key = 0; key < 8; key++)
        {
            var made = await AppFixture.CreatedAsync(organization.Admin, "/v1/api-keys", new { name = $"k{key}", permissions = "read" });
            var client = app.Client(made.GetProperty("key").GetString());
            admitted += (await OpenAsync(client) == 200 ? 1 : 0) + (await OpenAsync(client) == 200 ? 1 : 0);
        }

        admitted.ShouldBe(10);
        open[0].Dispose(); // one ends, one may come
        await Patience.UntilAsync(() => OpenAsync(organization.Reader), status => status == 200, "a place is free again");
        open.ForEach(answer => answer.Dispose());
    }

    [Fact]
    public async Task More_uploads_at_once_than_an_organization_may_have_are_429()
    {
        var organization = await app.NewOrganizationAsync();
        var open = new List<SlowClient>();
        for (var i = 0; i < 2; i++)
        {
            open.Add(await SlowClient.BeginAsync(app.Address, "POST", "/v1/contacts/import", organization.WriteKey, "text/csv", 5_000,
                "phone_number\n"u8.ToArray()));
        }

        var spool = app.Services.GetRequiredService<UploadSpool>();
        await Patience.UntilAsync(() => Task.FromResult(spool.BytesNow), bytes =>
            bytes == 2 * "phone_number\n".Length, "both are being taken in");
        (await organization.Writer.SendAsync("POST", "/v1/contacts/import", "phone_number\n+4915100000001\n", ("Content-Type", "text/csv")))
            .ShouldBeProblem(429, "import.too_many_at_once");
        (await (await app.NewOrganizationAsync()).Writer.SendAsync("POST", "/v1/contacts/import", "phone_number\n+4915100000001\n",
            ("Content-Type", "text/csv"))).Status.ShouldBe(202);
        open.ForEach(client => client.Dispose());
        await Patience.UntilAsync(() =>
            organization.Writer.SendAsync("POST", "/v1/contacts/import", "phone_number\n+4915100000001\n", ("Content-Type", "text/csv")),
            a => a.Status == 202, "they are gone");
    }

    [Fact]
    public async Task Requests_of_one_organization_take_turns_and_its_neighbour_does_not_wait_for_them()
    {
        var (busy, other) = (await app.NewOrganizationAsync(), await app.NewOrganizationAsync());
        var held = new List<SlowClient>();
        for (var i = 0; i < 3; i++) // two are carried out, 256 wait, the others are refused
        {
            held.AddRange(await Task.WhenAll(Enumerable.Range(0, 100).Select(_ => SlowClient.BeginAsync(app.Address, "POST", "/v1/contacts",
                busy.WriteKey, "application/json", 5_000, "{"u8.ToArray()))));
        }

        (await other.Writer.SendAsync("POST", "/v1/contacts", new { phone_number = "+4915100000004" })).Status.ShouldBe(201);
        (await Patience.UntilAsync(() => AskedAsync(busy.Reader), said => said.StartsWith("429", StringComparison.Ordinal),
            "all places are taken")).ShouldContain("request.too_many_at_once");
        held.ForEach(client => client.Dispose());
        await Patience.UntilAsync(() => busy.Reader.SendAsync("GET", "/v1/contacts"), a => a.Status == 200, "its turn comes again");
    }

    // Who came before the others had been seen waits for its turn: it goes and asks again.
    private static async Task<string> AskedAsync(HttpClient client)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(Ct);
        enough.CancelAfter(TimeSpan.FromSeconds(3));
        try
        {
            using var answer = await client.GetAsync("/v1/contacts", enough.Token);
            return $"{(int)answer.StatusCode} {await answer.Content.ReadAsStringAsync(Ct)}";
        }
        catch (OperationCanceledException) when (!Ct.IsCancellationRequested)
        {
            return "it waits";
        }
    }

    [Fact]
    public async Task Webhooks_that_an_own_app_signs_faster_than_it_may_are_503_and_a_neighbours_are_kept()
    {
        const string secret = "a-secret-that-it-knows";
        var (fast, other) = (await app.NewOrganizationAsync(), await app.NewOrganizationAsync());
        foreach (var organization in new[] { fast, other })
        {
            (await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}",
                new { meta_app_secret = secret })).Status.ShouldBe(200);
        }

        (await PostOwnAsync(fast.Id, secret, 100_000)).Status.ShouldBe(200, "whatever comes while there is credit is taken whole");
        var refused = await PostOwnAsync(fast.Id, secret, 100);
        refused.ShouldBeProblem(503, "webhook.too_fast").Header("Retry-After").ShouldNotBeNull();
        (await PostOwnAsync(other.Id, secret, 100)).Status.ShouldBe(200);
    }

    private async Task<Answer> PostOwnAsync(Guid organization, string secret, int bytes)
    {
        var body = $"\"{new string('x', bytes - 2)}\"";
        var signature =
            Convert.ToHexStringLower(System.Security.Cryptography.HMACSHA256.HashData(System.Text.Encoding.UTF8.GetBytes(secret),
                System.Text.Encoding.UTF8.GetBytes(body)));
        return await app.Anonymous.SendAsync("POST", $"/webhooks/meta/{organization}", body,
            ("X-Hub-Signature-256", $"sha256={signature}"), ("Content-Type", "application/json"));
    }

    [Fact]
    public async Task Whoever_waits_for_a_turn_and_goes_takes_none_along()
    {
        var turns = new Turns(1, 2);
        var first = await turns.EnterAsync("a", Ct);
        using var gone = new CancellationTokenSource();
        var gaveUp = turns.EnterAsync("a", gone.Token).AsTask();
        var second = turns.EnterAsync("a", Ct).AsTask();
        (await turns.EnterAsync("a", Ct)).ShouldBeNull("two wait");
        (await turns.EnterAsync("b", Ct)).ShouldNotBeNull().Dispose();
        await gone.CancelAsync();
        await Should.ThrowAsync<OperationCanceledException>(gaveUp);
        first!.Dispose();
        first.Dispose();
        (await second)!.Dispose();
        turns.Running("a").ShouldBe(0);
    }

    [Fact]
    public async Task Room_goes_to_who_sends_and_not_to_who_announced()
    {
        var room = new BodyRoom(TimeProvider.System);
        using var stalled = room.Enter("1.1.1.1");
        await stalled.GrowToAsync(BodyRoom.BytesAtOnce - 100, Ct);
        using var small = room.Enter("2.2.2.2");
        await small.GrowToAsync(100, Ct);
        using var next = room.Enter("3.3.3.3");
        await next.GrowToAsync(1_000, Ct); // waits until the first has stalled, and then has its room
        stalled.Evicted.IsCancellationRequested.ShouldBeTrue();
        small.Evicted.IsCancellationRequested.ShouldBeFalse("the address that holds most goes first");
        (await stalled.GrowToAsync(BodyRoom.BytesAtOnce, Ct)).ShouldBeFalse();
        room.BytesNow.ShouldBe(1_100);
    }

    [Fact]
    public async Task A_start_with_more_connections_than_PostgreSQL_has_says_the_figures()
    {
        var options = BspConfiguration.Read(With(app.AdminConnectionString, ("Bsp:Pools:People", "400")), development: false);
        var fault = await Should.ThrowAsync<ConfigurationFault>(ConnectionBudget.CheckAsync(options, new EventStoreSettings(), Ct));
        fault.Message.ShouldContain("may open 475 connections");
        fault.Message.ShouldContain("max_connections");
        await ConnectionBudget.CheckAsync(BspConfiguration.Read(With(app.AdminConnectionString), development: false),
            new EventStoreSettings(), Ct);
    }

    [Fact]
    public async Task Each_kind_of_work_has_its_pool_and_all_of_them_twice_fit_what_our_stores_grant()
    {
        var text = (await app.Platform.SendAsync("GET", "/metrics")).Text;
        foreach (var pool in new[] { "webhooks", "sending", "people", "background" })
        {
            text.ShouldContain($"pool_name=\"bsp {pool}\"");
        }

        ConnectionBudget.Wanted(BspConfiguration.Read(With("Host=127.0.0.1;Database=bsp;Username=postgres"), development: false),
            new()).Values.Single().ShouldBe(95);
        var compose = await File.ReadAllTextAsync(Path.Combine(Root(), "docker-compose.yml"), Ct);
        var granted =
            int.Parse(System.Text.RegularExpressions.Regex.Match(compose, "max_connections=(\\d+)").Groups[1].Value,
                System.Globalization.CultureInfo.InvariantCulture);
        (granted - 3).ShouldBeGreaterThanOrEqualTo(2 * 95, "two processes, while one is being replaced by the next");
        await using var command = app.Admin.CreateCommand("SHOW max_connections");
        ((string)(await command.ExecuteScalarAsync(Ct))!).ShouldBe($"{granted}");
    }

    [Theory]
    [InlineData("Bsp:Pools:Bulk", "1")]
    [InlineData("Bsp:Pools:Webhooks", "501")]
    [InlineData("Bsp:Uploads:TotalMb", "0")]
    [InlineData("Bsp:Uploads:BytesPerSecondMin", "x")]
    [InlineData("Bsp:Limits:StreamsPerCaller", "0")]
    [InlineData("Bsp:Limits:OrganizationAtOnce", "-1")]
    [InlineData("Bsp:Limits:Connections", "99")]
    [InlineData("Bsp:Limits:BesideOthersPercent", "101")]
    [InlineData("Bsp:Limits:OwnWebhookKbPerSecond", "0")]
    public void Sizes_have_bounds(string name, string value) =>
        Should.Throw<ConfigurationFault>(() =>
            BspConfiguration.Read(With("Host=127.0.0.1;Database=bsp;Username=postgres", (name, value)), development: false)).Faults.Single()
            .ShouldStartWith(name);

    private static string Root()
    {
        var directory = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(directory, "Bsp.sln")))
        {
            directory = Path.GetDirectoryName(directory)!;
        }

        return directory;
    }

    private static IConfiguration With(string directory, params (string Name, string? Value)[] more) =>
        new ConfigurationBuilder().AddInMemoryCollection(more.Append(("ConnectionStrings:Directory", directory))
        .Append(("ConnectionStrings:DirectoryApp",
            new NpgsqlConnectionStringBuilder(directory) { Username = "bsp_app",
                Password = EventStore.LogDatabase.AppPassword }.ConnectionString))
        .Append(("Bsp:PlatformKey", AppFixture.PlatformKey)).Append(("Bsp:MasterKey", Convert.ToBase64String(new byte[32])))
        .ToDictionary(p => p.Item1, p => p.Item2)).Build();
}
