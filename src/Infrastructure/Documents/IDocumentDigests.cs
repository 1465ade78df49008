using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Documents;

/// <summary>What the document store holds, in short, for comparing it with the log.</summary>
internal interface IDocumentDigests
{
    /// <summary><c>postgres</c> or <c>mongo</c>.</summary>
    string Store { get; }

    /// <summary>Messages by day of their creation; <see cref="StoreDigest.Moved"/> holds document ids.</summary>
    /// <param name="upTo">Packed place; documents beyond it are moved.</param>
    /// <param name="from">Earlier ones are left out: retention may have them.</param>
    Task<StoreDigest> DaysAsync(Shard shard, Guid organizationId, long upTo, DateTimeOffset from, CancellationToken ct);

    /// <summary>The documents of one day, as far as <paramref name="upTo"/>; at most a million.</summary>
    Task<IReadOnlyList<StoreRow>> RowsAsync(Shard shard, Guid organizationId, long upTo, DateOnly day, CancellationToken ct);

    /// <summary>Documents by id, wherever they stand.</summary>
    Task<IReadOnlyList<StoreRow>> RowsAsync(Shard shard, Guid organizationId, IReadOnlyCollection<Guid> messages, CancellationToken ct);

    /// <summary>
    /// What messages show as their charges, one after the other, in the order of their ids as text (by bytes): those that show one of
    /// another amount than 0, and those that stand beyond <paramref name="upTo"/>, whatever they show.
    /// </summary>
    /// <param name="upTo">Packed place.</param>
    Task CostsAsync(Shard shard, Guid organizationId, long upTo, Func<ShownCost, Task> take, CancellationToken ct);

    /// <summary>All conversations.</summary>
    Task<IReadOnlyList<ConversationRow>> ConversationsAsync(Shard shard, Guid organizationId, CancellationToken ct);
}
