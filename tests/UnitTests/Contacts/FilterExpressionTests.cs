using System.Text.Json;
using Bsp.Application.Contacts;

namespace Bsp.UnitTests.Contacts;

public sealed class FilterExpressionTests
{
    private static FilterExpression Parse(string json) => FilterExpression.Parse(JsonSerializer.Deserialize<JsonElement>(json));

    [Fact] public void Groups_and_conditions_are_read()
    {
        var all = Parse(
            """{"all":[{"field":"tags","op":"has","value":"vip"},{"not":{"field":"custom_fields.city","value":"Köln"}},{"any":[{"field":"created_at","op":"within_days","value":30}]}]}""").ShouldBeOfType<FilterAll>();
        all.Parts[0].ShouldBe(new FilterCondition("tags", null, FieldKind.Tags, "has", "vip"));
        all.Parts[1].ShouldBe(new FilterNot(new FilterCondition("custom_fields", "city", FieldKind.Custom, "eq", "Köln")));
        Parse("{}").ShouldBeOfType<FilterAll>().Parts.ShouldBeEmpty();
    }

    [Theory]
    [InlineData("[]", "filter must be an object.")]
    [InlineData("""{"all":[]}""", "filter.all must be a list of at least one condition.")]
    [InlineData("""{"field":"password_hash","value":"x"}""", "filter.field: there is no field 'password_hash'.")]
    [InlineData("""{"field":"email","op":"like","value":"x"}""",
        "filter.op: email takes eq, ne, in, not_in, starts_with, contains, exists, not 'like'.")]
    [InlineData("""{"field":"email"}""", "filter.value is missing.")]
    [InlineData("""{"field":"email","value":{}}""", "filter.value must be a text, a number or a boolean.")]
    [InlineData("""{"field":"total_messages_sent","op":"gt","value":"1"}""", "filter.value must be a whole number.")]
    [InlineData("""{"field":"consent_status","value":"YES"}""", "filter.value must be OPTED_IN, OPTED_OUT or PENDING.")]
    [InlineData("""{"field":"created_at","op":"gt","value":"yesterday"}""", "filter.value must be a time such as 2026-01-31T00:00:00Z.")]
    [InlineData("""{"any":[{"field":"email","value":"x","oops":1}]}""",
        "filter.any[0]: 'oops' is none of all, any, not, field, op, value.")]
    [InlineData("""{"all":[{}]}""", "filter.all[0].field must be a text.")]
    public void What_is_wrong_is_said_with_its_place(string json, string message) =>
        Should.Throw<FilterFault>(() => Parse(json)).Message.ShouldBe(message);

    [Fact] public void Depth_and_size_are_bounded()
    {
        var deep = string.Concat(Enumerable.Repeat("""{"not":""", 6)) + """{"field":"email","op":"exists"}""" + new string('}', 6);
        Should.Throw<FilterFault>(() => Parse(deep)).Message.ShouldContain("at most 6 deep");
        var wide = $$"""{"any":[{{string.Join(',', Enumerable.Repeat("""{"field":"email","value":"x"}""", 51))}}]}""";
        Should.Throw<FilterFault>(() => Parse(wide)).Message.ShouldBe("A filter has at most 50 conditions.");
    }
}
