using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.Teams;
using Carter;

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

    private static async Task<IResult> CreateAsync(NewTeam body, Call call)
    {
        var done = await call.Send(new CreateTeam(call.OrganizationId, body.Name, body.Assignment
            ?? "manual", body.Capacity, body.MemberIds ?? [], body.AccountIds ?? []));
        var team = await FindAsync(done.Id, call);
        return call.Created($"/v1/teams/{done.Id}", team, team.RowVersion);
    }

    private static async Task<IResult> PageAsync(Paging paging, Call call) =>
        call.Page(await call.Send(new ListTeams(call.OrganizationId, paging.Limit, paging.Cursor)));

    private static async Task<IResult> GetAsync(Guid id, Call call)
    {
        var team = await FindAsync(id, call);
        return call.Ok(team, team.RowVersion);
    }

    private static async Task<IResult> PatchAsync(Guid id, TeamPatch body, IfMatch match, Call call)
    {
        await call.Send(new PatchTeam(call.OrganizationId, id, body.Name, body.Assignment, body.Capacity, body.MemberIds,
            body.AccountIds, match.Version));
        return await GetAsync(id, call);
    }

    private static async Task<IResult> DeleteAsync(Guid id, IfMatch match, Call call)
    {
        await call.Send(new DeleteTeam(call.OrganizationId, id, match.Version));
        return TypedResults.NoContent();
    }

    private static async Task<TeamView> FindAsync(Guid id, Call call) =>
        await call.Send(new GetTeam(call.OrganizationId, id)) ?? throw Problem.Unknown("team");
}
