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

    private static readonly TimeSpan Day = TimeSpan.FromHours(24);
    private static readonly MessageOutcomeUnknown Unknown = new(Ref, "cut off", Noon.AddDays(1), Noon);

    [Fact]
    public void An_answer_that_comes_after_the_message_was_written_off_settles_it()
    {
        var state = After(Queued, Sending, Unknown);
        Message.Refuse(state, true, 130429, "slow down", null, Noon.AddSeconds(1), Noon)
            .ShouldBe([new MessageAttemptRefused(Ref, 1, 130429, null, Noon.AddSeconds(1), Noon, true)]);
        Message.Refuse(state, false, 131026, "undeliverable", null, Noon, Noon)
            .ShouldBe([new MessageRejected(Ref, 131026, "undeliverable", null, Noon, true)]);
        Message.Refuse(After(Queued, Sending, Unknown, new MessageUnknownClosed(Ref, "deadline", Noon)), false, 131026, null, null, Noon,
            Noon).ShouldBeEmpty();
        state.IsOf(1, Owner).ShouldBeTrue();
        state.IsOf(2, Owner).ShouldBeFalse();
    }

    [Fact]
    public void A_refusal_for_pace_spends_no_attempt_and_there_is_an_end_to_that()
    {
        var past = new List<MessageEvent> { Queued };
        var refused = 0;
        for (MessageEvent[] said = []; said is not [MessageRejected]; refused++)
        {
            past.Add(Message.Begin(After([.. past]), Owner, Noon).ShouldHaveSingleItem());
            said = Message.Refuse(After([.. past]), true, 131056, null, null, Noon, Noon);
            past.AddRange(said);
            refused.ShouldBeLessThan(100);
        }

        refused.ShouldBe(Message.UnspentMax + Message.AttemptsMax);
    }

    [Fact]
    public void Whoever_is_beyond_the_limit_waits_once_and_goes_on_from_there()
    {
        var waiting = Message.Defer(After(Queued), Wait.Limit, Noon.AddHours(3), Noon);
        waiting.ShouldBe([new MessageDeferred(Ref, Wait.Limit, null, null, Noon.AddHours(3), Noon)]);
        var state = After([Queued, .. waiting]);
        (state.Standing, state.WaitsUntil, state.HasEnded).ShouldBe((Wait.Limit, Noon.AddHours(3), false));
        Message.Defer(state, Wait.Limit, Noon.AddHours(4), Noon).ShouldBeEmpty();
        Message.Begin(state, Owner, Noon).ShouldBe([new MessageWaitEnded(Ref, Wait.Limit, Noon), Sending]);
        Message.Cancel(state, "no", Noon).ShouldBe([new MessageWaitEnded(Ref, Wait.Limit, Noon), new MessageCancelled(Ref, "no", Noon)]);
    }

    [Fact]
    public void A_cap_on_a_person_is_waited_for_once_whether_the_answer_or_a_webhook_says_so()
    {
        var answered = Message.Refuse(After(Queued, Sending), false, Wait.UserCapCode, null, null, Noon, Noon);
        answered.ShouldBe([new MessageDeferred(Ref, Wait.UserCap, Wait.UserCapCode, null, Noon + Day, Noon)]);
        var accepted = new MessageAccepted(Ref, "wamid.1", false, "response", Noon);
        var capped = Said("failed", 1) with { ErrorCode = Wait.UserCapCode };
        var told = Message.Report(After(Queued, Sending, accepted), capped);
        told.ShouldBe([new MessageDeferred(Ref, Wait.UserCap, Wait.UserCapCode, "accepted", Noon.AddSeconds(1) + Day,
            Noon.AddSeconds(1))]);
        Message.Report(After([Queued, Sending, accepted, .. told]), capped).ShouldBeEmpty("the same word again");

        var second = After([Queued, Sending, .. answered, new MessageWaitEnded(Ref, Wait.UserCap, Noon), Sending with { Attempt = 2 }]);
        Message.Refuse(second, false, Wait.UserCapCode, "t", null, Noon, Noon)
            .ShouldBe([new MessageRejected(Ref, Wait.UserCapCode, "t", null, Noon)]);
        var again = After([Queued, Sending, accepted, .. told, new MessageWaitEnded(Ref, Wait.UserCap, Noon), Sending with { Attempt = 2 },
            accepted with { Wamid = "wamid.2" }]);
        Message.Report(again, capped with { Wamid = "wamid.2" }).ShouldHaveSingleItem().ShouldBeOfType<MessageFailed>();
        Message.Report(again, capped).ShouldBeEmpty("of the call before");
    }

    [Fact]
    public void What_Meta_delivered_after_all_is_not_sent_again()
    {
        var capped = Said("failed", 1) with { ErrorCode = Wait.UserCapCode };
        var state = After([Queued, Sending, .. Message.Report(After(Queued, Sending), capped)]);
        state.Standing.ShouldBe(Wait.UserCap);
        var after = After([Queued, Sending, .. Message.Report(After(Queued, Sending), capped),
            .. Message.Report(state, Said("delivered", 2))]);
        (after.Standing, after.Phase, after.Waiting).ShouldBe(("delivered", MessagePhase.Accepted, null));
        Message.Begin(after, Owner, Noon).ShouldBeEmpty();
    }

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
