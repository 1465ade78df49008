using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.Teams;
using Carter;
using MediatR;

namespace Bsp.Api.Teams;

/// <param name="Assignment">manual, round_robin or least_busy; null: manual.</param>
/// <param name="Capacity">Active conversations of a member at most, 1 to 1,000; null: any number.</param>
/// <param name="AccountIds">Numbers whose new conversations go to this team.</param>
public sealed record NewTeam(string Name, string? Assignment, int? Capacity, IReadOnlyList<Guid>? MemberIds,
    IReadOnlyList<Guid>? AccountIds);

/// <summary>JSON merge patch: what is absent stays; lists replace as a whole.</summary>
public sealed record TeamPatch(Optional<string> Name, Optional<string> Assignment, Optional<int?> Capacity,
    Optional<IReadOnlyList<Guid>> MemberIds, Optional<IReadOnlyList<Guid>> AccountIds);

/// <summary>/v1/teams.</summary>
public sealed class TeamEndpoints : ICarterModule
{
    private static readonly string[] Codes = ["team.name_taken", "team.account_taken", "user.unknown", "account.unknown"];

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var teams = app.MapGroup("/v1/teams").WithTags("Teams");
        teams.MapPost("", CreateAsync)
            .Describe("Makes a team, to whose members conversations are handed out by hand, in turn, or to who has fewest.",
                [.. Codes, "team.too_many"]).Produces<TeamView>(201);
        teams.MapGet("", PageAsync).Describe("Teams, oldest first.").Produces<ListResponse<TeamView>>();
        teams.MapGet("/{id:guid}", GetAsync).Describe("One team.", "team.unknown").Produces<TeamView>();
        teams.MapPatch("/{id:guid}", PatchAsync)
            .Describe("Changes a team (JSON merge patch).", [.. Codes, "team.unknown", "version.mismatch"]).Produces<TeamView>();
        teams.MapDelete("/{id:guid}", DeleteAsync)
            .Describe("Removes a team; whoever has a conversation keeps it.", "team.unknown", "version.mismatch").Produces(204);
    }

    private static async Task<IResult> CreateAsync(NewTeam body, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct)
    {
        var done = await mediator.Send(new CreateTeam(caller.OrganizationId, body.Name, body.Assignment
            ?? "manual", body.Capacity, body.MemberIds ?? [], body.AccountIds ?? []), ct);
        var team = await FindAsync(done.Id, caller, mediator, ct);
        return Answers.Created(context, $"/v1/teams/{done.Id}", team, team.RowVersion);
    }

    private static async Task<IResult> PageAsync(Paging paging, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct) =>
        Answers.Page(context, await mediator.Send(new ListTeams(caller.OrganizationId, paging.Limit, paging.Cursor), ct));

    private static async Task<IResult> GetAsync(Guid id, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct)
    {
        var team = await FindAsync(id, caller, mediator, ct);
        return Answers.Ok(context, team, team.RowVersion);
    }

    private static async Task<IResult> PatchAsync(Guid id, TeamPatch body, IfMatch match, Caller caller, HttpContext context,
        IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new PatchTeam(caller.OrganizationId, id, body.Name, body.Assignment, body.Capacity, body.MemberIds,
            body.AccountIds, match.Version), ct);
        return await GetAsync(id, caller, context, mediator, ct);
    }

    private static async Task<IResult> DeleteAsync(Guid id, IfMatch match, Caller caller, IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new DeleteTeam(caller.OrganizationId, id, match.Version), ct);
        return TypedResults.NoContent();
    }

    private static async Task<TeamView> FindAsync(Guid id, Caller caller, IMediator mediator, CancellationToken ct) =>
        await mediator.Send(new GetTeam(caller.OrganizationId, id), ct) ?? throw Problem.Unknown("team");
}
