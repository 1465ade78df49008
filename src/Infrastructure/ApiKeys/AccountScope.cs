using Bsp.Application.ApiKeys;
using Bsp.Application.Conversations;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.ApiKeys;

/// <inheritdoc cref="IAccountScope"/>
public sealed class AccountScope(Shards shards, IDocumentViews views) : IAccountScope
{
    public async Task<bool> HoldsAsync(Guid organizationId, Guid accountId, string kind, Guid id, CancellationToken ct) => kind switch
    {
        "accounts" => id == accountId,
        "templates" or "campaigns" => (await (await shards.OfAsync(organizationId, ct)).QueryAsync(organizationId,
            $"SELECT 1 FROM {kind} WHERE organization_id = $1 AND id = $2 AND account_id = $3", r =>
                r.GetInt32(0), ct, organizationId, id, accountId)).Count > 0,
        "conversations" => (await views.ConversationAsync(organizationId, id, ct))?.AccountId == accountId,
        "messages" => (await views.MessageAsync(organizationId, id, ct))?.AccountId == accountId,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "It has no account."),
    };
}
