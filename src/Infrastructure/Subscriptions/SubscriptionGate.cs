using Bsp.Application.Common;
using Bsp.Application.Subscriptions;
using Bsp.Domain.Common;
using Bsp.Domain.Subscriptions;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Subscriptions;

/// <inheritdoc cref="ISubscriptionGate"/>
public sealed class SubscriptionGate(Shards shards, BspOptions options) : ISubscriptionGate
{
    public async Task RequireMaySendAsync(Guid organizationId, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var found = await shard.QueryAsync(organizationId,
            "SELECT suspended_reason, owed, currency FROM bsp.subscription_clock WHERE organization_id = $1 AND plan_id IS NOT NULL",
            r => (Reason: r.TextOrNull(0), Owed: r.IsDBNull(1) ? 0 : r.GetDecimal(1), Currency: r.TextOrNull(2)), ct, organizationId);
        switch (found)
        {
            case [] when options.SubscriptionRequired:
                throw new Refusal("subscription.missing",
                    "The organization has no subscription, and without one nothing is sent here: take a plan (POST /v1/subscriptions).");
            case [{ Reason: Subscription.ByPlatform }]:
                throw new Refusal("subscription.suspended",
                    "The platform has suspended the subscription: nothing new is sent until it is reactivated. Ask there.");
            case [{ Reason: not null } unpaid]:
                throw new Refusal("subscription.suspended",
                    $"The subscription is suspended, because {Money.Text(unpaid.Owed)} {unpaid.Currency} could not be debited: top the wallet up, and it goes on by itself. Nothing new is sent until then.");
        }
    }
}
