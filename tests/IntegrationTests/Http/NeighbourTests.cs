using System.Reflection;
using System.Text.Json;
using System.Text.RegularExpressions;
using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;

namespace Bsp.IntegrationTests.Http;

/// <summary>Two organizations with one of everything, and callers of the first of every role.</summary>
public sealed class NeighboursApp(StoresFixture stores) : EndToEndApp(stores)
{
    internal Tenant Own { get; private set; } = null!;

    /// <summary>By the first part of the route below /v1 that takes them.</summary>
    public IReadOnlyDictionary<string, Guid> OwnIds { get; private set; } = null!;

    public IReadOnlyDictionary<string, Guid> TheirIds { get; private set; } = null!;

    public Guid TheirId { get; private set; }

    public IReadOnlyList<(string Name, Role Role, HttpClient Client)> Callers { get; private set; } = null!;

    public override async ValueTask InitializeAsync()
    {
        await base.InitializeAsync();
        Own = await NewTenantAsync();
        await Own.Api.SendAsync("GET", "/v1/ledger/head"); // the first signature makes the key, before rows are counted
        using var theirs = await NewTenantAsync();
        (OwnIds, TheirIds, TheirId) =
            (await EverythingAsync(Own, "+919871405001"), await EverythingAsync(theirs, "+919871405002"), theirs.Id);
        var callers = new List<(string, Role, HttpClient)>();
        foreach (var role in new[] { Role.Viewer, Role.Agent, Role.Manager, Role.Admin })
        {
            callers.Add(($"session of a {role}", role, (await this.NewPersonAsync(Own.Api, role.ToString().ToLowerInvariant())).Client));
        }

        foreach (var (permissions, role, account) in new[] { ("read", Role.Viewer, (Guid?)null), ("write", Role.Manager, null),
            ("admin", Role.Admin, null), ("read", Role.Viewer, Own.AccountId), ("write", Role.Manager, Own.AccountId) })
        {
            var key = await CreatedAsync(Own.Api, "/v1/api-keys", new { name = permissions, permissions, account_id = account });
            callers.Add(($"{permissions} key{(account is null ? "" : " of one account")}", role,
                Client(key.GetProperty("key").GetString())));
        }

        Callers = callers;
    }

    public override async ValueTask DisposeAsync()
    {
        Own.Dispose();
        await base.DisposeAsync();
    }

    // One that stands would keep its contact from being erased.
    private static async Task<Guid> ReleasedAsync(Tenant tenant)
    {
        var contact = (await tenant.NumbersAsync()).Keys.Single();
        var hold = (await CreatedAsync(tenant.Api, "/v1/retention/holds", new { contact_id = contact, reason = "a court" }))
            .GetProperty("id").GetGuid();
        (await tenant.Api.SendAsync("DELETE", $"/v1/retention/holds/{hold}")).Status.ShouldBe(200);
        return hold;
    }

    private static async Task<Guid> UploadedAsync(HttpClient client)
    {
        using var form = new MultipartFormDataContent { { new StringContent("a text"), "file", "a.txt" } };
        using var answer = await client.PostAsync("/v1/media", form);
        return JsonDocument.Parse(await answer.Content.ReadAsStringAsync()).RootElement.GetProperty("id").GetGuid();
    }

