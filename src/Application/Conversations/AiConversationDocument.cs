using System.Text.Json;
using Bsp.Application.Common;

namespace Bsp.Application.Conversations;

/// <summary>One row of the collection <c>ai_conversations</c> (specification §2).</summary>
public sealed record AiConversationDocument
{
    /// <summary>Days after the last exchange; what is left then is the events, without words once the contact is erased.</summary>
    public const int RetentionDays = 90;

    /// <summary>Messages kept, the latest ones.</summary>
    public const int MessagesMax = 200;

    /// <summary>Interactions kept in the context, the latest ones.</summary>
    public const int InteractionsMax = 20;

    /// <summary><c>_id</c>.</summary>
    public required DocumentId Id { get; init; }

    public required Guid OrganizationId { get; init; }

    public required Guid ContactId { get; init; }

    public required DocumentId ConversationId { get; init; }

    /// <summary>The model's name as its maker writes it.</summary>
    public required string Model { get; init; }

    public string? SystemPrompt { get; init; }

    public AiMessage[] Messages { get; init; } = [];

    public AiContext? Context { get; init; }

    public long TotalTokens { get; init; }

    /// <summary>By the organization's own prices, in the currency of its settings.</summary>
    public decimal TotalCost { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>own: the UUID that people see.</summary>
    public required Guid Uuid { get; init; }

    /// <summary>own: place of the last event it holds, packed.</summary>
    public required long Position { get; init; }
}

/// <param name="Role"><c>system</c>, <c>user</c> or <c>assistant</c>.</param>
public sealed record AiMessage(string Role, string Content, DateTimeOffset Timestamp, int Tokens, int LatencyMs);

public sealed record AiContext(JsonElement? ContactInfo, string? ConversationSummary, JsonElement[]? PreviousInteractions);
