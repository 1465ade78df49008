using System.Text.Json;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>An organization with one of everything, and a second one next to it.</summary>
public sealed class TwoTenantsApp(StoresFixture stores) : EndToEndApp(stores)
{
    internal Possessions Own { get; private set; } = null!;

    internal Possessions Others { get; private set; } = null!;

    /// <summary>The platform's staff acting for the first organization: may call every route.</summary>
    internal HttpClient Staff { get; private set; } = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        var plan = (await CreatedAsync(Platform, "/v1/plans",
            new { name = "A", code = $"a-{Guid.NewGuid():N}", monthly_price = "1", per_message_price = "0.01" })).GetProperty("id")
            .GetGuid();
        Own = await Possessions.NewAsync(await NewTenantAsync(), plan);
        Others = await Possessions.NewAsync(await NewTenantAsync(), plan);
        Staff = Client(PlatformKey, Own.Tenant.Id);
    }

    public override async ValueTask DisposeAsync()
    {
        Own.Tenant.Dispose();
        Others.Tenant.Dispose();
        await base.DisposeAsync();
    }
}

/// <summary>Ids by the first part of the route that takes them: <c>campaigns</c> → a draft.</summary>
internal sealed record Possessions(Tenant Tenant, IReadOnlyDictionary<string, Guid> Ids)
{
    public static async Task<Possessions> NewAsync(Tenant tenant, Guid plan)
    {
        await tenant.ImportAsync(["+919871800001"]);
        var contact = (await tenant.NumbersAsync()).Keys.Single();
        async Task<Guid> Created(string path, object body) =>
            (await AppFixture.CreatedAsync(tenant.Api, path, body)).GetProperty("id").GetGuid();
        return new(tenant, new Dictionary<string, Guid>
        {
            ["organizations"] = tenant.Id, ["plans"] = plan, ["accounts"] = tenant.AccountId, ["templates"] = tenant.TemplateId,
                ["contacts"] = contact,
            ["lists"] = await Created("/v1/lists", new { name = "All" }),
            ["api-keys"] = await Created("/v1/api-keys", new { name = "k", permissions = "read" }),
            ["users"] = await Created("/v1/users", new { email = People.NewEmail(), role = "agent" }),
            ["campaigns"] =
            await Created("/v1/campaigns",
                new { name = "News", template_id = tenant.TemplateId, account_id = tenant.AccountId,
                    audience_segment = new { all = true } }),
        });
    }
}

/// <summary>A route of the published contract.</summary>
/// <param name="Fields">Its body's fields with what each takes; null: it takes no body.</param>
internal sealed record Route(string Method, string Path, bool NeedsBody, IReadOnlyList<(string Name, string Takes)>? Fields)
{
    /// <summary>With a real id in place of <c>{id}</c>, or one that nobody has when nothing of this kind was made.</summary>
    public string With(Possessions ids) =>
        Path.Replace("{id}", $"{(ids.Ids.TryGetValue(Path.Split('/')[2], out var id) ? id : Guid.NewGuid())}", StringComparison.Ordinal);

    /// <summary>All of <c>/v1</c>, from <c>/openapi/v1.json</c>: a new route is tested without being named here.</summary>
    public static async Task<IReadOnlyList<Route>> AllAsync(HttpClient client)
    {
        var document = (await client.SendAsync("GET", "/openapi/v1.json")).Body;
        return [.. document.GetProperty("paths").EnumerateObject().Where(p => p.Name.StartsWith("/v1/", StringComparison.Ordinal))
            .SelectMany(p => p.Value.EnumerateObject().Where(o => o.Name is "get" or "post" or "patch" or "delete")
                .Select(o => Of(document, p.Name, o)))];
    }

    private static Route Of(JsonElement document, string path, JsonProperty operation)
    {
        if (!operation.Value.TryGetProperty("requestBody", out var body)
            || !body.GetProperty("content").TryGetProperty("application/json", out var content))
        {
            return new(operation.Name.ToUpperInvariant(), path, false, null);
        }

        var schema = Resolve(document, content.GetProperty("schema"));
        var fields = schema.TryGetProperty("properties", out var properties)
            ? properties.EnumerateObject().Select(p => (p.Name, Takes(document, p.Value))).ToList() : [];
        return new(operation.Name.ToUpperInvariant(), path, body.TryGetProperty("required", out var required)
            && required.GetBoolean(), fields);
    }

    private static string Takes(JsonElement document, JsonElement schema)
    {
        var type = Resolve(document, schema).TryGetProperty("type", out var named) ? named : default;
        return type.ValueKind switch
        {
            JsonValueKind.String => type.GetString()!,
            JsonValueKind.Array => type.EnumerateArray().Select(t => t.GetString()!).FirstOrDefault(t => t != "null") ?? "",
            _ => "",
        };
    }

