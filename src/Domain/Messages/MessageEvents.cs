using System.Text.Json;
using Bsp.Domain.Common;

namespace Bsp.Domain.Messages;

/// <summary>A fact about one message, inbound or outbound. At most about ten a stream: the send ledger.</summary>
/// <param name="Ref">Whom and what the message belongs to; on every event, so that no view needs another's state.</param>
/// <param name="At">When it happened, by the clock of whoever knows best (Meta's for statuses).</param>
public abstract record MessageEvent(MessageRef Ref, DateTimeOffset At);

/// <summary>What every view needs to place a fact.</summary>
/// <param name="MessageId">The stream.</param>
/// <param name="AccountId">The number that sends or receives.</param>
/// <param name="CampaignId">Null when no campaign sent it.</param>
/// <param name="Type">Exact WhatsApp type: <c>text</c>, <c>template</c>, <c>location</c>, <c>sticker</c>, …</param>
/// <param name="Direction"><c>inbound</c> or <c>outbound</c>.</param>
public sealed record MessageRef(Guid MessageId, Guid AccountId, Guid ContactId, Guid ConversationId, Guid? CampaignId, string Type,
    string Direction);

/// <param name="Name">Meta's template name.</param>
public sealed record TemplateUse(Guid TemplateId, string Name, string Language, string Category);

/// <summary>Who or what caused an outbound message. <paramref name="UserId"/> null: no person did.</summary>
/// <param name="Source"><c>campaign</c>, <c>api</c>, <c>inbox</c>, <c>phone</c> (WhatsApp's own app on the number), or <c>ai</c> (an
/// answer by a machine).</param>
public sealed record SentBy(string Source, Guid? UserId, string? UserName, bool IsAutomated)
{
    /// <summary>Somebody wrote it: from the inbox, on the phone, or signed in.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public bool IsPerson => !IsAutomated && (Source is "inbox" or "phone" || UserId is not null);

    /// <summary>A machine answered.</summary>
    public const string Ai = "ai";

    /// <summary>The user's id, or the key's prefix.</summary>
    [System.Text.Json.Serialization.JsonIgnore]
    public string Who => UserId?.ToString() ?? UserName ?? Source;
}

/// <summary>
/// Where a fact reported by Meta can be looked up again; what billing needs is copied, because the journal is kept for days only.
/// </summary>
/// <param name="JournalId">Row of <c>bsp.webhook_journal</c>.</param>
/// <param name="BodySha256">Hex SHA-256 of the whole signed body.</param>
/// <param name="Item">The status or message item as Meta wrote it, without the customer's personal data, within bounds.</param>
/// <param name="SignedBy">
/// Whose secret signed the webhook: <c>app</c> (<c>app#2</c> during a rotation), the platform's Meta app, or <c>organization</c>, the
/// organization's own app, whose secret it knows:
/// what comes so is the organization's own word. Null: recorded before this was kept; the journal's row says it.
/// </param>
/// <param name="To">
/// Of a status, what the market of its recipient follows from and nobody can be told by: the first four digits of the number, or the
/// country of a business-scoped user id. Null: nobody was
/// named, or recorded before this was kept.
/// </param>
/// <param name="Participant">Of a group's status, 16 hex digits of the SHA-256 of who received it; null: a message to one person.</param>
public sealed record Evidence(long JournalId, string BodySha256, JsonElement? Item, string? SignedBy = null, string? To = null,
    string? Participant = null);

/// <param name="Content">Sealed JSON of the Graph body without <c>messaging_product</c> and <c>biz_opaque_callback_data</c>: recipient,
/// type, its object.</param>
[StoredAs("message_queued")]
public sealed record MessageQueued(MessageRef Ref, TemplateUse? Template, Sealed Content, SentBy SentBy, DateTimeOffset At)
    : MessageEvent(Ref, At);

/// <summary>Decided before sending: nothing will be sent.</summary>
/// <param name="Reason"><c>no_consent</c>, <c>no_phone</c>, <c>duplicate</c>, <c>limit</c>, <c>window</c>, <c>template</c>,
/// <c>spam</c>, <c>send_until</c>, <c>delivered</c> (of a retry).</param>
[StoredAs("message_skipped")]
public sealed record MessageSkipped(MessageRef Ref, string Reason, DateTimeOffset At) : MessageEvent(Ref, At);

/// <summary>The intent, written before the Graph call.</summary>
/// <param name="Attempt">1 for the first call; a further one follows only a proven refusal.</param>
/// <param name="Owner">Process that makes the call; when it is gone without an outcome, the outcome is unknown.</param>
[StoredAs("message_sending")]
public sealed record MessageSending(MessageRef Ref, int Attempt, Guid Owner, DateTimeOffset At) : MessageEvent(Ref, At);

/// <summary>Meta proved that it did not take the message and may take it later (130429, 131056, …): queued again.</summary>
/// <param name="WasUnknown">True: it had been written off as of unknown outcome, and the answer came after all; null: it had not.</param>
[StoredAs("message_attempt_refused")]
public sealed record MessageAttemptRefused(MessageRef Ref, int Attempt, int Code, string? Details, DateTimeOffset RetryAt,
    DateTimeOffset At, bool? WasUnknown = null) : MessageEvent(Ref, At);

