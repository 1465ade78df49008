using System.Globalization;
using System.Text.Json;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Campaigns before and after the launch: tried on a few, stopped by their own failures, done again for those who
/// failed.</summary>
public sealed class CampaignRetryTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    private const string Fails = "+919870000001";   // accepted, and the webhook says failed
    private const string Refused = "+919870000006"; // refused at once, always

    [Fact]
    public async Task A_retry_goes_to_exactly_those_who_failed_and_each_failure_is_in_one_of_them()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync([.. Tenant.PlainNumbers(3), Fails, Refused]);
        var draft = (await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns", Plan(tenant))).GetProperty("id").GetGuid();
        (await RetryAsync(tenant, draft)).ShouldBeProblem(409, "campaign.not_retryable");
        (await RetryAsync(tenant, Guid.NewGuid())).ShouldBeProblem(404, "campaign.unknown");
        var source = await tenant.LaunchAsync();
        await tenant.CompletedAsync(source);
        var members = await tenant.EndedAsync(source);
        var failed = members.Where(m => m.Status is "failed" or "rejected").Select(m => m.ContactId).Order().ToList();
        failed.Count.ShouldBe(2);

        var answers = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => RetryAsync(tenant, source)));
        answers.ShouldAllBe(a => a.Status == 201);
        var retry = answers.Select(a => a["id"].GetGuid()).Distinct().ShouldHaveSingleItem();
        var shown = await tenant.Api.SendAsync("GET", $"/v1/campaigns/{retry}");
        (shown["status"].GetString(), shown["retry_of"].GetGuid()).ShouldBe(("DRAFT", source), shown.Text);
        (await tenant.Api.SendAsync("GET", $"/v1/campaigns/{source}"))["retries"].EnumerateArray().Select(r =>
            r.GetGuid()).ShouldBe([retry]);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{retry}/estimate"))["recipients"].GetInt32().ShouldBe(2);
        (await tenant.Api.SendAsync("PATCH", $"/v1/campaigns/{retry}", new { audience_segment = new { all = true } }))
            .ShouldBeProblem(409, "campaign.audience_fixed");
        (await tenant.Api.SendAsync("POST", "/v1/campaigns", Plan(tenant, new { retry = source })))
            .ShouldBeProblem(409, "campaign.audience_fixed");

        // One of them has it after all before the retry begins.
        var late = members.Single(m => m.Status == "failed");
        await DeliveredAsync(tenant, late);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{retry}/launch")).Status.ShouldBe(200);
        await tenant.CompletedAsync(retry);
        var again = await tenant.EndedAsync(retry);
        again.Select(m => m.ContactId).Order().ShouldBe(failed);
        again.Single(m => m.ContactId == late.ContactId).ShouldSatisfyAllConditions(m => m.Status.ShouldBe("skipped"),
            m => m.Reason.ShouldBe("delivered"));
        again.Single(m => m.ContactId != late.ContactId).Status.ShouldBe("rejected");

        // Nobody failed since: the same one is answered. Of the retry's own failure there is a retry.
        (await RetryAsync(tenant, source))["id"].GetGuid().ShouldBe(retry);
        (await RetryAsync(tenant, retry))["retry_of"].GetGuid().ShouldBe(retry);
        (await app.Views.ScalarAsync("SELECT count(*) FROM bsp.campaign_retries WHERE source_id = $1", source)).ShouldBe("2");
    }

    [Fact]
    public async Task A_test_is_sent_as_single_messages_and_moves_nothing_of_the_campaign()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(Tenant.PlainNumbers(3));
        var numbers = await tenant.NumbersAsync();
        var contacts = numbers.Where(n => n.Value != "+919876501000").Select(n => n.Key).ToList();
        var silent = numbers.Single(n => n.Value == "+919876501000").Key;
        (await tenant.Api.SendAsync("POST", $"/v1/contacts/{silent}/consent", new { status = "OPTED_OUT", source = "form" }))
            .Status.ShouldBe(200);
        var campaign = (await AppFixture.CreatedAsync(tenant.Api, "/v1/campaigns", Plan(tenant))).GetProperty("id").GetGuid();
        var body = new { contact_ids = new[] { contacts[0], silent, contacts[1] } };
        var key = ("Idempotency-Key", Guid.NewGuid().ToString());
        var tested = await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/test", body, key);
        tested.Status.ShouldBe(200, tested.Text);
        var sends = tested["data"].EnumerateArray().ToList();
        sends[1].GetProperty("code").GetString().ShouldBe("message.no_consent", tested.Text);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/test", new { contact_ids = new[] { contacts[0], Guid.NewGuid() } }))
            .ShouldBeProblem(404, "contact.unknown");
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/test", body, key)).Text.ShouldBe(tested.Text);
        foreach (var send in new[] { sends[0], sends[2] })
        {
            var message = send.GetProperty("message_id").GetString();
            var shown = await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/messages/{message}"),
                m => m.Status == 200 && m["status"].GetString() == "read", "the test is read");
            shown["campaign_id"].ValueKind.ShouldBe(JsonValueKind.Null, shown.Text);
            app.Meta.State.CountOfCallback(message!).ShouldBe((1, 1));
        }

        (await tenant.ProgressAsync(campaign))["total"].GetInt32().ShouldBe(0);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/test", new { contact_ids = Array.Empty<Guid>() }))
            .Status.ShouldBe(400);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch")).Status.ShouldBe(200);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/test", body)).ShouldBeProblem(409, "campaign.launched");
        await tenant.CompletedAsync(campaign);
        (await tenant.EndedAsync(campaign)).Count.ShouldBe(3); // the test was no part of it
    }

    [Fact]
    public async Task A_campaign_of_which_too_many_fail_pauses_with_the_reason_and_goes_on_when_people_say_so()
    {
        using var tenant = await app.NewTenantAsync(messagesPerSecondMax: 5);
        (await tenant.Api.SendAsync("PATCH", $"/v1/organizations/{tenant.Id}",
            new { settings = new { campaign_error_budget = new { share = 3, min_sample = 5 } } })).Status.ShouldBe(400);
        (await tenant.Api.SendAsync("PATCH", $"/v1/organizations/{tenant.Id}",
            new { settings = new { campaign_error_budget = new { share = 0.2, min_sample = 5 } } })).Status.ShouldBe(200);
        var refused = Enumerable.Range(0, 400).Select(i => string.Create(CultureInfo.InvariantCulture, $"+9198{1_000 + i:0000}0006"));
        await tenant.ImportAsync([.. refused]);
        var campaign = await tenant.LaunchAsync();
        var paused = await PausedAsync(tenant, campaign);
        paused["pause_reason"].GetString()!.ShouldStartWith("error budget: ");
        paused["pause_reason"].GetString()!.ShouldContain("131026 (");
        var before = await FailedAsync(tenant, campaign);
        before.ShouldBeInRange(5, 399);

        // It counts anew from there, and the campaign's own word goes before the organization's.
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/resume")).Status.ShouldBe(200);
        await PausedAsync(tenant, campaign);
        (await FailedAsync(tenant, campaign)).ShouldBeGreaterThanOrEqualTo(before + 5);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/cancel")).Status.ShouldBe(200);
        using var other = await app.NewTenantAsync(messagesPerSecondMax: 5); // whose number has nothing else to do
        (await other.Api.SendAsync("PATCH", $"/v1/organizations/{other.Id}",
            new { settings = new { campaign_error_budget = new { share = 0.2, min_sample = 5 } } })).Status.ShouldBe(200);
        await other.ImportAsync([.. refused]);
        var patient = await other.LaunchAsync(more: new { error_budget = new { share = 0.2, min_sample = 5, codes = new[] { 131049 } } });
        await Patience.UntilAsync(() => FailedAsync(other, patient), failed =>
            failed >= 15, "fifteen failed, of a kind that does not count");
        (await other.Api.SendAsync("GET", $"/v1/campaigns/{patient}"))["status"].GetString().ShouldBe("RUNNING");
        (await other.Api.SendAsync("POST", $"/v1/campaigns/{patient}/cancel")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Whom_a_campaign_stopped_sending_to_uses_no_pace_of_its_number()
    {
        using var tenant = await app.NewTenantAsync(messagesPerSecondMax: 1); // five minutes of it lie before the other campaign
        await tenant.ImportAsync(Tenant.PlainNumbers(300));
        var stopped = await tenant.LaunchAsync();
        await tenant.SentAsync(stopped, 1);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{stopped}/pause")).Status.ShouldBe(200);

        var one = (await tenant.Api.SendAsync("GET", "/v1/contacts?limit=1"))["data"][0].GetProperty("id").GetGuid();
        var other = await tenant.LaunchAsync(more: new { audience_segment = new { contact_ids = new[] { one } } });
        await tenant.CompletedAsync(other);
        (await tenant.Api.SendAsync("GET", $"/v1/campaigns/{stopped}"))["status"].GetString().ShouldBe("PAUSED");
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{stopped}/cancel")).Status.ShouldBe(200);
    }

    [Fact]
    public async Task Each_variant_goes_to_its_share_of_the_audience_and_the_funnel_tells_them_apart()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(Tenant.PlainNumbers(40));
        var other = await tenant.NewTemplateAsync("another_wording",
            new { body = new { text = "Hello {{1}}, your order left us today and will be there tomorrow.", example = new[] { "Asha" } } });
        var marketing = await tenant.NewTemplateAsync("news_of_the_week",
            new { body = new { text = "Our news of this week are here, have a look." } }, "MARKETING");
        object Variants(Guid second) => new[] { new { template_id = tenant.TemplateId, share = 1 }, new { template_id = second,
            share = 1 } };
        (await tenant.Api.SendAsync("POST", "/v1/campaigns", With(Plan(tenant), Variants(marketing))))
            .ShouldBeProblem(409, "campaign.variants_of_several_categories");
        (await tenant.Api.SendAsync("POST", "/v1/campaigns", With(Plan(tenant), Variants(Guid.NewGuid()))))
            .ShouldBeProblem(404, "template.unknown");
        var campaign = await tenant.LaunchAsync(more: new { variants = Variants(other) });
        await tenant.CompletedAsync(campaign);
        (await tenant.EndedAsync(campaign)).Count.ShouldBe(40);
        var shares = (await tenant.AllAsync($"/v1/campaigns/{campaign}/recipients")).CountBy(r => r.GetProperty("template_id").GetGuid())
            .ToDictionary();
        shares.Keys.Order().ShouldBe(new[] { tenant.TemplateId, other }.Order());
        shares.Values.Sum().ShouldBe(40);
        var funnel = await Patience.UntilAsync(
            () => tenant.Api.SendAsync("GET", $"/v1/analytics/funnel?group_by=variant&campaign_id={campaign}"),
            f => f["data"].EnumerateArray().Sum(r => r.GetProperty("read").GetInt32()) == 40, "the funnel has everybody");
        funnel["data"].EnumerateArray().ToDictionary(r => r.GetProperty("template").GetProperty("id").GetGuid(),
            r => r.GetProperty("sent").GetInt32()).ShouldBe(shares, ignoreOrder: true);
    }

    [Fact]
    public async Task A_template_that_is_paused_or_moved_to_another_category_pauses_its_running_campaigns_with_the_reason()
    {
        using var tenant = await app.NewTenantAsync(messagesPerSecondMax: 5);
        await tenant.ImportAsync(Tenant.PlainNumbers(400));
        var campaign = await tenant.LaunchAsync();
        await TemplateAsync(tenant, "message_template_status_update", new { @event = "PAUSED", reason = "NONE" });
        var paused = await PausedAsync(tenant, campaign);
        paused["pause_reason"].GetString()!.ShouldStartWith("template order_on_its_way is PAUSED");
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/resume")).ShouldBeProblem(409, "campaign.template_not_approved");

        await TemplateAsync(tenant, "message_template_status_update", new { @event = "APPROVED", reason = "NONE" });
        await Patience.UntilAsync(() => tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/resume"), r => r.Status == 200,
            "it can be resumed when the template is approved again");
        await TemplateAsync(tenant, "template_category_update", new { new_category = "MARKETING", previous_category = "UTILITY" });
        (await PausedAsync(tenant, campaign))["pause_reason"].GetString()!.ShouldContain("is MARKETING now, no longer UTILITY");
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/resume")).Status.ShouldBe(200);
        (await tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/cancel")).Status.ShouldBe(200);
    }

    // Meta's news of the tenant's template.
    private async Task TemplateAsync(Tenant tenant, string field, object more)
    {
        var shown = await tenant.Api.SendAsync("GET", $"/v1/templates/{tenant.TemplateId}");
        var value = JsonSerializer.SerializeToNode(more)!.AsObject();
        value["message_template_id"] = JsonSerializer.SerializeToNode(long.Parse(shown["meta_template_id"].GetString()!,
            CultureInfo.InvariantCulture));
        value["message_template_name"] = shown["name"].GetString();
        value["message_template_language"] = shown["language"].GetString();
        (await app.PostWebhookAsync(JsonSerializer.Serialize(new
        {
            @object = "whatsapp_business_account",
            entry = new[] { new { id = tenant.WabaId, time = DateTimeOffset.UtcNow.ToUnixTimeSeconds(),
                changes = new[] { new { field, value } } } },
        }))).Status.ShouldBe(200);
    }

    private static System.Text.Json.Nodes.JsonObject With(object plan, object variants)
    {
        var with = JsonSerializer.SerializeToNode(plan)!.AsObject();
        with["variants"] = JsonSerializer.SerializeToNode(variants);
        return with;
    }

    private static Task<Answer> PausedAsync(Tenant tenant, Guid campaign) => Patience.UntilAsync(
        () => tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}"), c => c["status"].GetString() == "PAUSED", "the campaign is paused");

    private async Task<int> FailedAsync(Tenant tenant, Guid campaign) => int.Parse(await app.Views.ScalarAsync(
        "SELECT count(*) FROM mt_events WHERE tenant_id = $1 AND type = 'message_rejected' AND data -> 'ref' ->> 'campaign_id' = $2",
        tenant.Id.ToString(), campaign.ToString()), CultureInfo.InvariantCulture);

    private static Task<Answer> RetryAsync(Tenant tenant, Guid campaign) =>
        tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/retry");

    private static object Plan(Tenant tenant, object? segment = null) => new
    {
        name = "News", template_id = tenant.TemplateId, account_id = tenant.AccountId, audience_segment = segment ?? new { all = true },
        metadata = new { template_parameters = new { body = new[] { "{{contact.first_name}}" } } },
    };

    // Meta says of the message that had failed that it was delivered.
    private async Task DeliveredAsync(Tenant tenant, Member member)
    {
        var sent = app.Meta.State.Messages().Single(m => m.CallbackData == $"{member.MessageId}");
        (await app.PostWebhookAsync(JsonSerializer.Serialize(new
        {
            @object = "whatsapp_business_account",
            entry = new[] { new { id = tenant.WabaId, changes = new[] { new { field = "messages", value = new
            {
                messaging_product = "whatsapp", metadata = new { phone_number_id = tenant.PhoneNumberId, display_phone_number = "1555" },
                statuses = new[] { new { id = sent.Wamid, status = "delivered", recipient_id = sent.To.TrimStart('+'),
                    timestamp = DateTimeOffset.UtcNow.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture) } },
            } } } } },
        }))).Status.ShouldBe(200);
        await Patience.UntilAsync(() => app.Views.ScalarAsync(
            "SELECT count(*) FROM mt_events WHERE tenant_id = $1 AND stream_id = $2 AND type = 'message_delivered'", tenant.Id.ToString(),
            member.MessageId), n => n == "1", "it counts as delivered");
    }
}
