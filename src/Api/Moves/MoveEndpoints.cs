using Bsp.Api.Common;
using Bsp.Application.Moves;
using Carter;

namespace Bsp.Api.Moves;

/// <summary>Shards, and organizations that move between them.</summary>
[Chapter("shards", "The databases on which organizations live; one moves from one to another while it works.")]
public sealed class MoveEndpoints : ICarterModule
{
    /// <param name="To">Name of the shard, as <c>GET /v1/shards</c> has it.</param>
    public sealed record MoveRequest(string To);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapGet("/v1/shards", Shards).WithTags("Operations").Describe("Every shard with how much lives there.")
            .Produces<ListResponse<ShardView>>();
        app.MapPost("/v1/organizations/{id:guid}/move", Move).WithTags("Operations")
            .Describe("Moves an organization to another shard while it works; commands are refused (503) for at most a second at "
                + "the end. Asked again it goes on.",
                "organization.unknown", "shard.unknown", "move.same_shard", "move.running",
                "move.documents_in_mongo").Produces<MoveView>(202);
        app.MapGet("/v1/organizations/{id:guid}/move", Get).WithTags("Operations").Describe("How far its latest move is.", "move.unknown")
            .Produces<MoveView>();
        app.MapPost("/v1/organizations/{id:guid}/move/cancel", Cancel).WithTags("Operations")
            .Describe("Gives a move up before the switch; everything stays where it was.", "move.unknown", "move.switched")
            .Produces<MoveView>(202);
    }

    private static async Task<IResult> Shards(IMoves moves, CancellationToken ct) =>
        TypedResults.Ok(new ListResponse<ShardView>(await moves.ShardsAsync(ct), null));

    private static async Task<IResult> Move(Guid id, MoveRequest body, IMoves moves, CancellationToken ct) =>
        string.IsNullOrWhiteSpace(body.To) ? throw Problem.Field("request.invalid", "to", "must name a shard.")
            : TypedResults.Json(await moves.BeginAsync(id, body.To, ct), statusCode: 202);

    private static async Task<IResult> Get(Guid id, IMoves moves, CancellationToken ct) =>
        TypedResults.Ok(await moves.FindAsync(id, ct) ?? throw Problem.Unknown("move"));

    private static async Task<IResult> Cancel(Guid id, IMoves moves, CancellationToken ct) =>
        TypedResults.Json(await moves.CancelAsync(id, ct), statusCode: 202);
}