    private async Task<Dictionary<string, Guid>> EverythingAsync(Tenant tenant, string number)
    {
        async Task<Guid> Made(string path, object body) => (await CreatedAsync(tenant.Api, path, body)).GetProperty("id").GetGuid();
        var import = await tenant.ImportAsync($"phone_number,consent_status\n{number},OPTED_IN\n");
        var message = await Made("/v1/messages", new
        {
            account_id = tenant.AccountId, to = number, type = "template",
            template = new { name = "order_on_its_way", language = new { code = "en" },
                components = new[] { new { type = "body", parameters = new[] { new { type = "text", text = "Asha" } } } } },
        });
        var shown = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/messages/{message}"), m =>
            m.Status == 200 && m["status"].GetString() == "read", "the message is read: nothing more will come of it");
        var webhook = await Made("/v1/webhooks", new { name = "w", url = "http://127.0.0.1:9/", events = new[] { "contact.imported" } });
        // it moves no cursor of its own
        (await tenant.Api.SendAsync("PATCH", $"/v1/webhooks/{webhook}", new { status = "inactive" })).Status.ShouldBe(200);
        var plan = (await CreatedAsync(Platform, "/v1/plans",
            new { name = "Free", code = $"free-{Guid.NewGuid():N}", monthly_price = "0", per_message_price = "0" })).GetProperty("id")
            .GetGuid();
        return new()
        {
            ["webhooks"] = webhook, ["subscriptions"] = await Made("/v1/subscriptions", new { plan_id = plan }),
            ["organizations"] = tenant.Id, ["accounts"] = tenant.AccountId, ["templates"] = tenant.TemplateId,
            ["contacts"] = (await tenant.NumbersAsync()).Keys.Single(), ["imports"] = import["id"].GetGuid(),
            ["media"] = await UploadedAsync(tenant.Api),
            ["messages"] = message, ["conversations"] = shown["conversation_id"].GetGuid(),
            ["lists"] = await Made("/v1/lists", new { name = "All" }), ["teams"] = await Made("/v1/teams", new { name = "Support" }),
            ["retention"] = await ReleasedAsync(tenant),
            ["canned-replies"] = await Made("/v1/canned-replies", new { shortcut = "hi", text = "Hello." }),
            ["api-keys"] = await Made("/v1/api-keys", new { name = "k", permissions = "read" }),
            ["transactions"] =
            (await CreatedAsync(Client(PlatformKey, tenant.Id), "/v1/wallet/topups",
                new { amount = "1", currency = "USD", reference = $"pay_{number}" }))
                .GetProperty("id").GetGuid(),
            ["users"] = await Made("/v1/users", new { email = People.NewEmail(), role = "agent" }),
            ["campaigns"] =
            await Made("/v1/campaigns",
                new { name = "News", template_id = tenant.TemplateId, account_id = tenant.AccountId,
                    audience_segment = new { all = true } }),
        };
    }
}

/// <summary>
/// Promise 5: every route × every role × another organization's ids, wherever an id can stand. Nothing is answered, nothing is written.
/// </summary>
public sealed partial class NeighbourTests(NeighboursApp app) : IClassFixture<NeighboursApp>
{
    // Bodies that would be carried out if the id were one's own; a route that is missing takes an empty one.
    private static readonly Dictionary<string, object> Bodies = new()
    {
        ["PATCH /v1/organizations/{id}"] = new { name = "mine" }, ["PATCH /v1/users/{id}"] = new { first_name = "mine" },
            ["PATCH /v1/accounts/{id}"] = new { display_name = "mine" }, ["PATCH /v1/templates/{id}"] = new { category = "MARKETING" },
        ["PATCH /v1/contacts/{id}"] = new { first_name = "mine" }, ["PATCH /v1/lists/{id}"] = new { name = "mine" },
        ["PATCH /v1/campaigns/{id}"] = new { name = "mine" }, ["PATCH /v1/conversations/{id}"] = new { priority = "low" },
        ["POST /v1/contacts/{id}/consent"] = new { status = "OPTED_OUT", source = "form" },
        ["POST /v1/lists/{id}/contacts"] = new { add = new[] { Guid.NewGuid() } },
        ["POST /v1/conversations/{id}/assign"] = new { user_id = (Guid?)null },
        ["POST /v1/conversations/{id}/messages"] = new { type = "text", text = new { body = "x" } },
        ["POST /v1/campaigns/{id}/schedule"] = new { scheduled_at = DateTimeOffset.UtcNow.AddDays(1) },
        ["POST /v1/campaigns/{id}/trigger"] = new { contact_id = Guid.NewGuid(), reference = "x" },
        ["POST /v1/campaigns/{id}/test"] = new { contact_ids = new[] { Guid.NewGuid() } },
        ["POST /v1/messages/{id}/settle"] = new { outcome = "sent" },
        ["PATCH /v1/webhooks/{id}"] = new { name = "mine" },
        ["POST /v1/webhooks/{id}/recover"] = new { since = DateTimeOffset.UtcNow.AddHours(-1) },
        ["POST /v1/contacts/{id}/merge"] = new { with = Guid.NewGuid() }, ["POST /v1/conversations/{id}/notes"] = new { text = "x" },
        ["POST /v1/conversations/{id}/ai"] = new { active = false },
        ["POST /v1/conversations/{id}/snooze"] = new { until = (DateTimeOffset?)null },
        ["PATCH /v1/teams/{id}"] = new { name = "mine" }, ["PATCH /v1/canned-replies/{id}"] = new { text = "mine" },
        ["POST /v1/subscriptions/{id}/change"] = new { plan_id = Guid.NewGuid() },
    };

