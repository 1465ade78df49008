using System.Text.Json;
using Bsp.Application.Common;

namespace Bsp.Application.Messages;

/// <summary>
/// One row of the collection <c>messages</c> (specification §2). Messages that were skipped never were messages and have none. Own fields
/// follow "own:".
/// </summary>
public sealed record MessageDocument
{
    /// <summary><c>_id</c>.</summary>
    public required DocumentId Id { get; init; }

    public required Guid OrganizationId { get; init; }

    public required DocumentId ConversationId { get; init; }

    public required Guid ContactId { get; init; }

    public Guid? CampaignId { get; init; }

    /// <summary><c>inbound</c> or <c>outbound</c>.</summary>
    public required string Direction { get; init; }

    /// <summary>The specification's value nearest to <see cref="MessageTypeExact"/>.</summary>
    public required string MessageType { get; init; }

    public string? WaMessageId { get; init; }

    public string? WaConversationId { get; init; }

    /// <summary>Null when the type has none, or the contact was erased.</summary>
    public MessageContent? Content { get; init; }

    public MessageTemplate? Template { get; init; }

    public MessageInteractive? Interactive { get; init; }

    /// <summary>The furthest of <c>read</c>, <c>delivered</c>, <c>failed</c>, <c>sent</c>, <c>pending</c>, in that order.</summary>
    public string Status { get; init; } = "pending";

    /// <summary>Every fact: <c>pending</c>, then by time, then by rung.</summary>
    public StatusChange[] StatusHistory { get; init; } = [];

    public DateTimeOffset? SentAt { get; init; }

    public DateTimeOffset? DeliveredAt { get; init; }

    public DateTimeOffset? ReadAt { get; init; }

    /// <summary>Null again when a later delivery overruled the failure; the history keeps it.</summary>
    public DateTimeOffset? FailedAt { get; init; }

    /// <summary>Null until an analysis was made.</summary>
    public MessageAiProcessing? AiProcessing { get; init; }

    /// <summary>Outbound only.</summary>
    public MessageSender? SentBy { get; init; }

    /// <summary>Null until a status carried pricing.</summary>
    public MessageCost? Cost { get; init; }

