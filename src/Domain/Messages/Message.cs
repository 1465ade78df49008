using System.Text.Json;
using Bsp.Domain.Common;

namespace Bsp.Domain.Messages;

/// <summary>
/// Where an outbound message stands between us and Meta; what Meta says later is in the facts (sent, delivered, read, failed).
/// </summary>
public enum MessagePhase { None, Queued, Sending, Accepted, Rejected, Unknown, UnknownClosed, Skipped, Cancelled, Expired, Inbound }

/// <summary>A status item of a webhook, as far as the ledger decides on it.</summary>
/// <param name="Status"><c>sent</c>, <c>delivered</c>, <c>read</c>, <c>played</c>, <c>failed</c>, or a word we do not know yet.</param>
public sealed record ReportedStatus(string Status, string Wamid, DateTimeOffset At, int? ErrorCode, string? ErrorTitle,
    string? ErrorDetails, Evidence? Evidence);

/// <summary>
/// The send ledger of one message. Facts about delivery form a set that only grows (a lattice: read implies delivered implies sent), so the
/// end state does not
/// depend on the order in which they arrive.
/// </summary>
/// <param name="Attempt">Graph calls begun.</param>
/// <param name="Notes">Contradicting or repeated facts kept; bounded by <see cref="NotesMax"/>.</param>
[NotRemembered]
public sealed record Message(MessageRef? Ref, MessagePhase Phase, int Attempt, string? Wamid, Guid Owner, Sealed? Content,
    TemplateUse? Template,
    DateTimeOffset? SentAt, DateTimeOffset? DeliveredAt, DateTimeOffset? ReadAt, DateTimeOffset? FailedAt, bool SentImplied,
    bool DeliveredImplied, int Notes)
    : IAggregate<Message, MessageEvent>
{
    /// <inheritdoc/>
    public static string StreamType => "message";

    /// <inheritdoc/>
    public static Message Initial { get; } =
        new(null, MessagePhase.None, 0, null, Guid.Empty, null, null, null, null, null, null, false, false, 0);

    /// <summary>What it waits for (<see cref="Wait"/>); null: nothing, or it is not queued.</summary>
    public string? Waiting { get; init; }

    /// <summary>When it is looked at again at the latest, while it waits.</summary>
    public DateTimeOffset? WaitsUntil { get; init; }

    /// <summary>Meta's cap on this person was met once; the second time ends it.</summary>
    public bool Capped { get; init; }

    /// <summary>Meta's id of the call that the cap undid; null: there is none.</summary>
    public string? FormerWamid { get; init; }

    /// <summary>Calls that were refused for the number's or the pair's pace: they are nobody's failure and spend no attempt.</summary>
    public int Unspent { get; init; }

    /// <summary>Graph calls at most, the first included; each further one follows a proven refusal.</summary>
    public const int AttemptsMax = 8;

    /// <summary>Refusals for pace that spend no attempt. Bounds a stream of a number that Meta throttles for days.</summary>
    public const int UnspentMax = 40;

    /// <summary>Notes kept in one stream; what comes after is in the journal only. Bounds a stream that Meta repeats without end.</summary>
    public const int NotesMax = 20;

    /// <summary>Meta may have it, or may still send it: neither waiting with us nor ended.</summary>
    public bool InFlight => Phase is MessagePhase.Sending or MessagePhase.Unknown;

    /// <summary>
    /// The call that was begun as this attempt by this process is the one under way: what is learned of it, short of acceptance, is news of
    /// no other.
    /// </summary>
    public bool IsUnderWay(int attempt, Guid owner) => Phase == MessagePhase.Sending && Attempt == attempt && Owner == owner;

    /// <summary>
    /// The same, or it was written off as of unknown outcome meanwhile: what Meta answered to that very call settles it.
    /// </summary>
    public bool IsOf(int attempt, Guid owner) => InFlight && Attempt == attempt && Owner == owner;

    /// <summary>A call was begun and Meta has not refused it: somebody has the message, or may get it.</summary>
    public bool MayHaveLeft => InFlight || Phase is MessagePhase.Accepted or MessagePhase.UnknownClosed or MessagePhase.Expired;

    /// <summary>
    /// Where it stands, in one word; every message ends in exactly one of skipped, cancelled, rejected, failed, expired, delivered (or
    /// read), unknown_closed.
    /// </summary>
    public string Standing => this switch
    {
        { Phase: MessagePhase.None } => "pending",
        { Phase: MessagePhase.Inbound } => "received",
        { ReadAt: not null } => "read",
        { DeliveredAt: not null } => "delivered",
        { FailedAt: not null } => "failed",
        { Phase: MessagePhase.Expired } => "expired",
        { Phase: MessagePhase.Unknown } => "outcome_unknown",
        { Phase: MessagePhase.UnknownClosed } => "unknown_closed",
        { Phase: MessagePhase.Queued, Waiting: { } wait } => wait,
        { Phase: MessagePhase.Rejected } => "rejected",
        { Phase: MessagePhase.Cancelled } => "cancelled",
        { SentAt: not null } => "sent",
        _ => Phase.ToString().ToLowerInvariant(),
    };

    /// <summary>Nothing is left to do or to wait for. What Meta says all the same, a <c>read</c> months later, still counts.</summary>
    public bool HasEnded =>
        Standing is "received" or "skipped" or "cancelled" or "rejected" or "failed" or "expired" or "delivered" or "read" or "unknown_closed";

    public static MessageEvent[] Queue(Message state, MessageRef reference, TemplateUse? template, Sealed content, SentBy by,
        DateTimeOffset now) =>
        state.Phase == MessagePhase.None ? [new MessageQueued(reference, template, content, by, now)] : [];

    public static MessageEvent[] Skip(Message state, MessageRef reference, string reason, DateTimeOffset now) =>
        state.Phase == MessagePhase.None ? [new MessageSkipped(reference, reason, now)] : [];

    /// <summary>
    /// The intent, before the Graph call. Only a queued message may be sent: anything else gives no events, and no call may follow.
    /// </summary>
    public static MessageEvent[] Begin(Message state, Guid owner, DateTimeOffset now) =>
        state.Phase == MessagePhase.Queued ? [.. WaitEnds(state, now), new MessageSending(state.Ref!, state.Attempt + 1, owner, now)] : [];

    public static MessageEvent[] Accept(Message state, string wamid, bool held, DateTimeOffset now) =>
        state.InFlight || state.Phase == MessagePhase.UnknownClosed ? [new MessageAccepted(state.Ref!, wamid, held, "response", now)] : [];

    /// <summary>
    /// Proven not taken, also when it was written off as of unknown outcome before the answer was recorded. A person's cap, the first
    /// time: it waits. Retryable and attempts left: queued again; else rejected.
    /// </summary>
    /// <param name="day">Length of Meta's day; null: <see cref="Wait.Day"/>.</param>
    public static MessageEvent[] Refuse(Message state, bool retryable, int code, string? title, string? details, DateTimeOffset retryAt,
        DateTimeOffset now, TimeSpan? day = null)
    {
        if (!state.InFlight)
        {
            return [];
        }

        var unknown = state.Phase == MessagePhase.Unknown;
        return MayWaitForCap(state, code)
            ? [new MessageDeferred(state.Ref!, Wait.UserCap, code, unknown ? "unknown" : null, now + (day ?? Wait.Day), now)]
            : retryable && state.Attempt - Math.Min(state.Unspent, UnspentMax) < AttemptsMax
            ? [new MessageAttemptRefused(state.Ref!, state.Attempt, code, details, retryAt, now, unknown ? true : null)]
            : [new MessageRejected(state.Ref!, code, title, details, now, unknown ? true : null)];
    }

    /// <summary>A queued one waits. It waits for the same already: no events.</summary>
    /// <param name="reason">One of <see cref="Wait"/>.</param>
    public static MessageEvent[] Defer(Message state, string reason, DateTimeOffset until, DateTimeOffset now) =>
        state.Phase != MessagePhase.Queued || state.Waiting == reason ? []
        : [.. WaitEnds(state, now), new MessageDeferred(state.Ref!, reason, null, null, until, now)];

    public static MessageEvent[] LoseTrack(Message state, string reason, DateTimeOffset deadline, DateTimeOffset now) =>
        state.Phase == MessagePhase.Sending ? [new MessageOutcomeUnknown(state.Ref!, reason, deadline, now)] : [];

    public static MessageEvent[] CloseUnknown(Message state, string ruling, DateTimeOffset now) =>
        state.Phase == MessagePhase.Unknown ? [new MessageUnknownClosed(state.Ref!, ruling, now)] : [];

    /// <summary>A person's ruling on an unknown outcome, before its deadline. What Meta says later still counts.</summary>
    /// <param name="outcome"><c>sent</c> or <c>not_sent</c>.</param>
    /// <exception cref="Refusal"><c>message.unknown</c> (there is none), <c>message.not_unknown</c></exception>
    public static MessageEvent[] Settle(Message state, string outcome, DateTimeOffset now) => state.Phase switch
    {
        MessagePhase.None => throw new Refusal("message.unknown", "There is no such message."),
        MessagePhase.Unknown => CloseUnknown(state, outcome, now),
        _ => throw new Refusal("message.not_unknown", $"Its outcome needs no ruling: the message is {state.Standing}."),
    };

    /// <summary>Only what has not left can be cancelled.</summary>
    public static MessageEvent[] Cancel(Message state, string reason, DateTimeOffset now) =>
        state.Phase == MessagePhase.Queued ? [.. WaitEnds(state, now), new MessageCancelled(state.Ref!, reason, now)] : [];

    /// <summary>Accepted, nothing heard, and Meta's time-to-live has passed.</summary>
    public static MessageEvent[] Expire(Message state, DateTimeOffset now) =>
        state is { Phase: MessagePhase.Accepted, DeliveredAt: null, FailedAt: null } ? [new MessageExpired(state.Ref!, now)] : [];

    /// <summary>
    /// What Meta's webhook says. Early (before our own call is recorded), late, doubled and contradicting statuses all lead to the same
    /// end.
    /// </summary>
    /// <param name="day">Length of Meta's day; null: <see cref="Wait.Day"/>.</param>
    public static MessageEvent[] Report(Message state, ReportedStatus said, TimeSpan? day = null)
    {
        if (state.Ref is not { Direction: "outbound" } reference || state.Phase is MessagePhase.None or MessagePhase.Skipped)
        {
            return [];
        }

        var former = said.Wamid == state.FormerWamid;
        var events = new List<MessageEvent>(4);
        if (former && said.Status == "failed")
        {
            return []; // heard: it waits, or waited, for that
        }

        if (state.Wamid is null && (!former || (state.Phase == MessagePhase.Queued && said.Status is "delivered" or "read" or "played")))
        {
            events.AddRange(WaitEnds(state, said.At));
            events.Add(new MessageAccepted(reference, said.Wamid, false, "webhook", said.At));
        }

        switch (said.Status)
        {
            case "sent" when state.SentAt is null:
                events.Add(new MessageSent(reference, false, said.Evidence, said.At));
                break;
            case "delivered" when state.DeliveredAt is null:
                Deliver(events, state, reference, said, implied: false);
                break;
            case "read" or "played" when state.ReadAt is null:
                if (state.DeliveredAt is null)
                {
                    Deliver(events, state, reference, said, implied: true);
                }

                events.Add(new MessageRead(reference, state.DeliveredAt ?? said.At, said.Evidence, said.At));
                break;
            case "failed" when said.ErrorCode is { } code && MayWaitForCap(state, code) && IsOpen(state):
                events.Add(new MessageDeferred(reference, Wait.UserCap, code, "accepted", said.At + (day ?? Wait.Day), said.At,
                    said.Evidence));
                break;
            case "failed" when state.FailedAt is null && state.DeliveredAt is null:
                events.Add(new MessageFailed(reference, said.ErrorCode, said.ErrorTitle, said.ErrorDetails, said.Evidence, said.At));
                break;
            default:
                if (!Heard(state, said) && state.Notes < NotesMax)
                {
                    events.Add(new MessageStatusNoted(reference, said.Status, said.Evidence, said.At));
                }

                break;
        }

        return [.. events];
    }

    /// <summary>A customer's message is taken in once.</summary>
    public static MessageEvent[] Receive(Message state, MessageRef reference, string wamid, Sealed content, bool newContact,
        Evidence? evidence, DateTimeOffset at, string? groupId = null, string? target = null) =>
        state.Phase == MessagePhase.None ? [new MessageReceived(reference, wamid, content, newContact, evidence, at, groupId, target)] : [];

    /// <summary>What a person sent from the app is taken in once.</summary>
    public static MessageEvent[] Echo(Message state, MessageRef reference, string wamid, Sealed content, Evidence? evidence,
        DateTimeOffset at) =>
        state.Phase == MessagePhase.None ? [new MessageEchoed(reference, wamid, content, evidence, at)] : [];

    /// <summary>A message of the app's history is taken in once; one that is known already stays as it is.</summary>
    public static MessageEvent[] Import(Message state, MessageRef reference, string wamid, Sealed content, string? status,
        Evidence? evidence, DateTimeOffset at) =>
        state.Phase == MessagePhase.None ? [new MessageImported(reference, wamid, content, status, evidence, at)] : [];

    public static Message Evolve(Message state, MessageEvent @event) => @event switch
    {
        MessageQueued e => state with { Ref = e.Ref, Phase = MessagePhase.Queued, Content = e.Content, Template = e.Template },
        MessageSkipped e => state with { Ref = e.Ref, Phase = MessagePhase.Skipped },
        MessageSending e => state with { Phase = MessagePhase.Sending, Attempt = e.Attempt, Owner = e.Owner },
        MessageAttemptRefused e => state with { Phase = MessagePhase.Queued, Unspent = state.Unspent + (IsPace(e.Code) ? 1 : 0) },
        MessageDeferred { Reason: Wait.UserCap } e => state with { Phase = MessagePhase.Queued, Waiting = e.Reason, WaitsUntil = e.Until,
            Capped = true, FormerWamid = state.Wamid ?? state.FormerWamid, Wamid = null },
        MessageDeferred e => state with { Phase = MessagePhase.Queued, Waiting = e.Reason, WaitsUntil = e.Until },
        MessageWaitEnded => state with { Waiting = null, WaitsUntil = null },
        MessageAccepted e => state with { Phase = MessagePhase.Accepted, Wamid = e.Wamid },
        MessageRejected => state with { Phase = MessagePhase.Rejected },
        MessageOutcomeUnknown => state with { Phase = MessagePhase.Unknown },
        MessageUnknownClosed => state with { Phase = MessagePhase.UnknownClosed },
        MessageCancelled => state with { Phase = MessagePhase.Cancelled },
        MessageExpired => state with { Phase = MessagePhase.Expired },
        MessageSent e => state with { SentAt = e.At, SentImplied = e.Implied },
        MessageDelivered e => state with { DeliveredAt = e.At, DeliveredImplied = e.Implied },
        MessageRead e => state with { ReadAt = e.At },
        MessageFailed e => state with { FailedAt = e.At },
        MessageStatusNoted { Status: "sent" } e when state.SentImplied =>
            state with { Notes = state.Notes + 1, SentAt = e.At, SentImplied = false },
        MessageStatusNoted { Status: "delivered" } e when state.DeliveredImplied =>
            state with { Notes = state.Notes + 1, DeliveredAt = e.At, DeliveredImplied = false },
        MessageStatusNoted => state with { Notes = state.Notes + 1 },
        MessageReceived e => state with { Ref = e.Ref, Phase = MessagePhase.Inbound, Wamid = e.Wamid, Content = e.Content },
        MessageEchoed e => state with { Ref = e.Ref, Phase = MessagePhase.Accepted, Wamid = e.Wamid, Content = e.Content, SentAt = e.At },
        MessageImported { Ref.Direction: "inbound" } e =>
            state with { Ref = e.Ref, Phase = MessagePhase.Inbound, Wamid = e.Wamid, Content = e.Content },
        MessageImported e => state with
        {
            Ref = e.Ref, Phase = MessagePhase.Accepted, Wamid = e.Wamid, Content = e.Content, SentAt = e.At,
            DeliveredAt = e.Status is "delivered" or "read" ? e.At : null, ReadAt = e.Status == "read" ? e.At : null,
            FailedAt = e.Status == "failed" ? e.At : null,
        },
        MessageAnalysed or MessageAutoReplied => state,
        _ => throw new InvalidOperationException($"Message.Evolve does not know {@event.GetType().Name}."),
    };

    private static MessageEvent[] WaitEnds(Message state, DateTimeOffset now) =>
        state.Waiting is { } wait ? [new MessageWaitEnded(state.Ref!, wait, now)] : [];

    // Only templates are capped; free-form messages answer a person.
    private static bool MayWaitForCap(Message state, int code) =>
        code == Wait.UserCapCode && !state.Capped && state.Ref!.Type == "template";

    // Nobody closed it, and nothing was heard that a later call would repeat.
    private static bool IsOpen(Message state) => state is { FailedAt: null, DeliveredAt: null, ReadAt: null }
        && state.Phase is MessagePhase.Sending or MessagePhase.Accepted or MessagePhase.Unknown;

    // The number's or the app's pace, the pair's, or Meta's own maintenance. Source: Meta, Cloud API error codes.
    private static bool IsPace(int code) => code is 4 or 80007 or 130429 or 131056 or 131057;

    private static void Deliver(List<MessageEvent> events, Message state, MessageRef reference, ReportedStatus said, bool implied)
    {
        if (state.SentAt is null)
        {
            events.Add(new MessageSent(reference, true, said.Evidence, said.At));
        }

        events.Add(new MessageDelivered(reference, implied, state.SentAt ?? said.At, state.FailedAt, said.Evidence, said.At));
    }

    // The very same report again: nothing new to keep. That a rung was only implied is not a report.
    private static bool Heard(Message state, ReportedStatus said) => said.Status switch
    {
        "sent" => state.SentAt == said.At && !state.SentImplied,
        "delivered" => state.DeliveredAt == said.At && !state.DeliveredImplied,
        "read" or "played" => state.ReadAt == said.At,
        "failed" => state.FailedAt == said.At,
        _ => false,
    };
}
