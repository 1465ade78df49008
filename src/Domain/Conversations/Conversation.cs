using Bsp.Domain.Common;

namespace Bsp.Domain.Conversations;

/// <summary>What a conversation must remember to decide. A customer who writes daily adds an event a day, for years.</summary>
/// <param name="WindowUntil">Free-form messages are allowed until then; null: the customer never wrote.</param>
[SnapshotEvery(100)]
public sealed record Conversation(Guid Id, Guid AccountId, Guid ContactId, DateTimeOffset? WindowUntil, Guid? AssignedTo, string Status, string Priority, IReadOnlyList<string> Tags, string? ReadUpTo)
    : IAggregate<Conversation, ConversationEvent>
{
    /// <inheritdoc/>
    public static string StreamType => "conversation";

    /// <inheritdoc/>
    public static Conversation Initial { get; } = new(Guid.Empty, Guid.Empty, Guid.Empty, null, null, "active", "medium", [], null);

    /// <summary>Customer-service window after a customer's message, hours. Source: Meta, messages outside it must be templates.</summary>
    public const int WindowHours = 24;

    /// <summary>The customer wrote at <paramref name="at"/>. An older message than the newest known one extends nothing: no events.</summary>
    public static ConversationEvent[] CustomerWrote(Conversation state, Guid conversationId, Guid accountId, Guid contactId, DateTimeOffset at, DateTimeOffset now)
    {
        var until = at.AddHours(WindowHours);
        return state.WindowUntil >= until ? [] : [new CustomerWindowOpened(conversationId, accountId, contactId, until, now)];
    }

    /// <exception cref="Refusal"><c>conversation.window_closed</c></exception>
    public static void RequireOpenWindow(Conversation state, DateTimeOffset now)
    {
        if (!(state.WindowUntil > now))
        {
            throw new Refusal("conversation.window_closed", "The customer has not written within the last 24 hours: only a template may be sent.");
        }
    }

    /// <summary>Gives it to a person, or to nobody (null). No change: no events.</summary>
    public static ConversationEvent[] Assign(Conversation state, Guid conversationId, Guid accountId, Guid contactId, Guid? userId, DateTimeOffset now) =>
        state.AssignedTo == userId ? [] : [new ConversationAssigned(conversationId, accountId, contactId, userId, now)];

    /// <summary>No change: no events.</summary>
    public static ConversationEvent[] Classify(Conversation state, Guid conversationId, Guid accountId, Guid contactId, string status, string priority, IReadOnlyList<string> tags, DateTimeOffset now) =>
        state.Status == status && state.Priority == priority && state.Tags.SequenceEqual(tags) ? [] : [new ConversationClassified(conversationId, accountId, contactId, status, priority, tags, now)];

    public static Conversation Evolve(Conversation state, ConversationEvent @event) => @event switch
    {
        CustomerWindowOpened e => state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId, WindowUntil = e.Until },
        ConversationAssigned e => state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId, AssignedTo = e.UserId },
        ConversationClassified e => state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId, Status = e.Status, Priority = e.Priority, Tags = e.Tags },
        ConversationRead e => state with { Id = e.ConversationId, AccountId = e.AccountId, ContactId = e.ContactId, ReadUpTo = e.LastWamid },
        _ => throw new InvalidOperationException($"Conversation.Evolve does not know {@event.GetType().Name}."),
    };
}
