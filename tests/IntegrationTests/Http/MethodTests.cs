using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Http;

/// <summary>Methods, conditions and headers that belong to HTTP itself.</summary>
public sealed class MethodTests(AppFixture app) : IClassFixture<AppFixture>
{
    [Fact]
    public async Task HEAD_answers_as_GET_does_without_its_body_on_every_route()
    {
        var organization = await app.NewOrganizationAsync();
        var list = (await AppFixture.CreatedAsync(organization.Admin, "/v1/lists", new { name = "L" })).GetProperty("id").GetGuid();
        await AppFixture.CreatedAsync(organization.Admin, "/v1/contacts", new { phone_number = "+4915112345678" });
        var known = new Dictionary<string, string> { ["/v1/lists/{id}"] = $"/v1/lists/{list}",
            ["/v1/organizations/{id}"] = $"/v1/organizations/{organization.Id}",
            ["/v1/accounts/{id}"] = $"/v1/accounts/{organization.AccountId}" };
        var wrong = new List<string>();
        foreach (var route in app.Routes().Where(r => r.Method == "GET" && !r.Pattern.EndsWith("/stream", StringComparison.Ordinal)))
        {
            string[] key = RouteWalk.KeyOf(route, organization) is { } line ? [line] : [];
            var target = known.GetValueOrDefault(route.Pattern, route.Target).Replace("{documentName}", "v1", StringComparison.Ordinal);
            var (get, head) =
                (await RawHttp.SendAsync(app.Address, "GET", target, key), await RawHttp.SendAsync(app.Address, "HEAD", target, key));
            var moving = route.Pattern is "/metrics" or "/health/ready"; // another body a moment later
            if (head.Status != get.Status || head.Text.Length > 0 && !head.Text.EndsWith("\r\n\r\n", StringComparison.Ordinal)
                || head.ContentType != get.ContentType || head.Header("ETag") != get.Header("ETag")
                || (get.Header("Content-Length") is { } length && head.Header("Content-Length") is { } told && told != length && !moving))
            {
                wrong.Add($"{route}: GET {get.Status} {get.ContentType} {get.Header("Content-Length")}, HEAD {head.Status} {head.ContentType} {head.Header("Content-Length")} {head.Text}");
            }
        }

        wrong.ShouldBeEmpty();
        (await organization.Admin.SendAsync("HEAD", $"/v1/lists/{list}")).Header("ETag").ShouldBe("\"1\"");
        (await app.Anonymous.SendAsync("HEAD", "/v1/lists")).Status.ShouldBe(401);
        (await organization.Admin.SendAsync("HEAD", "/v1/campaigns/" + Guid.NewGuid())).Status.ShouldBe(404);
    }

    [Fact]
    public async Task HEAD_of_a_stream_or_a_file_ends()
    {
        var organization = await app.NewOrganizationAsync();
        string[] key = [$"Authorization: Bearer {organization.AdminKey}"];
        (await RawHttp.SendAsync(app.Address, "HEAD", $"/v1/campaigns/{Guid.NewGuid()}/progress/stream", key)).Status.ShouldBe(200);
        var file = await RawHttp.SendAsync(app.Address, "HEAD", "/v1/contacts/export", key);
        (file.Status, file.ContentType, file.Text.Trim()).ShouldBe((200, "text/csv", ""));
        (await RawHttp.SendAsync(app.Address, "HEAD", "/docs/index.html", [])).Status.ShouldBe(200);
    }

    [Fact]
    public async Task OPTIONS_and_405_name_what_an_address_takes()
    {
        var organization = await app.NewOrganizationAsync();
        async Task<string> AllowAsync(string method, string path, int status)
        {
            var answer = await RawHttp.SendAsync(app.Address, method, path, [$"Authorization: Bearer {organization.AdminKey}"]);
            answer.Status.ShouldBe(status, answer.Text);
            return System.Text.RegularExpressions.Regex.Replace(answer.Header("Allow") ?? "", @"\s", "");
        }

        // Allow is a header of the content for HttpClient, so the raw answer keeps it with those.
        await AllowAsync("OPTIONS", "/v1/contacts", 204);
        await AllowAsync("DELETE", "/v1/contacts", 405);
        await AllowAsync("HEAD", "/v1/messages", 405);
        await AllowAsync("TRACE", "/v1/contacts", 405);
        using var request = new HttpRequestMessage(HttpMethod.Options, "/v1/contacts");
        using var told = await organization.Admin.SendAsync(request);
        told.Content.Headers.Allow.Order().ShouldBe(["GET", "HEAD", "OPTIONS", "POST"]);
        using var refused = await organization.Admin.SendAsync(new HttpRequestMessage(HttpMethod.Get, "/v1/messages"));
        ((int)refused.StatusCode).ShouldBe(405);
        refused.Content.Headers.Allow.Order().ShouldBe(["OPTIONS", "POST"]);
    }

