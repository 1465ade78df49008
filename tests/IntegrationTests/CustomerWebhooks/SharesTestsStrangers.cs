using System.Net;
using System.Text;
using System.Text.Json;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.CustomerWebhooks;

// What a stranger who may make endpoints can try.
public sealed partial class SharesTests
{
    [Fact]
    public async Task What_is_odd_is_refused_with_the_field_that_is_odd_and_changes_nothing()
    {
        var organization = await app.NewOrganizationAsync();
        var hook = await organization.NewHookAsync("http://127.0.0.1:1/", null, "campaign.*");
        var before = await ConfiguredAsync(organization, hook);
        (string Field, object Body)[] odd =
        [
            ("url", new { url = "http://10.0.0.1/" }), ("url", new { url = "http://user:pass@127.0.0.1/" }),
            ("url", new { url = "http://127.0.0.1/\r\nX: y" }), ("url", new { url = "http://127.0.0.1/#f" }),
            ("url", new { url = "ftp://127.0.0.1/" }), ("url", new { url = "http://127.0.0.1/" + new string('a', 2_001) }),
            ("url", new { url = "/relative" }), ("url", new { url = "http://[::1%25lo]/" }), ("url", new { url = (string?)null }),
            ("name", new { name = "" }), ("name", new { name = " " }), ("name", new { name = "a\nb" }),
            ("name", new { name = new string('n', 201) }), ("events", new { events = Array.Empty<string>() }),
            ("events", new { events = new[] { "message" } }), ("events", new { events = new[] { "webhook.test" } }),
            ("events", new { events = new string?[] { null } }), ("events", new { events = Enumerable.Repeat("*", 101) }),
            ("headers", Header("X-A", "b\r\nX-Evil: 1")), ("headers", Header("X-A", "b\nc")), ("headers", Header("X-A", "b\0c")),
            ("headers", Header("X-A", "grüße")), ("headers", Header("X-A", "\ud83d\ude00")), ("headers", Header("X-A", new('v', 65_536))),
            ("headers", Header("X A", "b")), ("headers", Header("X-A:", "b")), ("headers", Header("", "b")),
            ("headers", Header("X-A\r\nX-B", "b")), ("headers", Header(":authority", "evil")), ("headers", Header("Host", "evil")),
            ("headers", Header("content-length", "0")), ("headers", Header("Transfer-Encoding", "chunked")),
            ("headers", Header("Webhook-Signature", "v1,x")), ("headers", Header("Proxy-Authorization", "x")),
            ("headers", Header("Connection", "close")), ("headers", Header("X-A", " padded ")), ("headers", Header("X-A", null)),
            ("headers", new { headers = new Dictionary<string, string> { ["X-A"] = "1", ["x-a"] = "2" } }),
            ("headers", new { headers = Enumerable.Range(0, 21).ToDictionary(i => $"X-{i}", _ => "v") }),
            ("rate_per_second", new { rate_per_second = 0 }), ("rate_per_second", new { rate_per_second = 1_001 }),
            ("concurrency", new { concurrency = 0 }), ("concurrency", new { concurrency = 33 }), ("payload", new { payload = "FULL" }),
            ("api_version", new { api_version = "2020-01-01" }), ("status", new { status = "disabled" }),
        ];
        foreach (var (field, body) in odd)
        {
            var said = await organization.Admin.SendAsync("PATCH", hook.Path, body);
            said.Status.ShouldBe(400, $"{Bsp.Domain.Common.Text.Cut(JsonSerializer.Serialize(body), 90)}: {said.Text}");
            said.Text.ShouldContain(field);
        }

        foreach (var secret in new[] { "", "secret", "whsec_", "whsec_####", "whsec_" + Convert.ToBase64String(new byte[23]),
            "whsec_" + Convert.ToBase64String(new byte[65]), "whsec_" + new string('A', 65_536) })
        {
            var refused = await organization.Admin.SendAsync("POST", $"{hook.Path}/rotate-secret", new { secret });
            refused.Status.ShouldBe(400, refused.Text);
        }

        (await organization.Admin.SendAsync("POST", $"{hook.Path}/rotate-secret", new { overlap_hours = 169 })).Status.ShouldBe(400);
        (await organization.Admin.SendAsync("POST", $"{hook.Path}/rotate-secret", new { overlap_hours = -1 })).Status.ShouldBe(400);
        (await ConfiguredAsync(organization, hook)).ShouldBe(before);
        (await organization.Reader.SendAsync("PATCH", hook.Path, new { name = "mine" })).Status.ShouldBe(403);
        (await organization.Reader.SendAsync("POST", $"{hook.Path}/test")).Status.ShouldBe(403);
    }

