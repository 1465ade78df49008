using System.Text.Json;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>What Meta tells of accounts: its effect, what is kept of it, and what is not.</summary>
public sealed class AccountFieldsTests(TenantApp app) : IClassFixture<TenantApp>
{
    private static long Now => DateTimeOffset.UtcNow.ToUnixTimeSeconds();

    [Fact]
    public async Task Reviews_restrictions_names_and_calls_have_their_effect_once_and_are_kept_without_what_names_customers()
    {
        using var tenant = await app.NewTenantAsync();
        var display = (await tenant.Api.SendAsync("GET", $"/v1/accounts/{tenant.AccountId}"))["phone_number"].GetString()!.TrimStart('+');
        var ends = DateTimeOffset.FromUnixTimeSeconds(Now + 86_400);
        string[] told =
        [
            Change(tenant, "phone_number_name_update", $$"""
                {"display_phone_number":"{{display}}","decision":"APPROVED","requested_verified_name":"Acme Shoes","rejection_reason":null}
                """),
            Change(tenant, "account_review_update", """{"decision":"APPROVED"}"""),
            Change(tenant, "account_update", $$"""
                {"event":"ACCOUNT_RESTRICTION","restriction_info":[{"restriction_type":"RESTRICTED_BIZ_INITIATED_MESSAGING",
                 "expiration":{{Now + 86_400}}}]}
                """),
            Change(tenant, "account_alerts", """
                {"entity_type":"BUSINESS","entity_id":"1","alert_info":{"alert_severity":"CRITICAL","alert_type":"OBA_REJECTED"}}
                """),
            Change(tenant, "flows", """{"event":"FLOW_STATUS_CHANGE","message":"Flow 1","flow_id":"1","new_status":"PUBLISHED"}"""),
            Change(tenant, "calls", $$$"""
                {"messaging_product":"whatsapp","metadata":{"display_phone_number":"{{{display}}}",
                 "phone_number_id":"{{{tenant.PhoneNumberId}}}"},
                 "contacts":[{"profile":{"name":"Asha"},"wa_id":"919871244001"}],"calls":[{"id":"wacid.1","to":"{{{display}}}",
                  "from":"919871244001",
                 "event":"connect","direction":"USER_INITIATED","timestamp":"{{{Now}}}","session":{"sdp":"secret words"} }]}
                """),
        ];
        foreach (var webhook in told.Concat(told)) // what is told twice is one notice
        {
            (await app.PostWebhookAsync(webhook)).Status.ShouldBe(200);
        }

        await app.Views.InboxEmptyAsync();
        await app.NoneFailedAsync();
        await Patience.SoonAsync(async () =>
        {
            var account = await tenant.Api.SendAsync("GET", $"/v1/accounts/{tenant.AccountId}");
            (account["display_name"].GetString(), account["name_status"].GetString(), account["review_status"].GetString(),
                account["restriction"].GetString(), account["restricted_until"].GetDateTimeOffset())
                .ShouldBe(("Acme Shoes", "APPROVED", "APPROVED", "RESTRICTED_BIZ_INITIATED_MESSAGING", ends));
        });
        var notices = await tenant.Api.SendAsync("GET", $"/v1/accounts/{tenant.AccountId}/notices");
        notices["data"].EnumerateArray().Select(n => $"{n.GetProperty("field").GetString()} {n.GetProperty("event").GetString()}")
            .ShouldBe(["phone_number_name_update APPROVED", "account_review_update APPROVED", "account_update ACCOUNT_RESTRICTION",
                "account_alerts OBA_REJECTED", "flows FLOW_STATUS_CHANGE", "calls "], ignoreOrder: true);
        notices.Text.ShouldNotContain("919871244001");
        notices.Text.ShouldNotContain("secret words");
        (await tenant.Api.SendAsync("GET", $"/v1/accounts/{tenant.AccountId}/notices?field=flows"))["data"].GetArrayLength().ShouldBe(1);
        object Text(string to) => new { account_id = tenant.AccountId, to, type = "text", text = new { body = "You called?" } };
        (await tenant.Api.SendAsync("POST", "/v1/messages", Text("+919871244001"))).Status.ShouldBe(201); // calling opened the window
        (await tenant.Api.SendAsync("POST", "/v1/messages", Text("+919871244002"))).ShouldBeProblem(409, "conversation.window_closed");

        const string reinstated = """{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"REINSTATE"}}""";
        (await app.PostWebhookAsync(Change(tenant, "account_update", reinstated))).Status.ShouldBe(200);
        await Patience.UntilAsync(() => tenant.Api.SendAsync("GET", $"/v1/accounts/{tenant.AccountId}"),
            a => a["restriction"].ValueKind == JsonValueKind.Null, "the restriction is over");
    }

    [Fact]
    public async Task A_field_that_nobody_knows_is_noted_and_harms_nobody()
    {
        (await app.PostWebhookAsync(Change(app.Tenant, "hologram_update", """{"depth":3}"""))).Status.ShouldBe(200);
        await app.Views.InboxEmptyAsync();
        await Patience.UntilAsync(() => app.Views.ScalarAsync(
            "SELECT count(*) FROM bsp.webhook_notes WHERE field = 'hologram_update' AND reason = 'unhandled_field'"), n => n == "1",
            "it is noted");
    }

    private static string Change(Tenant tenant, string field, string value) => $$$"""
        {"object":"whatsapp_business_account","entry":[{"id":"{{{tenant.WabaId}}}","time":{{{Now}}},
         "changes":[{"field":"{{{field}}}","value":{{{value}}} }]}]}
        """;
}
