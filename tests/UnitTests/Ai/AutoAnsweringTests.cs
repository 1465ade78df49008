using Bsp.Domain.Conversations;

namespace Bsp.UnitTests.Ai;

/// <summary>Who may be answered by a machine, by what the conversation remembers.</summary>
public sealed class AutoAnsweringTests
{
    private static readonly Guid Id = Guid.Parse("0198a000-0000-7000-8000-000000000001");
    private static readonly Guid Account = Guid.Parse("0198a000-0000-7000-8000-000000000002");
    private static readonly Guid Contact = Guid.Parse("0198a000-0000-7000-8000-000000000003");
    private static readonly DateTimeOffset Noon = new(2026, 5, 1, 12, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan? Day = TimeSpan.FromHours(24);

    private static Conversation After(params ConversationEvent[] events) =>
        events.Aggregate(Conversation.Initial, Conversation.Evolve);

    private static CustomerWindowOpened Wrote(DateTimeOffset at) => new(Id, Account, Contact, at.AddHours(24), at);

    private static ConversationAutoAnswered Answer(DateTimeOffset at) => new(Id, Account, Contact, Guid.NewGuid(), [], [], "other", 1,
        new("embedded", "m", "", 0, 0, 0, 0, "USD", 0), null, at);

    private static ConversationHandedOver Left(string reason, DateTimeOffset at) => new(Id, Account, Contact, reason, [], [], null, null,
        null, at);

    [Fact]
    public void Whoever_wrote_and_belongs_to_nobody_may_be_answered() =>
        AutoAnswering.Silence(After(Wrote(Noon)), Day, Noon.AddMinutes(1)).ShouldBeNull();

    [Fact]
    public void Nobody_is_answered_outside_the_window_in_spam_or_in_somebodys_conversation()
    {
        AutoAnswering.Silence(After(), Day, Noon).ShouldBe("window");
        AutoAnswering.Silence(After(Wrote(Noon)), Day, Noon.AddHours(25)).ShouldBe("window");
        AutoAnswering.Silence(After(Wrote(Noon), new ConversationClassified(Id, Account, Contact, "spam", "low", [], Noon)), Day, Noon)
            .ShouldBe("spam");
        AutoAnswering.Silence(After(Wrote(Noon), new ConversationAssigned(Id, Account, Contact, Guid.NewGuid(), Noon)), Day, Noon)
            .ShouldBe("assigned");
    }

    [Fact]
    public void A_persons_answer_leaves_it_to_people_for_a_while_and_archiving_ends_that()
    {
        var answered = After(Wrote(Noon), new ConversationAnswered(Id, Account, Contact, Guid.NewGuid(), null, "phone", Noon));
        AutoAnswering.Silence(answered, Day, Noon.AddHours(1)).ShouldBe("handed_over");
        AutoAnswering.Silence(answered, null, Noon.AddHours(1)).ShouldBe("handed_over");
        var later = Conversation.Evolve(answered, Wrote(Noon.AddHours(25)));
        AutoAnswering.Silence(later, Day, Noon.AddHours(26)).ShouldBeNull();
        AutoAnswering.Silence(later, null, Noon.AddHours(26)).ShouldBe("handed_over");
        var archived = Conversation.Evolve(answered, new ConversationClassified(Id, Account, Contact, "archived", "low", [], Noon));
        AutoAnswering.Silence(archived, null, Noon.AddHours(1)).ShouldBeNull();
    }

    [Fact]
    public void What_a_person_took_stays_theirs_until_it_is_given_back()
    {
        var taken = After(Wrote(Noon), Left(AutoAnswering.Person, Noon), Wrote(Noon.AddHours(30)));
        AutoAnswering.Silence(taken, Day, Noon.AddHours(31)).ShouldBe("handed_over");
        var back = AutoAnswering.GiveBack(taken, new(Id, Account, Contact), null, "key", Noon.AddHours(31)).ShouldHaveSingleItem();
        AutoAnswering.Silence(Conversation.Evolve(taken, back), Day, Noon.AddHours(31)).ShouldBeNull();
        AutoAnswering.GiveBack(Conversation.Evolve(taken, back), new(Id, Account, Contact), null, "key", Noon).ShouldBeEmpty();
    }

    [Fact]
    public void Answers_in_a_row_and_in_an_hour_and_in_a_day_are_bounded()
    {
        AutoAnswering.Limit(After(Wrote(Noon), Answer(Noon), Answer(Noon)), 2, Noon).ShouldBe("turns");
        AutoAnswering.Limit(After(Wrote(Noon), Answer(Noon), Answer(Noon)), 3, Noon).ShouldBeNull();
        AutoAnswering.Limit(After([.. Enumerable.Range(0, 6).Select(i => Answer(Noon.AddMinutes(i)))]), 20, Noon.AddMinutes(10))
            .ShouldBe("rate");
        AutoAnswering.Limit(After([.. Enumerable.Range(0, 6).Select(i => Answer(Noon.AddMinutes(i)))]), 20, Noon.AddHours(2))
            .ShouldBeNull();
        var day = After([.. Enumerable.Range(0, 30).Select(i => Answer(Noon.AddMinutes(i * 20)))]);
        AutoAnswering.Limit(day, 100, Noon.AddHours(11)).ShouldBe("rate");
        day.Auto!.Times.Count.ShouldBe(AutoAnswering.PerDayMax);
        // archiving forgets the turns, not the times
        var anew = Conversation.Evolve(day, new ConversationClassified(Id, Account, Contact, "archived", "low", [], Noon));
        (anew.Auto!.Turns, AutoAnswering.Limit(anew, 100, Noon.AddHours(11))).ShouldBe((0, "rate"));
    }

    [Fact]
    public void Leaving_it_to_a_team_assigns_it_to_the_team()
    {
        var team = Guid.NewGuid();
        var facts = AutoAnswering.HandOver(After(Wrote(Noon)), Left("asked", Noon), team);
        facts.Length.ShouldBe(2);
        facts[1].ShouldBeOfType<ConversationAssigned>().TeamId.ShouldBe(team);
        AutoAnswering.HandOver(After(Wrote(Noon), Left("asked", Noon)), Left("asked", Noon), team).ShouldBeEmpty();
    }
}
