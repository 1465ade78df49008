using Bsp.Application.Common;

namespace Bsp.UnitTests.Common;

public sealed class E164Tests
{
    [Theory]
    [InlineData("+4915112345678", "+4915112345678")]
    [InlineData("+49 (0)1511 234-5678", "+4915112345678")]
    [InlineData("+1 555 0123456", "+15550123456")]
    [InlineData("+20 100 123 4567", "+201001234567")]
    [InlineData("0151 12345678", null)]
    [InlineData("+999 12345678", null)]
    [InlineData("+49", null)]
    [InlineData("+1 555 0123456 ext. 5", null)]
    [InlineData("hello", null)]
    [InlineData(null, null)]
    public void A_number_is_normalized_or_refused(string? text, string? normalized) => E164.Normalize(text).ShouldBe(normalized);
}
