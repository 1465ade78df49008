using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.Templates;

namespace Bsp.UnitTests.Templates;

public sealed class TemplateBodyTests
{
    private static readonly ContactValues Ann =
        new("Ann", "Smith", "ann@example.com", "+4915112345678", Json("""{"city":"Köln","orders":3}"""));
    private static readonly ContactValues Nobody = new(null, null, null, "+4915112345679", default);

    private static JsonElement Json(string json) => JsonSerializer.Deserialize<JsonElement>(json);

    private static BuiltTemplate Build(string components, string? parameters, ContactValues? contact = null) =>
        TemplateBody.Build("welcome", "en_US", Json(components), parameters is null ? null : Json(parameters), contact ?? Ann);

    private static void Gives(BuiltTemplate built, string components)
    {
        built.Refusal.ShouldBeNull();
        JsonNode.DeepEquals(built.Template,
            new JsonObject { ["name"] = "welcome", ["language"] = new JsonObject { ["code"] = "en_US" },
                ["components"] = JsonNode.Parse(components) })
            .ShouldBeTrue(built.Template!.ToJsonString());
    }

    [Fact] public void Without_variables_there_are_no_components() =>
        Build("""{"body":"Hello."}""", null).Template!.ToJsonString().ShouldBe("""{"name":"welcome","language":{"code":"en_US"}}""");

    [Fact] public void Positions_are_filled_with_contact_and_literal() => Gives(
        Build("""{"body":"Hi {{1}} in {{2}}, {{3}} it is."}""",
            """{"body":["{{contact.first_name}}","{{contact.custom_fields.city}}","noon"]}"""),
        """[{"type":"body","parameters":[{"type":"text","text":"Ann"},{"type":"text","text":"Köln"},{"type":"text","text":"noon"}]}]""");

    [Fact] public void Names_are_kept() => Gives(
        Build("""{"body":"Hi {{first_name}}, hello."}""", """{"body":{"first_name":"Dear {{contact.first_name|friend}}"}}"""),
        """[{"type":"body","parameters":[{"type":"text","parameter_name":"first_name","text":"Dear Ann"}]}]""");

    [Fact] public void A_contact_without_a_value_gets_the_fallback() => Gives(
        Build("""{"body":"Hi {{1}}, hello."}""", """{"body":["{{contact.first_name|there}}"]}""", Nobody),
        """[{"type":"body","parameters":[{"type":"text","text":"there"}]}]""");

    [Fact] public void A_contact_without_a_value_and_without_a_fallback_is_refused() =>
        Build("""{"body":"Hi {{1}}, hello."}""", """{"body":["{{contact.first_name}}"]}""",
            Nobody).Refusal.ShouldBe("body 1: the contact has no first_name, and the parameter no fallback.");

    [Fact] public void A_parameter_that_nobody_gave_is_refused_for_all() =>
        Build("""{"body":"Hi {{1}}, it is {{2}} now."}""",
            """{"body":["Ann"]}""").Refusal.ShouldBe("body 2: template_parameters.body has no value for {{2}}.");

    [Theory, InlineData("{{first_name}}"), InlineData("Dear {{ contact.first_name"), InlineData("{{contact.}}")]
    public void A_mistyped_placeholder_is_sent_to_nobody(string text) =>
        Build("""{"body":"Hi {{1}}, hello."}""",
            System.Text.Json.JsonSerializer.Serialize(new { body = new[] { text } })).Refusal!.ShouldContain("placeholder");

    [Fact] public void A_placeholder_inside_a_contacts_name_stays_what_it_is() => Gives(
        Build("""{"body":"Hi {{1}}, hello."}""", """{"body":["{{contact.first_name}}"]}""", Ann with { FirstName = "{{contact.email}}" }),
        """[{"type":"body","parameters":[{"type":"text","text":"{{contact.email}}"}]}]""");

    [Fact] public void Line_ends_and_wide_gaps_become_a_blank() => Gives(
        Build("""{"body":"Hi {{1}}, hello."}""", """{"body":["a\n\tb      c"]}"""),
        """[{"type":"body","parameters":[{"type":"text","text":"a b c"}]}]""");

