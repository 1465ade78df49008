using Bsp.Application.Common;
using Bsp.Application.Messages;

namespace Bsp.Application.Conversations;

/// <summary>Which conversations; null: not asked.</summary>
public sealed record ConversationFilter(string? Status = null, Guid? AssignedTo = null, Guid? ContactId = null, Guid? AccountId = null);

/// <summary>Reads the conversation and message documents of one organization: MongoDB when configured, else JSONB in PostgreSQL.</summary>
public interface IDocumentViews
{
    /// <summary>Latest message first.</summary>
    /// <param name="limit">1–200.</param>
    /// <param name="cursor"><see cref="Page{T}.NextCursor"/> of the page before; null: from the start.</param>
    /// <exception cref="Domain.Common.Refusal"><c>cursor.invalid</c></exception>
    Task<Page<ConversationDocument>> ConversationsAsync(Guid organizationId, ConversationFilter filter, int limit, string? cursor, CancellationToken ct);

    /// <summary>Null: none of this organization.</summary>
    Task<ConversationDocument?> ConversationAsync(Guid organizationId, Guid conversationId, CancellationToken ct);

    /// <summary>Newest first. A conversation that is unknown or another organization's has none.</summary>
    /// <exception cref="Domain.Common.Refusal"><c>cursor.invalid</c></exception>
    Task<Page<MessageDocument>> MessagesAsync(Guid organizationId, Guid conversationId, int limit, string? cursor, CancellationToken ct);

    /// <summary>Conversations with any of these contacts, oldest first.</summary>
    Task<IReadOnlyList<ConversationDocument>> ConversationsOfAsync(Guid organizationId, IReadOnlyCollection<Guid> contactIds, CancellationToken ct);

    /// <summary>Messages with any of these contacts, oldest first.</summary>
    /// <param name="after">The last one seen; null: from the start.</param>
    Task<IReadOnlyList<MessageDocument>> MessagesOfAsync(Guid organizationId, IReadOnlyCollection<Guid> contactIds, DocumentCursor? after, int limit, CancellationToken ct);

    /// <summary>Null: none of this organization.</summary>
    Task<MessageDocument?> MessageAsync(Guid organizationId, Guid messageId, CancellationToken ct);
}
