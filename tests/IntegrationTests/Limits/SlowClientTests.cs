using System.Text;
using Bsp.Api.Common;
using Bsp.Infrastructure.Imports;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Limits;

/// <summary>Fewer connections than slow clients, and uploads of an organization that are not what stops them.</summary>
public sealed class SlowClientsApp(StoresFixture stores) : EndToEndApp(stores)
{
    protected override IEnumerable<(string Name, string? Value)> Settings =>
    [
        .. base.Settings, ("Bsp:Pools:People", "8"), ("Bsp:Pools:Bulk", "3"), ("Bsp:Pools:Webhooks", "4"),
        ("Bsp:Uploads:OrganizationAtOnce", "50"), ("Bsp:Uploads:OrganizationMb", "2"),
        ("Bsp:Uploads:TotalMb", "3"), ("Bsp:Uploads:BytesPerSecondMin", "1024"), // what has sent some may be silent for long
    ];

    /// <summary>Connections of this application that are in the middle of something.</summary>
    public async Task<string[]> BusyAsync()
    {
        await using var command = Admin.CreateCommand("""
            SELECT application_name || ': ' || state || ' ' || left(query, 60) FROM pg_stat_activity WHERE datname = current_database() AND application_name IN ('bsp people', 'bsp bulk', 'bsp webhooks')
              AND state <> 'idle' AND now() - state_change > interval '500 milliseconds'
            """);
        await using var reader = await command.ExecuteReaderAsync();
        var busy = new List<string>();
        while (await reader.ReadAsync())
        {
            busy.Add(reader.GetString(0));
        }

        return [.. busy];
    }
}

/// <summary>Nothing that waits for a client holds a connection, a lock or a transaction.</summary>
public sealed class SlowClientTests(SlowClientsApp app) : IClassFixture<SlowClientsApp>
{
    private const string Header = "phone_number,first_name\n";

    private static CancellationToken Ct => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Forty_five_slow_uploads_of_one_key_hold_no_connection_and_everybody_else_is_answered()
    {
        var (slow, other) = (await app.NewOrganizationAsync(), await app.NewOrganizationAsync());
        var person = await app.NewPersonAsync(other.Admin, "agent");
        const string row = "+4915100000001,Asha\n";
        var begun = Header + string.Concat(Enumerable.Repeat(row, 40_000 / row.Length));
        var uploads = await Task.WhenAll(Enumerable.Range(0, 45).Select(_ => UploadAsync(slow.WriteKey, 1_000_000, begun)));
        var spool = app.Services.GetRequiredService<UploadSpool>();
        await Patience.UntilAsync(() => Task.FromResult(spool.BytesNow), bytes => bytes > 0, "they are being taken in");
        await Patience.UntilAsync(app.BusyAsync, busy => busy.Length == 0, "no connection is held");
        for (var round = 0; round < 5; round++)
        {
            await app.SignInAsync(person.Email, person.Password);
            (await other.Reader.SendAsync("GET", "/v1/contacts")).Status.ShouldBe(200);
            (await slow.Reader.SendAsync("GET", "/v1/contacts")).Status.ShouldBe(200);
            (await app.PostWebhookAsync($"{{\"round\":{round}}}")).Status.ShouldBe(200);
            var import =
                await other.Writer.SendAsync("POST", "/v1/contacts/import", $"{Header}+4915100000002,Asha\n", ("Content-Type", "text/csv"));
            import.Status.ShouldBe(202, import.Text);
        }

        await Patience.UntilAsync(() => Task.FromResult(Directory.EnumerateFiles(spool.Place).Count()), files => files == 0,
            "a file has no name: the system takes it back, whatever becomes of the process");
        foreach (var upload in uploads)
        {
            upload.Dispose();
        }

        await Patience.UntilAsync(() => Task.FromResult(spool.BytesNow), bytes => bytes == 0, "what broken-off uploads took is given back");
    }

    [Fact]
    public async Task No_route_that_takes_a_body_holds_a_connection_while_the_body_comes()
    {
        var organization = await app.NewOrganizationAsync();
        var routes = app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .SelectMany(endpoint => Access.RoutesOf(endpoint)
                .Select(route => (Route: route.Split(' '), endpoint.Metadata.GetMetadata<IAcceptsMetadata>()?.ContentTypes)))
            .Where(r => r.Route[0] is "POST" or "PUT" or "PATCH").ToList();
        routes.Count.ShouldBeGreaterThan(50);
        var clients = new List<SlowClient>();
        foreach (var (route, types) in routes)
        {
            var path = System.Text.RegularExpressions.Regex.Replace(route[1], "\\{[^}]+\\}", _ => Guid.NewGuid().ToString());
            foreach (var keyed in new[] { false, true })
            {
                clients.Add(await SlowClient.BeginAsync(app.Address, route[0], path, organization.AdminKey, types?.FirstOrDefault()
                    ?? "application/json", 5_000, "{\"name\":"u8.ToArray(),
                    [$"X-Hub-Signature-256: sha256={new string('0', 64)}", .. keyed ? new[] { $"Idempotency-Key: {Guid.NewGuid()}" }
                        : []]));
            }
        }

        await Patience.UntilAsync(app.BusyAsync, busy => busy.Length == 0, "no connection is held");
        var other = await app.NewOrganizationAsync();
        (await other.Writer.SendAsync("POST", "/v1/contacts", new { phone_number = "+4915100000003" })).Status.ShouldBe(201);
        clients.ForEach(client => client.Dispose());
    }

