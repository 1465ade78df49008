using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.Templates;

namespace Bsp.UnitTests.Templates;

/// <summary>Whether a campaign's parameters fit its template is told before anybody is skipped, each parameter by its name.</summary>
public sealed class ParameterFaultsTests
{
    private const string Carousel = """
        {"body":"Look, {{1}}:","others":[{"type":"CAROUSEL","cards":[
          {"components":[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"For {{1}} only."},{"type":"BUTTONS","buttons":[{"type":"URL","text":"Buy","url":"https://x.de/{{1}}"}]}]},
          {"components":[{"type":"HEADER","format":"IMAGE"},{"type":"BODY","text":"Plain."},{"type":"BUTTONS","buttons":[{"type":"QUICK_REPLY","text":"Yes"}]}]}]}]}
        """;

    private static JsonElement Json(string json) => JsonSerializer.Deserialize<JsonElement>(json);

    private static IEnumerable<string> Faults(string components, string? parameters) =>
        TemplateBody.FaultsOf(Json(components), parameters is null ? null : Json(parameters)).Keys.Order(StringComparer.Ordinal);

    [Theory]
    [InlineData("""{"body":"Hi {{1}}, it is {{2}}."}""", null, "body.1 body.2")]
    [InlineData("""{"body":"Hi {{1}}, it is {{2}}."}""", """{"body":["Ann"]}""", "body.2")]
    [InlineData("""{"body":"Hi {{name}}."}""", """{"body":{"nmae":"Ann"}}""", "body.name")]
    [InlineData("""{"body":"Hi {{1}}."}""", """{"body":["{{contact.frist_name}}"]}""", "body.1")]
    [InlineData("""{"body":"Hi {{1}}."}""", """{"body":["{{contact.frist_name|there}}"]}""", "body.1")]
    [InlineData("""{"body":"Hi {{1}}."}""", """{"body":["Dear {{contact.first_name}} {{contact.surname}}"]}""", "body.1")]
    [InlineData("""{"body":"Hi {{1}}."}""", """{"body":["{{contact.custom_fields.}}"]}""", "body.1")]
    [InlineData("""{"body":"Hi {{1}}."}""", """{"body":[""]}""", "body.1")]
    [InlineData("""{"body":"Hi {{1}}."}""", """{"body":[null]}""", "body.1")]
    [InlineData("""{"body":"Hi {{1}}."}""", "\"Ann\"", "")]
    [InlineData("""{"header":"Order {{1}}","body":"Hi."}""", """{"body":["A1"]}""", "header.1")]
    [InlineData("""{"header":{"format":"IMAGE"},"body":"Hi {{1}}."}""", """{"header":{"link":""}}""", "body.1 header")]
    [InlineData("""{"body":"Hi.","buttons":[{"type":"QUICK_REPLY","text":"Yes"},{"type":"URL","text":"Open","url":"https://x.de/{{1}}"},{"type":"COPY_CODE","example":"A"}]}""", """{"buttons":["{{contact.nick}}"]}""", "buttons.1 buttons.2")]
    [InlineData("""{"body":"Hi.","buttons":[{"type":"COPY_CODE","example":"A"}]}""",
        """{"buttons":["a code of more than twenty letters"]}""", "buttons.0")]
    [InlineData(Carousel, null, "body.1 carousel.0.body.1 carousel.0.buttons.0 carousel.0.header carousel.1.header")]
    [InlineData(Carousel,
        """{"body":["you"],"carousel":[{"header":["https://x.de/1.png"],"body":["{{contact.frist_name}}"],"buttons":["a"]},{"header":["https://x.de/2.png"]}]}""", "carousel.0.body.1")]
    [InlineData("""{"body":"Hi.","others":[{"type":"LIMITED_TIME_OFFER","limited_time_offer":{"text":"Now","has_expiration":true}}]}""",
        """{"limited_time_offer":"soon"}""", "limited_time_offer")]
    public void What_is_missing_or_names_nothing_is_told(string components, string? parameters, string names) =>
        string.Join(' ', Faults(components, parameters)).ShouldBe(names);

    [Fact]
    public void An_unknown_parameter_is_one_fault_whatever_else_is_right() =>
        Faults("""{"body":"Hi {{1}}."}""", "5").ShouldHaveSingleItem().ShouldBe("");

    [Theory]
    [InlineData("""{"body":"Hello."}""", null)]
    [InlineData("""{"body":"Hi {{1}}."}""", """{"body":["{{contact.first_name}}"]}""")] // a contact that has none is skipped alone
    [InlineData("""{"body":"Hi {{1}}."}""", """{"body":["{{contact.first_name|there}}"]}""")]
    [InlineData("""{"body":"Hi {{1}}."}""", """{"body":["{{contact.custom_fields.city}}"]}""")]
    [InlineData("""{"body":"Hi {{1}}."}""", """{"body":["{{contact.custom.city|}}"]}""")]
    [InlineData("""{"header":{"format":"IMAGE"},"body":"Hi."}""",
        """{"header":{"link":"https://x.de/{{contact.custom_fields.picture}}"}}""")]
    [InlineData(Carousel,
        """{"body":["you"],"carousel":[{"header":["https://x.de/1.png"],"body":["{{contact.name}}"],"buttons":["a"]},{"header":["https://x.de/2.png"]}]}""")]
    public void What_one_contact_may_lack_is_no_fault(string components, string? parameters) =>
        Faults(components, parameters).ShouldBeEmpty();

    [Fact]
    public void A_carousel_is_filled_card_by_card()
    {
        var built = TemplateBody.Build("show", "en", Json(Carousel),
            Json("""{"body":["you"],"carousel":[{"header":["https://x.de/1.png"],"body":["{{contact.first_name}}"],"buttons":["a"]},{"header":{"id":"9"},"buttons":[{"index":0,"payload":"yes"}]}]}"""),
            new("Ann", null, null, "+4915112345678", default));
        built.Refusal.ShouldBeNull();
        JsonNode.DeepEquals(built.Template!["components"], JsonNode.Parse("""
            [{"type":"body","parameters":[{"type":"text","text":"you"}]},
             {"type":"carousel","cards":[
               {"card_index":0,"components":[{"type":"header","parameters":[{"type":"image","image":{"link":"https://x.de/1.png"}}]},{"type":"body","parameters":[{"type":"text","text":"Ann"}]},
                 {"type":"button","sub_type":"url","index":"0","parameters":[{"type":"text","text":"a"}]}]},
               {"card_index":1,"components":[{"type":"header","parameters":[{"type":"image","image":{"id":"9"}}]},{"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"yes"}]}]}]}]
            """)).ShouldBeTrue(built.Template!.ToJsonString());
    }
}
