using System.Text.Json;
using Bsp.Application.Templates;

namespace Bsp.UnitTests.Templates;

public sealed class TemplateFitTests
{
    private const string Template = """
        {"header":{"format":"IMAGE"},"body":{"text":"Hello {{1}}, your {{2}}."},"footer":{"text":"f"},
         "buttons":[{"type":"URL","text":"Go","url":"https://a.example/{{1}}"},{"type":"QUICK_REPLY","text":"No"},
         {"type":"COPY_CODE","text":"Copy"}]}
        """;

    private const string Sent = """
        {"components":[
          {"type":"header","parameters":[{"type":"image","image":{"id":"1"}}]},
          {"type":"body","parameters":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
          {"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"a"}]},
          {"type":"button","sub_type":"quick_reply","index":1,"parameters":[{"type":"payload","payload":"p"}]},
          {"type":"button","sub_type":"copy_code","index":"2","parameters":[{"type":"coupon_code","coupon_code":"C"}]}]}
        """;

    [Fact]
    public void What_the_template_asks_for_fits() => Faults(Template, Sent).ShouldBeEmpty();

    [Theory]
    [InlineData("{}", "header body buttons.0 buttons.2")]
    [InlineData("""{"components":[{"type":"body","parameters":[{"type":"text","text":"a"}]}]}""", "header body buttons.0 buttons.2")]
    [InlineData("""{"components":[{"type":"header","parameters":[{"type":"video","video":{"id":"1"}}]}]}""",
        "header body buttons.0 buttons.2")]
    [InlineData("""{"components":[{"type":"button","sub_type":"quick_reply","index":0},{"type":"button","sub_type":"url","index":7}]}""",
        "header body buttons.0 buttons.7 buttons.2")]
    public void What_is_missing_or_too_much_is_named(string sent, string fields) =>
        Faults(Template, sent).ShouldBe([.. fields.Split(' ').Select(f => "template.components." + f)], ignoreOrder: true);

    [Fact]
    public void Named_variables_are_asked_for_by_their_names()
    {
        const string named = """{"body":{"text":"Hello {{first_name}}, your {{order}} is here."}}""";
        Faults(named, """{"components":[{"type":"body","parameters":[{"type":"text","parameter_name":"first_name","text":"a"},{"typ"""
            + """e":"text","parameter_name":"order","text":"b"}]}]}""")
            .ShouldBeEmpty();
        Faults(named, """{"components":[{"type":"body","parameters":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}]}""")
            .ShouldBe(["template.components.body"]);
    }

    [Fact]
    public void Parameters_of_a_template_without_variables_are_too_much() =>
        Faults("""{"body":{"text":"Hello."}}""", """{"components":[{"type":"body","parameters":[{"type":"text","text":"a"}]}]}""")
            .ShouldBe(["template.components.body"]);

    [Fact]
    public void A_one_time_password_is_the_bodys_parameter_and_the_buttons()
    {
        const string otp = """{"body":{"add_security_recommendation":true},"buttons":[{"type":"OTP","otp_type":"COPY_CODE"}]}""";
        Faults(otp, """{"components":[{"type":"body","parameters":[{"type":"text","text":"1"}]},{"type":"button","sub_type":"url","i"""
            + """ndex":"0","parameters":[{"type":"text","text":"1"}]}]}""")
            .ShouldBeEmpty();
        Faults(otp, "{}").ShouldBe(["template.components.body", "template.components.buttons.0"]);
    }

    [Fact]
    public void Each_card_of_a_carousel_and_the_end_of_an_offer_are_asked_for()
    {
        const string carousel = """
            {"body":{"text":"Look."},"others":[{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Now","has_expiration":true}},
             {"type":"CAROUSEL","cards":[{"components":[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"For {{1}}."}]},
             {"components":[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"For {{1}}."}]}]}]}
            """;
        const string card = """{"card_index":N,"components":[{"type":"header","parameters":[{"type":"image","image":{"id":"1"}}]},"""
            + """{"type":"body","parameters":[{"type":"text","text":"a"}]}]}""";
        var cards = card.Replace("N", "0", StringComparison.Ordinal) + "," + card.Replace("N", "1", StringComparison.Ordinal);
        const string offer = """{"type":"limited_time_offer","parameters":[{"type":"limited_time_offer","limited_time_offer":{"expir"""
            + """ation_time_ms":1}}]}""";
        Faults(carousel, $$"""{"components":[{{offer}},{"type":"carousel","cards":[{{cards}}]}]}""").ShouldBeEmpty();
        Faults(carousel, "{}").ShouldBe(["template.components.limited_time_offer", "template.components.carousel"], ignoreOrder: true);
    }

    [Theory]
    [InlineData("ar_EG", "ar_EG ar en en_US")]
    [InlineData("ar", "ar en en_US")]
    [InlineData("en_US", "en_US en")]
    [InlineData("pt_BR", "pt_BR pt en en_US")]
    public void A_language_falls_back_to_itself_without_a_region_then_to_English(string code, string order) =>
        TemplateLanguages.Order(code).ShouldBe(order.Split(' '));

    private static List<string> Faults(string template, string sent) =>
        [.. TemplateFit.FaultsOf(JsonDocument.Parse(template).RootElement, JsonDocument.Parse(sent).RootElement).Keys];
}
