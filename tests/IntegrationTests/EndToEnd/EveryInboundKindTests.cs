using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.IntegrationTests.Common;

namespace Bsp.IntegrationTests.EndToEnd;

/// <summary>Every kind of Meta's inbound items, from the signed webhook to what a person reads in the conversation.</summary>
public sealed class EveryInboundKindTests(TenantApp app) : IClassFixture<TenantApp>
{
    /// <summary>What a person sees of some items of one sender.</summary>
    /// <param name="Items">Meta's items without id, from and timestamp; ME#n stands for the id of the nth.</param>
    /// <param name="Shown">A part of each message's JSON, newest first.</param>
    private sealed record Case(string[] Items, string[] Shown, string Preview, int Unread = 1, bool Window = true);

    private const string Text = """{"type":"text","text":{"body":"first words"}}""";

    private static readonly Dictionary<string, Case> Cases = new()
    {
        ["text"] = new([Text], ["first words"], "first words"),
        ["image"] = new(["""{"type":"image","image":{"id":"1","mime_type":"image/jpeg","sha256":"x","caption":"look at this"}}"""],
            ["look at this"], "look at this"),
        ["image without words"] = new(["""{"type":"image","image":{"id":"1","mime_type":"image/jpeg"}}"""], ["image/jpeg"], "[image]"),
        ["video"] = new(["""{"type":"video","video":{"id":"2","mime_type":"video/mp4","caption":"watch"}}"""], ["watch"], "watch"),
        ["audio"] = new(["""{"type":"audio","audio":{"id":"3","mime_type":"audio/ogg","voice":true}}"""], ["audio/ogg"], "[audio]"),
        ["document"] =
        new(["""{"type":"document","document":{"id":"4","mime_type":"application/pdf","filename":"bill.pdf"}}"""], ["bill.pdf"],
            "bill.pdf"),
        ["sticker"] =
        new(["""{"type":"sticker","sticker":{"id":"5","mime_type":"image/webp","animated":true}}"""], ["image/webp"], "[sticker]"),
        ["location"] =
        new(["""{"type":"location","location":{"latitude":12.97,"longitude":77.59,"name":"the shop","address":"MG Road"}}"""], ["MG Road"],
            "the shop"),
        ["location without a name"] =
        new(["""{"type":"location","location":{"latitude":12.5,"longitude":77.5}}"""], ["12.5"], "[location]"),
        ["contacts"] =
        new(["""{"type":"contacts","contacts":[{"name":{"formatted_name":"Ann"},"phones":[{"phone":"+1 555"}]},{"name":{"formatted_name":"Bob"}}]}"""], ["\"phone\":\"+1 555\""], "Ann, Bob"),
        ["template button"] =
        new(["""{"type":"button","button":{"text":"Yes please","payload":"p"},"context":{"id":"wamid.unknown.0","from":"1"}}"""],
            ["Yes please"], "Yes please"),
        ["button reply"] =
        new(["""{"type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"b1","title":"Maybe"}}}"""],
            ["\"id\":\"b1\""], "Maybe"),
        ["list reply"] =
        new(["""{"type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"l1","title":"Second","description":"d"}}}"""],
            ["\"id\":\"l1\""], "Second"),
        ["flow answer"] =
        new(["""{"type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"flow","body":"Sent","response_json":"{\"flow_token\":\"t\",\"size\":\"XL\"}"}}}"""],
            ["\"size\":\"XL\""], "size: XL"),
        ["call permission"] =
        new(["""{"type":"interactive","interactive":{"type":"call_permission_reply","call_permission_reply":{"response":"accept","response_source":"user_action"}}}"""],
            ["user_action"], "You may call."),
        ["order"] = new(
            ["""{"type":"order","order":{"catalog_id":"c1","text":"please","product_items":[{"product_retailer_id":"a","quantity":2,"item_price":30.5,"currency":"INR"}]}}"""],
            ["\"product_retailer_id\":\"a\""], "please (2 items, 61 INR)"),
        ["unsupported"] =
        new(["""{"type":"unsupported","errors":[{"code":131051,"title":"Message type unknown"}],"unsupported":{"type":"poll"}}"""],
            ["131051"], "[poll]"),
        ["media placeholder"] =
        new(["""{"type":"media_placeholder","media_placeholder":{"reason":"later"}}"""], ["later"], "[media_placeholder]"),
        ["welcome request"] = new(["""{"type":"request_welcome"}"""], ["request_welcome"], "[request_welcome]"),
        ["what nobody knows"] = new(["""{"type":"hologram","hologram":{"depth":3}}"""], ["\"depth\":3"], "[hologram]"),
        ["no type"] = new(["""{"text":{"body":"x"}}"""], ["unknown"], "[unknown]"),
        ["referral"] =
        new(["""{"type":"text","text":{"body":"how much?"},"referral":{"source_type":"ad","source_id":"7","headline":"Summer sale","ctwa_clid":"x"}}"""], ["Summer sale"], "how much?"),
        ["reply"] = new([Text, """{"type":"text","text":{"body":"an answer"},"context":{"id":"ME#0","from":"1","forwarded":true}}"""],
            ["ME#0", "first words"], "an answer", 2),
        ["reaction"] = new([Text, """{"type":"reaction","reaction":{"message_id":"ME#0","emoji":"❤"}}"""], ["❤"], "first words"),
        ["reaction taken back"] =
        new([Text, """{"type":"reaction","reaction":{"message_id":"ME#0","emoji":"❤"}}""",
            """{"type":"reaction","reaction":{"message_id":"ME#0","emoji":""}}"""],
            ["\"reactions\":null"], "first words"),
        ["reaction to nothing known"] =
        new(["""{"type":"reaction","reaction":{"message_id":"wamid.of.old","emoji":"❤"}}"""], ["❤"], "❤", 0, false),
        ["edit"] = new([Text,
            """{"type":"edit","edit":{"original_message_id":"ME#0","message":{"type":"text","text":{"body":"better words"}}}}"""],
            ["better words"], "better words"),
        ["revocation"] =
        new([Text, """{"type":"revoke","revoke":{"original_message_id":"ME#0"}}"""], ["\"revoked_at\":\"2"], "[deleted]", 0),
        ["system"] =
        new([Text, """{"type":"system","system":{"type":"customer_identity_changed","body":"The security code changed","hash":"h"}}"""],
            ["customer_identity_changed", "first words"], "The security code changed"),
        ["system alone"] =
        new(["""{"type":"system","system":{"type":"customer_changed_something","body":"Something changed"}}"""],
            ["customer_changed_something"], "Something changed", 0, false),
        ["system without words"] =
        new(["""{"type":"system","system":{"type":"customer_unblocked"}}"""], ["customer_unblocked"], "customer_unblocked", 0, false),
        ["group"] = new(["""{"type":"text","group_id":"group-of-NUMBER","text":{"body":"hello all"}}"""], ["group-of-NUMBER"],
            "Zoë: hello all", 1, false),
    };

