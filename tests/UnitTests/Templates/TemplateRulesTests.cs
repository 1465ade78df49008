using System.Text.Json;
using Bsp.Domain.Templates;

namespace Bsp.UnitTests.Templates;

public sealed class TemplateRulesTests
{
    private static string[] Codes(string components, string name = "welcome", string category = "UTILITY", string language = "en_US") =>
        [.. TemplateRules.Faults(name, category, language, TemplateComponents.Read(JsonSerializer.Deserialize<JsonElement>(components)))
            .Select(f => f.Code)];

    [Theory]
    [InlineData("""{"body":"Hello."}""")]
    [InlineData("""{"body":{"text":"Hello {{1}}, your order {{2}} is on its way."}}""")]
    [InlineData("""{"header":{"format":"TEXT","text":"Order {{1}}"},"body":{"text":"Dear {{first_name}}, thank you."},"footer":{"text":"Bye"}}""")]
    [InlineData("""{"header":{"format":"IMAGE"},"body":{"text":"Look."},"buttons":[{"type":"QUICK_REPLY","text":"Yes"},{"type":"QUICK_REPLY","text":"No"},{"type":"URL","text":"Open","url":"https://example.com/{{1}}"}]}""")]
    [InlineData("""[{"type":"BODY","text":"Hello."},{"type":"FOOTER","text":"Bye"}]""")]
    public void Well_formed(string components) => Codes(components).ShouldBeEmpty();

    [Theory]
    [InlineData("""{}""", "template.body_missing")]
    [InlineData("""{"body":{"text":"Hello {{1}}, this {{3}} is."}}""", "template.variables_not_contiguous")]
    [InlineData("""{"body":{"text":"Hello {{1}}, this {{name}} is."}}""", "template.variables_mixed")]
    [InlineData("""{"body":{"text":"Hello {{First}}, hi."}}""", "template.variable_name_invalid")]
    [InlineData("""{"body":{"text":"Hello {{1}"}}""", "template.variable_malformed")]
    [InlineData("""{"body":{"text":"{{1}} hello there."}}""", "template.variable_at_edge")]
    [InlineData("""{"body":{"text":"Hello there {{1}}"}}""", "template.variable_at_edge")]
    [InlineData("""{"body":{"text":"Hello dear {{1}} {{2}}, hi."}}""", "template.variables_adjacent")]
    [InlineData("""{"header":{"format":"TEXT","text":"{{1}} and {{2}}"},"body":"Hi."}""", "template.header_variables")]
    [InlineData("""{"header":{"format":"POEM"},"body":"Hi."}""", "template.header_format_invalid")]
    [InlineData("""{"body":"Hi.","footer":{"text":"Bye {{1}}"}}""", "template.footer_variables")]
    [InlineData("""{"body":"Hi.","buttons":[{"type":"URL","text":"a","url":"ftp://x"}]}""", "template.button_url_invalid")]
    [InlineData("""{"body":"Hi.","buttons":[{"type":"URL","text":"a","url":"https://x.de/{{1}}/y"}]}""", "template.button_url_variable")]
    [InlineData("""{"body":"Hi.","buttons":[{"type":"PHONE_NUMBER","text":"a","phone_number":"abc"}]}""", "template.button_phone_invalid")]
    [InlineData("""{"body":"Hi.","buttons":[{"type":"QUICK_REPLY"}]}""", "template.button_text_missing")]
    [InlineData("""{"body":"Hi.","buttons":[{"type":"PHONE_NUMBER","text":"a","phone_number":"1"},{"type":"PHONE_NUMBER","text":"b","phone_number":"2"}]}""", "template.buttons_too_many")]
    [InlineData("""{"body":"Hi.","buttons":[{"type":"QUICK_REPLY","text":"a"},{"type":"PHONE_NUMBER","text":"b","phone_number":"2"},{"type":"QUICK_REPLY","text":"c"}]}""", "template.quick_replies_split")]
    [InlineData("""{"body":"Hi.","buttons":[{"type":"DANCE","text":"a"}]}""", "template.button_type_invalid")]
    [InlineData("""{"body":"Hi.","buttons":[{"type":"OTP"}]}""", "template.authentication_button")]
    public void One_broken_rule(string components, string code) => Codes(components).ShouldContain(code);

