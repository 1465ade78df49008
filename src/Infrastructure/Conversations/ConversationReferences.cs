using Bsp.Application.Conversations;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Conversations;

/// <inheritdoc cref="IConversationReferences"/>
public sealed class ConversationReferences(Shards shards) : IConversationReferences
{
    public async Task<bool> IsUserAsync(Guid organizationId, Guid userId, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        return (await shard.QueryAsync(organizationId, "SELECT 1 FROM users WHERE organization_id = $1 AND id = $2 AND status = 'active'", r => r.GetInt32(0), ct, organizationId, userId)).Count > 0;
    }
}
