using Bsp.Application.Messages;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Messages;

/// <inheritdoc cref="IWamids"/>
public sealed class Wamids(Shards shards) : IWamids
{
    public async Task<IReadOnlyDictionary<string, Guid>> FindAsync(Guid organizationId, IReadOnlyCollection<string> wamids,
        CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var rows = await shard.QueryAsync(organizationId,
            "SELECT wamid, message_id FROM bsp.wamids WHERE organization_id = $1 AND wamid = ANY ($2)", r =>
                (r.GetString(0), r.GetGuid(1)), ct, organizationId, wamids.ToArray());
        return rows.ToDictionary(r => r.Item1, r => r.Item2);
    }
}