    [Fact]
    public async Task It_is_readable_with_its_preview_and_counts_and_opens_the_window_as_the_table_says_also_twice_and_after_a_rebuild()
    {
        var webhooks = Cases.Values.SelectMany((one, n) => one.Items.Select((item, i) => Webhook(n, i, item))).ToList();
        foreach (var webhook in webhooks.Concat(webhooks.AsEnumerable().Reverse())) // each once more, the last first
        {
            (await app.PostWebhookAsync(webhook)).Status.ShouldBe(200);
        }

        await app.Views.InboxEmptyAsync();
        await app.NoneFailedAsync();
        var wanted = Cases.Count;
        await Patience.UntilAsync(() => app.Tenant.AllAsync("/v1/conversations"), all =>
            all.Count == wanted && all.Sum(Unread) >= Cases.Values.Sum(c => c.Unread), "every conversation is shown");
        await app.Views.DocumentsReachedAsync(app.Tenant.Id);
        var before = await SeenAsync();
        foreach (var ((name, expected), n) in Cases.Select((c, n) => (c, n)))
        {
            var (conversation, messages) = before[n];
            messages.Count.ShouldBe(expected.Shown.Length, name);
            for (var i = 0; i < messages.Count; i++)
            {
                Plain(messages[i]).ShouldContain(Named(expected.Shown[i], n), Shouldly.Case.Sensitive, name);
                messages[i].GetProperty("direction").GetString().ShouldBe("inbound", name);
            }

            (conversation.GetProperty("last_message_preview").GetString() ?? "").ShouldBe(expected.Preview, name);
            Unread(conversation).ShouldBe(expected.Unread, name);
            (conversation.GetProperty("window_until").ValueKind == JsonValueKind.String).ShouldBe(expected.Window, name);
        }

        (await app.Platform.SendAsync("POST", "/v1/projections/conversations.v1/rebuild")).Status.ShouldBe(202);
        await Patience.UntilAsync(() => app.Views.ScalarAsync("SELECT count(*) FROM bsp.projections WHERE name = 'conversations.v1+next'"),
            n => n == "0", "the rebuild has ended");
        await Patience.SoonAsync(async () =>
        {
            var after = await SeenAsync();
            foreach (var (name, n) in Cases.Keys.Select((name, n) => (name, n)))
            {
                Plain(after[n].Conversation).ShouldBe(Plain(before[n].Conversation), name);
                after[n].Messages.Select(Plain).ShouldBe(before[n].Messages.Select(Plain), name);
            }
        });
    }

