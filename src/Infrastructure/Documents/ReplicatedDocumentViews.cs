using Bsp.Application.Common;
using Bsp.Application.Conversations;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Replicas;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Documents;

/// <summary>The JSONB documents, read at a shard's streaming replica where the request at hand allows it.</summary>
internal sealed class ReplicatedDocumentViews(Shards shards, ReadReplicas replicas) : IDocumentViews
{
    public Task<Page<ConversationDocument>> ConversationsAsync(Guid organizationId, ConversationFilter filter, int limit, string? cursor,
        CancellationToken ct) =>
        ReadAsync(organizationId, views => views.ConversationsAsync(organizationId, filter, limit, cursor, ct), ct);

    public Task<ConversationDocument?> ConversationAsync(Guid organizationId, Guid conversationId, CancellationToken ct) =>
        ReadAsync(organizationId, views => views.ConversationAsync(organizationId, conversationId, ct), ct);

    public Task<IReadOnlyList<ConversationDocument>> ConversationsAsync(Guid organizationId, IReadOnlyCollection<Guid> conversationIds,
        CancellationToken ct) =>
        ReadAsync(organizationId, views => views.ConversationsAsync(organizationId, conversationIds, ct), ct);

    public Task<IReadOnlyList<ConversationDocument>> ConversationsOfAsync(Guid organizationId, IReadOnlyCollection<Guid> contactIds,
        CancellationToken ct) =>
        ReadAsync(organizationId, views => views.ConversationsOfAsync(organizationId, contactIds, ct), ct);

    public Task<IReadOnlyDictionary<Guid, MessageDocument>> ShownAsync(Guid organizationId, IReadOnlyCollection<Guid> messageIds,
        CancellationToken ct) =>
        ReadAsync(organizationId, views => views.ShownAsync(organizationId, messageIds, ct), ct);

    public Task<Page<MessageDocument>> MessagesAsync(Guid organizationId, Guid conversationId, int limit, string? cursor,
        CancellationToken ct) =>
        ReadAsync(organizationId, views => views.MessagesAsync(organizationId, conversationId, limit, cursor, ct), ct);

    public Task<IReadOnlyList<MessageDocument>> MessagesOfAsync(Guid organizationId, IReadOnlyCollection<Guid> contactIds,
        DocumentCursor? after, int limit, CancellationToken ct) =>
        ReadAsync(organizationId, views => views.MessagesOfAsync(organizationId, contactIds, after, limit, ct), ct);

    public Task<MessageDocument?> MessageAsync(Guid organizationId, Guid messageId, CancellationToken ct) =>
        ReadAsync(organizationId, views => views.MessageAsync(organizationId, messageId, ct), ct);

    private async Task<T> ReadAsync<T>(Guid organizationId, Func<PostgresDocumentViews, Task<T>> read, CancellationToken ct) =>
        await replicas.ReadAsync(await shards.OfAsync(organizationId, ct), shard =>
            read(new PostgresDocumentViews((_, _) => ValueTask.FromResult(shard))));
}
