using System.Text.Json;
using Bsp.Application.Conversations;

namespace Bsp.Application.Messages;

/// <summary>One row of the collection <c>messages</c> (specification §2). Messages that were skipped never were messages and have none. Own fields follow "own:".</summary>
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

    /// <summary>The last status or message item as Meta wrote it, without personal data.</summary>
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

    /// <summary>own: also <c>queued</c>, <c>sending</c>, <c>accepted</c>, <c>rejected</c>, <c>outcome_unknown</c>, <c>unknown_closed</c>, <c>cancelled</c>, <c>expired</c>.</summary>
    public string StatusExact { get; init; } = "queued";

    /// <summary>own: Meta's error code of the failure or rejection.</summary>
    public string? ErrorCode { get; init; }
}

/// <summary>One fact of the history.</summary>
/// <param name="Status">The specification's five words.</param>
/// <param name="Implied">own: Meta never said so, a later rung implies it. Null: it did.</param>
public sealed record StatusChange(string Status, DateTimeOffset Timestamp, string? ErrorCode = null, string? ErrorMessage = null, bool? Implied = null);

/// <param name="MediaUrl">Only when the message carried a link; media held by Meta has an id instead.</param>
/// <param name="MediaSize">Bytes; null: Meta did not say.</param>
/// <param name="MediaId">own: Meta's media id.</param>
public sealed record MessageContent(string? Text = null, string? MediaUrl = null, string? MediaMimeType = null, long? MediaSize = null, string? MediaCaption = null,
    MessageLocation? Location = null, MessageFile? Document = null, string? MediaId = null);

public sealed record MessageLocation(double Latitude, double Longitude, string? Name, string? Address);

public sealed record MessageFile(string? Filename, string? Url, string? MimeType);

/// <param name="Parameters">The template's filled components as sent; null when erased.</param>
public sealed record MessageTemplate(Guid Id, string Name, string Language, JsonElement? Parameters);

/// <param name="Type"><c>button_reply</c>, <c>list_reply</c>, or what WhatsApp calls it.</param>
public sealed record MessageInteractive(string Type, ButtonReply? ButtonReply = null, ListReply? ListReply = null);

public sealed record ButtonReply(string? Id, string? Title);

public sealed record ListReply(string? Id, string? Title, string? Description);

public sealed record MessageAiProcessing(bool Processed, string? Sentiment = null, string? Intent = null, string[]? SuggestedReplies = null, bool? AutoReplied = null, string? AutoReplyContent = null);

public sealed record MessageSender(Guid? UserId, string? UserName, bool IsAutomated);

/// <summary>What Meta's pricing evidence says. Meta names no amount; <see cref="Amount"/> is set only where the evidence carries one.</summary>
/// <param name="Category">The specification's <c>user_initiated</c>, <c>business_initiated</c> or <c>referral_conversion</c>, by the table in docs/decisions.</param>
/// <param name="CategoryExact">own: Meta's word (<c>marketing</c>, <c>utility</c>, <c>service</c>, …).</param>
public sealed record MessageCost(decimal? Amount, string? Currency, string Category, string CategoryExact, string? PricingModel, string? PricingType, bool? Billable);
