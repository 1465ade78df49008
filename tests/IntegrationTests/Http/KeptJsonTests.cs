using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Application.Common;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Http;

/// <summary>What no store gives back as it was, or only as a bomb, is 400 with the field's name, in every field of every route.</summary>
public sealed class KeptJsonTests(AppFixture app) : IClassFixture<AppFixture>
{
    private static readonly (string Name, string Json)[] Bombs =
    [
        ("half", "\"\\ud83d\""), ("nul", "\"a\\u0000\""), ("digits", "1e131071"), ("scale", "1e-16383"), ("beyond", "1e200000"),
            ("zeros", "0e-16383"), ("long", new string('9', 400)),
        ("inside", """{"a":[{"b":1e131071}]}"""), ("key", """{"\ud800":1}"""), ("nul key", """{"\u0000":1}"""),
        ("twice", """{"a":1,"a":2}"""),
        ("deep", string.Concat(Enumerable.Repeat("{\"a\":", 200)) + "1" + new string('}', 200)),
        ("deep list", new string('[', 200) + new string(']', 200)),
        ("large", $"\"{new string('x', 1_048_576)}\""), ("many", $"[{string.Join(',', Enumerable.Repeat("1", 30_000))}]"),
    ];

    /// <summary>A route added tomorrow is tried tomorrow.</summary>
    [Fact]
    public async Task No_field_of_any_route_takes_what_cannot_be_kept()
    {
        var organization = await app.NewOrganizationAsync();
        var (tried, broken) = (0, new List<string>());
        foreach (var route in app.Routes().Where(r => r.Takes.Any(t => t.EndsWith("json", StringComparison.Ordinal))))
        {
            var client = app.ClientOf(route, organization);
            foreach (var field in Fields(route.Body!))
            {
                foreach (var (name, bomb) in Bombs)
                {
                    var answer = await client.SendAsync(route.Method, route.Target, $$"""{"{{field}}":{{bomb}}}""");
                    tried++;
                    var named = answer.Status == 400 && answer.Body.TryGetProperty("errors", out var errors)
                        && errors.TryGetProperty(field, out _);
                    if (!named && !(answer.Status == 413 && name is "large" or "many"))
                    {
                        broken.Add($"{route} {field} {name}: {answer.Status} {answer.Text}");
                    }
                }
            }
        }

        broken.ShouldBeEmpty();
        tried.ShouldBeGreaterThan(1_000);
        (await CountAsync("SELECT count(*) FROM mt_events WHERE octet_length(data::text) > 100000")).ShouldBe(0);
    }

    [Fact]
    public async Task What_merge_patches_add_up_to_is_bounded()
    {
        var organization = await app.NewOrganizationAsync();
        var plan = (await AppFixture.CreatedAsync(app.Platform, "/v1/plans",
            new { name = "P", code = $"p{Guid.NewGuid():N}"[..20], monthly_price = "1", per_message_price = "1" })).GetProperty("id")
            .GetGuid();
        var user = (await AppFixture.CreatedAsync(organization.Admin, "/v1/users",
            new { email = $"{Guid.NewGuid():N}@example.com", role = "viewer" })).GetProperty("id").GetGuid();
        foreach (var (client, path, field) in new[] { (organization.Admin, $"/v1/organizations/{organization.Id}", "settings"),
            (app.Platform, $"/v1/plans/{plan}", "features"), (organization.Admin, $"/v1/users/{user}", "preferences") })
        {
            var refused = 0;
            for (var i = 0; i < 10; i++)
            {
                var answer = await client.SendAsync("PATCH", path, $$"""{"{{field}}":{"k{{i}}":"{{new string('x', 30_000)}}"} }""");
                if (answer.Status != 200)
                {
                    answer.ShouldBeProblem(400, "request.invalid")["errors"].TryGetProperty(field, out _).ShouldBeTrue(answer.Text);
                    refused++;
                }
            }

            refused.ShouldBe(8, path);
            KeptJson.StoredBytes((await client.SendAsync("GET", path))[field]).ShouldBeLessThan(KeptJson.ObjectBytesMax);
        }
    }

    [Fact]
    public async Task Numbers_within_bounds_come_back_as_they_were()
    {
        var organization = await app.NewOrganizationAsync();
        var created =
            await organization.Admin.SendAsync("POST", "/v1/contacts",
                """{"phone_number":"+4915112345670","custom_fields":{"a":1.50,"b":-0.0000000000000000000000000001,"c":79228162514264337593543950335,"d":1e3}}""");
        created.Status.ShouldBe(201, created.Text);
        var read = (await organization.Admin.SendAsync("GET", $"/v1/contacts/{created["id"].GetGuid()}"))["custom_fields"];
        (read.GetProperty("a").GetDecimal(), read.GetProperty("b").GetDecimal(), read.GetProperty("c").GetDecimal(), read.GetProperty("d")
            .GetDecimal()).ShouldBe((1.5m, -0.0000000000000000000000000001m, decimal.MaxValue, 1000m));
    }

    [Theory]
    [InlineData("q=%00")]
    [InlineData("q=a%00b")]
    [InlineData("q=%ED%A0%80")]
    [InlineData("q=%FF")]
    [InlineData("q=%C3")]
    [InlineData("tag=%00")]
    [InlineData("custom.%00=x")]
    [InlineData("%FF=x")]
    [InlineData("unheard_of=%00")]
    public async Task A_query_that_is_no_text_is_400(string query)
    {
        var organization = await app.NewOrganizationAsync();
        var answer = await organization.Admin.SendAsync("GET", $"/v1/contacts?{query}");
        answer.ShouldBeProblem(400, "request.invalid")["errors"].EnumerateObject().Count().ShouldBe(1);
    }

