using Bsp.Domain.Common;

namespace Bsp.Domain.Conversations;

/// <summary>What a conversation must remember to decide. A customer who writes daily adds an event a day, for years.</summary>
/// <param name="WindowUntil">Free-form messages are allowed until then; null: the customer never wrote.</param>
[SnapshotEvery(100)]
public sealed record Conversation(Guid Id, Guid AccountId, Guid ContactId, DateTimeOffset? WindowUntil, Guid? AssignedTo, string Status,
    string Priority, IReadOnlyList<string> Tags, string? ReadUpTo)
    : IAggregate<Conversation, ConversationEvent>
{
    /// <summary>Whose members may be given it; null: no team.</summary>
    public Guid? TeamId { get; init; }

    /// <summary>Put aside until then; null: it is not.</summary>
    public DateTimeOffset? SnoozedUntil { get; init; }

    /// <summary>The last answer of each of the last few who answered, the latest last; null: nobody yet.</summary>
    public IReadOnlyList<GivenAnswer>? Answers { get; init; }

    /// <summary>What machines answered; null: nothing, and nobody keeps them from it.</summary>
    public AutoAnswering? Auto { get; init; }

    /// <inheritdoc/>
    public static string StreamType => "conversation";

    /// <inheritdoc/>
    public static Conversation Initial { get; } = new(Guid.Empty, Guid.Empty, Guid.Empty, null, null, "active", "medium", [], null);

    /// <summary>Customer-service window after a customer's message, hours. Source: Meta, messages outside it must be templates.</summary>
    public const int WindowHours = 24;

    /// <summary>Longest that one may be put aside.</summary>
    public static readonly TimeSpan SnoozeMax = TimeSpan.FromDays(366);

    private const int AnswerersKept = 8;

    /// <summary>
    /// The customer wrote at <paramref name="at"/>, at the latest now. An older message than the newest known one extends nothing: no
    /// events. A window that reaches further than any message can
    /// open it (of a time that was believed once) ends as this message says.
    /// </summary>
    public static ConversationEvent[] CustomerWrote(Conversation state, Guid conversationId, Guid accountId, Guid contactId,
        DateTimeOffset at, DateTimeOffset now)
    {
        var until = (at < now ? at : now).AddHours(WindowHours);
        return state.WindowUntil >= until && state.WindowUntil <= now.AddHours(WindowHours) ? []
            : [new CustomerWindowOpened(conversationId, accountId, contactId, until, now)];
    }

    /// <exception cref="Refusal"><c>conversation.window_closed</c></exception>
    public static void RequireOpenWindow(Conversation state, DateTimeOffset now)
    {
        if (!(state.WindowUntil > now))
        {
            throw new Refusal("conversation.window_closed",
                "The customer has not written within the last 24 hours: only a template may be sent.");
        }
    }

    /// <summary>
    /// The customer wrote something that is a message: what was archived is open again, what was put aside is not any more, and what nobody
    /// has goes to its number's team. Spam stays where it is.
    /// </summary>
    /// <param name="team">Of the number; null: it has none.</param>
    public static ConversationEvent[] Heard(Conversation state, ConversationOf of, Guid? team, DateTimeOffset now)
    {
        if (state.Status == "spam")
        {
            return [];
        }

        var events = new List<ConversationEvent>();
        if (state.Status == "archived")
        {
            events.Add(new ConversationClassified(of.Id, of.AccountId, of.ContactId, "active", state.Priority, state.Tags, now));
        }

        if (state.SnoozedUntil is not null)
        {
            events.Add(new ConversationWoken(of.Id, of.AccountId, of.ContactId, "customer", now));
        }

        if (team is { } own && state is { TeamId: null, AssignedTo: null })
        {
            events.Add(new ConversationAssigned(of.Id, of.AccountId, of.ContactId, null, now, own, "route"));
        }

        return [.. events];
    }

    /// <summary>Gives it to a person, or to nobody (null). No change: no events.</summary>
    public static ConversationEvent[] Assign(Conversation state, Guid conversationId, Guid accountId, Guid contactId, Guid? userId,
        DateTimeOffset now) =>
        Assign(state, new(conversationId, accountId, contactId), userId, state.TeamId, "person", now);

    /// <summary>Gives it to a person or nobody, within a team or none. No change: no events.</summary>
    /// <param name="reason">See <see cref="ConversationAssigned"/>.</param>
    public static ConversationEvent[] Assign(Conversation state, ConversationOf of, Guid? userId, Guid? teamId, string reason,
        DateTimeOffset now) =>
        state.AssignedTo == userId && state.TeamId == teamId ? []
        : [new ConversationAssigned(of.Id, of.AccountId, of.ContactId, userId, now, teamId, reason)];

    /// <summary>The team's turn: only what is still the team's and nobody's, and open.</summary>
    public static ConversationEvent[] HandOut(Conversation state, Guid teamId, Guid userId, DateTimeOffset now) =>
        state is { Status: "active", SnoozedUntil: null, AssignedTo: null } && state.TeamId == teamId
        ? Assign(state, state.Of, userId, teamId, "queue", now) : [];

    /// <summary>Who has it went away: back to the team.</summary>
    public static ConversationEvent[] TakeBack(Conversation state, Guid userId, DateTimeOffset now) =>
        state is { Status: "active", TeamId: { } team } && state.AssignedTo == userId ? Assign(state, state.Of, null, team, "offline", now)
        : [];

    /// <summary>A person has read up to a message of the customer's. Read up to there already: no events.</summary>
    /// <param name="silent">Meta is not told.</param>
    public static ConversationEvent[] Read(Conversation state, ConversationOf of, string wamid, Guid? userId, bool silent,
        DateTimeOffset now) =>
        state.ReadUpTo == wamid ? [] : [new ConversationRead(of.Id, of.AccountId, of.ContactId, wamid, now, userId, silent ? true : null)];

    /// <summary>A person answers with a message.</summary>
    public static ConversationAnswered Answer(ConversationOf of, Guid messageId, Guid? userId, string by, DateTimeOffset now) =>
        new(of.Id, of.AccountId, of.ContactId, messageId, userId, by, now);

    /// <summary>Puts it aside until a time, or with null not any more. No change: no events.</summary>
    /// <exception cref="Refusal"><c>conversation.snooze_time</c>, <c>conversation.not_active</c></exception>
    public static ConversationEvent[] Snooze(Conversation state, ConversationOf of, DateTimeOffset? until, Guid? userId, DateTimeOffset now)
    {
        if (until is not { } time)
        {
            return state.SnoozedUntil is null ? [] : [new ConversationWoken(of.Id, of.AccountId, of.ContactId, "person", now)];
        }

        if (time <= now || time > now + SnoozeMax)
        {
            throw new Refusal("conversation.snooze_time", $"until must lie between now and {SnoozeMax.TotalDays:0} days from now.");
        }

        return state.Status != "active"
            ? throw new Refusal("conversation.not_active", $"The conversation is {state.Status}: only an active one can be put aside.")
            : state.SnoozedUntil == time ? [] : [new ConversationSnoozed(of.Id, of.AccountId, of.ContactId, time, userId, now)];
    }

    /// <summary>Its time has come. Put aside for longer meanwhile, or not any more: no events.</summary>
    public static ConversationEvent[] WakeDue(Conversation state, DateTimeOffset now) =>
        state.SnoozedUntil is { } until && until <= now ? [new ConversationWoken(state.Id, state.AccountId, state.ContactId, "due", now)]
        : [];

    /// <summary>No change: no events.</summary>
    public static ConversationEvent[] Classify(Conversation state, Guid conversationId, Guid accountId, Guid contactId, string status,
        string priority, IReadOnlyList<string> tags, DateTimeOffset now) =>
        state.Status == status && state.Priority == priority && state.Tags.SequenceEqual(tags) ? []
        : [
            new ConversationClassified(conversationId, accountId, contactId, status, priority, tags, now),
            .. status != "active" && state.SnoozedUntil is not null
            ? (ConversationEvent[])[new ConversationWoken(conversationId, accountId, contactId, "person", now)] : [],
        ];

    /// <summary>Whose it is; all zeros before its first event.</summary>
    private ConversationOf Of => new(Id, AccountId, ContactId);

    public static Conversation Evolve(Conversation state, ConversationEvent @event) => @event switch
    {
        CustomerWindowOpened e =>
            state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId, WindowUntil = e.Until },
        ConversationAssigned e =>
            state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId, AssignedTo = e.UserId,
                TeamId = e.TeamId },
        ConversationClassified e =>
            state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId, Status = e.Status, Priority = e.Priority,
                Tags = e.Tags, Auto = e.Status == "archived" ? Anew(state.Auto) : state.Auto },
        ConversationRead e =>
            state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId, ReadUpTo = e.LastWamid },
        ConversationAnswered e =>
            state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId, Answers = After(state.Answers, e),
                Auto = (state.Auto ?? AutoAnswering.None) with
                { LeftTo = AutoAnswering.Answered, LeftAt = e.At } },
        ConversationSnoozed e =>
            state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId, SnoozedUntil = e.Until },
        ConversationWoken e => state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId, SnoozedUntil = null },
        ConversationNoted e => state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId },
        ConversationAutoAnswered e =>
            state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId,
                Auto = (state.Auto ?? AutoAnswering.None).After(e.At) },
        ConversationHandedOver e =>
            state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId,
                Auto = (state.Auto ?? AutoAnswering.None) with { LeftTo = e.Reason, LeftAt = e.At } },
        ConversationLeftSilent e => state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId },
        ConversationGivenBack e =>
            state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId, Auto = Anew(state.Auto) },
        _ => throw new InvalidOperationException($"Conversation.Evolve does not know {@event.GetType().Name}."),
    };

    // When it is talked about anew a machine may answer again; how often it has lately is not forgotten.
    private static AutoAnswering? Anew(AutoAnswering? auto) => auto is null or { Times.Count: 0 } ? null
        : auto with { Turns = 0, LeftTo = null, LeftAt = null };

    private static GivenAnswer[] After(IReadOnlyList<GivenAnswer>? answers, ConversationAnswered e) =>
        [.. (answers ?? []).Where(a => a.By != e.By).Append(new(e.MessageId, e.By)).TakeLast(AnswerersKept)];
}

/// <summary>Which conversation, of which number with whom (all zeros: a group).</summary>
public readonly record struct ConversationOf(Guid Id, Guid AccountId, Guid ContactId);

/// <param name="By">The user's id, the key's prefix, or <c>phone</c>.</param>
public sealed record GivenAnswer(Guid MessageId, string By);
