using System.Text.Json;
using Bsp.MetaSimulator;

namespace Bsp.UnitTests.MetaSimulator;

public sealed class ControlTests
{
    [Fact]
    public async Task Settings_change_one_by_one_and_take_effect()
    {
        await using var stage = await Stage.Set();
        var changed = await stage.Put("_control/settings", new { reject_rate = 1.0, latency_ms = 1 });
        changed.Status.ShouldBe(200);
        changed.Body.GetProperty("reject_rate").GetDouble().ShouldBe(1);
        (await stage.Get("_control/settings")).Body.GetProperty("sent_delay_ms").GetInt32().ShouldBe(1);
        (await stage.SendText("+491511234567")).Code.ShouldBe(131026);
    }

    [Theory]
    [InlineData("""{"no_such":1}""")]
    [InlineData("""{"reject_rate":2}""")]
    [InlineData("""{"latency_ms":-1}""")]
    [InlineData("""{"latency_ms":"slow"}""")]
    [InlineData("""{"url":"http://127.0.0.1:1"}""")]
    [InlineData("""nothing""")]
    public async Task A_wrong_setting_is_400_and_changes_nothing(string body)
    {
        await using var stage = await Stage.Set();
        var before = (await stage.Get("_control/settings")).Body.ToString();
        var answer = await stage.Call(HttpMethod.Put, "_control/settings", body);
        answer.Status.ShouldBe(400);
        answer.Body.GetProperty("fault").GetString().ShouldNotBeNullOrEmpty();
        (await stage.Get("_control/settings")).Body.ToString().ShouldBe(before);
    }

    [Fact]
    public async Task Paused_webhooks_are_kept_and_go_out_on_resume()
    {
        await using var stage = await Stage.Set();
        (await stage.Post("_control/pause", new { })).Body.GetProperty("paused").GetBoolean().ShouldBeTrue();
        await stage.SendText("+491511234567");
        (await stage.Get("_control/counters")).Body.GetProperty("updates_pending").GetInt32().ShouldBe(1);
        (await stage.Post("_control/idle?timeout_ms=50", new { })).Status.ShouldBe(504);
        stage.Receiver.All.ShouldBeEmpty();
        await stage.Post("_control/resume", new { });
        (await stage.Post("_control/idle", new { })).Body.GetProperty("updates_accepted").GetInt32().ShouldBe(3);
        stage.Receiver.All.SelectMany(r => r.Statuses).Count().ShouldBe(3);
    }

    [Fact]
    public async Task Messages_are_shown_with_bodies_counts_and_pages()
    {
        await using var stage = await Stage.Set();
        for (var i = 0; i < 5; i++)
        {
            await stage.SendText("+491511234567", $"text {i}", $"m{i}");
        }

        await stage.SendText("+491511230006", callback: "refused");
        var page = (await stage.Get("_control/messages?limit=2")).Body;
        var first = page.GetProperty("data")[0];
        first.GetProperty("body").GetProperty("text").GetProperty("body").GetString().ShouldBe("text 0");
        first.GetProperty("callback_data").GetString().ShouldBe("m0");
        first.GetProperty("recipient_accepted").GetInt32().ShouldBe(5);
        first.GetProperty("wamid").GetString()!.ShouldStartWith("wamid.");
        var rest = (await stage.Get($"_control/messages?limit=10&after={page.GetProperty("next_after").GetInt64()}")).Body;
        rest.GetProperty("data").GetArrayLength().ShouldBe(4);
        rest.GetProperty("next_after").ValueKind.ShouldBe(JsonValueKind.Null);
        var refused = (await stage.Get("_control/messages?accepted=false")).Body.GetProperty("data");
        refused.GetArrayLength().ShouldBe(1);
        refused[0].GetProperty("refused_with").GetInt32().ShouldBe(131026);
        (await stage.Get("_control/messages?callback_data=m3")).Body.GetProperty("data").GetArrayLength().ShouldBe(1);
    }

    [Fact]
    public async Task Whoever_was_accepted_twice_is_named()
    {
        await using var stage = await Stage.Set();
        await stage.SendText("+491511234567", callback: "once");
        await stage.SendText("+491511234568", callback: "twice");
        await stage.SendText("+491511234568", callback: "twice");
        await stage.SendText("+491511230006", callback: "refused");
        await stage.SendText("+491511230006", callback: "refused");
        var duplicates = (await stage.Get("_control/duplicates")).Body;
        duplicates.GetProperty("recipients")[0].GetProperty("key").GetString().ShouldBe("491511234568");
        duplicates.GetProperty("callbacks")[0].GetProperty("key").GetString().ShouldBe("twice");
        duplicates.GetProperty("callbacks")[0].GetProperty("accepted").GetInt32().ShouldBe(2);
        duplicates.GetProperty("callbacks_total").GetInt64().ShouldBe(1);
        var count = (await stage.Get("_control/callbacks/refused")).Body;
        (count.GetProperty("tried").GetInt32(), count.GetProperty("accepted").GetInt32()).ShouldBe((2, 0));
        (await stage.Get("_control/recipients/491511234568")).Body.GetProperty("accepted").GetInt32().ShouldBe(2);
    }

