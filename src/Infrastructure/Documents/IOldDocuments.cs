using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Documents;

/// <summary>A message's document as it lies there.</summary>
/// <param name="Json">The whole document, UTF-8.</param>
public sealed record OldMessage(DocumentId Id, Guid Uuid, Guid ContactId, Guid ConversationUuid, DateTimeOffset CreatedAt, long Position,
    ReadOnlyMemory<byte> Json);

/// <summary>How many, and since when; null: none.</summary>
public sealed record OldCount(long Documents, DateTimeOffset? Oldest);

/// <summary>What of the documents is past a time. One organization at a time, so that each has a time of its own.</summary>
public interface IOldDocuments
{
    /// <summary>Documents that are counted, at most.</summary>
    const int CountMax = 1_000_000;

    /// <summary>The store expires logs by itself.</summary>
    bool ExpiresLogs { get; }

    /// <summary>Messages written before a time, in the order of their time and id.</summary>
    /// <param name="after">Where to go on; null: from the first.</param>
    /// <exception cref="StoreUnavailable"/>
    Task<IReadOnlyList<OldMessage>> MessagesAsync(Shard shard, Guid organizationId, DateTimeOffset before,
        (DateTimeOffset At, DocumentId Id)? after, int limit, CancellationToken ct);

    /// <summary>Which of these conversations have a message behind a place in the order of <see cref="MessagesAsync"/>.</summary>
    Task<IReadOnlySet<DocumentId>> GoingOnAsync(Shard shard, Guid organizationId, IReadOnlyCollection<DocumentId> conversations,
        (DateTimeOffset At, DocumentId Id) after, CancellationToken ct);

    /// <summary>AI histories in which nothing was said since a time, in the order of that time and id.</summary>
    Task<IReadOnlyList<AiConversationDocument>> AiAsync(Shard shard, Guid organizationId, DateTimeOffset before,
        (DateTimeOffset At, DocumentId Id)? after, int limit, CancellationToken ct);

    /// <summary>Deletes logs of one organization; how many.</summary>
    Task<int> DeleteLogsAsync(Shard shard, Guid organizationId, DateTimeOffset before, int limit, CancellationToken ct);

    /// <summary>Messages, logs or AI histories that are past a time; <see cref="CountMax"/>: so many or more.</summary>
    Task<OldCount> CountAsync(Shard shard, Guid organizationId, OldKind kind, DateTimeOffset before, CancellationToken ct);
}

/// <summary>Which documents.</summary>
public enum OldKind
{
    Messages,
    Logs,
    AiConversations,
}