    [Theory]
    [InlineData("""{"\ud800":"phone_number"}""")]
    [InlineData("""{"a":"\ud800"}""")]
    [InlineData("""{"a":"\u0000"}""")]
    [InlineData("""{"a":{}}""")]
    [InlineData("""{"a":null}""")]
    [InlineData("[]")]
    [InlineData("1e131071")]
    public async Task A_mapping_that_cannot_be_is_400(string map)
    {
        var organization = await app.NewOrganizationAsync();
        var answer =
            await organization.Admin.SendAsync("POST", $"/v1/contacts/import?map={Uri.EscapeDataString(map)}",
                "phone_number\n+4915112345678\n", ("Content-Type", "text/csv"));
        answer.Status.ShouldBe(400, answer.Text);
    }

    [Theory]
    [InlineData("Idempotency-Key", "a\0b")]
    [InlineData("Idempotency-Key", "\u00ff\u00fe")]
    [InlineData("If-Match", "\"1\0\"")]
    [InlineData("If-Match", "\u00ed\u00a0\u0080")]
    [InlineData("Bsp-Min-Position", "\0")]
    [InlineData("Bsp-Min-Position", "\u00ff")]
    [InlineData("Last-Event-ID", "\u00ff")]
    [InlineData("Authorization", "Bearer \u00ff\u00fe")]
    [InlineData("Bsp-Organization", "\u00ff")]
    [InlineData("Accept", "\u00ff")]
    public async Task An_odd_header_is_never_500(string name, string value)
    {
        var organization = await app.NewOrganizationAsync();
        foreach (var (method, target) in new[] { ("POST", "/v1/contacts"), ("GET", "/v1/contacts"),
            ("PATCH", $"/v1/contacts/{Guid.NewGuid()}") })
        {
            var headers =
                new[] { $"{name}: {value}", "Content-Type: application/json" }.Concat(name == "Authorization" ? []
                    : [$"Authorization: Bearer {organization.AdminKey}"]);
            var answer = await RawHttp.SendAsync(app.Address, method, target, headers, method == "GET" ? null : "{}"u8.ToArray());
            answer.Status.ShouldBeInRange(200, 499, $"{method} {target} {answer.Text}");
        }
    }

    [Fact]
    public async Task An_odd_path_is_never_500()
    {
        var organization = await app.NewOrganizationAsync();
        foreach (var odd in new[] { "%00", "a%00", "%FF", "%ED%A0%80", "%2e%2e%2f", "%5c", new string('a', 4_000), "%F0%9F%91%8D" })
        {
            foreach (var target in new[] { $"/v1/{odd}", $"/v1/contacts/{odd}", $"/v1/projections/{odd}/pause", $"/openapi/{odd}.json",
                $"/docs/{odd}" })
            {
                foreach (var method in new[] { "GET", "POST" })
                {
                    (await RawHttp.SendAsync(app.Address, method, target,
                        [$"Authorization: Bearer {AppFixture.PlatformKey}"])).Status.ShouldBeInRange(200, 499, $"{method} {target}");
                }
            }
        }
    }

    /// <summary>Whoever lets it get so far: the log takes nothing that its readers could not read.</summary>
    [Fact]
    public async Task The_log_refuses_an_event_that_would_be_a_bomb_as_stored()
    {
        var organization = await app.NewOrganizationAsync();
        var store = (Bsp.Application.EventStore.IEventStore)app.Services.GetService(typeof(Bsp.Application.EventStore.IEventStore))!;
        var bomb = JsonSerializer.Deserialize<JsonElement>(
            $$"""{"filter":{"x":[{{string.Join(',', Enumerable.Repeat("1e131071", 200))}}]} }""");
        var stream = Guid.NewGuid();
        var @event =
            new Bsp.Domain.Campaigns.CampaignChanged(stream, "C", null, Guid.NewGuid(), Guid.NewGuid(), bomb, null, DateTimeOffset.UtcNow);
        var refusal =
            await Should.ThrowAsync<Bsp.Domain.Common.Refusal>(async () =>
                await store.AppendAsync(organization.Id, [new(stream, "campaign", 0, [@event])], CancellationToken.None));
        refusal.Code.ShouldBe("event.too_large");
        (await Should.ThrowAsync<Bsp.Domain.Common.Refusal>(() =>
            store.Decide<Bsp.Domain.Campaigns.Campaign, Bsp.Domain.Campaigns.CampaignEvent>(
            organization.Id, stream, _ => [@event], null, CancellationToken.None))).Code.ShouldBe("event.too_large");
        (await CountAsync($"SELECT count(*) FROM mt_events WHERE stream_id = '{stream}'")).ShouldBe(0);
    }

    private static IEnumerable<string> Fields(Type body) => body == typeof(JsonElement) ? ["name", "custom_fields", "components", "filters"]
        : body.GetProperties().Where(p => p.GetIndexParameters().Length == 0 && p.Name != "EqualityContract")
        .Select(p => JsonNamingPolicy.SnakeCaseLower.ConvertName(p.Name)).DefaultIfEmpty("anything");

    private async Task<long> CountAsync(string sql)
    {
        await using var command = app.Admin.CreateCommand(sql);
        return (long)(await command.ExecuteScalarAsync())!;
    }
}