    private IEnumerable<(string Route, string Method, string Pattern, Access.Rule Rule, RouteEndpoint Endpoint)> Routes =>
        from endpoint in app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
        from route in Access.RoutesOf(endpoint)
        where route.Contains("/v1/", StringComparison.Ordinal) && !route.Contains("openapi", StringComparison.Ordinal)
        let parts = route.Split(' ')
        select (route, parts[0], parts[1], Access.All[route], endpoint);

    [Fact]
    public async Task No_role_reaches_anything_of_the_neighbour_by_its_id()
    {
        var before = await app.Views.SettledRowsAsync();
        var tried = 0;
        foreach (var (route, method, pattern, rule, _) in Routes.Where(r =>
            r.Pattern.Contains('{') && r.Pattern.Split('/')[2] is not ("plans" or "projections")))
        {
            var path = Placeholder()
                .Replace(pattern, m => m.Value == "{contactId}" ? $"{app.TheirIds["contacts"]}"
                    : $"{app.TheirIds.GetValueOrDefault(pattern.Split('/')[2], Guid.NewGuid())}");
            foreach (var (name, role, client) in app.Callers)
            {
                var answer =
                    await client.SendAsync(method, path, method is "GET" or "DELETE" ? null : Bodies.GetValueOrDefault(route, new { }));
                answer.Status.ShouldBe(role < rule.Least || answer.Code == "access.account_restricted" ? 403
                    : 404, $"{name}: {method} {path} {answer.Text}");
                tried++;
            }
        }

        tried.ShouldBeGreaterThan(400);
        (await app.Views.RowsAsync()).Split('\n').Except(before.Split('\n')).ShouldBeEmpty();
    }

    [Fact]
    public async Task Where_the_role_does_not_reach_nothing_is_written_whatever_the_body()
    {
        var before = await app.Views.SettledRowsAsync();
        foreach (var (route, method, pattern, rule, endpoint) in Routes.Where(r => r.Rule.Least > Role.Viewer))
        {
            var path = Placeholder().Replace(pattern, m => $"{app.OwnIds.GetValueOrDefault(pattern.Split('/')[2], Guid.NewGuid())}");
            var accepts = endpoint.Metadata.GetMetadata<IAcceptsMetadata>()?.ContentTypes.FirstOrDefault() ?? "application/json";
            foreach (var (name, role, client) in app.Callers.Where(c => c.Role < rule.Least))
            {
                var answer = method is "GET" or "DELETE" ? await client.SendAsync(method, path)
                    : await client.SendAsync(method, path, Bodies.GetValueOrDefault(route, new { }), ("Content-Type", accepts));
                answer.ShouldBeProblem(403, "access.denied");
            }
        }

        (await app.Views.RowsAsync()).Split('\n').Except(before.Split('\n')).ShouldBeEmpty();
    }

