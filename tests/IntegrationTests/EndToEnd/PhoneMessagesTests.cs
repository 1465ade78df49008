using System.Text.Json;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>What WhatsApp's own app on a number tells (coexistence): what people send there, and what lay in it before.</summary>
public sealed partial class PhoneMessagesTests(TenantApp app) : IClassFixture<TenantApp>
{
    private const string Ours = "15550001111";

    [Fact]
    public async Task What_a_person_sends_from_the_phone_is_shown_once_as_their_answer_and_is_never_sent_again()
    {
        using var tenant = await app.NewTenantAsync();
        const string from = "919833000001";
        var received = $$$"""
            {"from":"{{{from}}}","id":"wamid.phone.1","timestamp":"{{{At(-5)}}}","type":"text","text":{"body":"anybody there?"}}
            """;
        await PostAsync(SignedWebhooks.Envelope(tenant, $"\"messages\":[{received}]"));
        await ConversationAsync(tenant, from, c => c.GetProperty("unread_count").GetInt32() == 1, "the customer's message is unread");
        var echo = $$$"""
            "message_echoes":[{"from":"{{{Ours}}}","to":"{{{from}}}","id":"wamid.phone.2","timestamp":"{{{At(-4)}}}","type":"text",
            "text":{"body":"Yes, from my pocket"}},{"from":"{{{Ours}}}","id":"wamid.phone.nobody","type":"text","text":{"body":"x"}}]
            """;
        for (var again = 0; again < 3; again++)
        {
            await PostAsync(Envelope(tenant, "smb_message_echoes", echo));
        }

        await app.Views.InboxEmptyAsync();
        await app.NoneFailedAsync();
        await app.Views.DocumentsReachedAsync(tenant.Id);
        var shown = await ConversationAsync(tenant, from, c =>
            c.GetProperty("message_count").GetProperty("outgoing").GetInt32() > 0 && c.GetProperty("unread_count").GetInt32() == 0,
            "the answer is shown");
        (shown.GetProperty("unread_count").GetInt32(), shown.GetProperty("last_message_preview").GetString())
            .ShouldBe((0, "Yes, from my pocket"));
        shown.GetProperty("window_until").ValueKind.ShouldBe(JsonValueKind.String);
        shown.GetProperty("message_count").GetProperty("outgoing").GetInt32().ShouldBe(1);
        await ConversationAsync(tenant, from, c => c.GetProperty("waiting_since").ValueKind == JsonValueKind.Null, "nobody waits any more");
        var messages = await tenant.AllAsync($"/v1/conversations/{shown.GetProperty("id").GetGuid()}/messages");
        messages.Count.ShouldBe(2);
        var sent = messages.Single(m => m.GetProperty("direction").GetString() == "outbound");
        (sent.GetProperty("status").GetString(), sent.GetProperty("sent_by").GetProperty("user_name").GetString(),
            sent.GetProperty("sent_by").GetProperty("is_automated").GetBoolean()).ShouldBe(("sent", "phone", false));
        (await app.Views.ScalarAsync("SELECT count(*) FROM bsp.send_queue WHERE organization_id = $1", tenant.Id)).ShouldBe("0");
        app.Meta.State.CountOfRecipient(from).Accepted.ShouldBe(0);
        (await CountAsync(tenant, "message_echoed")).ShouldBe("1");
        (await CountAsync(tenant, "conversation_answered")).ShouldBe("1");

        // What Meta sent is there as it came, as long as the journal has it.
        foreach (var message in messages)
        {
            var one = await tenant.Api.SendAsync("GET", $"/v1/messages/{message.GetProperty("id").GetGuid()}");
            one["raw_webhook"].GetProperty("id").GetString().ShouldBe(message.GetProperty("wa_message_id").GetString());
            one["raw_webhook"].GetProperty("text").GetProperty("body").GetString()
                .ShouldBe(message.GetProperty("content").GetProperty("text").GetString());
        }
    }

