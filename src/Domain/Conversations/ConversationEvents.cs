using Bsp.Domain.Common;

namespace Bsp.Domain.Conversations;

/// <summary>A fact about the conversation of one number with one contact.</summary>
public abstract record ConversationEvent;

/// <summary>The customer wrote, so free-form messages are allowed until <paramref name="Until"/> (24 h after their message).</summary>
[StoredAs("customer_window_opened")]
public sealed record CustomerWindowOpened(Guid ConversationId, Guid AccountId, Guid ContactId, DateTimeOffset Until, DateTimeOffset At)
    : ConversationEvent;

/// <param name="UserId">Null: nobody any more.</param>
/// <param name="TeamId">Whose members may be given it; null: no team.</param>
/// <param name="Reason">
/// <c>person</c>, <c>route</c> (its number's team), <c>queue</c> (the team's turn), <c>offline</c> (who had it went away), <c>ai</c> (a
/// machine gave it to a team). Null: written
/// before reasons were kept: a person did.
/// </param>
[StoredAs("conversation_assigned")]
public sealed record ConversationAssigned(
    Guid ConversationId, Guid AccountId, Guid ContactId, Guid? UserId, DateTimeOffset At, Guid? TeamId = null, string? Reason = null)
    : ConversationEvent;

/// <summary>The whole classification after the change.</summary>
/// <param name="Status"><c>active</c>, <c>archived</c> or <c>spam</c>.</param>
/// <param name="Priority"><c>low</c>, <c>medium</c>, <c>high</c> or <c>urgent</c>.</param>
[StoredAs("conversation_classified")]
public sealed record ConversationClassified(Guid ConversationId, Guid AccountId, Guid ContactId, string Status, string Priority,
    IReadOnlyList<string> Tags, DateTimeOffset At) : ConversationEvent;

/// <summary>A person opened it: everything up to <paramref name="LastWamid"/> is read.</summary>
/// <param name="Silent">True: Meta is not told, as of a group; null: it is, once.</param>
[StoredAs("conversation_read")]
public sealed record ConversationRead(
    Guid ConversationId, Guid AccountId, Guid ContactId, string LastWamid, DateTimeOffset At, Guid? UserId = null, bool? Silent = null)
    : ConversationEvent;

/// <summary>A person answered: appended together with the message, so that two who answer at once are seen by each other.</summary>
/// <param name="UserId">Null: a key did, or the phone.</param>
/// <param name="By">The user's id, the key's prefix, or <c>phone</c>.</param>
[StoredAs("conversation_answered")]
public sealed record ConversationAnswered(
    Guid ConversationId, Guid AccountId, Guid ContactId, Guid MessageId, Guid? UserId, string By, DateTimeOffset At) : ConversationEvent;

/// <summary>Put aside until a time.</summary>
[StoredAs("conversation_snoozed")]
public sealed record ConversationSnoozed(
    Guid ConversationId, Guid AccountId, Guid ContactId, DateTimeOffset Until, Guid? UserId, DateTimeOffset At) : ConversationEvent;

/// <summary>It is put aside no more.</summary>
/// <param name="Reason"><c>due</c>, <c>customer</c> (they wrote) or <c>person</c>.</param>
[StoredAs("conversation_woken")]
public sealed record ConversationWoken(Guid ConversationId, Guid AccountId, Guid ContactId, string Reason, DateTimeOffset At)
    : ConversationEvent;

/// <summary>A note among colleagues. The customer never gets it, and no model sees it.</summary>
/// <param name="Content">Sealed text, under the contact's key; a group's under a key of its own.</param>
/// <param name="UserId">Who wrote it; null: a key.</param>
/// <param name="By">The user's id or the key's prefix.</param>
/// <param name="Mentions">Users who are told, without the writer; of a team those who were its members then.</param>
[StoredAs("conversation_noted")]
public sealed record ConversationNoted(
    Guid ConversationId, Guid AccountId, Guid ContactId, Guid NoteId, Sealed Content, Guid? UserId, string By,
    IReadOnlyList<Guid> Mentions, DateTimeOffset At)
    : ConversationEvent;
