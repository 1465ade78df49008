using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Common;

/// <summary>Deletes what of one kind is past its time. The worker of retention calls it, shard by shard, one process at a time.</summary>
public interface ISweep
{
    /// <summary>A kind of <see cref="Application.Retention.RetentionRules"/>.</summary>
    string Kind { get; }

    /// <summary>One round over one shard, in bounded pages; how many rows it dealt with.</summary>
    Task<int> SweepAsync(Shard shard, CancellationToken ct);
}