    [Fact] public void Lengths_are_bounded()
    {
        Codes($$"""{"body":"{{new string('x', 1025)}}"}""").ShouldContain("template.body_too_long");
        Codes($$"""{"header":"{{new string('x', 61)}}","body":"Hi."}""").ShouldContain("template.header_too_long");
        Codes($$"""{"body":"Hi.","footer":"{{new string('x', 61)}}"}""").ShouldContain("template.footer_too_long");
        Codes($$"""{"body":"Hi.","buttons":[{"type":"QUICK_REPLY","text":"{{new string('x', 26)}}"}]}""")
            .ShouldContain("template.button_text_too_long");
    }

    [Theory]
    [InlineData("Welcome", "UTILITY", "en", "template.name_invalid")]
    [InlineData("", "UTILITY", "en", "template.name_invalid")]
    [InlineData("welcome", "SPAM", "en", "template.category_invalid")]
    [InlineData("welcome", "UTILITY", "english please", "template.language_invalid")]
    public void Naming(string name, string category, string language, string code) =>
        Codes("""{"body":"Hi."}""", name, category, language).ShouldContain(code);

    [Fact] public void Authentication_has_fixed_text_and_one_OTP_button()
    {
        Codes("""{"body":{"add_security_recommendation":true},"footer":{"code_expiration_minutes":10},"buttons":[{"type":"OTP","otp_type":"COPY_CODE"}]}""", category: "AUTHENTICATION").ShouldBeEmpty();
        Codes("""{"header":"Hi","buttons":[]}""", category: "AUTHENTICATION")
            .ShouldBe(["template.authentication_fixed_text", "template.authentication_button"]);
        Codes("""{"footer":{"code_expiration_minutes":91},"buttons":[{"type":"OTP"}]}""", category: "AUTHENTICATION")
            .ShouldBe(["template.code_expiration_invalid"]);
    }

    [Theory]
    [InlineData("\"text\"", "template.components_malformed")]
    [InlineData("""{"body":{"text":5}}""", "template.components_malformed")]
    [InlineData("""{"body":"x","sidebar":{}}""", "template.component_unknown")]
    public void What_cannot_be_read_is_refused(string components, string code) =>
        Should.Throw<Domain.Common.Refusal>(() => Codes(components)).Code.ShouldBe(code);

    [Fact] public void Meta_gets_its_own_shape()
    {
        var ours = """
            {"header":{"format":"TEXT","text":"Order {{1}}","example":["A1"]},"body":{"text":"Hi {{1}}, it is {{2}} now.","example":["Ann","noon"]},"footer":"Bye",
             "buttons":[{"type":"url","text":"Open","url":"https://x.de/{{1}}","example":"https://x.de/a"}]}
            """;
        MetaComponents.ToMeta(TemplateComponents.Read(JsonSerializer.Deserialize<JsonElement>(ours))).GetRawText().ShouldBe("""
            [{"type":"HEADER","format":"TEXT","text":"Order {{1}}","example":{"header_text":["A1"]}},{"type":"BODY","text":"Hi {{1}}, it is {{2}} now.","example":{"body_text":[["Ann","noon"]]}},{"type":"FOOTER","text":"Bye"},{"type":"BUTTONS","buttons":[{"type":"URL","text":"Open","url":"https://x.de/{{1}}","example":["https://x.de/a"]}]}]
            """.Trim());
    }

    [Fact] public void Named_variables_become_named_examples()
    {
        var read = TemplateComponents.Read(JsonSerializer.Deserialize<JsonElement>("""{"body":{"text":"Hi {{first_name}}, hello."}}"""),
            JsonSerializer.Deserialize<JsonElement>("""{"first_name":"Ann"}"""));
        MetaComponents.ParameterFormat(read).ShouldBe("NAMED");
        MetaComponents.ToMeta(read).GetRawText()
            .ShouldBe("""[{"type":"BODY","text":"Hi {{first_name}}, hello.","example":{"body_text_named_params":[{"param_name":"first_name","example":"Ann"}]}}]""");
        TemplateRules.SubmissionFaults(read).ShouldBeEmpty();
    }
}
