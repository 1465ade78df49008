using System.Text;
using Bsp.Application.CustomerWebhooks;

namespace Bsp.UnitTests.CustomerWebhooks;

public sealed class StandardWebhooksTests
{
    // The vector of the standard's own libraries.
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    [Fact]
    public void The_standards_own_vector_is_signed_as_its_libraries_sign_it() =>
        StandardWebhooks.Sign([StandardWebhooks.KeyOf(Secret)], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330,
            Encoding.UTF8.GetBytes("""{"test": 2432232314}""")).ShouldBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");

    [Fact]
    public void While_a_secret_is_rotated_both_sign()
    {
        var other = StandardWebhooks.NewSecret();
        var both = StandardWebhooks.Sign([StandardWebhooks.KeyOf(other), StandardWebhooks.KeyOf(Secret)], "msg_1", 1, "{}"u8);
        both.Split(' ')
            .ShouldBe([StandardWebhooks.Sign([StandardWebhooks.KeyOf(other)], "msg_1", 1, "{}"u8),
                StandardWebhooks.Sign([StandardWebhooks.KeyOf(Secret)], "msg_1", 1, "{}"u8)]);
    }

    [Theory]
    [InlineData(Secret, true)]
    [InlineData("whsec_", false)]
    [InlineData("whsec_c2hvcnQ=", false)]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", false)]
    [InlineData("whsec_not base64 at all", false)]
    [InlineData(null, false)]
    public void A_secret_is_whsec_and_the_base64_of_24_to_64_bytes(string? text, bool good) =>
        StandardWebhooks.IsSecret(text).ShouldBe(good);

    [Fact]
    public void A_fresh_secret_is_one() => StandardWebhooks.IsSecret(StandardWebhooks.NewSecret()).ShouldBeTrue();
}
