using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Documents;

/// <summary>What a page found.</summary>
public sealed record FoundDocuments(Dictionary<DocumentId, ConversationDocument> Conversations,
    Dictionary<DocumentId, MessageDocument> Messages)
{
    /// <summary>AI histories, by the id of their conversation.</summary>
    public Dictionary<DocumentId, AiConversationDocument> Ai { get; init; } = [];
}

/// <summary>What a page writes; each document once.</summary>
public sealed record DocumentWrites(IReadOnlyCollection<ConversationDocument> Conversations, IReadOnlyCollection<MessageDocument> Messages,
    IReadOnlyCollection<MessageLogDocument> Logs)
{
    /// <summary>AI histories.</summary>
    public IReadOnlyCollection<AiConversationDocument> Ai { get; init; } = [];

    /// <summary>AI histories that are to be there no more.</summary>
    public IReadOnlyCollection<DocumentId> AiGone { get; init; } = [];

    /// <summary>Messages that are to be there no more; none of them is among those that are written.</summary>
    public IReadOnlyCollection<DocumentId> MessagesGone { get; init; } = [];

    /// <summary>Conversations that are to be there no more; none of them is among those that are written.</summary>
    public IReadOnlyCollection<DocumentId> ConversationsGone { get; init; } = [];
}

/// <summary>Which documents of a shard.</summary>
public enum DocumentSet
{
    /// <summary>Those that readers see.</summary>
    Serving,

    /// <summary>Those that are being built anew beside them.</summary>
    Next,
}

/// <summary>
/// Where the document views are written: JSONB in PostgreSQL, or MongoDB. Each document carries the <c>position</c> of the last event it
/// holds, and only a
/// later one replaces it, so a page written twice, or half and then again, leaves the same documents.
/// </summary>
public interface IDocumentStore
{
    /// <summary>Sequence up to which the projection's documents are complete on this shard; 0: empty.</summary>
    /// <exception cref="Bsp.Application.Common.StoreUnavailable">MongoDB cannot be reached.</exception>
    Task<long> CheckpointAsync(Shard shard, string projection, CancellationToken ct);

    /// <summary>Documents by id; those that do not exist are absent.</summary>
    Task<FoundDocuments> FindAsync(Shard shard, DocumentSet set, IReadOnlyCollection<Guid> organizationIds,
        IReadOnlyCollection<DocumentId> conversations, IReadOnlyCollection<DocumentId> messages, CancellationToken ct);

    /// <summary>All documents of these contacts.</summary>
    Task<FoundDocuments> FindOfContactsAsync(Shard shard, DocumentSet set, IReadOnlyCollection<Guid> organizationIds,
        IReadOnlyCollection<Guid> contacts, CancellationToken ct);

    /// <summary>AI histories by id; those that do not exist are absent.</summary>
    Task<Dictionary<DocumentId, AiConversationDocument>> FindAiAsync(Shard shard, DocumentSet set,
        IReadOnlyCollection<Guid> organizationIds, IReadOnlyCollection<DocumentId> ids, CancellationToken ct);

    /// <summary>Writes them, then (or in the same transaction) the checkpoint. It never goes back; null: it stays.</summary>
    /// <exception cref="Bsp.Infrastructure.Projections.CheckpointMoved">The next documents are none (any more), or on their way to become
    /// those that readers see.</exception>
    Task SaveAsync(Shard shard, DocumentSet set, string projection, long? upTo, IReadOnlyCollection<Guid> organizationIds,
        DocumentWrites writes, CancellationToken ct);

    /// <summary>
    /// Makes the next conversations, messages, message_logs and ai_conversations of this shard,
    /// empty, with checkpoint 0, whatever an earlier attempt left.
    /// </summary>
    Task BeginNextAsync(Shard shard, string projection, CancellationToken ct);

    /// <summary>
    /// The next documents become those that readers see, and their checkpoint the view's. Nobody writes either meanwhile. False: nothing
    /// was swapped.
    /// </summary>
    Task<bool> SwapNextAsync(Shard shard, string projection, CancellationToken ct);

    /// <summary>Completes a swap that was killed half-way; true: there was one.</summary>
    Task<bool> FinishNextAsync(Shard shard, string projection, CancellationToken ct);

    /// <summary>Removes the next documents and their checkpoint.</summary>
    Task DropNextAsync(Shard shard, string projection, CancellationToken ct);

    /// <summary>Writes AI histories of one organization; only later positions replace.</summary>
    Task SaveAsync(Shard shard, Guid organizationId, IReadOnlyCollection<AiConversationDocument> histories, CancellationToken ct);

    /// <summary>Deletes the AI histories of these contacts.</summary>
    Task EraseAiAsync(Shard shard, Guid organizationId, IReadOnlyCollection<Guid> contacts, CancellationToken ct);

    /// <summary>Null: none of this organization.</summary>
    Task<AiConversationDocument?> AiConversationAsync(Shard shard, Guid organizationId, DocumentId id, CancellationToken ct);

    /// <summary>Logs of one message, oldest first, at most 1,000.</summary>
    Task<IReadOnlyList<MessageLogDocument>> LogsAsync(Shard shard, Guid organizationId, DocumentId messageId, CancellationToken ct);
}
