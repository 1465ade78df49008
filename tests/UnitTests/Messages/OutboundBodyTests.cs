using System.Text.Json;
using System.Text.Json.Nodes;
using Bsp.Application.Messages;

namespace Bsp.UnitTests.Messages;

/// <summary>Every type of message: what is taken, and what is refused with its field and bound before Meta sees it.</summary>
public sealed class OutboundBodyTests
{

    // N×c: so many characters.
    private static readonly (string Type, string Body, string Field, string Says)[] Refused =
    [
        ("poem", "{}", "type", "text, image"),
        ("text", "null", "text", "missing"),
        ("text", """{"body":""}""", "text.body", "1 to 4096"),
        ("text", """{"body":"4097×"}""", "text.body", "1 to 4096"),
        ("text", """{"body":5}""", "text.body", "1 to 4096"),
        ("text", """{"body":"x","preview_url":"yes"}""", "text.preview_url", "true or false"),
        ("text", """{"body":"x","previewUrl":true}""", "text.previewUrl", "body, preview_url"),
        ("image", "{}", "image", "exactly one of id and link"),
        ("image", """{"id":"1","link":"https://a.example"}""", "image", "exactly one of id and link"),
        ("image", """{"link":"ftp://a.example/a"}""", "image.link", "http"),
        ("image", """{"id":"../x"}""", "image.id", "id of a file"),
        ("image", """{"id":"1","caption":"1025×"}""", "image.caption", "0 to 1024"),
        ("audio", """{"id":"1","caption":"x"}""", "audio.caption", "is not a member"),
        ("sticker", """{"id":"1","filename":"x"}""", "sticker.filename", "is not a member"),
        ("document", """{"id":"1","filename":"241×"}""", "document.filename", "1 to 240"),
        ("location", """{"latitude":90.1,"longitude":0}""", "location.latitude", "-90 to 90"),
        ("location", """{"latitude":"NaN","longitude":0}""", "location.latitude", "-90 to 90"),
        ("location", """{"latitude":0}""", "location.longitude", "-180 to 180"),
        ("contacts", "[]", "contacts", "1 to 257"),
        ("contacts", """[{"name":{}}]""", "contacts[0].name.formatted_name", "missing"),
        ("contacts", """[{"name":{"formatted_name":"A"}},{"name":{"formatted_name":"B"},"phones":[{"type":"WORK"}]}]""",
            "contacts[1].phones[0].phone", "missing"),
        ("contacts", """[{"name":{"formatted_name":"A"},"birthday":"1.2.1990"}]""", "contacts[0].birthday", "YYYY-MM-DD"),
        ("contacts", """[{"name":{"formatted_name":"A"},"emails":[{"email":"x"}]}]""", "contacts[0].emails[0].email", "e-mail"),
        ("reaction", """{"emoji":"👍"}""", "reaction.message_id", "missing"),
        ("reaction", """{"message_id":"w"}""", "reaction.emoji", "empty text"),
        ("reaction", """{"message_id":"w","emoji":"yes"}""", "reaction.emoji", "one emoji"),
        ("reaction", """{"message_id":"w","emoji":"👍👍"}""", "reaction.emoji", "one emoji"),
        ("interactive", """{"type":"quiz"}""", "interactive.type", "button, list"),
        ("interactive", """{"type":"button","body":{"text":"x"}}""", "interactive.action", "missing"),
        ("interactive", """{"type":"button","action":{"buttons":[]}}""", "interactive.body.text", "1 to 1024"),
        ("interactive", """{"type":"button","body":{"text":"1025×"},"action":{"buttons":[]}}""", "interactive.body.text", "1 to 1024"),
        ("interactive", """{"type":"button","body":{"text":"x"},"action":{"buttons":[]}}""", "interactive.action.buttons", "1 to 3"),
        ("interactive", """{"type":"button","body":{"text":"x"},"action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"21"""
            + """×"}}]}}""",
            "interactive.action.buttons[0].reply.title", "1 to 20"),
        ("interactive", """{"type":"button","body":{"text":"x"},"action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"A"}}"""
            + """,{"type":"reply","reply":{"id":"a","title":"B"}}]}}""",
            "interactive.action.buttons[1].reply.id", "another one"),
        ("interactive", """{"type":"button","header":{"type":"text","text":"61×"},"body":{"text":"x"},"action":{"buttons":[]}}""",
            "interactive.header.text", "1 to 60"),
        ("interactive", """{"type":"button","footer":{"text":"61×"},"body":{"text":"x"},"action":{"buttons":[]}}""",
            "interactive.footer.text", "1 to 60"),
        ("interactive", """{"type":"list","header":{"type":"image","image":{"id":"1"}},"body":{"text":"x"},"action":{"button":"b","s"""
            + """ections":[]}}""",
            "interactive.header.type", "\"text\""),
        ("interactive", """{"type":"list","body":{"text":"x"},"action":{"button":"21×","sections":[]}}""", "interactive.action.button",
            "1 to 20"),
        ("interactive", """{"type":"list","body":{"text":"x"},"action":{"button":"b","sections":[ROWS6,ROWS6]}}""",
            "interactive.action.sections", "at most 10 rows in all"),
        ("interactive", """{"type":"list","body":{"text":"x"},"action":{"button":"b","sections":[{"rows":[{"id":"1","title":"25×"}]}]}}""",
            "interactive.action.sections[0].rows[0].title", "1 to 24"),
        ("interactive", """{"type":"list","body":{"text":"x"},"action":{"button":"b","sections":[{"rows":[{"id":"1","title":"t","des"""
            + """cription":"73×"}]}]}}""",
            "interactive.action.sections[0].rows[0].description", "0 to 72"),
        ("interactive", """{"type":"cta_url","body":{"text":"x"},"action":{"name":"cta_url","parameters":{"display_text":"Go","ur"""
            + """l":"javascript:alert(1)"}}}""",
            "interactive.action.parameters.url", "http"),
        ("interactive", """{"type":"location_request_message","body":{"text":"x"},"action":{"name":"give"}}""", "interactive.action.name",
            "send_location"),
        ("interactive", """{"type":"flow","body":{"text":"x"},"action":{"name":"flow","parameters":{"flow_message_version":"3","flow"""
            + """_cta":"Go"}}}""",
            "interactive.action.parameters", "exactly one of flow_id and flow_name"),
        ("interactive", """{"type":"flow","body":{"text":"x"},"action":{"name":"flow","parameters":{"flow_message_version":"2","flow"""
            + """_cta":"Go","flow_id":"1"}}}""",
            "interactive.action.parameters.flow_message_version", "\"3\""),
        ("interactive", """{"type":"product","header":{"type":"text","text":"x"},"action":{"catalog_id":"c","product_retailer_id":"p"}}""",
            "interactive.header", "is not a member"),
        ("interactive", """{"type":"product_list","body":{"text":"x"},"action":{"catalog_id":"c","sections":[{"product_items":[{"pro"""
            + """duct_retailer_id":"p"}]}]}}""",
            "interactive.header", "missing"),
        ("interactive", """{"type":"carousel","body":{"text":"x"},"action":{"cards":[{"card_index":0,"action":{}}]}}""",
            "interactive.action.cards", "2 to 10"),
        ("template", "{}", "template.name", "1 to 512"),
        ("template", """{"name":"Big Sale","language":{"code":"en"}}""", "template.name", "lower-case"),
        ("template", """{"name":"sale"}""", "template.language", "missing"),
        ("template", """{"name":"sale","language":{"code":"en","policy":"any"}}""", "template.language.policy", "fallback"),
        ("template", """{"name":"sale","language":{"code":"en"},"components":[{"type":"foot"}]}""", "template.components[0].type",
            "header, body, button"),
        ("template", """{"name":"sale","language":{"code":"en"},"components":[{"type":"body","parameters":[{"type":"text","text":"10"""
            + """25×"}]}]}""",
            "template.components[0].parameters[0].text", "1 to 1024"),
        ("template", """{"name":"sale","language":{"code":"en"},"components":[{"type":"button","sub_type":"url","index":10}]}""",
            "template.components[0].index", "0 to 9"),
        ("template", """{"name":"sale","language":{"code":"en"},"components":[{"type":"button","sub_type":"copy_code","index":"0","p"""
            + """arameters":[{"type":"coupon_code","coupon_code":"21×"}]}]}""",
            "template.components[0].parameters[0].coupon_code", "1 to 20"),
        ("template", """{"name":"sale","language":{"code":"en"},"components":[{"type":"carousel","cards":[{"card_index":0}]}]}""",
            "template.components[0].cards", "2 to 10"),
        ("template", """{"name":"sale","language":{"code":"en"},"components":[{"type":"carousel","cards":[{"card_index":0,"component"""
            + """s":[{"type":"carousel"}]},{"card_index":1}]}]}""",
            "template.components[0].cards[0].components[0].type", "header, body, button"),
        ("template", """{"name":"sale","language":{"code":"en"},"components":[{"type":"limited_time_offer","parameters":[{"type":"li"""
            + """mited_time_offer","limited_time_offer":{}}]}]}""",
            "template.components[0].parameters[0].limited_time_offer.expiration_time_ms", "milliseconds"),
    ];