    [Fact]
    public async Task Reset_forgets_messages_and_keeps_accounts_and_templates()
    {
        await using var stage = await Stage.Set();
        await stage.Put("_control/templates",
            new { waba_id = Stage.Waba, name = "kept", language = "en", category = "UTILITY",
                components =
                new[] { new { type = "BODY", text = "Hi {{1}}, good day", example = new { body_text = new[] { new[] { "a" } } } } } });
        await stage.SendText("+491511234567");
        await stage.Settled();
        (await stage.Post("_control/reset", new { })).Body.GetProperty("accepted").GetInt64().ShouldBe(0);
        (await stage.Get("_control/messages")).Body.GetProperty("data").GetArrayLength().ShouldBe(0);
        (await stage.SendTemplate("+491511234567", "kept", "Ann")).Status.ShouldBe(200);
        stage.Simulator.State.CountOfRecipient("491511234567").ShouldBe((1, 1));
    }

    [Theory]
    [InlineData("""{"type":"text","text":"hi","referral":{"source_id":"1"}}""", "text")]
    [InlineData("""{"type":"button","button":{"text":"Yes","payload":"p"},"context_id":"wamid.x"}""", "button")]
    [InlineData("""{"type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"1","title":"t"}}}""", "interactive")]
    [InlineData("""{"type":"location","location":{"latitude":1.5,"longitude":2}}""", "location")]
    [InlineData("""{"type":"contacts","contacts":[{"name":{"formatted_name":"Ann"}}]}""", "contacts")]
    [InlineData("""{"type":"reaction","reaction":{"message_id":"wamid.x","emoji":"👍"}}""", "reaction")]
    [InlineData("""{"type":"unsupported","errors":[{"code":131051}],"unsupported":{"type":"poll"}}""", "unsupported")]
    public async Task A_customers_message_of_any_type_arrives(string message, string member)
    {
        await using var stage = await Stage.Set();
        var answer =
            await stage.Call(HttpMethod.Post, "_control/inbound",
                $$"""{"phone_number_id":"{{Stage.Phone}}","from":"+49 151 1234567","name":"Zoë",{{message[1..]}}""");
        answer.Status.ShouldBe(202, answer.Body.ToString());
        await stage.Settled();
        var post = stage.Receiver.All.Single();
        var received = post.Messages.Single();
        received.GetProperty("id").GetString().ShouldBe(answer.Body.GetProperty("id").GetString());
        received.GetProperty("from").GetString().ShouldBe("491511234567");
        received.GetProperty("type").GetString().ShouldBe(member);
        received.TryGetProperty(member, out _).ShouldBeTrue();
        post.Changes.Single().GetProperty("value").GetProperty("contacts")[0].GetProperty("profile").GetProperty("name").GetString()
            .ShouldBe("Zoë");
    }

    [Fact]
    public async Task A_customers_picture_can_be_fetched()
    {
        await using var stage = await Stage.Set();
        await stage.Post("_control/inbound",
            new { phone_number_id = Stage.Phone, from = "491511234567", type = "image", image = new { caption = "c" } });
        await stage.Settled();
        var image = stage.Receiver.All.Single().Messages.Single().GetProperty("image");
        image.GetProperty("caption").GetString().ShouldBe("c");
        var media = (await stage.Get($"v25.0/{image.GetProperty("id").GetString()}")).Body;
        using var file = await stage.Http.GetAsync(media.GetProperty("url").GetString());
        file.Content.Headers.ContentType!.MediaType.ShouldBe("image/png");
    }

    [Fact]
    public async Task A_customer_with_a_username_has_no_number()
    {
        await using var stage = await Stage.Set();
        await stage.Post("_control/inbound",
            new { phone_number_id = Stage.Phone, from_user_id = "US.1234567890123456", type = "text", text = "hi" });
        await stage.Settled();
        var message = stage.Receiver.All.Single().Messages.Single();
        message.TryGetProperty("from", out _).ShouldBeFalse();
        message.GetProperty("from_user_id").GetString().ShouldBe("US.1234567890123456");
    }

    [Fact]
    public async Task Any_change_can_be_sent()
    {
        await using var stage = await Stage.Set();
        (await stage.Post("_control/webhook",
            new { waba_id = "77", field = "account_update", value = new { @event = "VERIFIED_ACCOUNT", note = "é" } })).Status.ShouldBe(
            202);
        await stage.Settled();
        var post = stage.Receiver.All.Single();
        post.Json.GetProperty("entry")[0].GetProperty("id").GetString().ShouldBe("77");
        post.Json.GetProperty("entry")[0].GetProperty("time").ValueKind.ShouldBe(JsonValueKind.Number);
        post.Changes.Single().GetProperty("value").GetProperty("note").GetString().ShouldBe("é");
        post.Text.ShouldContain("\\u00e9");
    }

    [Fact]
    public async Task The_address_of_webhooks_can_be_changed_and_verified()
    {
        await using var stage = await Stage.Set();
        await using var other = await Receiver.Start();
        (await stage.Post("_control/webhook-url/verify", new { })).Body.GetProperty("verified").GetBoolean().ShouldBeTrue();
        other.VerifyToken = "another";
        await stage.Put("_control/webhook-url", new { url = other.Url });
        (await stage.Post("_control/webhook-url/verify", new { })).Body.GetProperty("verified").GetBoolean().ShouldBeFalse();
        await stage.SendText("+491511234567");
        await stage.Settled();
        stage.Receiver.All.ShouldBeEmpty();
        other.All.SelectMany(r => r.Statuses).Count().ShouldBe(3);
        (await stage.Put("_control/webhook-url", new { url = "nowhere" })).Status.ShouldBe(400);
    }
}
