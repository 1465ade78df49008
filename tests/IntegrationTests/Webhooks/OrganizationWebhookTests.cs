using System.Security.Cryptography;
using System.Text;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.Webhooks;

/// <summary>
/// An organization with a Meta app of its own: its secret verifies what comes to its own address, and is good for its own numbers only.
/// </summary>
public sealed class OrganizationWebhookTests(AppFixture app) : IClassFixture<AppFixture>
{
    private const string Secret = "own-app-secret";

    private async Task<TestOrganization> WithOwnAppAsync()
    {
        var organization = await app.NewOrganizationAsync();
        (await organization.Admin.SendAsync("PATCH", $"/v1/organizations/{organization.Id}",
            $$"""{"meta_app_secret":"{{Secret}}","webhook_verify_token":"own-token"}""")).Status.ShouldBe(200);
        return organization;
    }

    private async Task<HttpResponseMessage> PostAsync(Guid organizationId, string body, string secret)
    {
        using var request =
            new HttpRequestMessage(HttpMethod.Post,
                $"/webhooks/meta/{organizationId}") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        request.Headers.Add("X-Hub-Signature-256",
            "sha256=" + Convert.ToHexStringLower(HMACSHA256.HashData(Encoding.UTF8.GetBytes(secret), Encoding.UTF8.GetBytes(body))));
        return await app.Anonymous.SendAsync(request);
    }

    private async Task<long> CountAsync(string sql, params object[] arguments)
    {
        await using var command = app.Admin.CreateCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        return (long)(await command.ExecuteScalarAsync())!;
    }

    [Fact]
    public async Task The_handshake_wants_the_organizations_own_token()
    {
        var organization = await WithOwnAppAsync();
        (await app.Anonymous.GetStringAsync(
            $"/webhooks/meta/{organization.Id}?hub.mode=subscribe&hub.verify_token=own-token&hub.challenge=4711")).ShouldBe("4711");
        (await app.Anonymous.SendAsync("GET",
            $"/webhooks/meta/{organization.Id}?hub.mode=subscribe&hub.verify_token=other&hub.challenge=4711"))
            .ShouldBeProblem(403, "webhook.verify_token");
        (await app.Anonymous.SendAsync("GET",
            $"/webhooks/meta/{Guid.NewGuid()}?hub.mode=subscribe&hub.verify_token=own-token&hub.challenge=1"))
            .ShouldBeProblem(404, "organization.unknown");
    }

    [Fact]
    public async Task Only_its_own_secret_signs_for_it()
    {
        var organization = await WithOwnAppAsync();
        ((int)(await PostAsync(organization.Id, "{}", "wrong")).StatusCode).ShouldBe(401);
        (await CountAsync("SELECT count(*) FROM bsp.webhook_journal WHERE organization_id = $1", organization.Id)).ShouldBe(0);
        ((int)(await PostAsync(organization.Id, "{}", Secret)).StatusCode).ShouldBe(200);
        (await CountAsync("SELECT count(*) FROM bsp.webhook_journal WHERE organization_id = $1 AND signature = 'organization'",
            organization.Id)).ShouldBe(1);
    }

    [Fact]
    public async Task Its_secret_is_not_good_for_a_neighbours_number()
    {
        var organization = await WithOwnAppAsync();
        var neighbour = await app.NewOrganizationAsync("Neighbour");
        var number = (await neighbour.Admin.SendAsync("GET", $"/v1/accounts/{neighbour.AccountId}"))["phone_number_id"].GetString();
        var body = $$$"""{"object":"whatsapp_business_account","entry":[{"id":"1","changes":[{"field":"messages","value":{"messaging_product":"whatsapp","metadata":{"phone_number_id":"{{{number}}}"},"messages":[{"from":"15550001111","id":"wamid.foreign","timestamp":"1790000000","type":"text","text":{"body":"hello"}}]}}]}]}""";
        ((int)(await PostAsync(organization.Id, body, Secret)).StatusCode).ShouldBe(200);
        await EndToEnd.Patience.UntilAsync(() => CountAsync("""
            SELECT count(*) FROM bsp.webhook_notes n JOIN bsp.webhook_journal j ON j.id = n.journal_id
             WHERE j.organization_id = $1 AND n.reason = 'unknown_number'
            """, organization.Id), n => n > 0, "the webhook was worked off");
        (await CountAsync("SELECT count(*) FROM mt_events WHERE tenant_id = $1 AND type = 'message_received'", neighbour.Id.ToString()))
            .ShouldBe(0);
    }
}
