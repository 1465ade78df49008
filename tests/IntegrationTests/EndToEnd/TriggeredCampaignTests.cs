using System.Net.Http.Json;
using System.Text;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Campaigns that send to people one by one, when something happens: once each time, whoever asks how often.</summary>
public sealed class TriggeredCampaignTests(TenantApp app) : IClassFixture<TenantApp>
{
    private static readonly object Parameters = new { template_parameters = new { body = new[] { "{{contact.first_name|there}}" } } };

    [Fact]
    public async Task A_trigger_by_the_API_sends_once_for_each_reference_however_many_ask_at_once()
    {
        var contact = await ContactAsync("+919871500101");
        var campaign = await RunningAsync(new { on = "api" });
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => TriggerAsync(campaign, new { contact_id = contact,
            reference = "order 1" })));
        answers.ShouldAllBe(a => a.Status == 200);
        answers.Select(a => a["message_id"].GetString()).Distinct().Count().ShouldBe(1);
        answers.Count(a => !a["repeated"].GetBoolean()).ShouldBe(1);
        answers.ShouldAllBe(a => a["outcome"].GetString() == "queued");

        var second = await TriggerAsync(campaign,
            new { contact_id = contact, reference = "order 2", template_parameters = new { body = new[] { "A-17" } } });
        second["repeated"].GetBoolean().ShouldBeFalse(second.Text);
        await ReadAsync(campaign, 2);
        foreach (var (answer, text) in new[] { (answers[0], "Asha"), (second, "A-17") })
        {
            app.Meta.State.CountOfCallback(answer["message_id"].GetString()!).ShouldBe((1, 1));
            var sent = app.Meta.State.Messages().Single(m => m.CallbackData == answer["message_id"].GetString());
            Encoding.UTF8.GetString(sent.Body.Span).ShouldContain(text);
        }

        var shown = await app.Tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}");
        (shown["status"].GetString(), shown["trigger"].GetProperty("on").GetString()).ShouldBe(("RUNNING", "api"), shown.Text);
        await Patience.UntilAsync(() => app.Tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}"),
            c => c["total_recipients"].GetInt32() == 2, "two have joined it");
        await app.Views.AgreeAsync(app.Tenant, campaign, "2 2 2 0");
        var why = await app.Tenant.Api.SendAsync("GET", $"/v1/campaigns/{campaign}/recipients/{contact}/why");
        why["recipient"].GetProperty("message_id").GetString().ShouldBe(second["message_id"].GetString());
    }

    [Fact]
    public async Task What_cannot_be_sent_says_why_and_what_is_wrong_is_refused()
    {
        var (contact, other) = (await ContactAsync("+919871500111"), await ContactAsync("+919871500112", "OPTED_OUT"));
        var campaign = await RunningAsync(new { on = "api", cooldown_seconds = 3_600 }, new { contact_ids = new[] { contact, other } });
        (await TriggerAsync(campaign, new { contact_id = contact, reference = "1" }))["outcome"].GetString().ShouldBe("queued");
        (await TriggerAsync(campaign, new { contact_id = contact, reference = "2" }))["outcome"].GetString().ShouldBe("cooldown");
        (await TriggerAsync(campaign, new { contact_id = contact, reference = "2" }))["outcome"].GetString().ShouldBe("cooldown");
        (await TriggerAsync(campaign, new { contact_id = other, reference = "1" }))["outcome"].GetString().ShouldBe("skipped");
        (await TriggerAsync(campaign, new { to = "+919871500113", reference = "1" }))["outcome"].GetString().ShouldBe("outside");
        (await TriggerAsync(campaign, new { contact_id = Guid.NewGuid(), reference = "1" })).ShouldBeProblem(404, "contact.unknown");
        (await TriggerAsync(campaign, new { reference = "1" })).Status.ShouldBe(400);
        (await TriggerAsync(campaign, new { contact_id = contact })).Status.ShouldBe(400);
        (await TriggerAsync(campaign, new { contact_id = contact, reference = "9",
            template_parameters = new { body = Array.Empty<string>() } }))
            .ShouldBeProblem(400, "campaign.template_parameters");
        var members = await app.Tenant.MembersAsync(campaign);
        members.Where(m => m.Status == "skipped").Select(m => m.Reason).ShouldBe(["no_consent"]);
        members.Count.ShouldBe(2);

        (await app.Tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/pause")).Status.ShouldBe(200);
        (await TriggerAsync(campaign, new { contact_id = contact, reference = "3" })).ShouldBeProblem(409, "campaign.not_running");
        var broadcast = (await AppFixture.CreatedAsync(app.Tenant.Api, "/v1/campaigns", Plan("BROADCAST", null, null))).GetProperty("id")
            .GetGuid();
        (await TriggerAsync(broadcast, new { contact_id = contact, reference = "1" })).ShouldBeProblem(409, "campaign.not_triggered");
    }

    [Fact]
    public async Task Tags_lists_and_words_make_it_send_once_each_and_nothing_is_heard_while_it_is_paused()
    {
        var (a, b) = (await ContactAsync("+919871500121"), await ContactAsync("+919871500122"));
        var list = (await AppFixture.CreatedAsync(app.Tenant.Api, "/v1/lists", new { name = "Club" })).GetProperty("id").GetGuid();
        var tags = await RunningAsync(new { on = "tag_added", tag = "vip" });
        var lists = await RunningAsync(new { on = "list_joined", list_id = list });
        var words = await RunningAsync(new { on = "keyword", keywords = new[] { "Menu" }, cooldown_seconds = 3_600 });

        // Merging in what is there already is no adding.
        foreach (var given in (string[][])[["vip"], ["vip", "gold"], ["gold"], ["gold", "vip"]])
        {
            (await app.Tenant.Api.SendAsync("PATCH", $"/v1/contacts/{a}", new { tags = given })).Status.ShouldBe(200);
        }

        for (var i = 0; i < 2; i++)
        {
            (await app.Tenant.Api.SendAsync("POST", $"/v1/lists/{list}/contacts", new { add = new[] { a, b } })).Status.ShouldBe(200);
        }

        await InboundAsync("+919871500121", "  MENU! ");
        await InboundAsync("+919871500121", "menu");
        await InboundAsync("+919871500122", "the menu please");
        await ReadAsync(tags, 2);
        await ReadAsync(lists, 2);
        await ReadAsync(words, 1);
        (await app.Tenant.MembersAsync(tags)).ShouldAllBe(m => m.ContactId == a);
        (await app.Tenant.MembersAsync(lists)).Select(m => m.ContactId).Order().ShouldBe(new[] { a, b }.Order());

        (await app.Tenant.Api.SendAsync("POST", $"/v1/campaigns/{tags}/pause")).Status.ShouldBe(200);
        (await app.Tenant.Api.SendAsync("PATCH", $"/v1/contacts/{b}", new { tags = new[] { "vip" } })).Status.ShouldBe(200);
        (await app.Tenant.Api.SendAsync("POST", $"/v1/campaigns/{tags}/resume")).Status.ShouldBe(200);
        (await app.Tenant.Api.SendAsync("PATCH", $"/v1/contacts/{b}", new { tags = Array.Empty<string>() })).Status.ShouldBe(200);
        (await app.Tenant.Api.SendAsync("PATCH", $"/v1/contacts/{b}", new { tags = new[] { "vip" } })).Status.ShouldBe(200);
        await ReadAsync(tags, 3);
        await Patience.UntilAsync(() => app.Views.ScalarAsync("SELECT count(*) FROM bsp.campaign_causes WHERE campaign_id = ANY ($1)",
            new[] { tags, lists, words }), n => n == "0", "every cause is answered");
        (await app.Views.ScalarAsync("SELECT count(*) FROM bsp.campaign_firings WHERE campaign_id = $1", tags)).ShouldBe("3");
    }

    [Fact]
    public async Task Nobody_joins_a_filtered_list_and_after_its_end_a_campaign_is_complete()
    {
        var contact = await ContactAsync("+919871500131");
        (await app.Tenant.Api.SendAsync("POST", "/v1/campaigns", Plan("TRIGGERED", new { on = "list_joined", list_id = Guid.NewGuid() },
            null)))
            .ShouldBeProblem(404, "list.unknown");
        var filtered = (await AppFixture.CreatedAsync(app.Tenant.Api, "/v1/lists",
            new { name = "Asha", filters = new { field = "first_name", op = "eq", value = "Asha" } })).GetProperty("id").GetGuid();
        (await app.Tenant.Api.SendAsync("POST", "/v1/campaigns", Plan("TRIGGERED", new { on = "list_joined", list_id = filtered }, null)))
            .ShouldBeProblem(409, "list.filtered");
        var campaign = await RunningAsync(new { on = "api" }, until: DateTimeOffset.UtcNow.AddHours(1));
        (await TriggerAsync(campaign, new { contact_id = contact, reference = "1" })).Status.ShouldBe(200);
        await ReadAsync(campaign, 1);
        await app.AdminAsync("UPDATE campaigns SET send_until = now() WHERE id = $1", campaign); // the hour is over
        await app.Tenant.CompletedAsync(campaign);
        (await TriggerAsync(campaign, new { contact_id = contact, reference = "2" })).ShouldBeProblem(409, "campaign.not_running");
    }

    private object Plan(string type, object? trigger, object? segment, DateTimeOffset? until = null) => new
    {
        name = "Welcome", type, template_id = app.Tenant.TemplateId, account_id = app.Tenant.AccountId,
        audience_segment = segment ?? new { all = true }, metadata = Parameters, trigger, send_until = until,
    };

    private async Task<Guid> RunningAsync(object trigger, object? segment = null, DateTimeOffset? until = null)
    {
        var campaign = (await AppFixture.CreatedAsync(app.Tenant.Api, "/v1/campaigns", Plan("TRIGGERED", trigger, segment, until)))
            .GetProperty("id").GetGuid();
        var launched = await app.Tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/launch");
        launched.Status.ShouldBe(200, launched.Text);
        return campaign;
    }

    private Task<Answer> TriggerAsync(Guid campaign, object body) =>
        app.Tenant.Api.SendAsync("POST", $"/v1/campaigns/{campaign}/trigger", body);

    private async Task<Guid> ContactAsync(string number, string consent = "OPTED_IN") =>
        (await AppFixture.CreatedAsync(app.Tenant.Api, "/v1/contacts",
            new { phone_number = number, first_name = "Asha", consent_status = consent, consent_source = "form" })).GetProperty("id")
                .GetGuid();

    private Task ReadAsync(Guid campaign, int count) => Patience.UntilAsync(() => app.Tenant.MembersAsync(campaign),
        members => members.Count == count && members.All(m => m.Status == "read"), $"{count} have read it");

    private async Task InboundAsync(string from, string text)
    {
        using var meta = new HttpClient { BaseAddress = app.Meta.BaseUrl };
        using var wrote = await meta.PostAsJsonAsync("/_control/inbound",
            new { phone_number_id = app.Tenant.PhoneNumberId, from = from[1..], type = "text", text, id = $"wamid.{Guid.NewGuid():N}" });
        wrote.EnsureSuccessStatusCode();
    }
}
