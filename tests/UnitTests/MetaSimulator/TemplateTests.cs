using System.Text.Json;
using Bsp.MetaSimulator;

namespace Bsp.UnitTests.MetaSimulator;

public sealed class TemplateTests
{
    [Fact]
    public async Task A_submitted_template_is_pending_and_approved_by_webhook()
    {
        await using var stage = await Stage.Set();
        var created = await stage.CreateTemplate("welcome");
        created.Status.ShouldBe(200);
        created.Body.GetProperty("status").GetString().ShouldBe("PENDING");
        created.Body.GetProperty("category").GetString().ShouldBe("MARKETING");
        var id = created.Body.GetProperty("id").GetString()!;
        id.ShouldAllBe(c => char.IsAsciiDigit(c));
        await stage.Settled(TimeSpan.FromSeconds(60), r => Update(r, "APPROVED") is not null);
        var update = stage.Receiver.All.Select(r => Update(r, "APPROVED")).First(u => u is not null)!.Value;
        update.GetProperty("message_template_id").GetInt64().ToString(null as IFormatProvider).ShouldBe(id);
        update.GetProperty("message_template_name").GetString().ShouldBe("welcome");
        update.GetProperty("message_template_language").GetString().ShouldBe("en");
        update.GetProperty("reason").GetString().ShouldBe("NONE");
    }

    [Fact]
    public async Task A_template_named_reject_is_rejected_with_a_reason()
    {
        await using var stage = await Stage.Set();
        await stage.CreateTemplate("please_reject_me");
        await stage.Settled(TimeSpan.FromSeconds(60), r => Update(r, "REJECTED") is not null);
        var update = stage.Receiver.All.Select(r => Update(r, "REJECTED")).First(u => u is not null)!.Value;
        update.GetProperty("reason").GetString().ShouldBe("PROMOTIONAL");
        (await stage.SendTemplate("+491511234567", "please_reject_me", "Ann")).Code.ShouldBe(132001);
    }

    [Fact]
    public async Task A_utility_template_meta_deems_marketing_becomes_marketing()
    {
        await using var stage = await Stage.Set();
        (await stage.CreateTemplate("order_as_marketing", category: "UTILITY")).Body.GetProperty("category").GetString()
            .ShouldBe("MARKETING");
    }

    [Fact]
    public async Task A_send_must_fill_in_exactly_what_the_template_asks_for()
    {
        await using var stage = await Approved("welcome");
        (await stage.SendTemplate("+491511234567", "welcome", "Ann")).Status.ShouldBe(200);
        (await stage.SendTemplate("+491511234567", "welcome")).Code.ShouldBe(132000);
        var surplus = await stage.SendTemplate("+491511234567", "welcome", "Ann", "Bob");
        (surplus.Status, surplus.Code).ShouldBe((400, 132000));
        surplus.Body.GetProperty("error").GetProperty("error_data").GetProperty("details").GetString()
            .ShouldBe("body: number of localizable_params (2) does not match the expected number of params (1)");
        (await stage.SendTemplate("+491511234567", "welcome", new string('x', 2000))).Code.ShouldBe(132005);
        (await stage.Settle()).Receiver.All.SelectMany(r => r.Statuses).First().GetProperty("pricing").GetProperty("category").GetString()
            .ShouldBe("marketing");
    }

    [Fact]
    public async Task A_media_header_must_be_filled_with_that_kind_of_media()
    {
        await using var stage = await Stage.Set();
        await Put(stage, "pictured", new { type = "HEADER", format = "IMAGE", example = new { header_handle = new[] { "4::abc" } } },
            new { type = "BODY", text = "hello" });
        (await Send(stage, "pictured",
            new { type = "header",
                parameters =
                new object[] { new { type = "image", image = new { link = "https://example.com/a.png" } } } })).Status.ShouldBe(200);
        (await Send(stage, "pictured",
            new { type = "header", parameters = new object[] { new { type = "text", text = "a" } } })).Code.ShouldBe(132012);
        (await Send(stage, "pictured")).Code.ShouldBe(132000);
    }

