using Bsp.Application.Common;

namespace Bsp.Application.Conversations;

/// <summary>One row of the collection <c>conversations</c> (specification §2): a number and a contact. Own fields follow "own:".</summary>
public sealed record ConversationDocument
{
    /// <summary><c>_id</c>.</summary>
    public required DocumentId Id { get; init; }

    public required Guid OrganizationId { get; init; }

    public required Guid ContactId { get; init; }

    public required Guid AccountId { get; init; }

    /// <summary>Meta's conversation id, from the last status that carried one; null mostly (v24 and later leave it out).</summary>
    public string? WaConversationId { get; init; }

    public ConversationContact Contact { get; init; } = new();

    /// <summary><c>active</c>, <c>archived</c> or <c>spam</c>.</summary>
    public string Status { get; init; } = "active";

    /// <summary><c>low</c>, <c>medium</c>, <c>high</c> or <c>urgent</c>.</summary>
    public string Priority { get; init; } = "medium";

    public Guid? AssignedTo { get; init; }

    public DateTimeOffset? AssignedAt { get; init; }

    /// <summary>Of the latest message that was analysed; null until one was.</summary>
    public ConversationAnalysis? AiAnalysis { get; init; }

    public DateTimeOffset? LastMessageAt { get; init; }

    /// <summary>At most 100 characters; null when the last message has no text or was erased.</summary>
    public string? LastMessagePreview { get; init; }

    public MessageCount MessageCount { get; init; } = new();

    public string[] Tags { get; init; } = [];

    /// <summary><c>whatsapp</c> (the customer began it), <c>api</c> or <c>campaign</c>.</summary>
    public string Source { get; init; } = "whatsapp";

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>Two years after the last message; the store may delete it then.</summary>
    public DateTimeOffset? ExpiresAt { get; init; }

    /// <summary>own: the UUID that people see; <see cref="Id"/> is made from it.</summary>
    public required Guid Uuid { get; init; }

    /// <summary>own: place of the last event it holds, packed.</summary>
    public required long Position { get; init; }

    /// <summary>own: free-form messages are allowed until then.</summary>
    public DateTimeOffset? WindowUntil { get; init; }

    /// <summary>own: messages received since a person opened it.</summary>
    public int UnreadCount { get; init; }

    /// <summary>own: Meta's id of the group; null: a private conversation. A group's contact is nobody (all zeros).</summary>
    public string? GroupId { get; init; }

    /// <summary>own: who wrote the last message, in a group.</summary>
    public Guid? LastMessageBy { get; init; }

    /// <summary>own: key of the last message, when the customer wrote it.</summary>
    public string? LastMessageKey { get; init; }

    /// <summary>own: keys of unread messages, the newest 100: a revocation takes its own out.</summary>
    public string[]? Unread { get; init; }

    /// <summary>
    /// own: Meta's id of the latest message of the customer's, up to which it can be marked as read; null: none, or they were erased.
    /// </summary>
    public string? LastInboundId { get; init; }

    /// <summary>own: when that was written.</summary>
    public DateTimeOffset? LastInboundAt { get; init; }

    /// <summary>own: whose members may be given it.</summary>
    public Guid? TeamId { get; init; }

    /// <summary>own: put aside until then.</summary>
    public DateTimeOffset? SnoozedUntil { get; init; }

    /// <summary>own: until when it was put aside the last time, to be offered again.</summary>
    public DateTimeOffset? SnoozedBefore { get; init; }

    /// <summary>own: the customer's first message that no person has answered; null: nobody waits.</summary>
    public DateTimeOffset? WaitingSince { get; init; }

    /// <summary>own: the latest time of being talked to, from the customer's first message on.</summary>
    public ConversationEpisode? Episode { get; init; }

    /// <summary>own: when the message was received of which <see cref="AiAnalysis"/> is.</summary>
    public DateTimeOffset? AnalysedAt { get; init; }

    /// <summary>
    /// own: that a machine, or who took it from one, left it to people; null: a machine may answer, if the organization lets it.
    /// </summary>
    public ConversationHandover? AiHandover { get; init; }

    /// <summary>
    /// own: the latest 50 edits and revocations, so that it does not matter whether they come before or after their messages.
    /// </summary>
    public ConversationAmendment[]? Amendments { get; init; }
}

/// <summary>
/// From the customer's first message, or the first after it was archived, until it is archived (again). Automatic answers stop no clock.
/// </summary>
/// <param name="Number">From 1.</param>
/// <param name="StartedAt">Of the customer's message.</param>
/// <param name="FirstResponseAt">The first answer of a person; null: none yet.</param>
/// <param name="FirstResponseBy">The user's id, the key's prefix or <c>phone</c>.</param>
/// <param name="ResolvedAt">When it was archived; null: it is not.</param>
public sealed record ConversationEpisode(int Number, DateTimeOffset StartedAt, DateTimeOffset? FirstResponseAt = null,
    string? FirstResponseBy = null, DateTimeOffset? ResolvedAt = null);

/// <param name="Reason">A word of docs/ai.md.</param>
public sealed record ConversationHandover(string Reason, DateTimeOffset At);

/// <param name="Key">Of the message that it is about.</param>
/// <param name="Kind"><c>edit</c> or <c>revoke</c>.</param>
/// <param name="Preview">Of the new content; null for a revocation.</param>
/// <param name="By">Who did it.</param>
public sealed record ConversationAmendment(string Key, string Kind, DateTimeOffset At, string? Preview, Guid By);

/// <param name="PhoneNumber">E.164 with '+'.</param>
/// <param name="Name">The customer's WhatsApp profile name.</param>
/// <param name="ProfilePicture">Always null: Meta does not give it to businesses.</param>
public sealed record ConversationContact(string? PhoneNumber = null, string? Name = null, string? ProfilePicture = null);

/// <param name="Sentiment"><c>positive</c>, <c>negative</c> or <c>neutral</c>.</param>
public sealed record ConversationAnalysis(string? Sentiment = null, double? SentimentScore = null, string? Intent = null,
    string? Language = null, string? Summary = null);

/// <param name="Outgoing">Queued; those cancelled or rejected later stay visible in the conversation and counted.</param>
public sealed record MessageCount(int Incoming = 0, int Outgoing = 0);
