using Bsp.Api.Common;
using Bsp.Application.Common;
using Carter;

namespace Bsp.Api.Operations;

/// <summary>/v1/projections: the views as operators see and steer them.</summary>
public sealed class ProjectionEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var projections = app.MapGroup("/v1/projections").WithTags("Operations");
        projections.MapGet("", List).Describe("Every view with its state, lag and trouble, shard by shard.")
            .Produces<ListResponse<ProjectionView>>();
        Map("rebuild", ProjectionOrder.Rebuild,
            "Builds the view anew from the log beside the old one, which serves and follows the log until they are swapped. While one is under way it goes on; one that stopped is begun afresh.",
            "projection.no_rebuild", "projection.move_running");
        Map("cancel", ProjectionOrder.Cancel, "Gives up the rebuild that is under way; the view that serves stays.",
            "projection.no_rebuild");
        Map("retry", ProjectionOrder.Retry,
            "Takes the parked events once more: at once where their order does not matter, else by a rebuild.");
        Map("pause", ProjectionOrder.Pause, "Stops following the log; the view stays as it is.");
        Map("resume", ProjectionOrder.Resume, "Goes on; also after an event stopped it.");

        void Map(string verb, ProjectionOrder order, string summary, params string[] refusals) =>
            projections.MapPost($"{{name}}/{verb}", (string name, IProjections all, CancellationToken ct) =>
                OrderAsync(name, order, all, ct)).Describe(summary, ["projection.unknown", .. refusals])
                .Produces<ListResponse<ProjectionView>>(202);
    }

    private static async Task<IResult> List(IProjections all, CancellationToken ct) =>
        TypedResults.Ok(new ListResponse<ProjectionView>(await all.ListAsync(ct), null));

    private static async Task<IResult> OrderAsync(string name, ProjectionOrder order, IProjections all, CancellationToken ct)
    {
        await all.OrderAsync(name, order, ct);
        return TypedResults.Json(new ListResponse<ProjectionView>([.. (await all.ListAsync(ct)).Where(p => p.Name == name)], null),
            statusCode: 202);
    }
}
