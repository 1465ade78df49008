using System.Text.Json;
using AutoMapper;
using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.Users;
using Carter;
using MediatR;

namespace Bsp.Api.Users;

public sealed class UserEndpoints : ICarterModule
{
    /// <param name="Password">12–200 characters; null: they cannot sign in before a reset.</param>
    /// <param name="Role">viewer, agent, manager, admin or super_admin; not above the caller's.</param>
    /// <param name="Status">active (default), inactive or suspended.</param>
    public sealed record CreateUserRequest(string Email, string Role, string? Password, string? FirstName, string? LastName, string? Phone,
        string? AvatarUrl, JsonElement? Preferences, string Status = "active");

    public sealed record PatchUserRequest(Optional<string> Email, Optional<string?> FirstName, Optional<string?> LastName,
        Optional<string?> Phone, Optional<string?> AvatarUrl, Optional<string> Role, Optional<string> Status,
        Optional<JsonElement?> Preferences);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/users", Create).Describe("Adds a person.", "user.email_taken", "user.role_above_own").Produces<UserResponse>(201);
        app.MapGet("/v1/users", List).Describe("The organization's people, oldest first; ?role= and ?status= keep some.", "request.cursor")
            .Produces<ListResponse<UserResponse>>();
        app.MapGet("/v1/users/{id:guid}", Get).Describe("One person.", "user.unknown").Produces<UserResponse>();
        app.MapPatch("/v1/users/{id:guid}", Patch)
            .Describe("Changes a person (JSON merge patch). Whoever is no longer active loses their sessions at once.", "user.unknown",
                "user.email_taken", "user.role_above_own", "user.last_admin").Produces<UserResponse>();
        app.MapDelete("/v1/users/{id:guid}", Delete)
            .Describe("Removes a person for good and frees their e-mail.", "user.unknown", "user.role_above_own", "user.last_admin",
                "version.mismatch").Produces(204);
    }

    private static async Task<IResult> Create(CreateUserRequest body, Caller caller, HttpContext http, IMediator mediator, IMapper mapper,
        CancellationToken ct)
    {
        var done = await mediator.Send(new CreateUser(caller.OrganizationId, CurrentRequest.NewId(), caller.RoleName, body.Email,
            body.Password, body.FirstName, body.LastName, body.Phone, body.AvatarUrl, body.Role, body.Status,
            body.Preferences), ct);
        var view = await Found(caller.OrganizationId, done.Id, mediator, ct);
        return Answers.Created(http, $"/v1/users/{done.Id}", mapper.Map<UserResponse>(view), view.Version);
    }

    private static async Task<IResult> List(string? role, string? status, Paging paging, Caller caller, HttpContext http,
        IMediator mediator, IMapper mapper, CancellationToken ct) =>
        Answers.Page<UserView, UserResponse>(http, mapper,
            await mediator.Send(new ListUsers(caller.OrganizationId, role, status, paging.Cursor, paging.Limit), ct));

    private static async Task<IResult> Get(Guid id, Caller caller, HttpContext http, IMediator mediator, IMapper mapper,
        CancellationToken ct)
    {
        var view = await Found(caller.OrganizationId, id, mediator, ct);
        return Answers.Ok(http, mapper.Map<UserResponse>(view), view.Version);
    }

    private static async Task<IResult> Patch(Guid id, PatchUserRequest body, IfMatch match, Caller caller, HttpContext http,
        IMediator mediator, IMapper mapper, CancellationToken ct)
    {
        await mediator.Send(new PatchUser(caller.OrganizationId, id, caller.RoleName, body.Email, body.FirstName, body.LastName,
            body.Phone, body.AvatarUrl, body.Role, body.Status, body.Preferences, match.Version), ct);
        return await Get(id, caller, http, mediator, mapper, ct);
    }

    private static async Task<IResult> Delete(Guid id, IfMatch match, Caller caller, IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new DeleteUser(caller.OrganizationId, id, caller.RoleName, match.Version), ct);
        return TypedResults.NoContent();
    }

    private static async Task<UserView> Found(Guid organizationId, Guid id, IMediator mediator, CancellationToken ct) =>
        await mediator.Send(new GetUser(organizationId, id), ct) ?? throw Problem.Unknown("user");
}
