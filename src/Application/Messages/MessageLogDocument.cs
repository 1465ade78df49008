using System.Text.Json;
using Bsp.Application.Common;

namespace Bsp.Application.Messages;

/// <summary>One row of the collection <c>message_logs</c> (specification §2): what Meta reported, one per report, kept 30 days.</summary>
public sealed record MessageLogDocument
{
    /// <summary>Days a log lives.</summary>
    public const int RetentionDays = 30;

    /// <summary><c>_id</c>, made from the event's id.</summary>
    public required DocumentId Id { get; init; }

    public required Guid OrganizationId { get; init; }

    public required DocumentId MessageId { get; init; }

    /// <summary>
    /// <c>sent</c>, <c>delivered</c>, <c>read</c>, <c>failed</c> or <c>webhook_received</c> (an inbound message, or a status that changed
    /// nothing).
    /// </summary>
    public required string EventType { get; init; }

    /// <summary>Meta's item without personal data, and where to find it in the journal.</summary>
    public JsonElement? EventData { get; init; }

    /// <summary>Null: stands in the journal, not in the event.</summary>
    public string? IpAddress { get; init; }

    /// <summary>Null: stands in the journal, not in the event.</summary>
    public string? UserAgent { get; init; }

    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>own.</summary>
    public required Guid MessageUuid { get; init; }

    /// <summary>own: place of the event, packed.</summary>
    public required long Position { get; init; }
}
