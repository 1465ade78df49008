using System.Net.Http.Headers;
using System.Text.Json;
using Bsp.MetaSimulator;

namespace Bsp.UnitTests.MetaSimulator;

public sealed class MessageRuleTests
{
    private const string To = "\"messaging_product\":\"whatsapp\",\"to\":\"+491511234567\"";

    [Theory]
    [InlineData("""{"type":"text","text":{"body":"x"},"to":"+491511234567"}""", 100)]
    [InlineData("""{"messaging_product":"sms","to":"+491511234567","text":{"body":"x"}}""", 100)]
    [InlineData("""{"messaging_product":"whatsapp","text":{"body":"x"}}""", 100)]
    [InlineData("""{"messaging_product":"whatsapp","to":"abc","text":{"body":"x"}}""", 100)]
    [InlineData("""{"messaging_product":"whatsapp","to":"+15550001234","text":{"body":"x"}}""", 131021)]
    [InlineData("""{"messaging_product":"whatsapp","to":"+15550001235","type":"poem"}""", 100)]
    [InlineData("""{TO,"type":"text"}""", 131008)]
    [InlineData("""{TO,"type":"text","text":{"body":""}}""", 100)]
    [InlineData("""{TO,"type":"text","text":{"body":5}}""", 100)]
    [InlineData("""{TO,"type":"image","image":{}}""", 131008)]
    [InlineData("""{TO,"type":"image","image":{"id":"99"}}""", 100)]
    [InlineData("""{TO,"type":"image","image":{"link":"ftp://x"}}""", 131009)]
    [InlineData("""{TO,"type":"location","location":{"latitude":91,"longitude":0}}""", 131009)]
    [InlineData("""{TO,"type":"contacts","contacts":[]}""", 131008)]
    [InlineData("""{TO,"type":"contacts","contacts":[{"name":{}}]}""", 131008)]
    [InlineData("""{TO,"type":"reaction","reaction":{"emoji":"x"}}""", 131008)]
    [InlineData("""{TO,"type":"interactive","interactive":{"type":"button","body":{"text":"x"},"action":{"buttons":[]}}}""", 131009)]
    [InlineData("""{TO,"type":"interactive","interactive":{"type":"button","body":{"text":"x"},"action":{"buttons":[{"type":"reply","reply":{"id":"1","title":"a title that is too long"}}]}}}""", 100)]
    [InlineData("""{TO,"type":"interactive","interactive":{"type":"list","body":{"text":"x"},"action":{"button":"b","sections":[]}}}""",
        131009)]
    [InlineData("""{TO,"type":"template","template":{"name":"nowhere","language":{"code":"en"}}}""", 132001)]
    [InlineData("""{TO,"type":"template","template":{"name":"nowhere"}}""", 131008)]
    [InlineData("""[1]""", 100)]
    [InlineData("""{"messaging""", 100)]
    [InlineData("", 100)]
    public async Task A_message_that_meta_would_refuse_is_refused(string body, int code)
    {
        await using var stage = await Stage.Set();
        var answer = await stage.Call(HttpMethod.Post, $"v25.0/{Stage.Phone}/messages", body.Replace("TO", To, StringComparison.Ordinal));
        (answer.Status, answer.Code).ShouldBe((code == 132001 ? 404 : 400, code));
    }

