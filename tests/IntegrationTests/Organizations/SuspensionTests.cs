using Bsp.IntegrationTests.Common;
using Bsp.IntegrationTests.EndToEnd;

namespace Bsp.IntegrationTests.Organizations;

/// <summary>A suspended organization reads, and nothing leaves for its customers.</summary>
public sealed class SuspensionTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    [Fact]
    public async Task It_reads_and_sends_nothing_by_whatever_route_or_role()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(["+919876501000"]);
        var agent = await app.NewPersonAsync(tenant.Api, "agent");
        var admin = await app.NewPersonAsync(tenant.Api, "admin");
        async Task<Guid> Made(string path, object body) =>
            (await AppFixture.CreatedAsync(tenant.Api, path, body)).GetProperty("id").GetGuid();
        var campaign =
            await Made("/v1/campaigns",
                new { name = "News", template_id = tenant.TemplateId, account_id = tenant.AccountId, audience_segment = new { all = true },
                    metadata = new { template_parameters = new { body = new[] { "{{contact.first_name}}" } } } });
        var message = await Made("/v1/messages", Message(tenant));
        var conversation =
            (await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/messages/{message}"), m =>
                m.Status == 200, "the message is shown"))["conversation_id"].GetGuid();
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/messages/{message}"), m =>
            m["status"].GetString() == "read", "the message is read");
        (await app.Platform.SendAsync("POST", $"/v1/organizations/{tenant.Id}/suspend")).Status.ShouldBe(200);
        var sent = app.Meta.State.Messages().Count;

        foreach (var client in new[] { tenant.Api, admin.Client, app.Client(AppFixture.PlatformKey, tenant.Id) })
        {
            (await client.SendAsync("POST", "/v1/messages", Message(tenant))).ShouldBeProblem(409, "organization.suspended");
            (await client.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).ShouldBeProblem(409, "organization.suspended");
            foreach (var path in new[] { "me", "contacts", "campaigns", "conversations", $"conversations/{conversation}/messages",
                "accounts", "lists", "templates", "users", "audit-trail" })
            {
                (await client.SendAsync("GET", $"/v1/{path}")).Status.ShouldBe(200, path);
            }
        }

        foreach (var client in new[] { tenant.Api, admin.Client })
        {
            (await client.SendAsync("POST", $"/v1/campaigns/{campaign}/schedule", new { scheduled_at = DateTimeOffset.UtcNow.AddHours(1) }))
                .ShouldBeProblem(409, "organization.suspended");
        }

        (await agent.Client.SendAsync("POST", $"/v1/conversations/{conversation}/messages",
            new { type = "text", text = new { body = "x" } })).ShouldBeProblem(409, "organization.suspended");
        (await agent.Client.SendAsync("POST", $"/v1/conversations/{conversation}/assign", new { user_id = agent.Id })).Status.ShouldBe(200);
        app.Meta.State.Messages().Count.ShouldBe(sent);

        // Customers write on, and may say STOP: nothing of it is lost.
        await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant,
            """ "contacts":[{"wa_id":"919876501077","profile":{"name":"Ravi"}}],"messages":[{"from":"919876501077","id":"wamid.suspended-1","timestamp":"1764000000","type":"text","text":{"body":"STOP"}}]"""));
        await app.Views.InboxEmptyAsync();
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", "/v1/contacts?phone_number=%2B919876501077"), found =>
            found["data"].EnumerateArray().Any(c => c.GetProperty("consent_status").GetString() == "OPTED_OUT"), "who said STOP is out");

        (await app.Platform.SendAsync("POST", $"/v1/organizations/{tenant.Id}/activate")).Status.ShouldBe(200);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).Status.ShouldBe(200);
        await tenant.CompletedAsync(campaign);
    }

    private static object Message(Tenant tenant) => new
    {
        account_id = tenant.AccountId, to = "+919876501000", type = "template",
        template = new { name = "order_on_its_way", language = new { code = "en" },
            components = new[] { new { type = "body", parameters = new[] { new { type = "text", text = "Asha" } } } } },
    };
}
