using Bsp.Domain.Common;
using Bsp.Domain.Messages;

namespace Bsp.UnitTests.Messages;

public sealed class MessageTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);
    private static readonly MessageRef Ref =
        new(Guid.Parse("01900000-0000-7000-8000-000000000001"), Guid.Empty, Guid.Empty, Guid.Empty, Guid.Empty, "template", "outbound");
    private static readonly Sealed Content = new(Guid.Empty, "c2VhbGVk");
    private static readonly SentBy By = new("campaign", null, null, true);
    private static readonly Guid Owner = Guid.Parse("01900000-0000-7000-8000-0000000000aa");
    private static readonly MessageQueued Queued = new(Ref, null, Content, By, Noon);
    private static readonly MessageSending Sending = new(Ref, 1, Owner, Noon);

    private static Message After(params MessageEvent[] past) => past.Aggregate(Message.Initial, Message.Evolve);

    private static ReportedStatus Said(string status, int second) =>
        new(status, "wamid.1", Noon.AddSeconds(second), status == "failed" ? 131026 : null, null, null, null);

    [Fact]
    public void A_queued_message_may_begin_once() => Message.Begin(After(Queued), Owner, Noon).ShouldBe([Sending]);

    [Fact]
    public void A_message_that_is_being_sent_never_begins_again() => Message.Begin(After(Queued, Sending), Owner, Noon).ShouldBeEmpty();

    [Fact]
    public void A_message_of_unknown_outcome_never_begins_again() =>
        Message.Begin(After(Queued, Sending, new MessageOutcomeUnknown(Ref, "time-out", Noon, Noon)), Owner, Noon).ShouldBeEmpty();

    [Fact]
    public void A_proven_refusal_lets_it_begin_again_as_the_next_attempt() =>
        Message.Begin(After(Queued, Sending, new MessageAttemptRefused(Ref, 1, 130429, null, Noon, Noon)), Owner, Noon)
        .ShouldBe([new MessageSending(Ref, 2, Owner, Noon)]);

    [Fact]
    public void An_attempt_is_under_way_until_its_refusal_and_never_as_anothers()
    {
        var other = Guid.Parse("01900000-0000-7000-8000-0000000000bb");
        var refused = new MessageAttemptRefused(Ref, 1, 130429, null, Noon, Noon);

        After(Queued, Sending).IsUnderWay(1, Owner).ShouldBeTrue();
        After(Queued, Sending).IsUnderWay(1, other).ShouldBeFalse();
        After(Queued, Sending, refused).IsUnderWay(1, Owner).ShouldBeFalse();
        After(Queued, Sending, refused, new MessageSending(Ref, 2, other, Noon)).IsUnderWay(1, Owner).ShouldBeFalse();
        After(Queued, Sending, new MessageOutcomeUnknown(Ref, "time-out", Noon, Noon)).IsUnderWay(1, Owner).ShouldBeFalse();
    }

    [Fact]
    public void After_the_last_attempt_a_refusal_is_a_rejection()
    {
        var state = After(Queued) with { Phase = MessagePhase.Sending, Attempt = Message.AttemptsMax };
        Message.Refuse(state, true, 130429, "slow down", null, Noon, Noon)
            .ShouldBe([new MessageRejected(Ref, 130429, "slow down", null, Noon)]);
    }

    [Fact]
    public void A_status_that_comes_before_our_own_answer_proves_the_acceptance()
    {
        var events = Message.Report(After(Queued, Sending), Said("delivered", 2));
        events.ShouldBe([new MessageAccepted(Ref, "wamid.1", false, "webhook", Noon.AddSeconds(2)),
            new MessageSent(Ref, true, null, Noon.AddSeconds(2)),
            new MessageDelivered(Ref, false, Noon.AddSeconds(2), null, null, Noon.AddSeconds(2))]);
        Message.Accept(After([Queued, Sending, .. events]), "wamid.1", false, Noon).ShouldBeEmpty();
    }

    [Fact]
    public void The_same_status_again_changes_nothing()
    {
        var state = After([Queued, Sending, .. Message.Report(After(Queued, Sending), Said("sent", 1))]);
        Message.Report(state, Said("sent", 1)).ShouldBeEmpty();
    }

    [Fact]
    public void A_status_repeated_with_another_time_is_kept_as_a_note()
    {
        var state = After([Queued, Sending, .. Message.Report(After(Queued, Sending), Said("sent", 1))]);
        Message.Report(state, Said("sent", 9)).ShouldBe([new MessageStatusNoted(Ref, "sent", null, Noon.AddSeconds(9))]);
    }

    [Fact]
    public void Notes_are_bounded() =>
        Message.Report(After(Queued, Sending,
            new MessageAccepted(Ref, "wamid.1", false, "response", Noon)) with { Notes = Message.NotesMax }, Said("warned", 1))
            .ShouldBeEmpty();

    [Fact]
    public void A_delivery_overrules_a_failure_and_says_so() =>
        Message.Report(After(Queued, Sending, new MessageAccepted(Ref, "wamid.1", false, "response", Noon),
            new MessageFailed(Ref, 131026, null, null, null, Noon.AddSeconds(1))), Said("delivered", 2))
            .OfType<MessageDelivered>().Single().FailedAt.ShouldBe(Noon.AddSeconds(1));

    [Fact]
    public void A_skipped_message_hears_nothing() =>
        Message.Report(After(new MessageSkipped(Ref, "no_consent", Noon)), Said("sent", 1)).ShouldBeEmpty();

    [Fact]
    public void Cancelling_reaches_only_what_has_not_left()
    {
        Message.Cancel(After(Queued), "cancelled", Noon).ShouldBe([new MessageCancelled(Ref, "cancelled", Noon)]);
        Message.Cancel(After(Queued, Sending), "cancelled", Noon).ShouldBeEmpty();
    }

    [Fact]
    public void Whatever_the_order_and_the_repetitions_the_end_is_the_same()
    {
        ReportedStatus[] said = [Said("sent", 1), Said("delivered", 2), Said("read", 3), Said("failed", 4), Said("delivered", 2)];
        foreach (var subset in Subsets(said))
        {
            var ends = Orders(subset).Select(End).Distinct().ToList();
            ends.Count.ShouldBe(1, string.Join(" | ", ends));
        }
    }

    // What views count: each rung at most once, a failure overruled by a delivery taken back.
    private static string End(IReadOnlyList<ReportedStatus> order)
    {
        var events = new List<MessageEvent> { Queued, Sending };
        foreach (var status in order)
        {
            events.AddRange(Message.Report(After([.. events]), status));
        }

        var counts =
            (Sent: events.Count(e => e is MessageSent), Delivered: events.Count(e => e is MessageDelivered),
                Read: events.Count(e => e is MessageRead),
            Failed: events.Count(e => e is MessageFailed) - events.Count(e => e is MessageDelivered { FailedAt: not null }));
        counts.ShouldSatisfyAllConditions(c => c.Sent.ShouldBeInRange(0, 1), c => c.Delivered.ShouldBeLessThanOrEqualTo(c.Sent), c =>
            c.Read.ShouldBeLessThanOrEqualTo(c.Delivered), c => c.Failed.ShouldBeInRange(0, 1));
        return $"{After([.. events]).Standing} {counts}";
    }

    private static IEnumerable<ReportedStatus[]> Subsets(ReportedStatus[] all) =>
        Enumerable.Range(0, 1 << all.Length).Select(mask => all.Where((_, i) => (mask & (1 << i)) != 0).ToArray());

    private static IEnumerable<IReadOnlyList<ReportedStatus>> Orders(IReadOnlyList<ReportedStatus> items) =>
        items.Count == 0 ? [[]]
        : items.SelectMany((first, i) =>
            Orders([.. items.Where((_, j) => j != i)]).Select(rest => (IReadOnlyList<ReportedStatus>)[first, .. rest]));
}
