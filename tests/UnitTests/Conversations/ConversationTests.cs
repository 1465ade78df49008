using Bsp.Domain.Common;
using Bsp.Domain.Conversations;

namespace Bsp.UnitTests.Conversations;

public sealed class ConversationTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);
    private static readonly ConversationOf Of = new(Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
    private static readonly Guid Ann = Guid.NewGuid();
    private static readonly Guid Team = Guid.NewGuid();

    private static Conversation After(params ConversationEvent[] events) => events.Aggregate(Conversation.Initial, Conversation.Evolve);

    private static ConversationClassified Filed(string status) => new(Of.Id, Of.AccountId, Of.ContactId, status, "high", ["vip"], Noon);

    [Fact]
    public void What_was_archived_is_active_again_when_the_customer_writes_and_keeps_its_priority_and_tags()
    {
        var reopened = Conversation.Heard(After(Filed("archived")), Of, null, Noon).ShouldHaveSingleItem()
            .ShouldBeOfType<ConversationClassified>();
        (reopened.Status, reopened.Priority, reopened.Tags.Single()).ShouldBe(("active", "high", "vip"));
    }

    [Fact]
    public void Spam_stays_silent_when_the_customer_writes() => Conversation.Heard(After(Filed("spam")), Of, Team, Noon).ShouldBeEmpty();

    [Fact]
    public void What_nobody_has_goes_to_the_numbers_team_once()
    {
        var state = After(Conversation.Heard(Conversation.Initial, Of, Team, Noon));
        (state.TeamId, state.AssignedTo).ShouldBe((Team, null));
        Conversation.Heard(state, Of, Team, Noon).ShouldBeEmpty();
        Conversation.Heard(After(new ConversationAssigned(Of.Id, Of.AccountId, Of.ContactId, Ann, Noon)), Of, Team, Noon).ShouldBeEmpty();
    }

    [Fact]
    public void A_team_hands_out_only_what_is_still_its_own_open_and_nobodys()
    {
        var routed = After(Conversation.Heard(Conversation.Initial, Of, Team, Noon));
        var given = Conversation.HandOut(routed, Team, Ann, Noon).ShouldHaveSingleItem();
        Conversation.HandOut(Conversation.Evolve(routed, given), Team, Guid.NewGuid(), Noon).ShouldBeEmpty();
        Conversation.HandOut(routed, Guid.NewGuid(), Ann, Noon).ShouldBeEmpty();
        Conversation.HandOut(Conversation.Evolve(routed, Filed("archived")), Team, Ann, Noon).ShouldBeEmpty();
        Conversation.HandOut(routed with { SnoozedUntil = Noon.AddHours(1) }, Team, Ann, Noon).ShouldBeEmpty();
    }

    [Fact]
    public void Who_went_away_loses_only_what_they_still_have()
    {
        var mine = After(new ConversationAssigned(Of.Id, Of.AccountId, Of.ContactId, Ann, Noon, Team, "queue"));
        var back = After(Conversation.TakeBack(mine, Ann, Noon));
        (back.AssignedTo, back.TeamId).ShouldBe((null, Team));
        Conversation.TakeBack(mine with { AssignedTo = Guid.NewGuid() }, Ann, Noon).ShouldBeEmpty();
    }

    [Fact]
    public void A_snooze_lies_ahead_and_within_a_year_and_ends_when_due_or_when_the_customer_writes_and_never_before()
    {
        Should.Throw<Refusal>(() =>
            Conversation.Snooze(Conversation.Initial, Of, Noon, Ann, Noon)).Code.ShouldBe("conversation.snooze_time");
        Should.Throw<Refusal>(() =>
            Conversation.Snooze(Conversation.Initial, Of, Noon.AddDays(367), Ann, Noon)).Code.ShouldBe("conversation.snooze_time");
        Should.Throw<Refusal>(() =>
            Conversation.Snooze(After(Filed("spam")), Of, Noon.AddDays(1), Ann, Noon)).Code.ShouldBe("conversation.not_active");
        var aside = After(Conversation.Snooze(Conversation.Initial, Of, Noon.AddHours(1), Ann, Noon));
        Conversation.WakeDue(aside, Noon.AddMinutes(59)).ShouldBeEmpty();
        Conversation.WakeDue(aside, Noon.AddHours(1)).ShouldHaveSingleItem().ShouldBeOfType<ConversationWoken>().Reason.ShouldBe("due");
        Conversation.Heard(aside, Of, null, Noon).ShouldHaveSingleItem().ShouldBeOfType<ConversationWoken>().Reason.ShouldBe("customer");
        Conversation.Snooze(aside, Of, null, Ann, Noon).ShouldHaveSingleItem()
            .ShouldBeOfType<ConversationWoken>().Reason.ShouldBe("person");
        Conversation.Classify(aside, Of.Id, Of.AccountId, Of.ContactId, "archived", "medium", [], Noon).OfType<ConversationWoken>()
            .ShouldHaveSingleItem();
    }

    [Fact]
    public void Reading_up_to_the_same_message_again_is_nothing_new()
    {
        var read = After(Conversation.Read(Conversation.Initial, Of, "wamid.1", Ann, false, Noon));
        Conversation.Read(read, Of, "wamid.1", Guid.NewGuid(), false, Noon).ShouldBeEmpty();
        Conversation.Read(read, Of, "wamid.2", Ann, false, Noon).ShouldHaveSingleItem();
    }

    [Fact]
    public void The_last_answer_of_each_of_the_last_eight_who_answered_is_remembered()
    {
        var state = After([.. Enumerable.Range(0, 20).Select(i => Conversation.Answer(Of, Guid.NewGuid(), null, $"key{i % 10}", Noon))]);
        state.Answers!.Select(a => a.By).ShouldBe(Enumerable.Range(2, 8).Select(i => $"key{i}"));
    }
}
