using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.WebConsole;

// A browser's session.
public sealed partial class ConsoleTests
{
    private static readonly TimeSpan Day = TimeSpan.FromHours(24);

    [Fact]
    public async Task A_browser_signs_in_without_its_pages_ever_seeing_the_token_and_out_again()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "manager");
        var client = app.Client(null);
        var body = new { email = ann.Email, password = ann.Password, cookie = true };
        var signed = await client.SendAsync("POST", "/v1/auth/login", body);
        signed.Status.ShouldBe(200, signed.Text);
        signed.Body.TryGetProperty("token", out _).ShouldBeFalse();
        var cookie = signed.Header("Set-Cookie")!;
        cookie.ShouldStartWith("bsp_session=ses_");
        signed.Text.ShouldNotContain(cookie.Split('=', ';')[1]);
        cookie.ToLowerInvariant().ShouldSatisfyAllConditions(c => c.ShouldContain("httponly"), c => c.ShouldContain("samesite=strict"),
            c => c.ShouldContain("path=/v1"), c => c.ShouldNotContain("secure"));
        (await app.Client(null).SendAsync("POST", "/v1/auth/login", body, ("Host", "bsp.example.com"))).Header("Set-Cookie")!
            .ToLowerInvariant().ShouldContain("; secure");

        var session = await client.SendAsync("GET", "/v1/auth/session");
        session.Status.ShouldBe(200, session.Text);
        (session["role"].GetString(), session["user"].GetProperty("email").GetString(),
            session["organization"].GetProperty("id").GetGuid()).ShouldBe(("manager", ann.Email, organization.Id));
        session["roles"].EnumerateArray().Select(r => r.GetString()).ShouldBe(["viewer", "agent", "manager"]);
        session["second_factor"].GetProperty("must_enrol").GetBoolean().ShouldBeFalse();
        var csrf = ("Bsp-Csrf", session["csrf"].GetString()!);
        (await client.SendAsync("GET", "/v1/me")).Status.ShouldBe(200);
        (await ann.Client.SendAsync("GET", "/v1/auth/session"))["csrf"].ValueKind.ShouldBe(System.Text.Json.JsonValueKind.Null);
        (await organization.Admin.SendAsync("GET", "/v1/auth/session")).ShouldBeProblem(409, "session.missing");
        (await client.SendAsync("POST", "/v1/auth/logout", null, csrf)).Status.ShouldBe(204);
        (await client.SendAsync("GET", "/v1/auth/session")).ShouldBeProblem(401, "access.unauthenticated");
    }

    [Fact]
    public async Task Whatever_changes_something_needs_the_sessions_own_word_and_no_other_sites_page_gets_anything()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "manager");
        var (browser, other) = (await Browser.SignedInAsync(app, ann), await Browser.SignedInAsync(app, ann));
        browser.Csrf.ShouldNotBe(other.Csrf);
        var list = new { name = "VIP" };
        (await browser.Http.SendAsync("POST", "/v1/lists", list)).ShouldBeProblem(403, "auth.csrf");
        (await browser.Http.SendAsync("POST", "/v1/lists", list, ("Bsp-Csrf", other.Csrf))).ShouldBeProblem(403, "auth.csrf");
        (await browser.Http.SendAsync("DELETE", $"/v1/lists/{Guid.NewGuid()}")).ShouldBeProblem(403, "auth.csrf");
        (await browser.Http.SendAsync("POST", "/v1/lists", list, ("Bsp-Csrf", browser.Csrf), ("Origin", "https://evil.example")))
            .ShouldBeProblem(403, "auth.csrf");
        (await browser.Http.SendAsync("POST", "/v1/lists", list, ("Bsp-Csrf", browser.Csrf), ("Sec-Fetch-Site", "same-site")))
            .ShouldBeProblem(403, "auth.csrf");
        (await browser.GetAsync("/v1/contacts/export", ("Sec-Fetch-Site", "cross-site"))).ShouldBeProblem(403, "auth.csrf");
        (await app.Client(null).SendAsync("POST", "/v1/auth/login", new { email = ann.Email, password = ann.Password, cookie = true },
            ("Origin", "https://evil.example"))).ShouldBeProblem(403, "auth.csrf");
        (await organization.Admin.SendAsync("GET", "/v1/lists"))["data"].GetArrayLength().ShouldBe(0);

        var made = await browser.Http.SendAsync("POST", "/v1/lists", list, ("Bsp-Csrf", browser.Csrf),
            ("Origin", app.Address.GetLeftPart(UriPartial.Authority)), ("Sec-Fetch-Site", "same-origin"));
        made.Status.ShouldBe(201, made.Text);
        (await browser.GetAsync("/v1/lists", ("Sec-Fetch-Site", "none"))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_cookie_beside_a_key_is_refused_and_neither_token_is_good_in_the_others_place()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "viewer");
        var signed = await app.Client(null).SendAsync("POST", "/v1/auth/login",
            new { email = ann.Email, password = ann.Password, cookie = true });
        var token = signed.Header("Set-Cookie")!.Split('=', ';')[1];
        (await organization.Admin.SendAsync("GET", "/v1/me", null, ("Cookie", $"bsp_session={token}")))
            .ShouldBeProblem(400, "auth.two_credentials");
        (await app.Client(token).SendAsync("GET", "/v1/me")).ShouldBeProblem(401, "access.unauthenticated");
        (await app.Client(null).SendAsync("GET", "/v1/me", null, ("Cookie", $"bsp_session={ann.Token}")))
            .ShouldBeProblem(401, "access.unauthenticated");
        (await app.Client(null).SendAsync("GET", "/v1/me", null, ("Cookie", $"bsp_session={token}"))).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_browsers_session_goes_on_with_its_use_and_ends_after_fourteen_days_all_the_same()
    {
        var organization = await app.NewOrganizationAsync();
        var ann = await app.NewPersonAsync(organization.Admin, "viewer");
        var browser = await Browser.SignedInAsync(app, ann);
        await SetEndAsync(ann.Id, "now() + interval '2 hours'", "now() + interval '10 days'");
        (await browser.GetAsync("/v1/me")).Status.ShouldBe(200);
        (await EndAsync(ann.Id, "cookie") - DateTime.UtcNow).ShouldBeInRange(Day - TimeSpan.FromMinutes(10), Day);
        (await EndAsync(ann.Id, "token") - DateTime.UtcNow).ShouldBeLessThan(TimeSpan.FromHours(2), "a program's is not renewed");
        await SetEndAsync(ann.Id, "now() + interval '2 hours'", "now() + interval '3 hours'");
        (await browser.GetAsync("/v1/me")).Status.ShouldBe(200);
        (await EndAsync(ann.Id, "cookie") - DateTime.UtcNow).ShouldBeInRange(TimeSpan.FromHours(2.5), TimeSpan.FromHours(3));
        await SetEndAsync(ann.Id, "now() - interval '1 second'", "now() + interval '10 days'");
        (await browser.GetAsync("/v1/me")).ShouldBeProblem(401, "access.unauthenticated");
    }

    [Fact]
    public async Task One_sees_where_one_is_signed_in_and_ends_what_one_does_not_know_and_nobody_elses()
    {
        var organization = await app.NewOrganizationAsync();
        var (ann, bob) = (await app.NewPersonAsync(organization.Admin, "agent"), await app.NewPersonAsync(organization.Admin, "admin"));
        var (here, there) = (await Browser.SignedInAsync(app, ann), await Browser.SignedInAsync(app, ann));
        var listed = (await here.GetAsync("/v1/auth/sessions"))["data"].EnumerateArray().ToList();
        listed.Select(s => s.GetProperty("kind").GetString()).ShouldBe(["token", "cookie", "cookie"]);
        listed.Select(s => s.GetProperty("current").GetBoolean()).ShouldBe([false, true, false]);
        listed.ShouldAllBe(s => s.GetProperty("address").GetString() == "127.0.0.1");
        var id = listed[2].GetProperty("id").GetGuid();
        (await bob.Client.SendAsync("DELETE", $"/v1/auth/sessions/{id}")).ShouldBeProblem(404, "session.unknown");
        (await there.GetAsync("/v1/me")).Status.ShouldBe(200);
        (await here.SendAsync("DELETE", $"/v1/auth/sessions/{id}")).Status.ShouldBe(204);
        (await there.GetAsync("/v1/me")).ShouldBeProblem(401, "access.unauthenticated");
        (await here.SendAsync("DELETE", $"/v1/auth/sessions/{id}")).ShouldBeProblem(404, "session.unknown");
        (await here.GetAsync("/v1/auth/sessions?limit=1"))["next_cursor"].GetString().ShouldNotBeNull();
    }

    [Fact]
    public async Task A_stream_opens_with_the_cookie()
    {
        var organization = await app.NewOrganizationAsync();
        var browser = await Browser.SignedInAsync(app, await app.NewPersonAsync(organization.Admin, "agent"));
        using var patience = new CancellationTokenSource(EndToEnd.Patience.Deadline);
        using var answer = await browser.Http.GetAsync("/v1/stream", HttpCompletionOption.ResponseHeadersRead, patience.Token);
        ((int)answer.StatusCode, answer.Content.Headers.ContentType!.MediaType).ShouldBe((200, "text/event-stream"));
        using var lines = new StreamReader(await answer.Content.ReadAsStreamAsync(patience.Token));
        for (var line = ""; line != "event: hello"; line = await lines.ReadLineAsync(patience.Token))
        {
            line.ShouldNotBeNull();
        }
    }

    [Fact]
    public async Task Staff_choose_an_organization_and_the_look_is_on_its_trail()
    {
        var (home, other) = (await app.NewOrganizationAsync(), await app.NewOrganizationAsync());
        var staff = await app.NewPersonAsync(app.Client(AppFixture.PlatformKey, home.Id), "super_admin");
        var browser = await Browser.SignedInAsync(app, staff);
        (await browser.GetAsync("/v1/contacts")).ShouldBeProblem(400, "request.organization_missing");
        (await browser.GetAsync("/v1/contacts", ("Bsp-Organization", other.Id.ToString()))).Status.ShouldBe(200);
        (await browser.GetAsync($"/v1/contacts/export?bsp_organization={other.Id}")).Status.ShouldBe(200);
        (await browser.GetAsync("/v1/contacts?bsp_organization=x")).ShouldBeProblem(400, "request.organization_malformed");
        var trail = (await other.Admin.SendAsync("GET", $"/v1/audit-trail?actor={staff.Id}"))["data"].EnumerateArray()
            .Select(a => $"{a.GetProperty("type")} {a.GetProperty("changed")}").ToList();
        trail.ShouldContain("""platform.read ["GET /v1/contacts"]""");
        trail.ShouldContain(act => act.StartsWith("contacts.exported", StringComparison.Ordinal));
        var ann = await Browser.SignedInAsync(app, await app.NewPersonAsync(home.Admin, "admin"));
        (await ann.GetAsync($"/v1/contacts?bsp_organization={other.Id}")).ShouldBeProblem(403, "access.organization_header");
        (await ann.GetAsync($"/v1/contacts?bsp_organization={home.Id}")).ShouldBeProblem(403, "access.organization_header");
    }

    private async Task SetEndAsync(Guid user, string expires, string ends)
    {
        await using var command = app.Admin.CreateCommand($"""
            UPDATE bsp.directory_sessions SET expires_at = CASE kind WHEN 'cookie' THEN {expires} ELSE now() + interval '1 hour' END,
              ends_at = CASE kind WHEN 'cookie' THEN {ends} END WHERE user_id = $1
            """);
        command.Parameters.Add(new() { Value = user });
        await command.ExecuteNonQueryAsync();
        app.ForgetSessions();
    }

    private Task<DateTime> EndAsync(Guid user, string kind) =>
        app.AdminAsync<DateTime>("SELECT expires_at FROM bsp.directory_sessions WHERE user_id = $1 AND kind = $2", user, kind);
}