    [Fact]
    public async Task Names_in_any_script_and_an_address_with_odd_but_good_parts_are_kept_as_they_are()
    {
        var organization = await app.NewOrganizationAsync();
        await using var receiver = await HookReceiver.StartAsync();
        var url = $"http://127.0.0.1:{receiver.Port}/a%20b/%D0%B6?q=%7B%22x%22%3A1%7D&empty=&%0d%0a=1";
        var made = await AppFixture.CreatedAsync(organization.Admin, "/v1/webhooks",
            new { name = "Наша система 😀 ريتشارد", url, events = new[] { "message.*" }, headers = new Dictionary<string, string>
            {
                ["X-Tenant_Id"] = "a,b;c=\"d\"", ["Authorization"] = "Bearer " + new string('t', 900),
            } });
        var shown = made.GetProperty("webhook");
        shown.GetProperty("url").GetString().ShouldBe(url);
        shown.GetProperty("name").GetString().ShouldBe("Наша система 😀 ريتشارد");
        shown.GetProperty("header_names").EnumerateArray().Select(h => h.GetString()).ShouldBe(["Authorization", "X-Tenant_Id"]);
        var test = await organization.Admin.SendAsync("POST", $"/v1/webhooks/{made.GetProperty("id").GetGuid()}/test");
        test["outcome"].GetString().ShouldBe("delivered", test.Text);
        var came = receiver.All.Single();
        came.Path.ShouldBe("/a%20b/%D0%B6");
        came.Headers["x-tenant_id"].ShouldBe("a,b;c=\"d\"");
        came.Headers["authorization"].Length.ShouldBe(907);
        came.Headers.Keys.ShouldNotContain("traceparent");
    }

    [Fact]
    public async Task A_body_that_is_no_webhook_is_a_400_and_never_a_500()
    {
        var organization = await app.NewOrganizationAsync();
        foreach (var body in new[] { "", "[]", "null", "\"x\"", "{", "{\"name\":1}", "{\"name\":\"x\",\"url\":[],\"events\":\"*\"}",
            "{\"name\":\"x\",\"url\":\"http://127.0.0.1/\",\"events\":[1]}",
            "{\"name\":\"x\",\"url\":\"http://127.0.0.1/\",\"events\":[\"*\"],\"headers\":[]}",
            "{\"name\":\"x\",\"url\":\"http://127.0.0.1/\",\"events\":[\"*\"],\"account_ids\":[\"nobody\"]}",
            
            "{\"name\":\"x\",\"name\":\"y\",\"url\":\"http://127.0.0.1/\",\"events\":[\"*\"]}" })
        {
            using var content = new StringContent(body, Encoding.UTF8, "application/json");
            using var answer = await organization.Admin.PostAsync("/v1/webhooks", content);
            answer.StatusCode.ShouldBeOneOf(HttpStatusCode.BadRequest, HttpStatusCode.UnprocessableEntity);
        }

        (await organization.Admin.SendAsync("GET", "/v1/webhooks"))["data"].GetArrayLength().ShouldBe(0);
        var hook = await organization.NewHookAsync("http://127.0.0.1:1/", null, "campaign.*");
        foreach (var query in new[] { "succeeded=maybe", "since=yesterday", "event_id=1", "cursor=nonsense", "limit=0", "limit=100000",
            "outcome=" + new string('x', 200), "type=%00" })
        {
            (await organization.Reader.SendAsync("GET", $"{hook.Path}/deliveries?{query}")).Status.ShouldBe(400, query);
        }
    }

    // What somebody set; how the endpoint stands at the moment is the application's.
    private static async Task<string> ConfiguredAsync(TestOrganization organization, TestHook hook) => string.Join('\n',
        (await organization.Reader.SendAsync("GET", hook.Path)).Body.EnumerateObject().Where(p => p.Name != "metrics"));

    private static object Header(string name, string? value) => new { headers = new Dictionary<string, string?> { [name] = value } };
}
