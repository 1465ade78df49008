using System.Text;
using Bsp.Infrastructure.Webhooks;

namespace Bsp.UnitTests.Webhooks;

/// <summary>Who may have written, from the bytes alone: good for the order in which webhooks are taken, for nothing else.</summary>
public sealed class WebhookSendersTests
{
    private const string Ann = """{"messages":[{"from":"919871700001","id":"wamid.1","text":{"body":"hi"}}]}""";
    private const string AnnAnswers =
        """{ "messages" : [ { "context": {"from": "15550001111", "id": "x"}, "from" : "919871700001", "id": "wamid.2" } ] }""";
    private const string Bert = """{"messages":[{"from":"919871700002","id":"wamid.3"}]}""";

    [Fact]
    public void Two_webhooks_of_one_customer_share_a_bit()
    {
        Of(Ann).ShouldNotBe(0);
        (Of(Ann) & Of(AnnAnswers)).ShouldBe(Of(Ann));
        Of(Bert).ShouldNotBe(Of(Ann)); // of these two: others may share one, and then wait for each other
    }

    [Fact]
    public void One_of_several_customers_has_the_bits_of_all()
    {
        var both = Of("""{"messages":[{"from":"919871700001"},{"from":"919871700002"}]}""");
        both.ShouldBe(Of(Ann) | Of(Bert));
    }

    [Fact]
    public void Whoever_has_a_user_id_is_known_by_it_with_and_without_a_number()
    {
        var with = Of("""{"messages":[{"from":"919871700001","from_user_id":"IN.123"}]}""");
        var without = Of("""{"messages":[{"from_user_id":"IN.123"}]}""");
        with.ShouldBe(without);
        with.ShouldNotBe(0);
    }

    [Theory]
    [InlineData("""{"entry":[{"changes":[{"field":"messages","value":{"statuses":[{"id":"wamid.1","recipient_id":"919871700001"}]}}]}]}""")]
    [InlineData("""{"message_echoes":[{"from":"15550001111","to":"919871700001"}]}""")]
    [InlineData("{}")]
    [InlineData("")]
    [InlineData("\"messages\"")]
    public void What_brings_no_messages_waits_for_nobody(string body) => Of(body).ShouldBe(0);

    [Theory]
    [InlineData("""{"messages":[{"id":"wamid.1"}]}""")]
    [InlineData("""{"messages":[{"from":919871700001}]}""")]
    [InlineData("""{"messages":[{"from":"9198717""")]
    public void Messages_whose_writer_does_not_show_wait_for_everybodys(string body) => Of(body).ShouldBe(WebhookLane.AnySender);

    [Fact]
    public void The_bit_for_unknown_writers_is_shared_with_everybody_and_sums_do_not_overflow()
    {
        for (var i = 0; i < 1_000; i++)
        {
            var bits = Of($$"""{"messages":[{"from":"{{i}}"}]}""");
            bits.ShouldBeGreaterThan(0);
            (bits & (bits - 1)).ShouldBe(0); // one bit
            (bits & WebhookLane.AnySender).ShouldBe(bits);
        }
    }

    private static long Of(string body) => WebhookLane.SendersOf(Encoding.UTF8.GetBytes(body));
}