    public static TheoryData<int> Cases => [.. Enumerable.Range(0, Refused.Length)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void A_refusal_names_the_field_and_the_bound(int nth)
    {
        var (type, body, field, says) = Refused[nth];
        var fault = OutboundBody.Fault(type, Json(body)).ShouldNotBeNull(body);
        (type, fault.Field).ShouldBe((type, field), body);
        fault.Message.ShouldContain(says, Shouldly.Case.Sensitive, body);
    }

    [Theory]
    [InlineData("text", """{"body":"4096×","preview_url":false}""")]
    [InlineData("image", """{"id":"0198a000-0000-7000-8000-000000000001","caption":"1024×"}""")]
    [InlineData("audio", """{"link":"http://a.example/v.ogg","voice":true}""")]
    [InlineData("document", """{"link":"https://a.example/a.pdf","filename":"a.pdf","caption":""}""")]
    [InlineData("location", """{"latitude":"-90","longitude":180.0,"name":"n"}""")]
    [InlineData("contacts", """[{"name":{"formatted_name":"A","first_name":"A"},"phones":[{"phone":"+1","type":"CELL","wa_id":"1"}]"""
        + ""","emails":[{"email":"a@b"}],"urls":[{"url":"https://a.example","type":"WORK"}],"addresses":[{"city":"X"}],"org":{"compa"""
        + """ny":"C"},"birthday":"1990-02-01"}]""")]
    [InlineData("reaction", """{"message_id":"w","emoji":""}""")]
    [InlineData("reaction", """{"message_id":"w","emoji":"👩🏽‍👩🏽‍👧🏽‍👦🏽"}""")]
    [InlineData("reaction", """{"message_id":"w","emoji":"1️⃣"}""")]
    [InlineData("reaction", """{"message_id":"w","emoji":"🇩🇪"}""")]
    [InlineData("interactive", """{"type":"list","header":{"type":"text","text":"h"},"body":{"text":"4096×"},"footer":{"text":"f"}"""
        + ""","action":{"button":"b","sections":[ROWS6]}}""")]
    [InlineData("interactive", """{"type":"product","action":{"catalog_id":"c","product_retailer_id":"p"}}""")]
    [InlineData("interactive", """{"type":"catalog_message","body":{"text":"x"},"action":{"name":"catalog_message","parameters":{"th"""
        + """umbnail_product_retailer_id":"p"}}}""")]
    [InlineData("template", """{"name":"sale","language":{"code":"ar_EG","policy":"fallback"},"components":[{"type":"HEADER","parame"""
        + """ters":[{"type":"image","image":{"id":"1"}}]},{"type":"button","sub_type":"FLOW","index":"0","parameters":[{"type":"acti"""
        + """on","action":{"flow_token":"t"}}]}]}""")]
    public void What_Meta_takes_is_taken(string type, string body) => OutboundBody.Fault(type, Json(body)).ShouldBeNull();

    [Fact]
    public void Whatever_is_sent_instead_of_a_body_is_refused_and_not_a_crash()
    {
        string[] odd = ["null", "1", "true", "\"x\"", "[]", "[1]", "{}", "{\"a\":{}}", "{\"type\":1}", "{\"body\":{}}", "{\"id\":{}}",
            "{\"name\":[],\"language\":5}", "{\"type\":\"list\",\"action\":[],\"body\":5}", "{\"components\":{}}"];
        foreach (var type in OutboundBody.Types)
        {
            foreach (var body in odd)
            {
                OutboundBody.Fault(type, Json(body)).ShouldNotBeNull($"{type}: {body}");
            }

            OutboundBody.Fault(type, default).ShouldNotBeNull(type);
        }
    }

    private static JsonElement Json(string body)
    {
        var rows = new JsonArray([.. Enumerable.Range(0, 6)
            .Select(i => new JsonObject { ["id"] = $"{Guid.NewGuid()}", ["title"] = $"t{i}" })]);
        var text = body.Replace("ROWS6", new JsonObject { ["title"] = "S", ["rows"] = rows }.ToJsonString(), StringComparison.Ordinal);
        text = System.Text.RegularExpressions.Regex.Replace(text, "([0-9]+)×", m => new string('x', int.Parse(m.Groups[1].Value)));
        return JsonDocument.Parse(text).RootElement.Clone();
    }
}