    [Fact]
    public async Task Named_parameters_go_by_their_names()
    {
        await using var stage = await Stage.Set();
        await stage.Put("_control/templates", new
        {
            waba_id = Stage.Waba,
            name = "named",
            language = "en",
            category = "UTILITY",
            parameter_format = "NAMED",
            components =
            new[] { new { type = "BODY", text = "Hi {{first_name}}, good day",
                example = new { body_text_named_params = new[] { new { param_name = "first_name", example = "Ann" } } } } },
        });
        (await Send(stage, "named",
            new { type = "body",
                parameters = new object[] { new { type = "text", text = "Ann", parameter_name = "first_name" } } })).Status.ShouldBe(200);
        (await Send(stage, "named",
            new { type = "body",
                parameters = new object[] { new { type = "text", text = "Ann", parameter_name = "other" } } })).Code.ShouldBe(100);
    }

    [Fact]
    public async Task A_url_button_with_a_variable_needs_its_parameter()
    {
        await using var stage = await Stage.Set();
        await Put(stage, "linked", new { type = "BODY", text = "hello" },
            new { type = "BUTTONS",
                buttons = new object[] { new { type = "URL", text = "Go", url = "https://example.com/{{1}}",
                    example = new[] { "https://example.com/a" } } } });
        (await Send(stage, "linked")).Code.ShouldBe(131008);
        (await Send(stage, "linked",
            new { type = "button", sub_type = "url", index = "0",
                parameters = new object[] { new { type = "text", text = "a" } } })).Status.ShouldBe(200);
    }

    [Theory]
    [InlineData("""{"name":"Bad Name"}""", 0)]
    [InlineData("""{"language":"english!"}""", 0)]
    [InlineData("""{"category":"WRONG"}""", 0)]
    [InlineData("""{"parameter_format":"ODD"}""", 0)]
    [InlineData("""{"components":[]}""", 0)]
    [InlineData("""{"components":[{"type":"FOOTER","text":"x"}]}""", 2388072)]
    [InlineData("""{"components":[{"type":"BODY","text":"{{1}} hello","example":{"body_text":[["a"]]}}]}""", 2388299)]
    [InlineData("""{"components":[{"type":"BODY","text":"hello {{1}}","example":{"body_text":[["a"]]}}]}""", 2388299)]
    [InlineData("""{"components":[{"type":"BODY","text":"a {{1}} {{2}} b","example":{"body_text":[["a","b"]]}}]}""", 2388072)]
    [InlineData("""{"components":[{"type":"BODY","text":"a {{1}}, {{2}}, {{3}} b","example":{"body_text":[["a","b","c"]]}}]}""", 2388293)]
    [InlineData("""{"components":[{"type":"BODY","text":"a {{2}} b c","example":{"body_text":[["a"]]}}]}""", 2388072)]
    [InlineData("""{"components":[{"type":"BODY","text":"a {{1}} b c"}]}""", 2388072)]
    [InlineData("""{"components":[{"type":"BODY","text":"hello"},{"type":"HEADER","format":"TEXT","text":"{{1}} {{2}}"}]}""", 2388047)]
    [InlineData("""{"components":[{"type":"BODY","text":"hello"},{"type":"HEADER","format":"IMAGE"}]}""", 2388047)]
    [InlineData("""{"components":[{"type":"BODY","text":"hello"},{"type":"FOOTER","text":"by {{1}}"}]}""", 2388073)]
    [InlineData("""{"components":[{"type":"BODY","text":"hello"},{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"a"},{"type":"PHONE_NUMBER","text":"b","phone_number":"+1"},{"type":"QUICK_REPLY","text":"c"}]}]}""", 2388047)]
    [InlineData("""{"components":[{"type":"BODY","text":"hello"},{"type":"BUTTONS","buttons":[{"type":"URL","text":"a","url":"https://e.com/{{1}}/x","example":"a"}]}]}""", 2388047)]
    [InlineData("""{"message_send_ttl_seconds":10}""", 0)]
    [InlineData("""{"category":"AUTHENTICATION"}""", 2388072)]
    public async Task A_definition_that_meta_would_refuse_is_refused(string difference, int subcode)
    {
        await using var stage = await Stage.Set();
        var body = new Dictionary<string, object?>
        {
            ["name"] = "fine",
            ["language"] = "en",
            ["category"] = "MARKETING",
            ["components"] = new[] { new { type = "BODY", text = "hello" } },
        };
        foreach (var change in JsonDocument.Parse(difference).RootElement.EnumerateObject())
        {
            body[change.Name] = change.Value;
        }

        var answer = await stage.Post($"v25.0/{Stage.Waba}/message_templates", body);
        (answer.Status, answer.Code).ShouldBe((400, 100));
        if (subcode != 0)
        {
            answer.Subcode.ShouldBe(subcode);
            answer.Body.GetProperty("error").GetProperty("error_user_msg").GetString().ShouldNotBeNullOrEmpty();
        }
    }

