using System.Diagnostics;
using System.Net.Http.Headers;
using System.Security.Cryptography;
using System.Text.Json;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Bsp.IntegrationTests.EventStore;
using Npgsql;

namespace Bsp.IntegrationTests.Auth;

/// <summary>The application here, and once more as a process of its own on the same stores.</summary>
public sealed class TwoProcessesApp(StoresFixture stores) : EndToEndApp(stores)
{
    private readonly List<HttpClient> others = [];
    private readonly DirectoryInfo directory = Directory.CreateTempSubdirectory("bsp-second-");
    private Process? second;
    private Uri? address;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        address = new($"http://127.0.0.1:{ApiProcess.FreePort()}");
        var dotnet = Path.GetFileNameWithoutExtension(Environment.ProcessPath!) == "dotnet" ? Environment.ProcessPath! : "dotnet";
        var start = new ProcessStartInfo(dotnet,
            [Path.Combine(AppContext.BaseDirectory, "Bsp.Api.dll"), "serve"]) { WorkingDirectory = directory.FullName };
        start.Environment["ASPNETCORE_ENVIRONMENT"] = "Production";
        start.Environment["ASPNETCORE_URLS"] = address.ToString();
        start.Environment["Logging__LogLevel__Default"] = "Error";
        start.Environment["ConnectionStrings__DirectoryApp"] =
            new NpgsqlConnectionStringBuilder(AdminConnection) { Username = "bsp_app", Password = LogDatabase.AppPassword,
                MaxPoolSize = 20 }.ConnectionString;
        start.Environment["ConnectionStrings__Redis"] = Redis;
        start.Environment["Bsp__PlatformKey"] = PlatformKey;
        start.Environment["Bsp__MasterKey"] = Convert.ToBase64String(SHA256.HashData("only for tests"u8));
        start.Environment["Bsp__Limits__KeyPerSecond"] = "10000";
        second = Process.Start(start)!;
        using var client = new HttpClient { BaseAddress = address };
        await Patience.UntilAsync(async () =>
        {
            second.HasExited.ShouldBeFalse();
            try
            {
                using var answer = await client.GetAsync("/health/live");
                return answer.IsSuccessStatusCode;
            }
            catch (HttpRequestException)
            {
                return false; // not listening yet
            }
        }, ready => ready, "the second process is ready");
    }

    /// <summary>A client of the other process.</summary>
    public HttpClient Second(string token)
    {
        var client = new HttpClient { BaseAddress = address };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        others.Add(client);
        return client;
    }

    public override async ValueTask DisposeAsync()
    {
        if (second is not null)
        {
            second.Kill();
            await second.WaitForExitAsync();
            second.Dispose();
        }

        others.ForEach(client => client.Dispose());
        directory.Delete(recursive: true);
        await base.DisposeAsync();
    }
}

/// <summary>What ends in one process has ended in the other for every request that is sent more than a second later.</summary>
public sealed class TwoProcessesTests(TwoProcessesApp app) : IClassFixture<TwoProcessesApp>
{
    [Fact]
    public async Task A_revoked_or_rotated_key_ends_in_the_other_process_within_a_second()
    {
        var organization = await app.NewOrganizationAsync();
        foreach (var end in new Func<string, Task<Answer>>[] { path => organization.Admin.SendAsync("DELETE", path), path =>
            organization.Admin.SendAsync("POST", path + "/rotate", new { grace_hours = 0 }) })
        {
            var key = await organization.Admin.SendAsync("POST", "/v1/api-keys", new { name = "k", permissions = "read" });
            await EndsAsync(app.Second(key["key"].GetString()!), () => end(key.Header("Location")!), 401);
        }
    }

    [Fact]
    public async Task A_session_ends_in_the_other_process_within_a_second_however_it_is_ended()
    {
        var organization = await app.NewOrganizationAsync();
        await app.NewPersonAsync(organization.Admin, "admin");
        var ends = new Func<Person, Task<Answer>>[]
        {
            p => p.Client.SendAsync("POST", "/v1/auth/logout"), p => p.Client.SendAsync("POST", "/v1/auth/logout-all"), p =>
                organization.Admin.SendAsync("PATCH", $"/v1/users/{p.Id}", new { status = "inactive" }),
            p => organization.Admin.SendAsync("DELETE", $"/v1/users/{p.Id}"),
        };
        foreach (var end in ends)
        {
            var person = await app.NewPersonAsync(organization.Admin, "agent");
            await EndsAsync(app.Second(person.Token), () => end(person), 401);
        }
    }