    [Fact] public void Headers_of_every_kind()
    {
        Gives(Build("""{"header":"Order {{1}}","body":"Hi."}""", """{"header":["A1"]}"""),
            """[{"type":"header","parameters":[{"type":"text","text":"A1"}]}]""");
        Gives(Build("""{"header":{"format":"IMAGE"},"body":"Hi."}""", """{"header":["https://x.de/a.png"]}"""),
            """[{"type":"header","parameters":[{"type":"image","image":{"link":"https://x.de/a.png"}}]}]""");
        Gives(Build("""{"header":{"format":"DOCUMENT"},"body":"Hi."}""",
            """{"header":[{"type":"document","document":{"id":"9","filename":"a.pdf"}}]}"""),
            """[{"type":"header","parameters":[{"type":"document","document":{"id":"9","filename":"a.pdf"}}]}]""");
        Build("""{"header":{"format":"VIDEO"},"body":"Hi."}""", null).Refusal.ShouldNotBeNull().ShouldStartWith("header:");
    }

    [Fact] public void Buttons_by_place_and_by_index()
    {
        const string buttons =
            """{"body":"Hi.","buttons":[{"type":"QUICK_REPLY","text":"Yes"},{"type":"URL","text":"Open","url":"https://x.de/{{1}}"},{"type":"COPY_CODE","example":"A"}]}""";
        const string filled =
            """[{"type":"button","sub_type":"url","index":"1","parameters":[{"type":"text","text":"Ann"}]},{"type":"button","sub_type":"copy_code","index":"2","parameters":[{"type":"coupon_code","coupon_code":"SAVE"}]}]""";
        Gives(Build(buttons, """{"buttons":["{{contact.first_name}}","SAVE"]}"""), filled);
        Gives(Build(buttons, """{"buttons":[{"index":2,"coupon_code":"SAVE"},{"index":1,"text":"Ann"}]}"""), filled);
        Build(buttons, """{"buttons":["only one"]}""").Refusal.ShouldNotBeNull();
        Gives(Build("""{"body":"Hi.","buttons":[{"type":"QUICK_REPLY","text":"Yes"}]}""",
            """{"buttons":[{"index":0,"payload":"yes-1"}]}"""),
            """[{"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"yes-1"}]}]""");
    }

    [Fact] public void A_one_time_code_goes_to_body_and_button() => Gives(
        Build("""{"body":{"add_security_recommendation":true},"buttons":[{"type":"OTP","otp_type":"COPY_CODE"}]}""",
            """{"body":["123456"]}"""),
        """[{"type":"body","parameters":[{"type":"text","text":"123456"}]},{"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"123456"}]}]""");

    [Fact] public void Malformed_components_are_a_refusal() =>
        Build("""[1]""", """{"body":5}""").Template!["name"]!.ToString().ShouldBe("welcome");

    /// <summary>For Meta's own schema to judge: see MetaContractTests.</summary>
    public static IEnumerable<JsonObject> Samples() => new (string Components, string? Parameters)[]
    {
        ("""{"body":"Hello."}""", null),
        ("""{"header":"Order {{1}}","body":"Hi {{1}} in {{2}}, hello."}""",
            """{"header":["A1"],"body":["{{contact.first_name}}","{{contact.custom_fields.city}}"]}"""),
        ("""{"body":"Hi {{first_name}}, hello."}""", """{"body":{"first_name":"Ann"}}"""),
        ("""{"header":{"format":"IMAGE"},"body":"Hi."}""", """{"header":["https://x.de/a.png"]}"""),
        ("""{"header":{"format":"DOCUMENT"},"body":"Hi."}""", """{"header":[{"id":"9","filename":"a.pdf"}]}"""),
        ("""{"header":{"format":"LOCATION"},"body":"Hi."}""",
            """{"header":[{"latitude":"50.9","longitude":"6.9","name":"Köln","address":"Dom"}]}"""),
        ("""{"body":"Hi.","buttons":[{"type":"QUICK_REPLY","text":"Yes"},{"type":"URL","text":"Open","url":"https://x.de/{{1}}"}]}""",
            """{"buttons":[{"index":0,"payload":"yes"},{"index":1,"text":"a"}]}"""),
        ("""{"body":"Hi.","buttons":[{"type":"COPY_CODE","example":"A"}]}""", """{"buttons":["SAVE"]}"""),
        ("""{"body":{},"buttons":[{"type":"OTP"}]}""", """{"body":["123456"]}"""),
    }.Select(s => Build(s.Components, s.Parameters).Template!);
}