    [Theory]
    [InlineData("""{TO,"text":{"body":"x"}}""")]
    [InlineData("""{TO,"type":"image","image":{"link":"https://example.com/a.jpg","caption":"c"}}""")]
    [InlineData("""{TO,"type":"audio","audio":{"link":"https://example.com/a.ogg","voice":true}}""")]
    [InlineData("""{TO,"type":"location","location":{"latitude":"52.5","longitude":13.4,"name":"n"}}""")]
    [InlineData("""{TO,"type":"contacts","contacts":[{"name":{"formatted_name":"Ann"},"phones":[{"phone":"+1"}]}]}""")]
    [InlineData("""{TO,"type":"reaction","reaction":{"message_id":"wamid.x","emoji":""}}""")]
    [InlineData("""{TO,"type":"interactive","interactive":{"type":"button","header":{"type":"text","text":"h"},"body":{"text":"x"},"footer":{"text":"f"},"action":{"buttons":[{"type":"reply","reply":{"id":"1","title":"Yes"}}]}}}""")]
    [InlineData("""{TO,"type":"interactive","interactive":{"type":"list","body":{"text":"x"},"action":{"button":"b","sections":[{"title":"s","rows":[{"id":"1","title":"t","description":"d"}]}]}}}""")]
    [InlineData("""{TO,"type":"interactive","interactive":{"type":"cta_url","body":{"text":"x"},"action":{"name":"cta_url","parameters":{"display_text":"Go","url":"https://example.com"}}}}""")]
    [InlineData("""{TO,"type":"interactive","interactive":{"type":"location_request_message","body":{"text":"x"},"action":{"name":"send_location"}}}""")]
    public async Task Every_type_of_message_is_accepted(string body)
    {
        await using var stage = await Stage.Set();
        var answer = await stage.Call(HttpMethod.Post, $"v25.0/{Stage.Phone}/messages", body.Replace("TO", To, StringComparison.Ordinal));
        answer.Status.ShouldBe(200, answer.Body.ToString());
        answer.Wamid.ShouldStartWith("wamid.");
        answer.Body.GetProperty("contacts")[0].GetProperty("input").GetString().ShouldBe("+491511234567");
        answer.Body.GetProperty("contacts")[0].GetProperty("wa_id").GetString().ShouldBe("491511234567");
    }

    [Fact]
    public async Task A_text_may_have_4096_characters_and_no_more()
    {
        await using var stage = await Stage.Set();
        (await stage.SendText("+491511234567", new string('x', 4096))).Status.ShouldBe(200);
        (await stage.SendText("+491511234567", new string('x', 4097))).Code.ShouldBe(100);
    }

    [Fact]
    public async Task A_business_scoped_user_id_can_be_written_to()
    {
        await using var stage = await Stage.Set();
        var answer =
            await stage.Post($"v25.0/{Stage.Phone}/messages",
                new { messaging_product = "whatsapp", recipient = "US.13491208655302741918", text = new { body = "x" } });
        answer.Body.GetProperty("contacts")[0].GetProperty("user_id").GetString().ShouldBe("US.13491208655302741918");
        await stage.Settled();
        var status = stage.Receiver.All.SelectMany(r => r.Statuses).First();
        status.TryGetProperty("recipient_id", out _).ShouldBeFalse();
        status.GetProperty("recipient_user_id").GetString().ShouldBe("US.13491208655302741918");
    }

    [Fact]
    public async Task Marking_as_read_and_typing_succeed_and_send_nothing()
    {
        await using var stage = await Stage.Set();
        var answer =
            await stage.Post($"v25.0/{Stage.Phone}/messages",
                new { messaging_product = "whatsapp", status = "read", message_id = "wamid.x", typing_indicator = new { type = "text" } });
        answer.Body.GetProperty("success").GetBoolean().ShouldBeTrue();
        (await stage.Post($"v25.0/{Stage.Phone}/messages", new { messaging_product = "whatsapp", status = "read" })).Code.ShouldBe(100);
        stage.Simulator.State.ReadCounters().ShouldSatisfyAllConditions(c => c.MarkedRead.ShouldBe(1), c => c.Attempts.ShouldBe(0));
    }

    [Fact]
    public async Task Wamids_are_unique()
    {
        await using var stage = await Stage.Set();
        var answers = await Task.WhenAll(Enumerable.Range(0, 200).Select(_ => stage.SendText("+491511234567")));
        answers.Select(a => a.Wamid).Distinct().Count().ShouldBe(200);
    }

