using Bsp.Api.Common;
using Carter;

namespace Bsp.Api.Operations;

public sealed class MetricsEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app) =>
        app.MapGet("/metrics", (Metrics metrics) => TypedResults.Text(metrics.Write(), "text/plain; version=0.0.4; charset=utf-8"))
        .Describe("Prometheus text.").Produces<string>(200, "text/plain");
}
