using Bsp.Application.Messages;
using Bsp.Infrastructure.Messages;

namespace Bsp.IntegrationTests.Views;

/// <summary>Every type of Meta's message items is readable: a text, the parts beside it, and a preview.</summary>
public sealed class InboundKindsTests
{
    public static TheoryData<string, string?, string, string?> Items => new()
    {
        { """{"type":"text","text":{"body":"hi"}}""", "hi", "hi", null },
        { """{"type":"image","image":{"id":"1","mime_type":"image/png","caption":"look"}}""", null, "look", null },
        { """{"type":"sticker","sticker":{"id":"1","animated":true}}""", null, "[sticker]", null },
        { """{"type":"audio","audio":{"id":"1","voice":true}}""", null, "[audio]", null },
        { """{"type":"document","document":{"id":"1","filename":"bill.pdf"}}""", null, "bill.pdf", null },
        { """{"type":"location","location":{"latitude":1.5,"longitude":2,"name":"here"}}""", null, "here", null },
        { """{"type":"contacts","contacts":[{"name":{"formatted_name":"Ann"},"phones":[{"phone":"+1"}]},{"name":{"formatted_name":"Bob"}}]}""", "Ann, Bob", "Ann, Bob", "\"phone\":" },
        { """{"type":"button","button":{"payload":"p","text":"Yes"},"context":{"id":"w0"}}""", "Yes", "Yes", null },
        { """{"type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"1","title":"Yes"}}}""", "Yes", "Yes", null },
        { """{"type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"1","title":"Two","description":"d"}}}""", "Two",
            "Two", null },
        { """{"type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"flow","body":"Sent","response_json":"{\"flow_token\":\"secret\",\"size\":\"XL\",\"colours\":[\"red\",\"blue\"]}"}}}""",
            "size: XL, colours: red; blue", "size: XL, colours: red; blue", "\"size\":\"XL\"" },
        { """{"type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"flow","body":"Sent","response_json":"not json"}}}""", "not json", "not json", "\"text\":\"not json\"" },
        { """{"type":"interactive","interactive":{"type":"call_permission_reply","call_permission_reply":{"response":"accept","expiration_timestamp":1790000000}}}""", "You may call.", "You may call.", "1790000000" },
        { """{"type":"interactive","interactive":{"type":"invented","invented":{"a":1}}}""", null, "[interactive]", "\"invented\"" },
        { """{"type":"order","order":{"catalog_id":"c","text":"please","product_items":[{"product_retailer_id":"a","quantity":2,"item_price":30,"currency":"ILS"},{"product_retailer_id":"b","quantity":"3","item_price":"33.5","currency":"ILS"},{"product_retailer_id":"c","quantity":1,"item_price":7,"currency":"USD"}]}}""",
            "please (6 items, 160.5 ILS, 7 USD)", "please (6 items, 160.5 ILS, 7 USD)", "\"ILS\":160.5" },
        { """{"type":"reaction","reaction":{"message_id":"w0","emoji":"👍"}}""", "👍", "👍", null },
        { """{"type":"system","system":{"type":"user_changed_number","body":"Ann changed","wa_id":"2"}}""", "Ann changed", "Ann changed",
            "user_changed_number" },
        { """{"type":"unsupported","errors":[{"code":131051,"title":"Unsupported"}],"unsupported":{"type":"poll"}}""", "[poll]", "[poll]",
            "131051" },
        { """{"type":"unsupported","errors":[{"code":131051}]}""", "[unsupported]", "[unsupported]", "131051" },
        { """{"type":"edit","edit":{"original_message_id":"w0","message":{"type":"image","image":{"id":"1","caption":"new"}}}}""", null,
            "new", null },
        { """{"type":"revoke","revoke":{"original_message_id":"w0"}}""", null, "[revoke]", null },
        { """{"type":"media_placeholder","media_placeholder":{"reason":"later"}}""", null, "[media_placeholder]", "later" },
        { """{"type":"request_welcome"}""", null, "[request_welcome]", null },
        { """{"type":"never_heard_of","never_heard_of":{"x":1}}""", null, "[never_heard_of]", "\"x\":1" },
        { """{"type":"interactive","interactive":"no object","errors":[{"code":1}]}""", "[interactive]", "[interactive]", "\"code\":1" },
        { """{"type":"order","order":{"product_items":[null,7,{"quantity":"many"}]}}""", "1 item", "1 item", null },
    };

    [Theory]
    [MemberData(nameof(Items))]
    public void It_has_a_text_a_preview_and_its_parts(string item, string? text, string preview, string? details)
    {
        var document = Fold(item);

        document.RawWebhook.ShouldNotBeNull().GetProperty("type").GetString().ShouldBe(document.MessageTypeExact);
        document.Content?.Text.ShouldBe(text);
        MessageDocumentContent.Preview(document).ShouldBe(preview);
        if (details is not null)
        {
            document.Details.ShouldNotBeNull().GetRawText().ShouldContain(details);
            document.Details!.Value.GetRawText().ShouldNotContain("secret");
        }
    }

    [Theory]
    [InlineData("text", true, true)]
    [InlineData("order", true, true)]
    [InlineData("unsupported", true, true)]
    [InlineData("what comes next", true, true)]
    [InlineData("reaction", false, false)]
    [InlineData("edit", false, false)]
    [InlineData("revoke", false, false)]
    [InlineData("system", false, false)]
    public void What_a_type_does(string type, bool opens, bool counts) =>
        (InboundKind.Of(type).OpensWindow, InboundKind.Of(type).IsMessage).ShouldBe((opens, counts));

    [Fact]
    public void What_was_quoted_and_the_advertisement_stand_beside_any_kind()
    {
        var document = Fold("""
            {"type":"text","text":{"body":"how much?"},"context":{"from":"1","id":"w0","forwarded":true,"referred_product":{"catalog_id":"c","product_retailer_id":"p"}},
             "referral":{"source_type":"ad","headline":"Sale","ctwa_clid":"x"}}
            """);

        document.Context.ShouldNotBeNull()
            .ShouldSatisfyAllConditions(c => c.WaMessageId.ShouldBe("w0"), c => c.Forwarded.ShouldBe(true), c =>
                c.Product!.Value.GetProperty("product_retailer_id").GetString().ShouldBe("p"));
        document.Referral!.Value.GetProperty("headline").GetString().ShouldBe("Sale");
    }

    private static MessageDocument Fold(string item)
    {
        var received = Inbound.Message("w1", item);
        var content = System.Text.Encoding.UTF8.GetString(Convert.FromBase64String(received.Content.Data));
        return MessageDocumentFold.Fold(null, Inbound.Stored(Guid.Empty, received, 1), 1, content).ShouldNotBeNull();
    }
}
