using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>
/// Phone numbers from end to end: what Meta names is believed, what people write is read or refused, and one person is one, however the
/// number is spelled.
/// </summary>
public sealed class PhoneNumberTests(EndToEndApp app) : IClassFixture<EndToEndApp>
{
    [Fact]
    public async Task A_person_who_writes_from_a_Mexican_521_number_is_answered_written_to_changed_found_and_imported_again()
    {
        using var tenant = await app.NewTenantAsync();
        await WritesAsync(tenant, "5215512345678", "wamid.mx-1", "hola");
        var contact = (await tenant.NumbersAsync()).Single();
        contact.Value.ShouldBe("+5215512345678");
        var conversation =
            await Patience.UntilAsync(async () => (await tenant.AllAsync("/v1/conversations")).FirstOrDefault(), c =>
                c.ValueKind != default, "the conversation is shown");
        var reply = await tenant.Api.SendAsync("POST", $"/v1/conversations/{conversation.GetProperty("id").GetGuid()}/messages",
            new { type = "text", text = new { body = "buenos días" } });
        reply.Status.ShouldBe(201, reply.Text);
        foreach (var to in new[] { "+5215512345678", "5215512345678", "+52 55 1234 5678" })
        {
            var sent = await tenant.Api.SendAsync("POST", "/v1/messages",
                new { account_id = tenant.AccountId, to, type = "text", text = new { body = "¿qué tal?" } });
            sent.Status.ShouldBe(201, sent.Text);
        }

        var patched = await tenant.Api.SendAsync("PATCH", $"/v1/contacts/{contact.Key}", new { first_name = "Ana" });
        patched.Status.ShouldBe(200, patched.Text);
        (await tenant.Api.SendAsync("GET", "/v1/contacts?phone_number=%2B5215512345678"))["data"].GetArrayLength().ShouldBe(1);
        (await tenant.Api.SendAsync("GET", "/v1/contacts?phone_number=%2B525512345678"))["data"].GetArrayLength().ShouldBe(1);
        var file = (await tenant.Api.SendAsync("GET", "/v1/contacts/export")).Text;
        var import = await tenant.ImportAsync(file);
        (import["created"].GetInt32(), import["updated"].GetInt32(), import["rejected"].GetInt32()).ShouldBe((0, 1, 0), import.Text);
        (await tenant.Api.SendAsync("GET", "/v1/contacts/export")).Text.ShouldBe(file);
        (await tenant.NumbersAsync()).Count.ShouldBe(1);
        await app.NoneFailedAsync();
    }