    [Fact]
    public async Task Ids_of_the_neighbour_in_bodies_are_unknown_and_every_field_that_takes_an_id_is_tried()
    {
        var (own, their, audience) = (app.OwnIds, app.TheirIds, new { all = true });
        var content = new { body = "Hello" };
        (string Route, string Field, object Body)[] cases =
        [
            ("POST /v1/campaigns", "template_id",
                new { name = "X", template_id = their["templates"], account_id = own["accounts"], audience_segment = audience }),
            ("POST /v1/campaigns", "account_id",
                new { name = "X", template_id = own["templates"], account_id = their["accounts"], audience_segment = audience }),
            ("POST /v1/campaigns", "audience_segment",
                new { name = "X", template_id = own["templates"], account_id = own["accounts"],
                    audience_segment = new { list_ids = new[] { their["lists"] } } }),
            ("POST /v1/campaigns", "audience_segment",
                new { name = "X", template_id = own["templates"], account_id = own["accounts"],
                    audience_segment = new { contact_ids = new[] { their["contacts"] } } }),
            ("PATCH /v1/campaigns/{id}", "template_id", new { template_id = their["templates"] }),
            ("PATCH /v1/campaigns/{id}", "account_id", new { account_id = their["accounts"] }),
            ("PATCH /v1/campaigns/{id}", "audience_segment", new { audience_segment = new { list_ids = new[] { their["lists"] } } }),
            ("POST /v1/campaigns", "trigger",
                new { name = "X", type = "TRIGGERED", template_id = own["templates"], account_id = own["accounts"],
                    audience_segment = audience, trigger = new { on = "list_joined", list_id = their["lists"] } }),
            ("POST /v1/campaigns/{id}/trigger", "contact_id", new { contact_id = their["contacts"], reference = "x" }),
            ("POST /v1/campaigns/{id}/test", "contact_ids", new { contact_ids = new[] { their["contacts"] } }),
            ("POST /v1/templates", "account_id",
                new { account_id = their["accounts"], name = "x", category = "UTILITY", language = "en", components = content }),
            ("POST /v1/templates/sync", "account_id", new { account_id = their["accounts"] }),
            ("POST /v1/messages", "account_id",
                new { account_id = their["accounts"], to = "+919871400001", type = "text", text = content }),
            ("POST /v1/api-keys", "account_id", new { name = "x", permissions = "read", account_id = their["accounts"] }),
            ("POST /v1/lists/{id}/contacts", "add", new { add = new[] { their["contacts"] } }),
            ("POST /v1/contacts/{id}/merge", "with", new { with = their["contacts"] }),
            ("POST /v1/conversations/{id}/assign", "user_id", new { user_id = their["users"] }),
            ("POST /v1/retention/holds", "contact_id", new { contact_id = their["contacts"], reason = "x" }),
            ("POST /v1/conversations/{id}/assign", "team_id", new { team_id = their["teams"] }),
            ("POST /v1/conversations/{id}/notes", "mentions", new { text = "x", mentions = new[] { their["users"] } }),
            ("POST /v1/conversations/{id}/notes", "mention_teams", new { text = "x", mention_teams = new[] { their["teams"] } }),
            ("POST /v1/webhooks", "account_ids",
                new { name = "X", url = "http://127.0.0.1:9/", events = new[] { "*" }, account_ids = new[] { their["accounts"] } }),
            ("POST /v1/webhooks", "campaign_ids",
                new { name = "X", url = "http://127.0.0.1:9/", events = new[] { "*" }, campaign_ids = new[] { their["campaigns"] } }),
            ("PATCH /v1/webhooks/{id}", "account_ids", new { account_ids = new[] { their["accounts"] } }),
            ("PATCH /v1/webhooks/{id}", "campaign_ids", new { campaign_ids = new[] { their["campaigns"] } }),
            ("POST /v1/teams", "member_ids", new { name = "X", member_ids = new[] { their["users"] } }),
            ("POST /v1/teams", "account_ids", new { name = "X", account_ids = new[] { their["accounts"] } }),
            ("PATCH /v1/teams/{id}", "member_ids", new { member_ids = new[] { their["users"] } }),
            ("PATCH /v1/teams/{id}", "account_ids", new { account_ids = new[] { their["accounts"] } }),
        ];
        var before = await app.Views.SettledRowsAsync();
        foreach (var (route, _, body) in cases)
        {
            var (method, pattern) = (route.Split(' ')[0], route.Split(' ')[1]);
            var path = pattern.Replace("{id}", own[pattern.Split('/')[2]].ToString(), StringComparison.Ordinal);
            foreach (var (name, role, client) in app.Callers.Where(c => c.Role >= Access.All[route].Least))
            {
                var answer = await client.SendAsync(method, path, body);
                answer.Status.ShouldBe(answer.Code == "access.account_restricted" ? 403
                    : 404, $"{name}: {method} {path} {JsonSerializer.Serialize(body)} {answer.Text}");
            }
        }

        // Removing somebody who is not on the list is no fault; it must change nothing.
        (await app.Own.Api.SendAsync("POST", $"/v1/lists/{own["lists"]}/contacts",
            new { remove = new[] { their["contacts"] } })).Status.ShouldBeOneOf(200, 404);
        (await app.Views.RowsAsync()).Split('\n').Except(before.Split('\n')).ShouldBeEmpty();
        var takes = await IdFieldsAsync();
        takes.Except(cases.Select(c => $"{c.Route} {c.Field}"))
            .Except(["POST /v1/lists/{id}/contacts remove", "POST /v1/accounts/signup waba_id",
                "POST /v1/subscriptions plan_id", "POST /v1/subscriptions/{id}/change plan_id"])
            .ShouldBeEmpty("these fields take ids: add a case for each");
    }

