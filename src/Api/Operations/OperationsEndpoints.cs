using Bsp.Api.Common;
using Bsp.Application.Operations;
using Carter;

namespace Bsp.Api.Operations;

/// <summary>What keeps the platform going, at a glance; stores are in <c>/health/ready</c>, views in <c>/v1/projections</c>.</summary>
public sealed class OperationsEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapGet("/v1/operations/queues", (Call call) => call.Send(new GetQueueOverview())).Produces<QueueOverview>()
            .Describe("What waits to be sent, number by number: the hundred that are due first.");
        app.MapGet("/v1/operations/shards", Shards).Produces<ListResponse<ShardView>>()
            .Describe("Every shard, how many organizations live on it, and whether it answers.");
    }

    private static async Task<ListResponse<ShardView>> Shards(Call call) => new(await call.Send(new ListShards()), null);
}
