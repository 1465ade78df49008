using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>
/// Nobody is skipped in silence: what a campaign's parameters lack is told when it is made, changed, scheduled or launched, and whom it
/// would skip by its estimate.
/// </summary>
public sealed class CampaignParametersTests(TenantApp app) : IClassFixture<TenantApp>
{
    private Tenant Tenant => app.Tenant;

    [Fact]
    public async Task A_placeholder_of_no_field_is_refused_by_its_name_when_the_campaign_is_made_and_when_it_is_changed()
    {
        var refused = (await PostAsync("/v1/campaigns", Campaign(new { body = new[] { "{{contact.frist_name}}" } })))
            .ShouldBeProblem(400, "campaign.template_parameters");
        refused["errors"].GetProperty("metadata.template_parameters.body.1")[0].GetString()!.ShouldContain("frist_name");
        (await PostAsync("/v1/campaigns", Campaign(new { body = Array.Empty<string>() })))
            .ShouldBeProblem(400, "campaign.template_parameters")["errors"].GetProperty("metadata.template_parameters.body.1");

        var campaign = await MadeAsync(Campaign(new { body = new[] { "{{contact.first_name|there}}" } }));
        (await Tenant.Api.SendAsync("PATCH", $"/v1/campaigns/{campaign}", Metadata(new { body = new[] { "{{contact.surname}}" } })))
            .ShouldBeProblem(400, "campaign.template_parameters");
        (await Tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}")).Text.ShouldContain("first_name|there"); // unchanged
    }

    [Fact]
    public async Task A_draft_without_parameters_is_neither_scheduled_nor_launched()
    {
        var campaign = await MadeAsync(Campaign(null));
        (await PostAsync($"/v1/campaigns/{campaign}/launch", null)).ShouldBeProblem(400, "campaign.template_parameters")["errors"]
            .GetProperty("metadata.template_parameters.body.1");
        (await PostAsync($"/v1/campaigns/{campaign}/schedule", new { scheduled_at = DateTimeOffset.UtcNow.AddDays(1) }))
            .ShouldBeProblem(400, "campaign.template_parameters");
        (await Tenant.Api.SendAsync("PATCH", $"/v1/campaigns/{campaign}", Metadata(new { body = new[] { "Asha" } }))).Status.ShouldBe(200);
        (await PostAsync($"/v1/campaigns/{campaign}/schedule",
            new { scheduled_at = DateTimeOffset.UtcNow.AddDays(1) })).Status.ShouldBe(200);
        // its hour comes without anybody looking
        (await Tenant.Api.SendAsync("PATCH", $"/v1/campaigns/{campaign}", """{"metadata":null}"""))
            .ShouldBeProblem(400, "campaign.template_parameters");
    }

    [Fact]
    public async Task An_estimate_tells_who_would_be_skipped_and_why()
    {
        using var tenant = await app.NewTenantAsync();
        var csv = """
            phone_number,first_name,consent_status,custom.city
            +919876581001,Asha,OPTED_IN,Pune
            +919876581002,,OPTED_IN,Pune
            +919876581003,Chen,OPTED_IN,
            +919876581004,Dora,OPTED_OUT,Pune
            +919876581005,Emeka,PENDING,Pune
            """;
        (await tenant.ImportAsync(csv))["rejected"].GetInt32().ShouldBe(0);

        await EstimatesAsync(tenant, new { body = new[] { "{{contact.first_name|there}}" } }, 5, """{"no_consent":1}""");
        await EstimatesAsync(tenant, new { body = new[] { "{{contact.first_name}}" } }, 5, """{"no_consent":1,"template":1}""");
        await EstimatesAsync(tenant, new { body = new[] { "{{contact.first_name|x}} {{contact.custom_fields.city}}" } }, 5,
            """{"no_consent":1,"template":1}""");
        await EstimatesAsync(tenant, new { body = new[] { "Asha" } }, 5, """{"no_consent":1}""");
        await EstimatesAsync(tenant, null, 5, """{"no_consent":1,"template":4}""");
        await app.AdminAsync("UPDATE whatsapp_accounts SET messaging_limit = 2 WHERE id = $1", tenant.AccountId);
        await Patience.UntilAsync(async () => (await EstimateAsync(tenant, new { body = new[] { "Asha" } })).Text, text =>
            text.Contains("\"limit\":2", StringComparison.Ordinal), "the number's limit is known");

        // And so it comes.
        await app.AdminAsync("UPDATE whatsapp_accounts SET messaging_limit = 100000 WHERE id = $1", tenant.AccountId);
        await Patience.UntilAsync(async () => (await EstimateAsync(tenant, new { body = new[] { "Asha" } })).Text, text =>
            !text.Contains("limit", StringComparison.Ordinal), "the number's limit is known again");
        var campaign = await tenant.LaunchAsync(metadata: new { template_parameters = new { body = new[] { "{{contact.first_name}}" } } });
        await tenant.CompletedAsync(campaign);
        (await tenant.EndedAsync(campaign)).Where(m => m.Status == "skipped").Select(m => m.Reason).Order(StringComparer.Ordinal)
            .ShouldBe(["no_consent", "template"]);
    }