    [Fact]
    public async Task The_text_of_a_body_may_have_1024_characters_and_no_more()
    {
        await using var stage = await Stage.Set();
        (await Create(stage, "fits", new string('x', 1024))).Status.ShouldBe(200);
        (await Create(stage, "too_long", new string('x', 1025))).Subcode.ShouldBe(2388040);
    }

    [Fact]
    public async Task An_authentication_template_has_metas_text_and_one_code_button()
    {
        await using var stage = await Stage.Set();
        (await stage.Put("_control/templates", new
        {
            waba_id = Stage.Waba,
            name = "code",
            language = "en",
            category = "AUTHENTICATION",
            components =
            new object[] { new { type = "BODY", add_security_recommendation = true },
                new { type = "BUTTONS", buttons = new[] { new { type = "OTP", otp_type = "COPY_CODE" } } } },
        })).Status.ShouldBe(200);
        var body = new { type = "body", parameters = new object[] { new { type = "text", text = "1234" } } };
        (await Send(stage, "code", body)).Code.ShouldBe(131008);
        (await Send(stage, "code", body,
            new { type = "button", sub_type = "url", index = "0",
                parameters = new object[] { new { type = "text", text = "1234" } } })).Status.ShouldBe(200);
    }

    [Fact]
    public async Task A_name_and_language_exists_once_and_is_held_after_deletion()
    {
        await using var stage = await Approved("welcome");
        (await stage.CreateTemplate("welcome")).Subcode.ShouldBe(2388024);
        (await stage.Delete($"v25.0/{Stage.Waba}/message_templates?name=welcome")).Body.GetProperty("success").GetBoolean().ShouldBeTrue();
        (await stage.SendTemplate("+491511234567", "welcome", "Ann")).Code.ShouldBe(132001);
        (await stage.CreateTemplate("welcome")).Subcode.ShouldBe(2388023);
        (await stage.Delete($"v25.0/{Stage.Waba}/message_templates?name=welcome")).Subcode.ShouldBe(2593002);
    }

    [Fact]
    public async Task The_list_is_filtered_and_paged()
    {
        await using var stage = await Stage.Set();
        for (var i = 0; i < 5; i++)
        {
            await stage.Put("_control/templates",
                new { waba_id = Stage.Waba, name = $"t{i}", language = "en", category = i % 2 == 0 ? "UTILITY"
                    : "MARKETING", components = new[] { new { type = "BODY", text = "hello" } } });
        }

        var names = new List<string>();
        var path = $"v25.0/{Stage.Waba}/message_templates?fields=name,status&limit=2";
        for (var pages = 0; path is not null; pages++)
        {
            pages.ShouldBeLessThan(4);
            var page = (await stage.Get(path)).Body;
            names.AddRange(page.GetProperty("data").EnumerateArray().Select(t => t.GetProperty("name").GetString()!));
            path = page.GetProperty("paging").TryGetProperty("next", out var next) ? next.GetString() : null;
        }

        names.ShouldBe(["t0", "t1", "t2", "t3", "t4"]);
        (await stage.Get($"v25.0/{Stage.Waba}/message_templates?category=UTILITY")).Body.GetProperty("data").GetArrayLength().ShouldBe(3);
        (await stage.Get($"v25.0/{Stage.Waba}/message_templates?name=t3")).Body.GetProperty("data")[0].GetProperty("components")[0]
            .GetProperty("text").GetString().ShouldBe("hello");
        (await stage.Get($"v25.0/{Stage.Waba}/message_templates?status=REJECTED")).Body.GetProperty("data").GetArrayLength().ShouldBe(0);
    }

    [Fact]
    public async Task An_edit_is_reviewed_again_and_an_approved_template_once_a_day()
    {
        await using var stage = await Approved("welcome");
        var id = await IdOf(stage, "welcome");
        (await stage.Post($"v25.0/{id}", new { category = "UTILITY" })).Code.ShouldBe(100);
        (await stage.Post($"v25.0/{id}", new { components = new[] { new { type = "BODY", text = "Now without" } } })).Body.GetProperty(
            "success").GetBoolean().ShouldBeTrue();
        await stage.Settled(TimeSpan.FromSeconds(60), r =>
            r.Changes.Count() > 0 && stage.Receiver.All.Count(x => Update(x, "APPROVED") is not null) == 2);
        (await stage.SendTemplate("+491511234567", "welcome", "Ann")).Code.ShouldBe(132000);
        (await stage.Post($"v25.0/{id}", new { components = new[] { new { type = "BODY", text = "And again" } } })).Code.ShouldBe(100);
    }