    [Fact]
    public async Task A_client_that_reads_a_file_slowly_holds_no_connection()
    {
        var organization = await app.NewOrganizationAsync();
        var csv = new StringBuilder(Header);
        for (var i = 0; i < 12_000; i++)
        {
            csv.Append(System.Globalization.CultureInfo.InvariantCulture, $"+49151{i:D8},{new string('x', 150)}\n");
        }

        await ImportedAsync(organization, csv.ToString()[..1_900_000].TrimEnd()[..^170] + "\n");
        using var reader = await SlowClient.BeginAsync(app.Address, "GET", "/v1/contacts/export", organization.ReadKey, "text/csv", 0, []);
        (await reader.StatusAsync(Ct)).ShouldBe("HTTP/1.1 200 OK");
        await Patience.UntilAsync(app.BusyAsync, busy => busy.Length == 0, "no connection is held");
    }

    [Fact]
    public async Task What_an_organization_may_have_on_the_disk_is_413_and_what_all_may_have_503_and_nothing_stays()
    {
        var (one, two) = (await app.NewOrganizationAsync(), await app.NewOrganizationAsync());
        var spool = app.Services.GetRequiredService<UploadSpool>();
        var row = "+4915100000001,Asha\n";
        var tooLarge = Header + string.Concat(Enumerable.Repeat(row, 3 * 1024 * 1024 / row.Length));
        (await one.Writer.SendAsync("POST", "/v1/contacts/import", tooLarge, ("Content-Type", "text/csv")))
            .ShouldBeProblem(413, "import.too_large");
        using var first =
            await UploadAsync(one.WriteKey, 3_000_000, Header + string.Concat(Enumerable.Repeat(row, 1_900_000 / row.Length)));
        await Patience.UntilAsync(() => Task.FromResult(spool.BytesNow), bytes => bytes > 1_800_000, "the first has come");
        using var second =
            await UploadAsync(two.WriteKey, 3_000_000, Header + string.Concat(Enumerable.Repeat(row, 1_900_000 / row.Length)));
        var answer = await second.AnswerAsync(Ct);
        answer.ShouldStartWith("HTTP/1.1 503");
        answer.ShouldContain("request.busy");
        answer.ShouldContain("Retry-After");
        first.Dispose();
        await Patience.UntilAsync(() => Task.FromResult(spool.BytesNow), bytes => bytes == 0, "all is given back");
    }

    [Fact]
    public async Task What_a_process_left_that_was_killed_before_it_took_the_name_away_is_removed_at_the_next_start()
    {
        var place = Directory.CreateTempSubdirectory("bsp-spool-");
        var (old, fresh) = (Path.Combine(place.FullName, "upload-old"), Path.Combine(place.FullName, "upload-fresh"));
        await File.WriteAllTextAsync(old, "x", Ct);
        await File.WriteAllTextAsync(fresh, "x", Ct);
        File.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddMinutes(-5));
        new UploadSpool(new() { Directory = place.FullName }).Clean(DateTimeOffset.UtcNow);
        (File.Exists(old), File.Exists(fresh)).ShouldBe((false, true)); // the fresh one may be another process's of this moment
        place.Delete(recursive: true);
    }

    [Fact]
    public async Task A_header_that_cannot_be_read_is_refused_before_the_rest_is_sent()
    {
        var organization = await app.NewOrganizationAsync();
        using var upload = await UploadAsync(organization.WriteKey, 2_000_000, "unknown_column\n" + new string('x', 300_000));
        var answer = await upload.AnswerAsync(Ct);
        answer.ShouldStartWith("HTTP/1.1 400");
        answer.ShouldContain("import.header_");
    }

    [Fact]
    public async Task A_body_that_comes_too_slowly_is_408_for_callers_and_503_for_whoever_says_that_they_are_Meta()
    {
        var organization = await app.NewOrganizationAsync();
        using var upload = await UploadAsync(organization.WriteKey, 2_000_000, Header);
        using var call =
            await SlowClient.BeginAsync(app.Address, "POST", "/v1/contacts", organization.WriteKey, "application/json", 5_000,
                "{"u8.ToArray());
        using var login =
            await SlowClient.BeginAsync(app.Address, "POST", "/v1/auth/login", null, "application/json", 5_000, "{"u8.ToArray());
        using var webhook =
            await SlowClient.BeginAsync(app.Address, "POST", "/webhooks/meta", null, "application/json", 5_000, "{"u8.ToArray(),
                $"X-Hub-Signature-256: sha256={new string('0', 64)}");
        foreach (var (client, status) in new[] { (upload, 408), (call, 408), (login, 408), (webhook, 503) })
        {
            var answer = await client.AnswerAsync(Ct);
            answer.ShouldStartWith($"HTTP/1.1 {status}");
            answer.ShouldContain("request.too_slow");
        }
    }

    private Task<SlowClient> UploadAsync(string key, int announced, string sent) =>
        SlowClient.BeginAsync(app.Address, "POST", "/v1/contacts/import", key, "text/csv", announced, Encoding.UTF8.GetBytes(sent));

    private static async Task ImportedAsync(TestOrganization organization, string csv)
    {
        var import = await organization.Writer.SendAsync("POST", "/v1/contacts/import", csv, ("Content-Type", "text/csv"));
        import.Status.ShouldBe(202, import.Text);
        await Patience.UntilAsync(() => organization.Reader.SendAsync("GET", import["url"].GetString()!), i =>
            i["status"].GetString() == "completed", "the import ends");
    }
}