    /// <summary>
    /// As Meta wrote it: of what we sent the last status, without personal data; of what the customer or the phone wrote the message's
    /// item, each text cut after 4,096 characters and all of it after some 32 KB. Null: Meta has said nothing yet, or the contact was
    /// erased.
    /// </summary>
    public JsonElement? RawWebhook { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>own: the UUID that people see; <see cref="Id"/> is made from it.</summary>
    public required Guid Uuid { get; init; }

    /// <summary>own: place of the last event it holds, packed.</summary>
    public required long Position { get; init; }

    /// <summary>own: UUID of <see cref="ConversationId"/>.</summary>
    public required Guid ConversationUuid { get; init; }

    /// <summary>own.</summary>
    public required Guid AccountId { get; init; }

    /// <summary>own: WhatsApp's own word.</summary>
    public required string MessageTypeExact { get; init; }

    /// <summary>
    /// own: also <c>queued</c>, <c>sending</c>, <c>accepted</c>, <c>rejected</c>, <c>outcome_unknown</c>, <c>unknown_closed</c>,
    /// <c>cancelled</c>, <c>expired</c>.
    /// </summary>
    public string StatusExact { get; init; } = "queued";

    /// <summary>own: Meta's error code of the failure or rejection.</summary>
    public string? ErrorCode { get; init; }

    /// <summary>
    /// own: what the type carries beyond <see cref="Content"/>: the lines of an order, the answers of a form, cards, what is not supported.
    /// Null: nothing, or the contact was erased.
    /// </summary>
    public JsonElement? Details { get; init; }

    /// <summary>own: what the customer quoted or forwarded. Null: nothing.</summary>
    public MessageQuote? Context { get; init; }

    /// <summary>own: the advertisement or post that the customer came from, as Meta wrote it. Null: none.</summary>
    public JsonElement? Referral { get; init; }

    /// <summary>own: Meta's id of the group; null: a private message.</summary>
    public string? GroupId { get; init; }

    /// <summary>own: profile name of who wrote into the group.</summary>
    public string? SenderName { get; init; }

    /// <summary>
    /// own: Meta's id of the message that this one edits, takes back or reacts to. Null: it is about none, does not say, or the contact was
    /// erased.
    /// </summary>
    public string? Amends { get; init; }

    /// <summary>own: what could not be taken as it came, a sentence each. Null: all was.</summary>
    public string[]? Notes { get; init; }

    /// <summary>own, made when it is shown: one of each person, the latest. Null: none.</summary>
    public MessageReaction[]? Reactions { get; init; }

    /// <summary>own, made when it is shown: when it was last edited; <see cref="Content"/> is then the new one.</summary>
    public DateTimeOffset? EditedAt { get; init; }

    /// <summary>own, made when it is shown: the content before any edit.</summary>
    public MessageContent? Original { get; init; }

    /// <summary>own, made when it is shown: when the sender took it back ("deleted for everyone").</summary>
    public DateTimeOffset? RevokedAt { get; init; }
}

/// <param name="WaMessageId">Meta's id of the quoted message.</param>
/// <param name="Product">Catalogue product that the question is about, as Meta wrote it.</param>
public sealed record MessageQuote(string? WaMessageId = null, bool? Forwarded = null, bool? FrequentlyForwarded = null,
    JsonElement? Product = null);

/// <param name="Direction"><c>inbound</c>: the customer's.</param>
public sealed record MessageReaction(Guid ContactId, string Direction, string Emoji, DateTimeOffset At);

/// <summary>One fact of the history.</summary>
/// <param name="Status">The specification's five words.</param>
/// <param name="Implied">own: Meta never said so, a later rung implies it. Null: it did.</param>
public sealed record StatusChange(string Status, DateTimeOffset Timestamp, string? ErrorCode = null, string? ErrorMessage = null,
    bool? Implied = null);

/// <param name="MediaUrl">Only when the message carried a link; media held by Meta has an id instead.</param>
/// <param name="MediaSize">Bytes; null: Meta did not say.</param>
/// <param name="MediaId">own: Meta's media id.</param>
public sealed record MessageContent(string? Text = null, string? MediaUrl = null, string? MediaMimeType = null, long? MediaSize = null,
    string? MediaCaption = null,
    MessageLocation? Location = null, MessageFile? Document = null, string? MediaId = null);

/// <param name="Latitude">Degrees; null: Meta named none that is one.</param>
/// <param name="Longitude">As above.</param>
public sealed record MessageLocation(double? Latitude, double? Longitude, string? Name, string? Address);

public sealed record MessageFile(string? Filename, string? Url, string? MimeType);

/// <param name="Parameters">The template's filled components as sent; null when erased.</param>
public sealed record MessageTemplate(Guid Id, string Name, string Language, JsonElement? Parameters);

/// <param name="Type"><c>button_reply</c>, <c>list_reply</c>, or what WhatsApp calls it.</param>
public sealed record MessageInteractive(string Type, ButtonReply? ButtonReply = null, ListReply? ListReply = null);

public sealed record ButtonReply(string? Id, string? Title);

public sealed record ListReply(string? Id, string? Title, string? Description);

public sealed record MessageAiProcessing(bool Processed, string? Sentiment = null, string? Intent = null,
    string[]? SuggestedReplies = null, bool? AutoReplied = null, string? AutoReplyContent = null);

public sealed record MessageSender(Guid? UserId, string? UserName, bool IsAutomated);

/// <summary>
/// What the message was charged, exactly; of an organization that is not charged, what Meta's pricing evidence says, which names no amount.
/// </summary>
/// <param name="Amount">In <paramref name="Currency"/>, the markup included; 0 when it was free or is one of the plan's; null: not charged,
/// or its price is not known yet.</param>
/// <param name="Category">The specification's <c>user_initiated</c>, <c>business_initiated</c> or <c>referral_conversion</c>, by the table
/// in docs/decisions.</param>
/// <param name="Outcome">own: <c>charged</c>, <c>free</c>, <c>included</c> or <c>pending</c>; null: nobody charged it.</param>
/// <param name="CategoryExact">own: Meta's word (<c>marketing</c>, <c>utility</c>, <c>service</c>, …).</param>
public sealed record MessageCost(decimal? Amount, string? Currency, string Category, string CategoryExact, string? PricingModel,
    string? PricingType, bool? Billable, string? Outcome = null);