    [Theory]
    [InlineData(null, null)]
    [InlineData("invalid-token", null)]
    [InlineData("expired-token", 463)]
    public async Task A_missing_or_wrong_token_is_401_and_190(string? token, int? subcode)
    {
        await using var stage = await Stage.Set();
        stage.Http.DefaultRequestHeaders.Authorization = token is null ? null : new AuthenticationHeaderValue("Bearer", token);
        var answer = await stage.SendText("+491511234567");
        (answer.Status, answer.Code).ShouldBe((401, 190));
        var error = answer.Body.GetProperty("error");
        error.GetProperty("type").GetString().ShouldBe("OAuthException");
        error.GetProperty("fbtrace_id").GetString().ShouldNotBeNullOrEmpty();
        error.TryGetProperty("error_subcode", out var given).ShouldBe(subcode is not null);
        (subcode is null || given.GetInt32() == subcode).ShouldBeTrue();
    }

    [Fact]
    public async Task Only_the_named_tokens_are_let_in()
    {
        await using var stage = await Stage.Set(new() { AccessTokens = ["right"] });
        (await stage.SendText("+491511234567")).Code.ShouldBe(190);
        stage.Http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "right");
        (await stage.SendText("+491511234567")).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData(true, "777")]
    [InlineData(false, "no-number")]
    [InlineData(false, Stage.Waba)]
    public async Task An_unknown_number_is_100_with_subcode_33(bool strict, string id)
    {
        await using var stage = await Stage.Set(new() { Strict = strict });
        var answer =
            await stage.Post($"v25.0/{id}/messages",
                new { messaging_product = "whatsapp", to = "+491511234567", text = new { body = "x" } });
        (answer.Status, answer.Code, answer.Subcode).ShouldBe((400, 100, 33));
    }

    [Fact]
    public async Task A_new_number_comes_to_life_under_any_version()
    {
        await using var stage = await Stage.Set();
        foreach (var path in new[] { "v19.0/777/messages", "v26.0/777/messages", "778/messages" })
        {
            (await stage.Post(path,
                new { messaging_product = "whatsapp", to = "+491511234567", text = new { body = "x" } })).Status.ShouldBe(200);
        }
    }

    [Fact]
    public async Task Beyond_the_limit_per_second_a_number_gets_130429()
    {
        await using var stage = await Stage.Set(new() { MpsLimit = 5 });
        var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => stage.SendText("+491511234567")));
        answers.Count(a => a.Status == 200).ShouldBeInRange(5, 15);
        answers.Where(a => a.Status != 200).ShouldAllBe(a => a.Status == 400 && a.Code == 130429);
        stage.Simulator.State.ReadCounters().Refused[130429].ShouldBe(answers.Count(a => a.Status != 200));
    }

    [Fact]
    public async Task Rates_decide_what_is_answered()
    {
        await using var stage =
            await Stage.Set(new() { RateLimitRate = 0.3, ServerErrorRate = 0.2, ServerErrorAcceptedRate = 0.2, RejectRate = 0.1 });
        var answers = new List<Answered>();
        for (var i = 0; i < 200; i++)
        {
            answers.Add(await stage.SendText("+491511234567", callback: $"m{i}"));
        }

        answers.Count(a => a.Status == 400 && a.Code == 130429).ShouldBeInRange(35, 85);
        answers.Count(a => a.Status == 400 && a.Code == 131026).ShouldBeInRange(3, 35);
        answers.Count(a => a.Status == 500).ShouldBeInRange(25, 85);
        var counters = stage.Simulator.State.ReadCounters();
        counters.Accepted.ShouldBe(answers.Count(a => a.Status == 200) + counters.ServerErrorsAccepted);
    }

    [Fact]
    public async Task A_closed_window_fails_free_form_messages_when_it_is_enforced()
    {
        await using var stage = await Stage.Set(new() { EnforceWindow = true });
        var before = await stage.SendText("+491511234567");
        await stage.Post("_control/inbound", new { phone_number_id = Stage.Phone, from = "+491511234567", type = "text", text = "hi" });
        var after = await stage.SendText("+491511234567");
        await stage.Settled();
        stage.Receiver.StatusesOf(before.Wamid).ShouldBe(["failed"]);
        stage.Receiver.StatusesOf(after.Wamid).Order().ShouldBe(["delivered", "read", "sent"]);
    }
}