    [Fact]
    public async Task An_inactive_organization_is_shut_out_of_the_other_process_within_a_second_and_let_in_again()
    {
        var organization = await app.NewOrganizationAsync();
        var person = await app.NewPersonAsync(organization.Admin, "admin");
        await EndsAsync(app.Second(organization.AdminKey), () =>
            app.Platform.SendAsync("POST", $"/v1/organizations/{organization.Id}/deactivate"), 403);
        (await organization.Admin.SendAsync("GET", "/v1/me")).ShouldBeProblem(403, "access.organization_inactive");
        (await person.Client.SendAsync("GET", "/v1/me")).ShouldBeProblem(403, "access.organization_inactive");
        (await app.Anonymous.SendAsync("POST", "/v1/auth/login", new { email = person.Email, password = person.Password }))
            .ShouldBeProblem(403, "login.organization_inactive");
        (await app.Platform.SendAsync("POST", $"/v1/organizations/{organization.Id}/activate"))["status"].GetString().ShouldBe("active");
        (await person.Client.SendAsync("GET", "/v1/me")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_stream_of_events_ends_in_the_other_process_with_the_key_or_session_that_opened_it()
    {
        using var tenant = await app.NewTenantAsync(messagesPerSecondMax: 1);
        await tenant.ImportAsync(["+919876507001"]);
        // a draft: its stream has no end
        var campaign =
            (await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns",
                new { name = "News", template_id = tenant.TemplateId, account_id = tenant.AccountId,
                    audience_segment = new { all = true } })).GetProperty("id").GetGuid();
        var person = await app.NewPersonAsync(tenant.Api, "viewer");
        var key = await tenant.Api.SendAsync("POST", "/v1/api-keys", new { name = "k", permissions = "read" });
        foreach (var (token, end) in new (string, Func<Task<Answer>>)[]
        {
            (person.Token, () => person.Client.SendAsync("POST", "/v1/auth/logout-all")),
                (key["key"].GetString()!, () => tenant.Api.SendAsync("DELETE", key.Header("Location")!)),
        })
        {
            using var answer = await app.Second(token)
                .GetAsync($"/v1/campaigns/{campaign}/progress/stream", HttpCompletionOption.ResponseHeadersRead,
                    TestContext.Current.CancellationToken);
            ((int)answer.StatusCode).ShouldBe(200);
            using var reader = new StreamReader(await answer.Content.ReadAsStreamAsync(TestContext.Current.CancellationToken));
            var frame = await FrameAsync(reader);
            frame.ShouldContain(line => line.StartsWith("id: DRAFT.", StringComparison.Ordinal)); // to go on from
            JsonDocument.Parse(frame.Single(line => line.StartsWith("data: ", StringComparison.Ordinal))["data: ".Length..])
                .RootElement.GetProperty("total").GetInt32().ShouldBe(0); // as GET shows it, in no envelope
            ((int)(await end()).Status).ShouldBeInRange(200, 299);
            // comes to an end
            await reader.ReadToEndAsync(TestContext.Current.CancellationToken)
                .WaitAsync(Patience.Deadline, TestContext.Current.CancellationToken);
        }
    }

    // The lines up to the empty one.
    private static async Task<IReadOnlyList<string>> FrameAsync(StreamReader reader)
    {
        var lines = new List<string>();
        while (await reader.ReadLineAsync(TestContext.Current.CancellationToken) is { Length: > 0 } line)
        {
            lines.Add(line);
        }

        return lines;
    }

    private static async Task EndsAsync(HttpClient second, Func<Task<Answer>> end, int refused)
    {
        (await second.SendAsync("GET", "/v1/me")).Status.ShouldBe(200); // it knows it now
        ((int)(await end()).Status).ShouldBeInRange(200, 299);
        var ended = Stopwatch.StartNew();
        TimeSpan sent;
        Answer answer;
        do
        {
            sent = ended.Elapsed;
            answer = await second.SendAsync("GET", "/v1/me");
            (answer.Status == refused || sent < TimeSpan.FromSeconds(1))
                .ShouldBeTrue($"sent {sent.TotalMilliseconds} ms after the end: {answer.Status}");
        }
        while (answer.Status != refused);
    }
}
