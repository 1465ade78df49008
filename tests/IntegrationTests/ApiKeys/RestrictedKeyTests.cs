using Bsp.Api.Common;
using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;

namespace Bsp.IntegrationTests.ApiKeys;

/// <summary>A key that is restricted to one WhatsApp account reaches nothing of the organization's other accounts.</summary>
public sealed class RestrictedKeyTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    [Fact]
    public async Task It_reaches_its_own_account_and_nothing_of_the_others()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(["+919871600001"]);
        var other = await AppFixture.NewAccountAsync(tenant.Api);
        async Task<Guid> Made(string path, object body) =>
            (await AppFixture.CreatedAsync(tenant.Api, path, body)).GetProperty("id").GetGuid();
        var (ownCampaign, ownTemplate) = (await Made("/v1/campaigns", Campaign(tenant.TemplateId, tenant.AccountId)), tenant.TemplateId);
        var foreignTemplate =
            await Made("/v1/templates",
                new { account_id = other, name = "foreign", category = "UTILITY", language = "en", components = new { body = "Hello" } });
        var foreignCampaign = await Made("/v1/campaigns", Campaign(foreignTemplate, other));
        var ownMessage = await Made("/v1/messages", Message(tenant.AccountId));
        var (read, write) = (await KeyAsync(tenant.Api, "read", tenant.AccountId), await KeyAsync(tenant.Api, "write", tenant.AccountId));
        var elsewhere = await KeyAsync(tenant.Api, "write", other);

        foreach (var (method, path) in new[]
                 {
                     ("GET", $"/v1/accounts/{other}"), ("PATCH", $"/v1/accounts/{other}"), ("POST", $"/v1/accounts/{other}/disconnect"),
                         ("POST", $"/v1/accounts/{other}/sync"),
                     ("GET", $"/v1/templates/{foreignTemplate}"), ("GET", $"/v1/templates/{foreignTemplate}/versions"),
                     ("POST", $"/v1/templates/{foreignTemplate}/submit"), ("DELETE", $"/v1/templates/{foreignTemplate}"),
                     ("GET", $"/v1/campaigns/{foreignCampaign}"), ("GET", $"/v1/campaigns/{foreignCampaign}/events"),
                     ("GET", $"/v1/campaigns/{foreignCampaign}/recipients"), ("GET", $"/v1/campaigns/{foreignCampaign}/progress"),
                     ("PATCH", $"/v1/campaigns/{foreignCampaign}"), ("POST", $"/v1/campaigns/{foreignCampaign}/launch"),
                     ("POST", $"/v1/campaigns/{foreignCampaign}/cancel"),
                 })
        {
            (await write.SendAsync(method, path, method is "GET" or "DELETE" ? null : "{}")).Status.ShouldBe(404, $"{method} {path}");
        }

        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/messages/{ownMessage}"), m =>
            m.Status == 200, "the message is shown");
        var conversation = (await tenant.Api.SendAsync("GET", $"/v1/messages/{ownMessage}"))["conversation_id"].GetGuid();
        foreach (var path in new[] { $"/v1/messages/{ownMessage}", $"/v1/messages/{ownMessage}/history",
            $"/v1/conversations/{conversation}", $"/v1/conversations/{conversation}/messages" })
        {
            await Patience.SoonAsync(async () => (await read.SendAsync("GET", path)).Status.ShouldBe(200, path));
            (await elsewhere.SendAsync("GET", path)).Status.ShouldBe(404, path);
        }

        (await elsewhere.SendAsync("POST", $"/v1/conversations/{conversation}/messages", new { type = "text", text = new { body = "x" } }))
            .ShouldBeProblem(404, "conversation.unknown");
        (await elsewhere.SendAsync("POST", "/v1/messages", Message(tenant.AccountId))).ShouldBeProblem(404, "account.unknown");
        (await elsewhere.SendAsync("POST", "/v1/campaigns", Campaign(ownTemplate, tenant.AccountId)))
            .ShouldBeProblem(404, "template.unknown");
        (await elsewhere.SendAsync("POST", "/v1/campaigns", Campaign(foreignTemplate, tenant.AccountId)))
            .ShouldBeProblem(404, "account.unknown");
        (await write.SendAsync("PATCH", $"/v1/campaigns/{ownCampaign}", new { template_id = foreignTemplate }))
            .ShouldBeProblem(404, "template.unknown");
        (await write.SendAsync("POST", "/v1/templates",
            new { account_id = other, name = "x", category = "UTILITY", language = "en", components = new { body = "Hello" } }))
            .ShouldBeProblem(404, "account.unknown");
        (await write.SendAsync("POST", "/v1/accounts", "{}")).ShouldBeProblem(403, "access.account_restricted");

        // What happened to one person happened on every account; the route is the same in any spelling.
        var person = (await tenant.NumbersAsync()).Keys.Single();
        foreach (var (method, act) in new[] { ("GET", "timeline"), ("GET", "export"), ("POST", "merge"), ("POST", "erase"),
            ("GET", "TimeLine"), ("GET", "EXPORT"), ("POST", "Erase") })
        {
            (await write.SendAsync(method, $"/v1/contacts/{person}/{act}", method == "GET" ? null : "{}"))
                .ShouldBeProblem(403, "access.account_restricted");
        }

        foreach (var (list, mine) in new[] { ("accounts", tenant.AccountId), ("templates", ownTemplate), ("campaigns", ownCampaign),
            ("conversations", conversation) })
        {
            await Patience.SoonAsync(async () => (await read.SendAsync("GET", $"/v1/{list}"))["data"].EnumerateArray()
                .Select(i => i.GetProperty("id").GetGuid()).ShouldBe([mine], list));
            (await elsewhere.SendAsync("GET", $"/v1/{list}"))["data"].EnumerateArray().Select(i => i.GetProperty("id").GetGuid())
                .ShouldNotContain(mine, list);
        }

        (await read.SendAsync("GET", $"/v1/conversations?account_id={other}")).ShouldBeProblem(404, "account.unknown");
        (await read.SendAsync("GET", $"/v1/analytics/daily?account_id={other}")).ShouldBeProblem(404, "account.unknown");
        (await read.SendAsync("GET", "/v1/contacts"))["data"].GetArrayLength().ShouldBe(1);
        (await write.SendAsync("POST", $"/v1/campaigns/{ownCampaign}/estimate")).Status.ShouldBe(200);
        await AppFixture.CreatedAsync(write, "/v1/messages", Message(tenant.AccountId));
    }

    // Of what is the whole organization's: everything else is refused, whatever is added to the routes.
    private static readonly string[] OfEverybody =
    [
        "GET /v1/me", "GET /v1/organizations", "GET /v1/organizations/{id}", "GET /v1/plans", "GET /v1/plans/{id}", "GET /v1/contacts",
            "GET /v1/contacts/{id}", "POST /v1/contacts",
        "PATCH /v1/contacts/{id}", "POST /v1/contacts/{id}/consent", "GET /v1/lists", "GET /v1/lists/{id}", "GET /v1/lists/{id}/contacts",
        "POST /v1/lists", "POST /v1/lists/preview",
        "POST /v1/lists/{id}/preview", "POST /v1/media", "POST /v1/media/fetch", "GET /v1/media", "GET /v1/media/{id}",
        "GET /v1/media/{id}/content",
    ];

    [Fact]
    public async Task On_every_route_it_reaches_what_is_its_accounts_and_the_little_of_everybodys_that_is_named_here()
    {
        var organization = await app.NewOrganizationAsync();
        var key = await KeyAsync(organization.Admin, "write", organization.AccountId);
        var walked = 0;
        foreach (var endpoint in app.Services.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>())
        {
            foreach (var route in Access.RoutesOf(endpoint)
                .Where(r => Access.All[r] is { Least: > Role.Anonymous and <= Role.Manager } && !r.Contains("/stream")))
            {
                var (method, pattern) = (route.Split(' ')[0], route.Split(' ')[1]);
                var path = System.Text.RegularExpressions.Regex.Replace(pattern, @"\{[^}]+\}", Guid.NewGuid().ToString());
                var ofAccount =
                    pattern.Split('/')[2] is "accounts" or "templates" or "campaigns" or "conversations" or "messages" or "analytics"
                    && route != "POST /v1/accounts" && !pattern.StartsWith("/v1/accounts/signup");
                var accepts =
                    endpoint.Metadata.GetMetadata<Microsoft.AspNetCore.Http.Metadata.IAcceptsMetadata>()?.ContentTypes.FirstOrDefault()
                    ?? "application/json";
                var answer =
                    await key.SendAsync(method, path, method is "GET" or "DELETE" ? null
                        : "{}", [.. method is "GET" or "DELETE" ? Array.Empty<(string, string)>() : [("Content-Type", accepts)]]);
                var refused = answer.Status == 403 && answer["code"].GetString() == "access.account_restricted";
                refused.ShouldBe(!ofAccount && !OfEverybody.Contains(route), $"{route}: {answer.Status} {answer.Text}");
                if (ofAccount && pattern.Contains("{id}"))
                {
                    answer.Status.ShouldBe(404, route); // a thing of another account is not there
                }

                walked++;
            }
        }

        walked.ShouldBeGreaterThan(50);
        foreach (var route in new[] { "DELETE /v1/contacts/{id}", "GET /v1/contacts/export", "POST /v1/contacts/import", "GET /v1/events",
            "GET /v1/log/heads", "DELETE /v1/lists/{id}", "POST /v1/lists/{id}/contacts" })
        {
            AccountRestriction.Reaches(route).ShouldBeFalse(route);
        }
    }

    [Fact]
    public async Task Only_read_and_write_keys_are_restricted_to_an_account_of_the_organization_and_a_rotation_keeps_it()
    {
        var (one, neighbour) = (await app.NewOrganizationAsync(), await app.NewOrganizationAsync());
        (await one.Admin.SendAsync("POST", "/v1/api-keys", new { name = "k", permissions = "admin", account_id = one.AccountId }))
            .ShouldBeProblem(400, "request.invalid");
        (await one.Admin.SendAsync("POST", "/v1/api-keys", new { name = "k", permissions = "write", account_id = neighbour.AccountId }))
            .ShouldBeProblem(404, "account.unknown");
        var until = DateTimeOffset.UtcNow.AddDays(1);
        var key = await one.Admin.SendAsync("POST", "/v1/api-keys",
            new { name = "k", permissions = "write", account_id = one.AccountId, expires_at = until });
        var rotated = await one.Admin.SendAsync("POST", key.Header("Location") + "/rotate", "{}");
        (rotated["account_id"].GetGuid(), rotated["expires_at"].GetDateTimeOffset())
            .ShouldBe((one.AccountId, key["expires_at"].GetDateTimeOffset()));
    }

    [Fact]
    public async Task Behind_the_routes_row_level_security_hides_the_other_accounts()
    {
        var organization = await app.NewOrganizationAsync();
        var other = await AppFixture.NewAccountAsync(organization.Admin);
        await using var source =
            NpgsqlDataSource.Create(new NpgsqlConnectionStringBuilder(app.AdminConnectionString) { Username = "bsp_app",
                Password = EventStore.LogDatabase.AppPassword }.ConnectionString);
        await using var connection = await source.OpenConnectionAsync(TestContext.Current.CancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(TestContext.Current.CancellationToken);
        await using var command =
            new NpgsqlCommand($"SELECT set_config('bsp.tenants', '{organization.Id}', true), set_config('bsp.account', '{other}', true)",
                connection);
        await command.ExecuteNonQueryAsync(TestContext.Current.CancellationToken);
        command.CommandText = "SELECT string_agg(id::text, ' ') FROM whatsapp_accounts";
        (await command.ExecuteScalarAsync(TestContext.Current.CancellationToken)).ShouldBe(other.ToString());
    }

    private static object Campaign(Guid template, Guid account) =>
        new { name = "News", template_id = template, account_id = account, audience_segment = new { all = true } };

    private static object Message(Guid account) =>
        new { account_id = account, to = "+919871600001", type = "template",
            template = new { name = "order_on_its_way", language = new { code = "en" },
                components = new[] { new { type = "body", parameters = new[] { new { type = "text", text = "Asha" } } } } } };

    private async Task<HttpClient> KeyAsync(HttpClient admin, string permissions, Guid account) =>
        app.Client((await AppFixture.CreatedAsync(admin, "/v1/api-keys", new { name = "restricted", permissions, account_id = account }))
            .GetProperty("key").GetString());
}
