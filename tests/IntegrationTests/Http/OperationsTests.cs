using System.Text.Json;
using AutoMapper;
using Bsp.Api.Common;
using Bsp.IntegrationTests.Common;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Http;

public sealed class OperationsTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public void Every_mapping_names_every_field() =>
        app.Services.GetRequiredService<IMapper>().ConfigurationProvider.AssertConfigurationIsValid();

    [Fact]
    public async Task Health_names_the_stores()
    {
        (await app.Anonymous.SendAsync("GET", "/health/live")).Status.ShouldBe(200);
        var ready = await app.Anonymous.SendAsync("GET", "/health/ready");
        ready.Status.ShouldBe(200);
        ready["stores"].GetProperty("postgres").GetString().ShouldBe("ok");
    }

    [Fact]
    public async Task Metrics_are_for_the_platform()
    {
        await app.Platform.SendAsync("GET", "/v1/plans");
        (await app.Anonymous.SendAsync("GET", "/metrics")).ShouldBeProblem(401, "access.unauthenticated");
        var metrics = await app.Platform.SendAsync("GET", "/metrics");
        metrics.Text.ShouldContain("http_server_request_duration_count{");
        metrics.Text.ShouldContain("# TYPE bsp_metrics_dropped_total counter");
    }

    [Fact]
    public async Task The_documentation_describes_every_route()
    {
        var answer = await app.Anonymous.SendAsync("GET", "/openapi/v1.json");
        answer.Status.ShouldBe(200, answer.Text);
        foreach (var path in answer["paths"].EnumerateObject())
        {
            foreach (var operation in path.Value.EnumerateObject().Where(o => o.Name is "get" or "post" or "patch" or "put" or "delete"))
            {
                operation.Value.TryGetProperty("summary", out _).ShouldBeTrue($"{operation.Name} {path.Name}");
                var responses = operation.Value.GetProperty("responses");
                responses.EnumerateObject().Any(r => r.Name[0] == '2').ShouldBeTrue($"{operation.Name} {path.Name}");
                if (path.Name.StartsWith("/v1/", StringComparison.Ordinal)
                    && Access.Of(operation.Name.ToUpperInvariant(), path.Name)!.Least > Role.Anonymous)
                {
                    responses.TryGetProperty("401", out _).ShouldBeTrue($"{operation.Name} {path.Name}");
                }
            }
        }

        answer["paths"].GetProperty("/v1/accounts").GetProperty("post").GetProperty("responses").GetProperty("409")
            .GetProperty("description").GetString()!.ShouldContain("account.number_taken");
        answer["paths"].GetProperty("/v1/accounts").GetProperty("post").TryGetProperty("requestBody", out _).ShouldBeTrue();
        (await app.Anonymous.SendAsync("GET", "/docs/index.html")).Status.ShouldBe(200);
    }
}

/// <summary>Few requests a second, to run into the limit.</summary>
public sealed class LimitedApp(StoresFixture stores) : AppFixture(stores)
{
    protected override IEnumerable<(string Name, string? Value)> Settings =>
        [("Bsp:Limits:KeyPerSecond", "5"), ("Bsp:Limits:OrganizationPerSecond", "1000")];
}

public sealed class RateLimitTests(LimitedApp app) : IClassFixture<LimitedApp>
{
    [Fact]
    public async Task A_key_over_its_limit_is_429_and_others_are_not()
    {
        var organization = await app.NewOrganizationAsync();
        var first = await organization.Reader.SendAsync("GET", "/v1/me");
        first.Header("RateLimit-Limit").ShouldBe("5");
        first.Header("RateLimit-Remaining").ShouldBe("9");
        var answers = await RefusedAsync(40, _ => organization.Reader);
        var refused = answers.First(a => a.Status == 429).ShouldBeProblem(429, "request.rate_limited");
        refused.Header("Retry-After").ShouldBe("1");
        refused.Header("RateLimit-Remaining").ShouldBe("0");
        (await organization.Writer.SendAsync("GET", "/v1/me")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_person_has_one_limit_over_all_of_their_sessions()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "agent");
        var other = app.Client(await app.SignInAsync(ann.Email, ann.Password));
        (await ann.Client.SendAsync("GET", "/v1/me")).Header("RateLimit-Limit").ShouldBe("5");
        var answers = await RefusedAsync(40, i => i % 2 == 0 ? ann.Client : other);
        answers.First(a => a.Status == 429).ShouldBeProblem(429, "request.rate_limited").Header("RateLimit-Remaining").ShouldBe("0");
    }

    [Fact]
    public async Task The_limit_of_an_organization_is_told_when_it_is_the_tighter_one()
    {
        await using var tight = new TightOrganizationApp(app.Stores);
        await tight.InitializeAsync();
        var organization = await tight.NewOrganizationAsync();
        var answers = await RefusedAsync(60, i => i % 2 == 0 ? organization.Reader : organization.Writer);
        answers.First(a => a.Status == 429).ShouldBeProblem(429, "request.rate_limited").Header("RateLimit-Limit").ShouldBe("6");
    }

    // So many at once; again, should this machine be so slow that the limit lets all of them pass.
    private static Task<Answer[]> RefusedAsync(int count, Func<int, HttpClient> client) => EndToEnd.Patience.UntilAsync(
        () => Task.WhenAll(Enumerable.Range(0, count).Select(i => client(i).SendAsync("GET", "/v1/me"))),
        answers => answers.Any(a => a.Status == 429), "one is refused");
}

/// <summary>Few requests a second for a whole organization.</summary>
public sealed class TightOrganizationApp(StoresFixture stores) : AppFixture(stores)
{
    protected override IEnumerable<(string Name, string? Value)> Settings =>
        [("Bsp:Limits:KeyPerSecond", "1000"), ("Bsp:Limits:OrganizationPerSecond", "6")];
}