    [Fact]
    public async Task Ids_of_the_neighbour_in_filters_find_nothing()
    {
        var document = (await app.Platform.SendAsync("GET", "/openapi/v1.json")).Body;
        var asked = 0;
        foreach (var path in document.GetProperty("paths").EnumerateObject()
            .Where(p => p.Name.StartsWith("/v1/", StringComparison.Ordinal)))
        {
            if (!path.Value.TryGetProperty("get", out var get) || !get.TryGetProperty("parameters", out var parameters))
            {
                continue;
            }

            foreach (var filter in parameters.EnumerateArray()
                .Where(p => p.GetProperty("in").GetString() == "query" && p.GetProperty("schema").TryGetProperty("format", out var format)
                    && format.GetString() == "uuid").Select(p => p.GetProperty("name").GetString()!))
            {
                var address =
                    path.Name.Replace("{id}", $"{app.OwnIds.GetValueOrDefault(path.Name.Split('/')[2], Guid.NewGuid())}",
                        StringComparison.Ordinal);
                foreach (var (kind, id) in app.TheirIds)
                {
                    // The id that the filter is about is asked for by each role, any other by one of them.
                    foreach (var (name, _, client) in app.Callers.Take(filter[..^3] + "s" == kind ? int.MaxValue : 1))
                    {
                        var answer = await client.SendAsync("GET", $"{address}?{filter}={id}");
                        // 400: not a filter of this report
                        answer.Status.ShouldBeOneOf(answer.Code == "access.account_restricted" ? [403]
                            : [200, 400, 404], $"{name}: {address}?{filter}= {answer.Text}");
                        (answer.Status != 200 || IsEmpty(answer["data"]))
                            .ShouldBeTrue($"{name}: {address}?{filter}= {answer.Text}");
                        asked++;
                    }
                }
            }
        }

        asked.ShouldBeGreaterThan(200);
    }

    // A heat map always has the hours of a week, and how often each was in the range; of nobody there is nothing in them.
    private static bool IsEmpty(JsonElement data) => data.EnumerateArray().All(row => row.EnumerateObject()
        .Where(cell => cell.Name is not ("day_of_week" or "hour" or "hours"))
        .All(cell => cell.Value.ValueKind == JsonValueKind.Number && cell.Value.GetDecimal() == 0));

    [Fact]
    public async Task Cursors_of_the_neighbour_made_up_or_tampered_with_are_refused_by_every_list()
    {
        var cursors = app.Services.GetRequiredService<ICursors>();
        var lists = 0;
        foreach (var (route, _, pattern, rule, endpoint) in Routes.Where(r => r.Method == "GET"))
        {
            if (endpoint.Metadata.GetMetadata<MethodInfo>()?.GetParameters().Any(p => p.ParameterType == typeof(Paging)) != true
                || rule.Least > Role.Admin)
            {
                continue;
            }

            lists++;
            var path = Placeholder().Replace(pattern, m => $"{app.OwnIds.GetValueOrDefault(pattern.Split('/')[2], Guid.NewGuid())}");
            var theirs = cursors.Sign($"{app.TheirId} {path} ", app.TheirIds["contacts"].ToString());
            var own = cursors.Sign($"{app.Own.Id} {path} ", app.OwnIds["contacts"].ToString());
            foreach (var cursor in new[] { theirs, (own[0] == 'A' ? 'B' : 'A') + own[1..], own[..^2], own + "A",
                $"{app.TheirIds["contacts"]}", "", "%00", cursors.Sign($"{app.Own.Id} /v1/elsewhere ", $"{Guid.Empty}") })
            {
                (await app.Own.Api.SendAsync("GET", $"{path}?cursor={Uri.EscapeDataString(cursor)}"))
                    .ShouldBeProblem(400, "request.cursor");
            }
        }

        lists.ShouldBeGreaterThan(8);
    }

