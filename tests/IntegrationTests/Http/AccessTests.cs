using Bsp.Api.Common;
using Bsp.IntegrationTests.Common;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Http;

public sealed class AccessTests(AppFixture app) : IClassFixture<AppFixture>
{
    private IEnumerable<(string Method, string Path, string Accepts, Access.Rule Rule)> Routes =>
        from endpoint in app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        from route in Access.RoutesOf(endpoint)
        where route.Contains("/v1/") || route.Contains("/metrics")
        let path = System.Text.RegularExpressions.Regex.Replace(route.Split(' ')[1], @"\{[^}]+\}", Guid.NewGuid().ToString())
        select (route.Split(' ')[0], path, endpoint.Metadata.GetMetadata<IAcceptsMetadata>()?.ContentTypes.FirstOrDefault()
            ?? "application/json", Access.All[route]);

    [Fact]
    public async Task Nobody_gets_in_anywhere_without_a_key()
    {
        foreach (var (method, path, accepts, rule) in Routes.Where(r => r.Rule.Least > Role.Anonymous))
        {
            var answer =
                await app.Anonymous.SendAsync(method, path, method is "GET" or "DELETE" ? null
                    : "{}", [.. method is "GET" or "DELETE" ? Array.Empty<(string, string)>() : [("Content-Type", accepts)]]);
            answer.Status.ShouldBe(401, $"{method} {path} {answer.Text}");
            answer.Header("WWW-Authenticate").ShouldBe("Bearer");
        }
    }

    [Fact]
    public async Task Each_kind_of_key_and_each_role_of_people_is_refused_where_it_does_not_reach_and_nowhere_else()
    {
        var organization = await app.NewOrganizationAsync();
        var callers =
            new List<(HttpClient Client, Role Role)> { (organization.Reader, Role.Viewer), (organization.Writer, Role.Manager),
                (organization.Admin, Role.Admin) };
        foreach (var role in new[] { Role.Viewer, Role.Agent, Role.Manager, Role.Admin })
        {
            callers.Add(((await app.NewPersonAsync(organization.Admin, role.ToString().ToLowerInvariant())).Client, role));
        }

        foreach (var (client, role) in callers)
        {
            foreach (var (method, path, accepts, rule) in Routes.Where(r =>
                r.Rule.Least > Role.Anonymous && !r.Path.Contains("stream") && !r.Path.Contains("/logout")))
            {
                var answer =
                    await client.SendAsync(method, path, method is "GET" or "DELETE" ? null
                        : "{}", [.. method is "GET" or "DELETE" ? Array.Empty<(string, string)>() : [("Content-Type", accepts)]]);
                (answer.Status == 403).ShouldBe(role < rule.Least, $"{role} {method} {path} {answer.Text}");
                answer.Status.ShouldBeLessThan(500, $"{role} {method} {path} {answer.Text}");
            }
        }
    }

    [Theory]
    [InlineData("bsp_12345678_nothing")]
    [InlineData("nothing")]
    [InlineData("platform-key-only-for-test")]
    public async Task A_key_that_does_not_exist_is_401(string key) =>
        (await app.Client(key).SendAsync("GET", "/v1/me")).ShouldBeProblem(401, "access.unauthenticated");

    [Fact]
    public async Task Only_the_platform_names_an_organization()
    {
        var organization = await app.NewOrganizationAsync();
        (await organization.Admin.SendAsync("GET", "/v1/me", null, ("Bsp-Organization", organization.Id.ToString())))
            .ShouldBeProblem(403, "access.organization_header");
        (await app.Platform.SendAsync("GET", "/v1/accounts")).ShouldBeProblem(400, "request.organization_missing");
        (await app.Platform.SendAsync("GET", "/v1/accounts", null, ("Bsp-Organization", "x")))
            .ShouldBeProblem(400, "request.organization_malformed");
        (await app.Platform.SendAsync("GET", "/v1/accounts", null, ("Bsp-Organization", Guid.NewGuid().ToString())))
            .ShouldBeProblem(404, "organization.unknown");
        (await app.Platform.SendAsync("GET", "/v1/accounts", null, ("Bsp-Organization", organization.Id.ToString()))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Me_says_who_calls()
    {
        var organization = await app.NewOrganizationAsync();
        var me = await organization.Writer.SendAsync("GET", "/v1/me");
        me["role"].GetString().ShouldBe("manager");
        me["organization"].GetProperty("id").GetGuid().ShouldBe(organization.Id);
        me["api_key"].GetProperty("permissions").GetString().ShouldBe("write");
        (await app.Platform.SendAsync("GET", "/v1/me"))["role"].GetString().ShouldBe("super_admin");
    }
}