/// <summary>It waits for what time cures, and is sent then: room under the messaging limit, or the end of a person's cap.</summary>
/// <param name="Reason">One of <see cref="Wait"/>.</param>
/// <param name="Code">What Meta answered (131049); null: it was not asked.</param>
/// <param name="From">What it had been that is taken back: <c>accepted</c>, <c>unknown</c>; null: queued or being sent.</param>
/// <param name="Until">When it is looked at again at the latest.</param>
/// <param name="Evidence">Of Meta's status; null: its answer said so, or nobody was asked.</param>
[StoredAs("message_deferred")]
public sealed record MessageDeferred(MessageRef Ref, string Reason, int? Code, string? From, DateTimeOffset Until, DateTimeOffset At,
    Evidence? Evidence = null) : MessageEvent(Ref, At);

/// <summary>It waits no longer: what follows in its stream says why.</summary>
/// <param name="Reason">What it had waited for.</param>
[StoredAs("message_wait_ended")]
public sealed record MessageWaitEnded(MessageRef Ref, string Reason, DateTimeOffset At) : MessageEvent(Ref, At);

/// <param name="Wamid">Meta's message id.</param>
/// <param name="Held">Meta holds it for quality assessment (pacing).</param>
/// <param name="Proof"><c>response</c>: the Graph answer; <c>webhook</c>: a status that echoed our id came first.</param>
[StoredAs("message_accepted")]
public sealed record MessageAccepted(MessageRef Ref, string Wamid, bool Held, string Proof, DateTimeOffset At) : MessageEvent(Ref, At);

/// <summary>Meta proved that it did not take the message, for good.</summary>
/// <param name="WasUnknown">As of <see cref="MessageAttemptRefused"/>.</param>
[StoredAs("message_rejected")]
public sealed record MessageRejected(MessageRef Ref, int Code, string? Title, string? Details, DateTimeOffset At, bool? WasUnknown = null)
    : MessageEvent(Ref, At);

/// <summary>
/// Time-out, 5xx or a killed process: Meta may or may not have it. Never sent again; a status settles it, or the deadline does.
/// </summary>
[StoredAs("message_outcome_unknown")]
public sealed record MessageOutcomeUnknown(MessageRef Ref, string Reason, DateTimeOffset Deadline, DateTimeOffset At)
    : MessageEvent(Ref, At);

/// <summary>The unknown's deadline passed, or a person ruled on it.</summary>
/// <param name="Ruling"><c>deadline</c> or what a person said.</param>
[StoredAs("message_unknown_closed")]
public sealed record MessageUnknownClosed(MessageRef Ref, string Ruling, DateTimeOffset At) : MessageEvent(Ref, At);

/// <summary>It will not leave: its campaign was cancelled, its time is over, or another message has the person.</summary>
[StoredAs("message_cancelled")]
public sealed record MessageCancelled(MessageRef Ref, string Reason, DateTimeOffset At) : MessageEvent(Ref, At);

/// <summary>Accepted, but Meta's time-to-live passed without a status; Meta sends no webhook for that.</summary>
[StoredAs("message_expired")]
public sealed record MessageExpired(MessageRef Ref, DateTimeOffset At) : MessageEvent(Ref, At);

/// <param name="Implied">Meta never said so; a later rung implies it, at that rung's time.</param>
[StoredAs("message_sent")]
public sealed record MessageSent(MessageRef Ref, bool Implied, Evidence? Evidence, DateTimeOffset At) : MessageEvent(Ref, At);

/// <param name="SentAt">When it was sent, for delivery times.</param>
/// <param name="FailedAt">Not null: a failure reported at that time is overruled, so counts of failures go back by one.</param>
[StoredAs("message_delivered")]
public sealed record MessageDelivered(MessageRef Ref, bool Implied, DateTimeOffset SentAt, DateTimeOffset? FailedAt, Evidence? Evidence,
    DateTimeOffset At) : MessageEvent(Ref, At);

/// <param name="DeliveredAt">When it was delivered, for reading times.</param>
[StoredAs("message_read")]
public sealed record MessageRead(MessageRef Ref, DateTimeOffset DeliveredAt, Evidence? Evidence, DateTimeOffset At) : MessageEvent(Ref, At);

[StoredAs("message_failed")]
public sealed record MessageFailed(MessageRef Ref, int? Code, string? Title, string? Details, Evidence? Evidence, DateTimeOffset At)
    : MessageEvent(Ref, At);

/// <summary>A status that changes nothing but is kept: late, repeated with another time, contradicting, or unknown to us.</summary>
[StoredAs("message_status_noted")]
public sealed record MessageStatusNoted(MessageRef Ref, string Status, Evidence? Evidence, DateTimeOffset At) : MessageEvent(Ref, At);

/// <summary>A customer wrote to us.</summary>
/// <param name="Content">Sealed JSON of the message item as Meta wrote it, with the sender's profile.</param>
/// <param name="NewContact">The contact was made for this message.</param>
/// <param name="GroupId">Meta's id of the group in which it was written, at most 256 characters; null: to the number alone, or received
/// before groups were told apart.</param>
/// <param name="Target">Key (<see cref="MessageKey"/>) of the message that this one edits, takes back or reacts to; null: it is about none,
/// or was received before these were told apart.</param>
[StoredAs("message_received")]
public sealed record MessageReceived(MessageRef Ref, string Wamid, Sealed Content, bool NewContact, Evidence? Evidence, DateTimeOffset At,
    string? GroupId = null, string? Target = null) : MessageEvent(Ref, At);

/// <summary>Short names of Meta's message ids, which hold the customer's number: what can be kept when the contact is erased.</summary>
public static class MessageKey
{
    /// <summary>16 hex digits of the id's SHA-256.</summary>
    public static string Of(string wamid) =>
        Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(wamid)).AsSpan(0, 8));
}
