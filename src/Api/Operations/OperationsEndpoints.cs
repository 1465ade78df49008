using Bsp.Api.Common;
using Bsp.Application.Operations;
using Carter;

namespace Bsp.Api.Operations;

/// <summary>What keeps the platform going, at a glance; stores are in <c>/health/ready</c>, views in
/// <c>/v1/projections</c>, databases in <c>/v1/shards</c>.</summary>
public sealed class OperationsEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapGet("/v1/operations/queues", (Call call) => call.Send(new GetQueueOverview())).Produces<QueueOverview>()
            .Describe("What waits to be sent, number by number: the hundred that are due first.");
    }
}
