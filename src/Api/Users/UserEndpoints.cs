using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.Users;
using Carter;

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

    private static async Task<IResult> Create(CreateUserRequest body, Call call)
    {
        var done = await call.Send(new CreateUser(call.OrganizationId, CurrentRequest.NewId(), call.Caller.RoleName, body.Email,
            body.Password, body.FirstName, body.LastName, body.Phone, body.AvatarUrl, body.Role, body.Status,
            body.Preferences));
        var view = await Found(call.OrganizationId, done.Id, call);
        return call.Created($"/v1/users/{done.Id}", call.Map<UserResponse>(view), view.Version);
    }

    private static async Task<IResult> List(string? role, string? status, Paging paging, Call call) =>
        call.Page<UserView, UserResponse>(await call.Send(new ListUsers(call.OrganizationId, role, status, paging.Cursor, paging.Limit)));

    private static async Task<IResult> Get(Guid id, Call call)
    {
        var view = await Found(call.OrganizationId, id, call);
        return call.Ok(call.Map<UserResponse>(view), view.Version);
    }

    private static async Task<IResult> Patch(Guid id, PatchUserRequest body, IfMatch match, Call call)
    {
        await call.Send(new PatchUser(call.OrganizationId, id, call.Caller.RoleName, body.Email, body.FirstName, body.LastName,
            body.Phone, body.AvatarUrl, body.Role, body.Status, body.Preferences, match.Version));
        return await Get(id, call);
    }

    private static async Task<IResult> Delete(Guid id, IfMatch match, Call call)
    {
        await call.Send(new DeleteUser(call.OrganizationId, id, call.Caller.RoleName, match.Version));
        return TypedResults.NoContent();
    }

    private static async Task<UserView> Found(Guid organizationId, Guid id, Call call) =>
        await call.Send(new GetUser(organizationId, id)) ?? throw Problem.Unknown("user");
}