    [Fact]
    public async Task A_notice_of_a_new_number_is_shown_once_in_whatever_order_it_comes_and_makes_nobody_twice()
    {
        using var tenant = await app.NewTenantAsync();
        int[][] orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
        for (var n = 0; n < orders.Length; n++)
        {
            var (old, @new) = ($"91982200{n}001", $"91982200{n}002");
            string[] items =
            [
                Item("old", old, 1, """{"type":"text","text":{"body":"from the old one"}}"""),
                Item("notice", old, 2,
                    $$$"""{"type":"system","system":{"type":"user_changed_number","body":"They changed their number","wa_id":"{{{@new}}}"}}"""),
                Item("new", @new, 3, """{"type":"text","text":{"body":"from the new one"}}"""),
            ];
            foreach (var item in orders[n].Concat(orders[n]).Select(i => items[i]))
            {
                (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant, $"\"messages\":[{item}]"))).Status.ShouldBe(200);
                await app.Views.InboxEmptyAsync();
            }

            string Item(string name, string from, int at, string json) =>
                Filled(json, $"wamid.moved.{n}.{name}", from, DateTimeOffset.UtcNow.AddMinutes(at - 10));
        }

        await app.NoneFailedAsync();
        (await tenant.NumbersAsync()).Values.Order().ShouldBe(orders.Select((_, n) => $"+91982200{n}002"));
        await app.Views.DocumentsReachedAsync(tenant.Id);
        await Patience.UntilAsync(() => MessagesAsync(tenant), all => all.Count == 3 * orders.Length, "all messages are shown");
        var people = (await tenant.NumbersAsync()).ToDictionary(p => p.Value, p => p.Key);
        await Patience.UntilAsync(() => tenant.AllAsync("/v1/conversations"), all =>
            all.All(c => people.ContainsValue(c.GetProperty("contact_id").GetGuid())), "all conversations are theirs");
        var messages = await MessagesAsync(tenant);
        foreach (var (n, order) in orders.Select((order, n) => (n, order)))
        {
            var own = messages.Where(m => m.GetProperty("contact_id").GetGuid() == people[$"+91982200{n}002"])
                .OrderBy(m => m.GetProperty("created_at").GetDateTimeOffset()).ToList();
            own.Select(m => m.GetProperty("content").GetProperty("text").GetString())
                .ShouldBe(["from the old one", "They changed their number", "from the new one"], string.Join(' ', order));
            await Patience.SoonAsync(async () =>
            {
                var conversations = (await tenant.AllAsync("/v1/conversations"))
                    .Where(c => c.GetProperty("contact_id").GetGuid() == people[$"+91982200{n}002"]).ToList();
                conversations.Sum(Unread).ShouldBe(2, string.Join(' ', order));
                conversations.Sum(c => c.GetProperty("message_count").GetProperty("incoming").GetInt32())
                    .ShouldBe(2, "a notice is nobody's message");
                conversations.ShouldAllBe(c => c.GetProperty("contact").GetProperty("phone_number").GetString() == $"+91982200{n}002");
            });
        }

        // Whoever is given the old number afterwards is somebody else.
        (await app.PostWebhookAsync(SignedWebhooks.Envelope(tenant,
            $"\"messages\":[{Filled(Text, "wamid.moved.stranger", "919822000001", DateTimeOffset.UtcNow)}]"))).Status.ShouldBe(200);
        await app.Views.InboxEmptyAsync();
        (await tenant.NumbersAsync()).Count.ShouldBe(orders.Length + 1);
        var counted =
            await Patience.UntilAsync(() => tenant.AllAsync("/v1/contacts"), all =>
                all.Sum(Received) == (2 * orders.Length) + 1, "messages are counted and notices are not");
        counted.Count.ShouldBe(orders.Length + 1);
    }

    private static int Received(JsonElement contact) => contact.GetProperty("total_messages_received").GetInt32();

    private static int Unread(JsonElement conversation) => conversation.GetProperty("unread_count").GetInt32();

    private async Task<List<(JsonElement Conversation, List<JsonElement> Messages)>> SeenAsync()
    {
        var seen = new List<(JsonElement, List<JsonElement>)>();
        var all = await app.Tenant.AllAsync("/v1/conversations");
        for (var n = 0; n < Cases.Count; n++)
        {
            var (number, group) = ("+" + Number(n), $"group-of-{Number(n)}");
            var conversation =
                all.Single(c => c.GetProperty("contact").GetProperty("phone_number").GetString() == number
                    || c.GetProperty("group_id").GetString() == group);
            seen.Add((conversation,
                [.. await app.Tenant.AllAsync($"/v1/conversations/{conversation.GetProperty("id").GetGuid()}/messages")]));
        }

        return seen;
    }

    private static async Task<List<JsonElement>> MessagesAsync(Tenant tenant)
    {
        var messages = new List<JsonElement>();
        foreach (var conversation in await tenant.AllAsync("/v1/conversations"))
        {
            messages.AddRange(await tenant.AllAsync($"/v1/conversations/{conversation.GetProperty("id").GetGuid()}/messages"));
        }

        return messages;
    }

    private string Webhook(int n, int i, string item) => SignedWebhooks.Envelope(app.Tenant, $$$"""
        "contacts":[{"wa_id":"{{{Number(n)}}}","profile":{"name":"Zoë"}}],"messages":[{{{Filled(Named(item, n), Wamid(n, i), Number(n), Begun.AddSeconds(i))}}}]
        """);

    private static readonly DateTimeOffset Begun = DateTimeOffset.UtcNow.AddMinutes(-10);

    private static string Number(int n) => $"9198210{n:00000}";

    private static string Wamid(int n, int i) => $"wamid.kind.{n}.{i}";

    private static string Named(string text, int n) =>
        text.Replace("ME#0", Wamid(n, 0), StringComparison.Ordinal).Replace("NUMBER", Number(n), StringComparison.Ordinal);

    private static string Filled(string item, string wamid, string from, DateTimeOffset at)
    {
        var filled = JsonNode.Parse(item)!.AsObject();
        (filled["id"], filled["from"], filled["timestamp"]) = (wamid, from, $"{at.ToUnixTimeSeconds()}");
        return filled.ToJsonString();
    }

    private static readonly JsonSerializerOptions Unescaped =
        new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static string Plain(JsonElement element) => JsonSerializer.Serialize(element, Unescaped);
}