    [Theory]
    [InlineData("W/\"1\"", 412)]
    [InlineData("W/\"1\", W/\"2\"", 412)]
    [InlineData("\"7\", \"8\"", 412)]
    [InlineData("\"1\"", 200)]
    [InlineData("\"7\", \"1\"", 200)]
    [InlineData("\"1\",\"7\"", 200)]
    [InlineData("W/\"1\", \"1\"", 200)]
    [InlineData("*", 200)]
    [InlineData("\"1", 400)]
    [InlineData("1", 400)]
    [InlineData("\"1\" \"2\"", 400)]
    [InlineData("w/\"1\"", 400)]
    [InlineData("\"1\",,", 400)]
    public async Task If_Match_compares_strongly_with_each_of_its_ETags(string header, int status)
    {
        var organization = await app.NewOrganizationAsync();
        var list = (await AppFixture.CreatedAsync(organization.Admin, "/v1/lists", new { name = "L" })).GetProperty("id").GetGuid();
        var answer = await organization.Admin.SendAsync("PATCH", $"/v1/lists/{list}", """{"name":"M"}""", ("If-Match", header));
        answer.Status.ShouldBe(status, answer.Text);
        (await organization.Admin.SendAsync("GET", $"/v1/lists/{list}"))["name"].GetString().ShouldBe(status == 200 ? "M" : "L");
        if (status == 412)
        {
            answer.ShouldBeProblem(412, "version.mismatch");
        }
    }

    [Fact]
    public async Task Every_answer_tells_browsers_to_be_careful()
    {
        var organization = await app.NewOrganizationAsync();
        var bare = new List<string>();
        var targets = app.Routes().Where(r => !r.Pattern.EndsWith("/stream", StringComparison.Ordinal))
            .SelectMany(r => new[] { (r.Method, r.Target, Key: RouteWalk.KeyOf(r, organization)), (r.Method, r.Target, Key: null) })
            .Concat([("GET", "/nothing", null), ("GET", "/v1/nothing", null), ("DELETE", "/v1/contacts", null),
                ("GET", "/docs/index.html", null), ("GET", "/docs/swagger-ui-bundle.js", null), ("OPTIONS", "/v1/contacts", null),
                ("HEAD", "/health/live", null)]).ToList();
        foreach (var (method, target, key) in targets)
        {
            var answer =
                await RawHttp.SendAsync(app.Address, method, target.Replace("{documentName}", "v1", StringComparison.Ordinal), key is null
                    ? [] : [key]);
            var complete = answer.Header("X-Content-Type-Options") == "nosniff" && answer.Header("X-Frame-Options") == "DENY"
                && answer.Header("Referrer-Policy") == "no-referrer"
                && answer.Header("Content-Security-Policy")?.Contains("frame-ancestors 'none'", StringComparison.Ordinal) is true
                && answer.Header("Strict-Transport-Security") is null;
            if (!complete)
            {
                bare.Add($"{method} {target} → {answer.Status}");
            }
        }

        bare.ShouldBeEmpty();
        var page = await app.Anonymous.SendAsync("GET", "/docs/index.html");
        page.Header("Content-Security-Policy")!.ShouldContain("script-src 'self'");
        (await organization.Admin.SendAsync("GET", "/v1/me")).Header("Content-Security-Policy")!.ShouldStartWith("default-src 'none'");
        (await organization.Admin.SendAsync("GET", "/v1/me")).Header("Cache-Control").ShouldBe("no-store");
    }
}

/// <summary>Behind a proxy that speaks TLS.</summary>
public sealed class ProxiedApp(StoresFixture stores) : AppFixture(stores)
{
    protected override IEnumerable<(string Name, string? Value)> Settings => [("Bsp:TrustedProxies", "127.0.0.1")];
}

public sealed class TransportSecurityTests(ProxiedApp app) : IClassFixture<ProxiedApp>
{
    [Fact]
    public async Task Only_what_came_by_https_asks_for_https()
    {
        (await app.Anonymous.SendAsync("GET", "/health/live", null, ("X-Forwarded-Proto", "https"), ("X-Forwarded-For", "203.0.113.7")))
            .Header("Strict-Transport-Security").ShouldBe("max-age=31536000");
        (await app.Anonymous.SendAsync("GET", "/health/live")).Header("Strict-Transport-Security").ShouldBeNull();
    }
}
