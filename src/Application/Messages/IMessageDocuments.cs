using Bsp.Application.Common;

namespace Bsp.Application.Messages;

/// <summary>Reads the message documents of one organization: MongoDB when configured, else JSONB in PostgreSQL.</summary>
public interface IMessageDocuments
{
    /// <summary>
    /// By the ids asked for, each as it is shown now; of an edit or a reaction whose message is known: that message. At most 500.
    /// </summary>
    Task<IReadOnlyDictionary<Guid, MessageDocument>> ShownAsync(Guid organizationId, IReadOnlyCollection<Guid> messageIds,
        CancellationToken ct);

    /// <summary>Newest first. A conversation that is unknown or another organization's has none.</summary>
    /// <exception cref="Domain.Common.Refusal"><c>cursor.invalid</c></exception>
    Task<Page<MessageDocument>> MessagesAsync(Guid organizationId, Guid conversationId, int limit, string? cursor, CancellationToken ct);

    /// <summary>Messages with any of these contacts, oldest first.</summary>
    /// <param name="after">The last one seen; null: from the start.</param>
    Task<IReadOnlyList<MessageDocument>> MessagesOfAsync(Guid organizationId, IReadOnlyCollection<Guid> contactIds, DocumentCursor? after,
        int limit, CancellationToken ct);

    /// <summary>Null: none of this organization.</summary>
    Task<MessageDocument?> MessageAsync(Guid organizationId, Guid messageId, CancellationToken ct);
}
