namespace Bsp.Domain.Conversations;

/// <summary>What a conversation remembers of answers by machines, since it was founded, archived or given back.</summary>
/// <param name="Turns">Answers in a row without a person.</param>
/// <param name="Times">When the latest 20 answers were given, the latest last; they outlive archiving, so that no loop does.</param>
/// <param name="LeftTo">Why no machine answers any more; null: one may.</param>
/// <param name="LeftAt">Since when, or when a person last answered; null: it never was.</param>
public sealed record AutoAnswering(int Turns, IReadOnlyList<DateTimeOffset> Times, string? LeftTo, DateTimeOffset? LeftAt = null)
{
    /// <summary>None yet.</summary>
    public static readonly AutoAnswering None = new(0, [], null);

    /// <summary>Answers by machines in one conversation within an hour. Two machines that answer each other end here.</summary>
    public const int PerHourMax = 6;

    /// <summary>Within a day.</summary>
    public const int PerDayMax = 20;

    /// <summary>Messages of a burst that an answer is said to answer.</summary>
    public const int BurstMax = 20;

    /// <summary>A person answered.</summary>
    public const string Answered = "answered";

    /// <summary>A person took it.</summary>
    public const string Person = "person";

    /// <summary>
    /// Why nothing is to be decided at all: no model is asked and nothing is written; null: go on. In order: <c>spam</c>,
    /// <c>assigned</c>, <c>handed_over</c>, <c>window</c>.
    /// </summary>
    /// <param name="resumeAfter">So long after it was left to people, or one last answered, a machine may answer again; null: never by
    /// itself.</param>
    public static string? Silence(Conversation state, TimeSpan? resumeAfter, DateTimeOffset now) => state switch
    {
        { Status: "spam" } => "spam",
        { AssignedTo: not null } => "assigned",
        { Auto.LeftTo: not null } when !state.Auto.IsOver(resumeAfter, now) => "handed_over",
        _ when !(state.WindowUntil > now) => "window",
        _ => null,
    };

    /// <summary>Why a person has to go on, whatever a model says: <c>turns</c>, <c>rate</c>; null: a model may answer.</summary>
    /// <param name="turnsMax">Answers in a row without a person.</param>
    public static string? Limit(Conversation state, int turnsMax, DateTimeOffset now)
    {
        var auto = state.Auto ?? None;
        return auto.LeftTo is null && auto.Turns >= turnsMax ? "turns"
            : auto.Times.Count(at => at > now.AddHours(-1)) >= PerHourMax || auto.Times.Count(at => at > now.AddDays(-1)) >= PerDayMax
            ? "rate" : null;
    }

    /// <summary>
    /// Why an answer that was decided a while ago must not leave any more: a person has it, or has answered, it is spam, or the window has
    /// closed; null: it may.
    /// </summary>
    public static string? Withdrawn(Conversation state, DateTimeOffset now) => Silence(state, null, now);

    /// <summary>Leaves it to a person. Left to one already: no events.</summary>
    /// <param name="teamId">Whose members shall be given it; null: whoever looks.</param>
    public static ConversationEvent[] HandOver(Conversation state, ConversationHandedOver fact, Guid? teamId) =>
        state.Auto?.LeftTo == fact.Reason && fact.Answers.Count == 0 ? []
        : [
            fact,
            .. teamId is { } team && state is { AssignedTo: null, Status: "active" } && state.TeamId != team
            ? (ConversationEvent[])
            [new ConversationAssigned(fact.ConversationId, fact.AccountId, fact.ContactId, null, fact.At, team, "ai")]
            : [],
        ];

    /// <summary>Lets the machine answer again. It may already: no events.</summary>
    public static ConversationEvent[] GiveBack(Conversation state, ConversationOf of, Guid? userId, string by, DateTimeOffset now) =>
        state.Auto?.LeftTo is null ? [] : [new ConversationGivenBack(of.Id, of.AccountId, of.ContactId, userId, by, now)];

    /// <summary>A machine answered at <paramref name="at"/>.</summary>
    internal AutoAnswering After(DateTimeOffset at) =>
        new(LeftTo is null ? Turns + 1 : 1, [.. Times.Append(at).TakeLast(PerDayMax)], null);

    // What a person took stays theirs until they give it back.
    private bool IsOver(TimeSpan? resumeAfter, DateTimeOffset now) => LeftTo != Person && resumeAfter is { } pause && LeftAt + pause < now;
}