    [Fact]
    public async Task A_paused_template_is_refused_until_it_is_unpaused()
    {
        await using var stage = await Approved("welcome");
        var id = await IdOf(stage, "welcome");
        (await stage.Post($"v25.0/{id}/unpause", new { })).Code.ShouldBe(100);
        (await stage.Put($"_control/templates/{id}/status", new { status = "PAUSED" })).Status.ShouldBe(200);
        (await stage.SendTemplate("+491511234567", "welcome", "Ann")).Code.ShouldBe(132015);
        (await stage.Post($"v25.0/{id}/unpause", new { })).Status.ShouldBe(200);
        (await stage.SendTemplate("+491511234567", "welcome", "Ann")).Status.ShouldBe(200);
        await stage.Put($"_control/templates/{id}/status", new { status = "DISABLED" });
        (await stage.SendTemplate("+491511234567", "welcome", "Ann")).Code.ShouldBe(132016);
        await stage.Settled();
        stage.Receiver.All.ShouldContain(r => Update(r, "PAUSED") != null);
        stage.Receiver.All.ShouldContain(r => Update(r, "DISABLED") != null);
    }

    [Fact]
    public async Task A_number_finds_the_template_of_the_waba_with_the_same_token()
    {
        await using var stage = await Stage.Set();
        await stage.Post("v25.0/5001/message_templates",
            new { name = "mine", language = "en", category = "UTILITY", components = new[] { new { type = "BODY", text = "hello" } } });
        await stage.Settled(TimeSpan.FromSeconds(60), r => Update(r, "APPROVED") is not null);
        var answer =
            await stage.Post("v25.0/6001/messages",
                new { messaging_product = "whatsapp", to = "+491511234567", type = "template",
                    template = new { name = "mine", language = new { code = "en" } } });
        answer.Status.ShouldBe(200, answer.Body.ToString());
        (await stage.Get("v25.0/5001/phone_numbers")).Body.GetProperty("data")[0].GetProperty("id").GetString().ShouldBe("6001");
    }

    [Fact]
    public async Task Accounts_and_templates_survive_a_restart()
    {
        var file = Path.Combine(Path.GetTempPath(), $"simulator-{Guid.NewGuid():n}.json");
        try
        {
            await using (var stage = await Stage.Set(new() { StateFile = file }))
            {
                await Put(stage, "kept", new { type = "BODY", text = "hello" });
            }

            await using var again = await Stage.Set(new() { StateFile = file });
            (await Send(again, "kept")).Status.ShouldBe(200);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static async Task<Stage> Approved(string name)
    {
        var stage = await Stage.Set();
        await stage.CreateTemplate(name);
        await stage.Settled(TimeSpan.FromSeconds(60), r => Update(r, "APPROVED") is not null);
        return stage;
    }

    private static async Task<string> IdOf(Stage stage, string name) =>
        (await stage.Get($"v25.0/{Stage.Waba}/message_templates?name={name}")).Body.GetProperty("data")[0].GetProperty("id").GetString()!;

    private static Task<Answered> Create(Stage stage, string name, string text) =>
        stage.Post($"v25.0/{Stage.Waba}/message_templates",
            new { name, language = "en", category = "UTILITY", components = new[] { new { type = "BODY", text } } });

    private static Task<Answered> Put(Stage stage, string name, params object[] components) =>
        stage.Put("_control/templates", new { waba_id = Stage.Waba, name, language = "en", category = "UTILITY", components });

    private static Task<Answered> Send(Stage stage, string name, params object[] components) =>
        stage.Post($"v25.0/{Stage.Phone}/messages", new
    {
        messaging_product = "whatsapp",
        to = "+491511234567",
        type = "template",
        template = new { name, language = new { code = "en" }, components },
    });

    private static JsonElement? Update(Received post, string status) => post.Changes
        .Where(c => c.GetProperty("field").GetString() == "message_template_status_update")
        .Select(c => (JsonElement?)c.GetProperty("value"))
        .FirstOrDefault(v => v!.Value.GetProperty("event").GetString() == status);
}