    [Theory]
    [InlineData("+5531987774100", "553187774100")]
    [InlineData("+553187774101", "5531987774101")]
    [InlineData("+5511937774102", "551137774102")] // no rule joins these: only that our own message is answered
    [InlineData("+4915187774103", "919876587770")] // not alike: two people, and the careful side for both
    public async Task A_person_who_stops_our_message_from_another_spelling_is_left_out_of_the_next_campaign(string saved, string writes)
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync([saved]);
        var first = await tenant.LaunchAsync();
        await tenant.CompletedAsync(first);
        var member = (await tenant.EndedAsync(first)).Single();
        await app.Meta.State.WhenWebhooksAccepted(TestContext.Current.CancellationToken);
        await app.Views.InboxEmptyAsync();
        var wamid = await app.Views.ScalarAsync(
            "SELECT w.wamid FROM bsp.wamids w JOIN mt_events e ON e.stream_id = w.message_id AND e.type = 'message_queued' WHERE e.tenant_id = $1", tenant.Id.ToString());
        await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $$$"""
            "contacts":[{"wa_id":"{{{writes}}}","profile":{"name":"X"}}],"messages":[{"from":"{{{writes}}}","id":"wamid.stop-{{{writes}}}","timestamp":"{{{Now}}}","type":"text","text":{"body":"STOP"},"context":{"from":"15550001111","id":"{{{wamid}}}"}}]
            """));
        await app.Views.InboxEmptyAsync();
        (await tenant.Api.SendAsync("GET", $"/v1/contacts/{member.ContactId}"))["consent_status"].GetString().ShouldBe("OPTED_OUT");
        (await tenant.NumbersAsync()).Count.ShouldBe(saved.StartsWith("+49", StringComparison.Ordinal) ? 2 : 1);
        var second = await tenant.LaunchAsync();
        await tenant.CompletedAsync(second);
        (await tenant.EndedAsync(second)).Single(m => m.ContactId == member.ContactId).Reason.ShouldBe("no_consent");
        await app.NoneFailedAsync();
    }

    [Fact]
    public async Task The_id_in_Meta_s_answer_to_a_send_is_the_contact_s()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(["+5531937774105"]); // the simulator knows it as 553137774105, which no rule joins
        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        await tenant.EndedAsync(campaign);
        var contact = (await tenant.NumbersAsync()).Single();
        await Patience.UntilAsync(() =>
            app.Views.ScalarAsync("SELECT count(*) FROM bsp.contact_aliases WHERE into_id = $1 AND phone_number = '+553137774105'",
                contact.Key), n => n == "1", "the id is known");
        await WritesAsync(tenant, "553137774105", "wamid.wa-id", "STOP"); // without naming our message
        (await tenant.NumbersAsync()).ShouldBe(new Dictionary<Guid, string> { [contact.Key] = "+5531937774105" });
        (await tenant.Api.SendAsync("GET", $"/v1/contacts/{contact.Key}"))["consent_status"].GetString().ShouldBe("OPTED_OUT");
        await app.NoneFailedAsync();
    }

    [Fact]
    public async Task Two_spellings_in_an_audience_are_sent_to_once()
    {
        using var tenant = await app.NewTenantAsync();
        await tenant.ImportAsync(["+5531987774110", "+919876504110"]);

        // As they lie there from before: the saved one without a key, its twin beside it.
        await app.Views.ScalarAsync(
            "UPDATE contacts SET phone_key = NULL WHERE phone_number = '+5531987774110' AND organization_id = $1 RETURNING id::text",
            tenant.Id);
        await app.Views.ScalarAsync(
            "INSERT INTO contacts (id, organization_id, phone_number, consent_status) VALUES ($1, $2, '+553187774110', 'OPTED_IN') RETURNING id::text", Guid.CreateVersion7(), tenant.Id);
        var campaign = await tenant.LaunchAsync();
        await tenant.CompletedAsync(campaign);
        (await tenant.EndedAsync(campaign)).Count(m => m.Attempts == 1).ShouldBe(2);
        (app.Meta.State.CountOfRecipient("5531987774110").Item1 + app.Meta.State.CountOfRecipient("553187774110").Item1).ShouldBe(1);
        (await tenant.NumbersAsync()).Count.ShouldBe(2);
        await app.NoneFailedAsync();
    }

    [Fact]
    public async Task A_placeholder_is_nobody_and_the_webhook_is_kept_and_noted()
    {
        using var tenant = await app.NewTenantAsync();
        await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, """
            "contacts":[{"wa_id":"PHONE_NUMBER","profile":{"name":"NAME"}}],"messages":[{"from":"PHONE_NUMBER","id":"wamid.placeholder","timestamp":"1764000000","type":"text","text":{"body":"hi"}},
            {"from":"919876500020","id":"wamid.real","timestamp":"1764000000","type":"text","text":{"body":"hi"}},
            {"from":"<WHATSAPP_USER_PHONE_NUMBER>","from_user_id":"IN.9001","id":"wamid.user","timestamp":"1764000000","type":"text","text":{"body":"hi"}}]
            """));
        await app.PostWebhookAsync(
            $$$"""{"object":"whatsapp_business_account","entry":[{"id":"{{{tenant.WabaId}}}","changes":[{"field":"user_preferences","value":{"metadata":{"phone_number_id":"{{{tenant.PhoneNumberId}}}"},"user_preferences":[{"wa_id":"WHATSAPP_ID","category":"marketing_messages","value":"stop","timestamp":1764000001}]}}]}]}""");
        await app.Views.InboxEmptyAsync();
        (await tenant.AllAsync("/v1/contacts"))
            .Select(c => c.GetProperty("phone_number").GetString() ?? c.GetProperty("wa_user_id").GetString()).Order()
            .ShouldBe(["+919876500020", "IN.9001"]);
        (await app.Views.ScalarAsync(
            "SELECT count(*) FROM bsp.webhook_notes n JOIN bsp.webhook_journal j ON j.id = n.journal_id WHERE n.reason = 'no_sender' AND position($1 IN convert_from(j.body, 'UTF8')) > 0", tenant.PhoneNumberId)).ShouldBe("2");
        await app.NoneFailedAsync();
    }

    [Fact]
    public async Task A_new_number_is_shown_by_the_conversation_too_and_a_late_message_from_the_old_one_changes_nothing()
    {
        using var tenant = await app.NewTenantAsync();
        await WritesAsync(tenant, "919876500030", "wamid.move-1", "hi", 1764000000);
        await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant,
            """ "messages":[{"from":"919876500030","id":"wamid.move-2","timestamp":"1764000010","type":"system","system":{"body":"changed","wa_id":"919876500031","type":"user_changed_number"}}]"""));
        await ShownAsync(tenant, "+919876500031");
        await WritesAsync(tenant, "919876500030", "wamid.move-0", "written before", 1764000005);
        await Patience.UntilAsync(() => tenant.AllAsync("/v1/conversations"), all =>
            all.Single().GetProperty("message_count").GetProperty("incoming").GetInt32() == 2, "the late message is shown");
        await ShownAsync(tenant, "+919876500031");
        (await tenant.NumbersAsync()).Values.ShouldBe(["+919876500031"]);
        (await app.Platform.SendAsync("POST", "/v1/projections/conversations.v1/rebuild")).Status.ShouldBe(202);
        await Patience.UntilAsync(() => app.Views.ScalarAsync("SELECT count(*) FROM bsp.projections WHERE name = 'conversations.v1+next'"),
            n => n == "0", "the rebuild has ended");
        await ShownAsync(tenant, "+919876500031");
        await app.NoneFailedAsync();
    }

    [Fact]
    public async Task The_default_country_is_a_setting_and_decides_about_numbers_without_country_code()
    {
        using var tenant = await app.NewTenantAsync();
        var refused = await tenant.Api.SendAsync("POST", "/v1/contacts", new { phone_number = "9876543210" });
        refused.ShouldBeProblem(400, "request.invalid");
        refused.Text.ShouldContain("default_country");
        (await tenant.Api.SendAsync("POST", "/v1/messages",
            new { account_id = tenant.AccountId, to = "9876543210", type = "text", text = new { body = "hi" } })).Text.ShouldContain(
            "default_country");
        foreach (var wrong in new[] { "in", "XX", "India", "" })
        {
            (await tenant.Api.SendAsync("PATCH", $"/v1/organizations/{tenant.Id}",
                new { settings = new { default_country = wrong } })).Status.ShouldBe(400, wrong);
        }

        (await tenant.Api.SendAsync("PATCH", $"/v1/organizations/{tenant.Id}",
            new { settings = new { default_country = "IN" } })).Status.ShouldBe(200);
        var made = await tenant.Api.SendAsync("POST", "/v1/contacts", new { phone_number = "98765 43210" });
        (made.Status, made["phone_number"].GetString()).ShouldBe((201, "+919876543210"));
        (await tenant.Api.SendAsync("GET", "/v1/contacts?phone_number=9876543210"))["data"].GetArrayLength().ShouldBe(1);
    }

    private static long Now => DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    private async Task WritesAsync(Tenant tenant, string from, string wamid, string text, long? at = null)
    {
        await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $$$"""
            "contacts":[{"wa_id":"{{{from}}}","profile":{"name":"X"}}],"messages":[{"from":"{{{from}}}","id":"{{{wamid}}}","timestamp":"{{{at ?? Now}}}","type":"text","text":{"body":"{{{text}}}"}}]
            """));
        await app.Views.InboxEmptyAsync();
    }

    private static Task ShownAsync(Tenant tenant, string number) =>
        Patience.UntilAsync(async () => (await tenant.AllAsync("/v1/conversations")).FirstOrDefault(),
        c => c.ValueKind == System.Text.Json.JsonValueKind.Object
        && c.GetProperty("contact").GetProperty("phone_number").GetString() == number, $"the conversation shows {number}");
}
