using Bsp.Application.Common;
using Bsp.Application.Subscriptions;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using MediatR;

namespace Bsp.Infrastructure.Subscriptions;

public sealed class SubscriptionQueries(Shards shards)
    : IRequestHandler<GetSubscription, SubscriptionView>, IRequestHandler<ListSubscriptions, Page<SubscriptionView>>
{
    public async Task<SubscriptionView> Handle(GetSubscription request, CancellationToken cancellationToken) =>
        await SubscriptionRows.FindAsync(await shards.OfAsync(request.OrganizationId, cancellationToken), request.OrganizationId,
            request.SubscriptionId, cancellationToken)
        ?? throw new Refusal("subscription.unknown", "There is no such subscription.");

    public async Task<Page<SubscriptionView>> Handle(ListSubscriptions request, CancellationToken cancellationToken) =>
        Keyset.Of(await SubscriptionRows.PageAsync(await shards.OfAsync(request.OrganizationId, cancellationToken), request,
            cancellationToken), request.Limit, s => s.Id);
}