    private static JsonElement Resolve(JsonElement document, JsonElement schema)
    {
        if (schema.TryGetProperty("$ref", out var reference))
        {
            return Resolve(document, document.GetProperty("components").GetProperty("schemas")
                .GetProperty(reference.GetString()!.Split('/')[^1]));
        }

        return schema.TryGetProperty("oneOf", out var choices)
            ? Resolve(document, choices.EnumerateArray().FirstOrDefault(c => c.TryGetProperty("$ref", out _))) : schema;
    }
}

/// <summary>Whatever a client sends, it is told what is wrong with it, and nothing is half done.</summary>
public sealed class BadRequestTests(TwoTenantsApp app) : IClassFixture<TwoTenantsApp>
{
    [Theory]
    [InlineData("{")]
    [InlineData("{\"name\":")]
    [InlineData("[]")]
    [InlineData("[{}]")]
    [InlineData("\"x\"")]
    [InlineData("17")]
    [InlineData("{\"no_such_field\":1}")]
    [InlineData("{\"name\":\"a\",\"name\":\"b\",\"no_such_field\":1}")]
    [InlineData("{} {}")]
    [InlineData("")]
    [InlineData("null")]
    [InlineData("deep")]
    [InlineData("large")]
    public async Task A_body_that_is_wrong_as_a_whole_is_a_problem_on_every_route(string body)
    {
        var text = body switch { "deep" => $"{{\"name\":{new string('[', 200)}{new string(']', 200)}}}", "large" =>
            $"{{\"name\":\"{new string('x', 11_000_000)}\"}}", _ => body };
        await ChangesNothingAsync(async () =>
        {
            var tried = 0;
            foreach (var route in (await Route.AllAsync(app.Platform))
                .Where(r => r.Fields is not null && (r.NeedsBody || body is not ("" or "null"))))
            {
                await RefusedAsync(app.Staff, route.Method, route.With(app.Own), text);
                tried++;
            }

            tried.ShouldBeGreaterThan(15);
        });
    }

    [Fact]
    public async Task A_field_of_the_wrong_type_is_a_problem_on_every_route()
    {
        await ChangesNothingAsync(async () =>
        {
            var tried = 0;
            foreach (var route in (await Route.AllAsync(app.Platform)).Where(r => r.Fields is { Count: > 0 }))
            {
                foreach (var (name, takes) in route.Fields!.Where(f => f.Takes.Length > 0))
                {
                    await RefusedAsync(app.Staff, route.Method, route.With(app.Own),
                        $"{{\"{name}\":{(takes is "object" or "array" ? "\"x\"" : "{}")}}}");
                    tried++;
                }
            }

