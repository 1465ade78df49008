using Bsp.Domain.Common;

namespace Bsp.Domain.Conversations;

/// <summary>A message that a decision saw.</summary>
/// <param name="EventId">The event that brought it, or put it on its way.</param>
public sealed record SeenMessage(Guid MessageId, Guid EventId);

/// <summary>
/// A machine answers a burst of the customer's messages: appended together with the answer at the conversation's version, so that a
/// customer or a person who writes meanwhile is seen.
/// </summary>
/// <param name="MessageId">The answer.</param>
/// <param name="Answers">The burst: at most 20 messages.</param>
/// <param name="Saw">Everything that the decision saw, the burst included: at most 60.</param>
/// <param name="Confidence">0 to 1.</param>
/// <param name="Exchange">Sealed JSON: what was asked, what is answered, a summary.</param>
[StoredAs("conversation_auto_answered")]
public sealed record ConversationAutoAnswered(Guid ConversationId, Guid AccountId, Guid ContactId, Guid MessageId,
    IReadOnlyList<Guid> Answers, IReadOnlyList<SeenMessage> Saw, string Intent, decimal Confidence, ModelUse Use, Sealed? Exchange,
    DateTimeOffset At)
    : ConversationEvent;

/// <summary>A machine leaves the conversation to a person, and answers nothing more in it until it is archived or given back.</summary>
/// <param name="Reason">A word of docs/ai.md: <c>asked</c>, <c>negative</c>, <c>unsure</c>, <c>turns</c>, <c>rate</c>, <c>loop</c>,
/// <c>budget</c>, <c>filtered</c>, <c>suspicious</c>, <c>model_failed</c>, <c>person</c>, …</param>
/// <param name="Answers">The burst that waits for a person; empty: none.</param>
/// <param name="Saw">What the decision saw.</param>
/// <param name="Use">Null: no model was asked.</param>
/// <param name="Exchange">As of an answer; null: nothing was asked of a model.</param>
/// <param name="UserId">Who took it from the machine; null: the machine gave it.</param>
[StoredAs("conversation_handed_over")]
public sealed record ConversationHandedOver(Guid ConversationId, Guid AccountId, Guid ContactId, string Reason,
    IReadOnlyList<Guid> Answers, IReadOnlyList<SeenMessage> Saw, ModelUse? Use, Sealed? Exchange, Guid? UserId, DateTimeOffset At)
    : ConversationEvent;

/// <summary>A machine read a burst and found that nothing is to be said.</summary>
/// <param name="Answers">The burst.</param>
/// <param name="Saw">What the decision saw.</param>
[StoredAs("conversation_left_silent")]
public sealed record ConversationLeftSilent(Guid ConversationId, Guid AccountId, Guid ContactId, IReadOnlyList<Guid> Answers,
    IReadOnlyList<SeenMessage> Saw, string Intent, decimal Confidence, ModelUse Use, Sealed? Exchange, DateTimeOffset At)
    : ConversationEvent;

/// <summary>A person lets the machine answer again.</summary>
/// <param name="UserId">Null: a key did.</param>
/// <param name="By">The user's id or the key's prefix.</param>
[StoredAs("conversation_given_back")]
public sealed record ConversationGivenBack(Guid ConversationId, Guid AccountId, Guid ContactId, Guid? UserId, string By, DateTimeOffset At)
    : ConversationEvent;
