using Bsp.Application.Ai;
using Bsp.Application.EventStore;
using Bsp.Domain.Conversations;
using Bsp.Domain.Messages;
using Bsp.Infrastructure.Ai.Shadows;

namespace Bsp.UnitTests.Ai;

/// <summary>A day of the log, folded into bursts by the log's own clock.</summary>
public sealed class AiShadowPlanTests
{
    private static readonly DateTimeOffset Noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly Guid Talk = Guid.NewGuid();
    private readonly AiShadowPlan plan = new(new AiSettings());
    private long sequence;

    [Fact]
    public void Messages_within_the_quiet_time_are_one_burst_and_what_came_before_is_its_history()
    {
        var (a, b, c) = (Received(0), Received(4), Received(60));
        var bursts = plan.End(10);
        bursts.Select(x => x.Messages.Length).ShouldBe([2, 1]);
        bursts[0].Messages.ShouldBe([a, b]);
        (bursts[1].Messages.Single(), bursts[1].Actual).ShouldBe((c, "none"));
        bursts[1].History.ShouldBe([a, b]);
    }

    [Fact]
    public void What_was_done_about_a_burst_is_told_also_when_it_came_late()
    {
        var first = Received(0);
        var answer = Guid.NewGuid();
        var second = Received(20);
        Take(Talk, new ConversationAutoAnswered(Talk, Talk, Talk, answer, [first], [], "other", 1,
            new("embedded", "m", "", 0, 0, 0, 0, "USD", 0), null, Noon), 21);
        Take(Guid.NewGuid(), new MessageQueued(Ref(Guid.NewGuid(), "outbound"), null, new(Guid.Empty, ""), new("inbox", null, null, false),
            Noon), 30);
        var third = Received(60);
        Take(Talk, new ConversationHandedOver(Talk, Talk, Talk, "asked", [third], [], null, null, null, Noon), 67);
        plan.End(10).Select(x => (x.Messages[0], x.Actual, x.Reason)).ShouldBe(
            [(first, "reply", null), (second, "person", null), (third, "handover", "asked")]);
    }

    [Fact]
    public void A_stream_of_messages_is_cut_every_half_minute_and_bursts_are_bounded()
    {
        for (var i = 0; i < 100; i++)
        {
            Received(i * 2);
        }

        var bursts = plan.End(3);
        bursts.Count.ShouldBe(3);
        bursts.ShouldAllBe(x => x.Messages.Length <= AutoAnswering.BurstMax && x.History.Length <= 10);
    }

    private Guid Received(int seconds)
    {
        var id = Guid.NewGuid();
        Take(id, new MessageReceived(Ref(id, "inbound"), "wamid", new(Guid.Empty, ""), false, null, Noon), seconds);
        return id;
    }

    private static MessageRef Ref(Guid id, string direction) => new(id, Talk, Talk, Talk, null, "text", direction);

    private void Take(Guid stream, object body, int seconds) => plan.Take(new(++sequence, Guid.NewGuid(), Guid.Empty, stream, 1,
        EventTypes.NameOf(body), body, Noon.AddSeconds(seconds), EventMetadata.None));
}
