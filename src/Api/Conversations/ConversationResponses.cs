using System.Text.Json;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;

namespace Bsp.Api.Conversations;

/// <summary>A conversation as the contract shows it: the specification's document with UUIDs for ids.</summary>
public sealed record ConversationResponse(Guid Id, Guid OrganizationId, Guid ContactId, Guid AccountId, string? WaConversationId, ConversationContact Contact, string Status, string Priority, Guid? AssignedTo, DateTimeOffset? AssignedAt,
    ConversationAnalysis? AiAnalysis, DateTimeOffset? LastMessageAt, string? LastMessagePreview, MessageCount MessageCount, IReadOnlyList<string> Tags, string Source, DateTimeOffset? WindowUntil, int UnreadCount,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt, DateTimeOffset? ExpiresAt)
{
    public static ConversationResponse Of(ConversationDocument d) => new(d.Uuid, d.OrganizationId, d.ContactId, d.AccountId, d.WaConversationId, d.Contact, d.Status, d.Priority, d.AssignedTo, d.AssignedAt,
        d.AiAnalysis, d.LastMessageAt, d.LastMessagePreview, d.MessageCount, d.Tags, d.Source, d.WindowUntil, d.UnreadCount, d.CreatedAt, d.UpdatedAt, d.ExpiresAt);
}

/// <summary>A message as the contract shows it: the specification's document with UUIDs for ids.</summary>
/// <param name="StatusExact">Also queued, sending, accepted, rejected, outcome_unknown, unknown_closed, cancelled, expired.</param>
public sealed record MessageResponse(Guid Id, Guid OrganizationId, Guid ConversationId, Guid ContactId, Guid AccountId, Guid? CampaignId, string Direction, string MessageType, string MessageTypeExact, string? WaMessageId, string? WaConversationId,
    MessageContent? Content, MessageTemplate? Template, MessageInteractive? Interactive, string Status, string StatusExact, string? ErrorCode, IReadOnlyList<StatusChange> StatusHistory,
    DateTimeOffset? SentAt, DateTimeOffset? DeliveredAt, DateTimeOffset? ReadAt, DateTimeOffset? FailedAt, MessageAiProcessing? AiProcessing, MessageSender? SentBy, MessageCost? Cost, JsonElement? RawWebhook,
    DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static MessageResponse Of(MessageDocument d) => new(d.Uuid, d.OrganizationId, d.ConversationUuid, d.ContactId, d.AccountId, d.CampaignId, d.Direction, d.MessageType, d.MessageTypeExact, d.WaMessageId, d.WaConversationId,
        d.Content, d.Template, d.Interactive, d.Status, d.StatusExact, d.ErrorCode, d.StatusHistory, d.SentAt, d.DeliveredAt, d.ReadAt, d.FailedAt, d.AiProcessing, d.SentBy, d.Cost, d.RawWebhook, d.CreatedAt, d.UpdatedAt);
}