            tried.ShouldBeGreaterThan(40);
        });
    }

    [Fact]
    public async Task Ids_of_another_organization_do_not_exist_on_any_route()
    {
        await ChangesNothingAsync(async () =>
        {
            var tried = 0;
            // the platform's
            foreach (var route in (await Route.AllAsync(app.Platform))
                .Where(r => r.Path.Contains("{id}", StringComparison.Ordinal)
                    && r.Path.Split('/')[2] is not ("organizations" or "plans" or "incoming-webhooks")))
            {
                var path = route.With(app.Others);
                if (!path.Contains('{', StringComparison.Ordinal))
                {
                    var answer = await app.Own.Tenant.Api.SendAsync(route.Method, path, route.Fields is null ? null : "{}");
                    int[] none = Bsp.Api.Common.Access.All.TryGetValue($"{route.Method} {route.Path}", out var rule)
                        && rule.Least == Bsp.Api.Common.Role.Platform ? [403] : [404];
                    answer.Status.ShouldBeOneOf([.. none, .. route.NeedsBody ? new[] { 400 } : []],
                        $"{route.Method} {route.Path}: {answer.Text}");
                    answer.ShouldBeProblem(answer.Status, answer.Code!);
                    tried++;
                }
            }

            tried.ShouldBeGreaterThan(20);
        });
    }

    [Fact]
    public async Task Bodies_that_name_what_is_another_organizations_or_nobodys_change_nothing()
    {
        await ChangesNothingAsync(async () =>
        {
            var (own, api) = (app.Own.Ids, app.Own.Tenant.Api);
            foreach (var ids in new[] { app.Others.Ids, own.Keys.ToDictionary(k => k, _ => Guid.NewGuid()) })
            {
                object Campaign(Guid template, Guid account, object audience) =>
                    new { name = "X", template_id = template, account_id = account, audience_segment = audience };
                (await api.SendAsync("POST", "/v1/campaigns", Campaign(ids["templates"], own["accounts"], new { all = true })))
                    .ShouldBeProblem(404, "template.unknown");
                (await api.SendAsync("POST", "/v1/campaigns", Campaign(own["templates"], ids["accounts"], new { all = true })))
                    .ShouldBeProblem(404, "account.unknown");
                (await api.SendAsync("POST", "/v1/campaigns",
                    Campaign(own["templates"], own["accounts"], new { list_ids = new[] { ids["lists"] } })))
                    .ShouldBeProblem(404, "list.unknown");
                (await api.SendAsync("POST", "/v1/campaigns",
                    Campaign(own["templates"], own["accounts"], new { contact_ids = new[] { ids["contacts"] } })))
                    .ShouldBeProblem(404, "contact.unknown");
                (await api.SendAsync("PATCH", $"/v1/campaigns/{own["campaigns"]}", new { template_id = ids["templates"] }))
                    .ShouldBeProblem(404, "template.unknown");
                (await api.SendAsync("POST", "/v1/templates",
                    new { account_id = ids["accounts"], name = "x", category = "UTILITY", language = "en",
                        components = new { body = "Hello" } })).ShouldBeProblem(404, "account.unknown");
                (await api.SendAsync("POST", "/v1/messages",
                    new { account_id = ids["accounts"], to = "+919871800001", type = "text", text = new { body = "x" } }))
                    .ShouldBeProblem(404, "account.unknown");
                (await api.SendAsync("POST", $"/v1/lists/{own["lists"]}/contacts", new { add = new[] { ids["contacts"] } }))
                    .ShouldBeProblem(404, "contact.unknown");
            }
        });
    }

    [Theory]
    [InlineData("", "import.empty")]
    [InlineData("first_name,email\nA,a@example.com\n", "import.header_missing_identity")]
    [InlineData("phone_number,colour\n+919871800002,red\n", "import.header_unknown_column")]
    [InlineData("phone_number,phone_number\n+919871800002,+919871800002\n", "import.header_duplicate_column")]
    [InlineData("phone_number,first_name\n+919871800002,\"Asha\n", "import.unclosed_quote")]
    [InlineData("{\"phone_number\":1}", "import.header_missing_identity")]
    public async Task A_CSV_that_is_none_of_ours_is_a_problem_and_brings_nobody_in(string csv, string code)
    {
        await ChangesNothingAsync(async () =>
        {
            (await app.Own.Tenant.Api.SendAsync("POST", "/v1/contacts/import", csv, ("Content-Type", "text/csv"))
                ).ShouldBeProblem(400, code);
        });
    }

    [Fact]
    public async Task Good_rows_of_a_CSV_go_in_and_bad_ones_are_reported_with_line_and_reason()
    {
        using var tenant = await app.NewTenantAsync();
        var import =
            await tenant.ImportAsync(
                "phone_number,first_name,email,consent_status\n+919871700001,Asha,asha@example.com,OPTED_IN\nnope,Bilal,,\n+919871700003,Chen,no-address,\n+919871700004,Dora\n+919871700005,Emeka,,MAYBE\n+919871700006,Fatima,,OPTED_OUT\n");
        (import["status"].GetString(), import["total"].GetInt32(), import["created"].GetInt32(), import["rejected"].GetInt32())
            .ShouldBe(("completed", 6, 2, 4), import.Text);
        (await tenant.NumbersAsync()).Values.Order(StringComparer.Ordinal).ShouldBe(["+919871700001", "+919871700006"]);
        var rejected = await tenant.Api.SendAsync("GET", import["rejected_url"].GetString()!);
        rejected.Text.Split("\r\n")[1..5].Select(line => string.Join(',', line.Split(',')[..2]))
            .ShouldBe(["3,phone_number", "4,email", "5,", "6,consent_status"], rejected.Text);
        rejected.Text.ShouldContain("is no phone number with country code");
    }

    // Loops of the application write when they are due. What the requests change they change each time: what differed once only was such a
    // loop's.
    private async Task ChangesNothingAsync(Func<Task> act)
    {
        HashSet<string>? changed = null;
        for (var round = 1; round <= 3 && changed is not { Count: 0 }; round++)
        {
            var before = await app.Views.SettledRowsAsync();
            await act();
            var now = (await app.Views.RowsAsync()).Split('\n').Except(before.Split('\n')).Select(row => row.Split(' ')[0]).ToHashSet();
            changed = changed is null ? now : [.. changed.Intersect(now)];
        }

        changed.ShouldBeEmpty();
    }

    private static async Task RefusedAsync(HttpClient client, string method, string path, string body)
    {
        var answer = await client.SendAsync(method, path, body);
        var shown = $"{method} {path} {body[..Math.Min(body.Length, 80)]} → {answer.Status} {answer.Text}";
        answer.Status.ShouldBeInRange(400, 499, shown);
        answer.ContentType.ShouldBe("application/problem+json", shown);
        answer.Code.ShouldNotBeNullOrEmpty(shown);
        answer["status"].GetInt32().ShouldBe(answer.Status, shown);
    }
}