    [Fact]
    public async Task A_template_that_changed_under_a_running_campaign_pauses_it_instead_of_skipping_everybody()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(Tenant.PlainNumbers(3));
        var campaign = (await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns", Of(tenant, new { body = new[] { "Asha" } })))
            .GetProperty("id").GetGuid();
        // What a sync of Meta's news does, in the moment between the launch's look and the first page.
        await app.AdminAsync(
            "CREATE FUNCTION bsp.test_change() RETURNS trigger LANGUAGE plpgsql AS $f$ BEGIN UPDATE templates SET components = '{\"body\":{\"text\":\"Hi {{1}}, it is {{2}}.\"}}' WHERE id = NEW.template_id; RETURN NEW; END $f$");
        await app.AdminAsync(
            $"CREATE TRIGGER test_change AFTER UPDATE ON campaigns FOR EACH ROW WHEN (NEW.id = '{campaign}' AND NEW.status = 'RUNNING' AND OLD.status <> 'RUNNING') EXECUTE FUNCTION bsp.test_change()");
        try
        {
            (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).Status.ShouldBe(200);
            var paused =
                await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}"), c =>
                    c["status"].GetString() == "PAUSED", "the campaign is paused");
            paused["pause_reason"].GetString()!.ShouldContain("body");
            (await tenant.MembersAsync(campaign)).ShouldAllBe(m => m.Status == "pending");
            (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/resume")).ShouldBeProblem(400, "campaign.template_parameters");
        }
        finally
        {
            await app.AdminAsync("DROP TRIGGER test_change ON campaigns; DROP FUNCTION bsp.test_change()");
        }
    }

    private static async Task EstimatesAsync(Tenant tenant, object? parameters, int recipients, string skipped)
    {
        var estimate = await EstimateAsync(tenant, parameters);
        estimate.Status.ShouldBe(200, estimate.Text);
        estimate["recipients"].GetInt32().ShouldBe(recipients);
        estimate["skipped"].GetRawText().ShouldBe(skipped);
        (estimate["cost"].ValueKind, estimate["currency"].ValueKind, estimate["available_budget"].ValueKind)
            .ShouldBe((System.Text.Json.JsonValueKind.Null, System.Text.Json.JsonValueKind.Null, System.Text.Json.JsonValueKind.Null));
        estimate["duration_seconds"].GetInt32()
            .ShouldBe(estimate["skipped"].EnumerateObject().Sum(s => s.Value.GetInt32()) < recipients ? 1 : 0);
    }

    private static async Task<Answer> EstimateAsync(Tenant tenant, object? parameters)
    {
        var campaign = (await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns", Of(tenant, parameters))).GetProperty("id").GetGuid();
        return await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/estimate");
    }

    private static object Of(Tenant tenant, object? parameters) => parameters is null
        ? new { name = "News", template_id = tenant.TemplateId, account_id = tenant.AccountId, audience_segment = new { all = true } }
        : new { name = "News", template_id = tenant.TemplateId, account_id = tenant.AccountId, audience_segment = new { all = true },
            metadata = new { template_parameters = parameters } };

    private object Campaign(object? parameters) => Of(Tenant, parameters);

    private static object Metadata(object parameters) => new { metadata = new { template_parameters = parameters } };

    private Task<Answer> PostAsync(string path, object? body) => Tenant.Api.SendAsync("POST", path, body);

    private async Task<Guid> MadeAsync(object campaign) =>
        (await AppFixture.CreatedAsync(Tenant.Api, "/v1/campaigns", campaign)).GetProperty("id").GetGuid();
}
