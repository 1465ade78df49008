using Bsp.Domain.Common;

namespace Bsp.Domain.Conversations;

/// <summary>A fact about the conversation of one number with one contact.</summary>
public abstract record ConversationEvent;

/// <summary>The customer wrote, so free-form messages are allowed until <paramref name="Until"/> (24 h after their message).</summary>
[StoredAs("customer_window_opened")]
public sealed record CustomerWindowOpened(Guid ConversationId, Guid AccountId, Guid ContactId, DateTimeOffset Until, DateTimeOffset At) : ConversationEvent;

/// <param name="UserId">Null: nobody any more.</param>
[StoredAs("conversation_assigned")]
public sealed record ConversationAssigned(Guid ConversationId, Guid AccountId, Guid ContactId, Guid? UserId, DateTimeOffset At) : ConversationEvent;

/// <summary>The whole classification after the change.</summary>
/// <param name="Status"><c>active</c>, <c>archived</c> or <c>spam</c>.</param>
/// <param name="Priority"><c>low</c>, <c>medium</c>, <c>high</c> or <c>urgent</c>.</param>
[StoredAs("conversation_classified")]
public sealed record ConversationClassified(Guid ConversationId, Guid AccountId, Guid ContactId, string Status, string Priority, IReadOnlyList<string> Tags, DateTimeOffset At) : ConversationEvent;

/// <summary>A person opened it: everything up to now is read.</summary>
[StoredAs("conversation_read")]
public sealed record ConversationRead(Guid ConversationId, Guid AccountId, Guid ContactId, string LastWamid, DateTimeOffset At) : ConversationEvent;