    [Fact]
    public async Task History_is_shown_and_opens_no_window_calls_nobody_and_costs_nothing()
    {
        using var tenant = await app.NewTenantAsync();
        (string from, string other) = ("919833000002", "919833000003");
        await PostAsync(SignedWebhooks.Envelope(tenant, $$$"""
            "messages":[{"from":"{{{other}}}","id":"wamid.past.known","timestamp":"{{{At(-60)}}}","type":"text",
            "text":{"body":"new words"}}]
            """));
        await ConversationAsync(tenant, other, _ => true, "they are known");
        var history = $$$"""
            "history":[{"metadata":{"phase":0,"chunk_order":1,"progress":55},"threads":[
            {"id":"{{{from}}}","messages":[
              {"from":"{{{from}}}","id":"wamid.past.1","timestamp":"{{{At(-90_000)}}}","type":"text","text":{"body":"how much is the lamp"},
                "history_context":{"status":"READ"}},
              {"from":"{{{Ours}}}","to":"{{{from}}}","id":"wamid.past.2","timestamp":"{{{At(-80_000)}}}","type":"text",
                "text":{"body":"twelve"},"history_context":{"status":"READ"}}]},
            {"id":"{{{other}}}","messages":[
              {"from":"{{{Ours}}}","to":"{{{other}}}","id":"wamid.past.3","timestamp":"{{{At(-70_000)}}}","type":"text",
                "text":{"body":"hello"},"history_context":{"status":"DELIVERED"}},
              {"from":"{{{other}}}","id":"wamid.past.known","timestamp":"{{{At(-60)}}}","type":"text","text":{"body":"new words"}}]}]}]
            """;
        for (var again = 0; again < 2; again++)
        {
            await PostAsync(Envelope(tenant, "history", history));
        }

        await PostAsync(Envelope(tenant, "history", "\"history\":[{\"errors\":[{\"code\":2593109,\"title\":\"declined\"}]}]"));
        await app.Views.InboxEmptyAsync();
        await app.NoneFailedAsync();
        await app.Views.DocumentsReachedAsync(tenant.Id);
        var lamp = await ConversationAsync(tenant, from, c =>
            c.GetProperty("message_count").GetProperty("outgoing").GetInt32() == 1, "the history is shown");
        (lamp.GetProperty("unread_count").GetInt32(), lamp.GetProperty("last_message_preview").GetString()).ShouldBe((0, "twelve"));
        lamp.GetProperty("message_count").GetProperty("incoming").GetInt32().ShouldBe(1);
        lamp.GetProperty("window_until").ValueKind.ShouldBe(JsonValueKind.Null);
        lamp.GetProperty("waiting_since").ValueKind.ShouldBe(JsonValueKind.Null);
        var known = await ConversationAsync(tenant, other, c =>
            c.GetProperty("message_count").GetProperty("outgoing").GetInt32() == 1, "what was before is shown beside");
        (known.GetProperty("unread_count").GetInt32(), known.GetProperty("last_message_preview").GetString()).ShouldBe((1, "new words"));
        known.GetProperty("message_count").GetProperty("incoming").GetInt32().ShouldBe(1);
        var messages = await tenant.AllAsync($"/v1/conversations/{lamp.GetProperty("id").GetGuid()}/messages");
        messages.Select(m => $"{m.GetProperty("direction").GetString()} {m.GetProperty("status").GetString()}")
            .ShouldBe(["outbound read", "inbound delivered"]);
        (await CountAsync(tenant, "message_imported")).ShouldBe("3");
        (await CountAsync(tenant, "customer_window_opened")).ShouldBe("1");
        (await CountAsync(tenant, "conversation_answered")).ShouldBe("0");
        (await CountAsync(tenant, "messages_charged")).ShouldBe("0");

        // Nobody may write into a window that was never opened; a template may be sent.
        var path = $"/v1/conversations/{lamp.GetProperty("id").GetGuid()}/messages";
        (await tenant.Api.SendAsync("POST", path, new { type = "text", text = new { body = "Still there?" } }))
            .ShouldBeProblem(409, "conversation.window_closed");
        var sent = await tenant.Api.SendAsync("POST", path, new
        {
            type = "template", template = new { name = "order_on_its_way", language = new { code = "en" },
                components = new[] { new { type = "body", parameters = new[] { new { type = "text", text = "Asha" } } } } },
        });
        sent.Status.ShouldBe(201, sent.Text);
    }

    private async Task PostAsync(string body) => (await app.PostWebhookAsync(body)).Status.ShouldBe(200);

    private static Task<JsonElement> ConversationAsync(Tenant tenant, string number, Func<JsonElement, bool> wanted, string what) =>
        Patience.UntilAsync(async () => (await tenant.AllAsync("/v1/conversations")).FirstOrDefault(c =>
            c.GetProperty("contact").GetProperty("phone_number").GetString() == "+" + number), c =>
            c.ValueKind == JsonValueKind.Object && wanted(c), what);

    private Task<string> CountAsync(Tenant tenant, string type) =>
        app.Views.ScalarAsync("SELECT count(*) FROM mt_events WHERE tenant_id = $1::text AND type = $2", tenant.Id, type);

    private static long At(int seconds) => DateTimeOffset.UtcNow.AddSeconds(seconds).ToUnixTimeSeconds();

    private static string Envelope(Tenant tenant, string field, string value) => $$$"""
        {"object":"whatsapp_business_account","entry":[{"id":"{{{tenant.WabaId}}}","changes":[{"field":"{{{field}}}","value":{
        "messaging_product":"whatsapp","metadata":{"display_phone_number":"{{{Ours}}}","phone_number_id":"{{{tenant.PhoneNumberId}}}"},
        {{{value}}}}}]}]}
        """;
}