    [Fact]
    public async Task Staff_acting_for_one_organization_reaches_nothing_of_another()
    {
        var staff = await app.NewPersonAsync(app.Client(AppFixture.PlatformKey, app.Own.Id), "super_admin");
        var acting = app.Client(staff.Token, app.Own.Id);
        (await acting.SendAsync("GET", "/v1/me"))["organization"].GetProperty("id").GetGuid().ShouldBe(app.Own.Id);
        var before = await app.Views.SettledRowsAsync();
        foreach (var (route, method, pattern, rule, _) in Routes.Where(r => r.Pattern.Contains('{') && r.Rule.Organization))
        {
            var path = Placeholder()
                .Replace(pattern, m => m.Value == "{contactId}" ? $"{app.TheirIds["contacts"]}"
                    : $"{app.TheirIds.GetValueOrDefault(pattern.Split('/')[2], Guid.NewGuid())}");
            var answer =
                await acting.SendAsync(method, path, method is "GET" or "DELETE" ? null : Bodies.GetValueOrDefault(route, new { }));
            answer.Status.ShouldBe(404, $"{method} {path} {answer.Text}");
        }

        (await app.Views.RowsAsync()).Split('\n').Except(before.Split('\n')).ShouldBeEmpty();
        (await staff.Client.SendAsync("GET", "/v1/accounts")).ShouldBeProblem(400, "request.organization_missing");
        (await app.Client(staff.Token, app.TheirId).SendAsync("GET", $"/v1/accounts/{app.TheirIds["accounts"]}")).Status.ShouldBe(200);
        (await staff.Client.SendAsync("GET", "/v1/organizations"))["data"].GetArrayLength().ShouldBeGreaterThan(1);
        foreach (var (name, _, client) in app.Callers)
        {
            (await client.SendAsync("GET", "/v1/me", null, ("Bsp-Organization", app.TheirId.ToString())))
                .ShouldBeProblem(403, "access.organization_header");
            (await client.SendAsync("GET", "/v1/me", null, ("Bsp-Organization", app.Own.Id.ToString())))
                .ShouldBeProblem(403, "access.organization_header");
        }
    }

    // Fields of published bodies that take an id, or a list of ids.
    private async Task<IReadOnlyList<string>> IdFieldsAsync()
    {
        var document = (await app.Platform.SendAsync("GET", "/openapi/v1.json")).Body;
        return [.. from path in document.GetProperty("paths").EnumerateObject() where path.Name.StartsWith("/v1/", StringComparison.Ordinal)
            from operation in path.Value.EnumerateObject() where operation.Value.TryGetProperty("requestBody", out _)
            let content = operation.Value.GetProperty("requestBody").GetProperty("content")
            where content.TryGetProperty("application/json", out _)
            let schema = Resolve(document, content.GetProperty("application/json").GetProperty("schema"))
            where schema.TryGetProperty("properties", out _)
            from property in schema.GetProperty("properties").EnumerateObject()
            where Regex.IsMatch(property.Name, "(^|_)ids?$")
                && property.Name is not ("phone_number_id" or "meta_waba_id" or "meta_business_id" or "wa_user_id" or "context_message_id")
                || property.Value.TryGetProperty("format", out var own) && own.GetString() == "uuid"
                || property.Value.TryGetProperty("items", out var items)
                && Resolve(document, items).TryGetProperty("format", out var format) && format.GetString() == "uuid"
            where !Access.All[$"{operation.Name.ToUpperInvariant()} {path.Name}"].Least.Equals(Role.Platform)
            select $"{operation.Name.ToUpperInvariant()} {path.Name} {property.Name}"];
    }

    private static JsonElement Resolve(JsonElement document, JsonElement schema) => schema.TryGetProperty("$ref", out var reference)
        ? document.GetProperty("components").GetProperty("schemas").GetProperty(reference.GetString()!.Split('/')[^1])
        : schema.TryGetProperty("oneOf", out var choices)
        && choices.EnumerateArray().FirstOrDefault(c => c.TryGetProperty("$ref", out _)) is { ValueKind: JsonValueKind.Object } choice
        ? Resolve(document, choice) : schema;

    [GeneratedRegex(@"\{[^}]+\}")]
    private static partial Regex Placeholder();
}
