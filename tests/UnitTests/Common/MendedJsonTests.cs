using System.Text.Json;
using Bsp.Application.Common;

namespace Bsp.UnitTests.Common;

public sealed class MendedJsonTests
{
    [Fact]
    public void What_is_fit_stays_the_same()
    {
        var json = JsonSerializer.Deserialize<JsonElement>("""{"a":[1,2.5,"x",null,{"b":true}]}""");
        MendedJson.Of(json).GetRawText().ShouldBe(json.GetRawText());
        MendedJson.Of(default).ValueKind.ShouldBe(JsonValueKind.Undefined);
    }

    [Theory]
    [InlineData("""{"latitude":1e400,"b":1}""", """{"latitude":"1e400","b":1}""")]
    [InlineData("""[1e131071,1e-16383,5]""", """["1e131071","1e-16383",5]""")]
    public void A_number_that_no_store_gives_back_becomes_a_text(string json, string mended)
    {
        var fit = MendedJson.Of(JsonSerializer.Deserialize<JsonElement>(json));
        fit.GetRawText().ShouldBe(mended);
        KeptJson.Fault(fit).ShouldBeNull();
    }

    [Fact]
    public void A_number_of_many_digits_is_cut() =>
        MendedJson.Of(JsonSerializer.Deserialize<JsonElement>(new string('9', 5_000))).GetString().ShouldBe(new string('9', 40));

    [Fact]
    public void What_is_nested_too_deep_becomes_null()
    {
        var deep = JsonSerializer.Deserialize<JsonElement>(new string('[', 60) + new string(']', 60));
        KeptJson.Fault(MendedJson.Of(deep)).ShouldBeNull();
        MendedJson.Of(deep).GetRawText().ShouldBe(new string('[', KeptJson.DepthMax) + "null" + new string(']', KeptJson.DepthMax));
    }
}
