using System.Text.Json;
using Bsp.Application.Common;

namespace Bsp.UnitTests.Common;

public sealed class MergePatchTests
{
    // The examples of RFC 7396, appendix A.
    [Theory]
    [InlineData("""{"a":"b"}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"b":"c"}""", """{"a":"b","b":"c"}""")]
    [InlineData("""{"a":"b"}""", """{"a":null}""", "{}")]
    [InlineData("""{"a":"b","b":"c"}""", """{"a":null}""", """{"b":"c"}""")]
    [InlineData("""{"a":["b"]}""", """{"a":"c"}""", """{"a":"c"}""")]
    [InlineData("""{"a":"c"}""", """{"a":["b"]}""", """{"a":["b"]}""")]
    [InlineData("""{"a":{"b":"c"}}""", """{"a":{"b":"d","c":null}}""", """{"a":{"b":"d"}}""")]
    [InlineData("""{"a":[{"b":"c"}]}""", """{"a":[1]}""", """{"a":[1]}""")]
    [InlineData("""["a","b"]""", """["c","d"]""", """["c","d"]""")]
    [InlineData("""{"a":"b"}""", """["c"]""", """["c"]""")]
    [InlineData("""{"a":"foo"}""", "null", "null")]
    [InlineData("""{"e":null}""", """{"a":1}""", """{"e":null,"a":1}""")]
    [InlineData("[1,2]", """{"a":"b","c":null}""", """{"a":"b"}""")]
    [InlineData("{}", """{"a":{"bb":{"ccc":null}}}""", """{"a":{"bb":{}}}""")]
    public void A_patch_does_what_the_rfc_says(string target, string patch, string result) =>
        MergePatch.Apply(JsonDocument.Parse(target).RootElement, JsonDocument.Parse(patch).RootElement).GetRawText().ShouldBe(result);

    private sealed record Patched(Optional<string?> Name, Optional<int> Limit);

    [Fact]
    public void Absent_and_null_are_told_apart()
    {
        var patch = JsonSerializer.Deserialize<Patched>("""{"Name":null}""")!;
        patch.Name.ShouldBe(new Optional<string?>(null, true));
        patch.Limit.IsSet.ShouldBeFalse();
    }
}
