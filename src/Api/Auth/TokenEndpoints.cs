using Bsp.Api.Common;
using Bsp.Api.Users;
using Bsp.Application.Auth;
using Bsp.Application.Common;
using Carter;

namespace Bsp.Api.Auth;

/// <summary>
/// Invitations and forgotten passwords. Tokens are answered to the admin or platform that asks, who hands them over: this product sends no
/// mail.
/// </summary>
public sealed class TokenEndpoints : ICarterModule
{
    public sealed record ResetTokenRequest(string Email);

    /// <param name="Password">12–200 characters.</param>
    public sealed record ResetRequest(string Token, string Password);

    /// <param name="Role">viewer, agent, manager, admin or super_admin; not above the caller's.</param>
    public sealed record InvitationRequest(string Email, string Role, string? FirstName, string? LastName);

    /// <param name="Password">12–200 characters.</param>
    /// <param name="FirstName">Null: as the invitation says.</param>
    public sealed record AcceptRequest(string Token, string Password, string? FirstName, string? LastName);

    /// <param name="UserId">Whom it resets, or whom accepting makes.</param>
    /// <param name="Token">Works once: shown here and never again. Null: a repeat, whose token was shown before.</param>
    public sealed record OneTimeTokenResponse(Guid UserId, string? Token, DateTimeOffset? ExpiresAt);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/auth/reset/request", RequestReset).WithMetadata(new AnswersWithSecret()).Produces<OneTimeTokenResponse>(201)
            .Describe("Makes a one-time token, good for an hour, with which somebody chooses a new password; the caller hands it over.",
                "user.unknown", "user.role_above_own");
        app.MapPost("/v1/auth/reset", Reset).Describe("Chooses a new password with a one-time token; all sessions end.", "reset.unknown")
            .Produces(204);
        app.MapPost("/v1/auth/invitations", Invite).WithMetadata(new AnswersWithSecret()).Produces<OneTimeTokenResponse>(201)
            .Describe("Invites somebody with a one-time token, good for seven days; the caller hands it over.", "user.email_taken",
                "user.role_above_own");
        app.MapPost("/v1/auth/invitations/accept", Accept)
            .Describe("Makes the invited person.", "invitation.unknown", "user.email_taken", "login.organization_inactive")
            .Produces<UserResponse>(201);
    }

    private static async Task<IResult> RequestReset(ResetTokenRequest body, Call call, TimeProvider clock)
    {
        var token = SecretToken.New("rst_");
        return Shown(call.Context,
            await call.Send(new RequestReset(call.OrganizationId, call.Caller.RoleName, body.Email, Inviter(call.Caller), token.Hash)),
            token, clock.GetUtcNow() + TokenLives.Reset);
    }

    private static async Task<IResult> Reset(ResetRequest body, Call call)
    {
        await call.Send(new ConfirmReset(SecretToken.HashOf(body.Token), body.Password));
        return TypedResults.NoContent();
    }

    private static async Task<IResult> Invite(InvitationRequest body, Call call, TimeProvider clock)
    {
        var token = SecretToken.New("inv_");
        var done = await call.Send(new InviteUser(call.OrganizationId, CurrentRequest.NewId(), call.Caller.RoleName, body.Email,
            body.Role, body.FirstName, body.LastName, Inviter(call.Caller), token.Hash));
        return Shown(call.Context, done, token, clock.GetUtcNow() + TokenLives.Invitation);
    }

    private static string Inviter(Caller caller) => caller switch
    {
        { Session: { } person } => $"user:{person.UserId}",
        { KeyId: { } key } => $"key:{key}",
        _ => "platform",
    };

    private static async Task<IResult> Accept(AcceptRequest body, Call call)
    {
        var view = await call.Send(new AcceptInvitation(SecretToken.HashOf(body.Token), body.Password, body.FirstName, body.LastName));
        return call.Created($"/v1/users/{view.Id}", call.Map<UserResponse>(view), view.Version);
    }

    // Work done by an earlier request: its token was shown then, if at all; ours was never stored.
    private static IResult Shown(HttpContext http, Done done, SecretToken token, DateTimeOffset expires) =>
        CurrentRequest.Value?.Claim is { WorkDone: true }
        ? Answers.Ok(http, new OneTimeTokenResponse(done.Id, null, null))
        : TypedResults.Json(new OneTimeTokenResponse(done.Id, token.Text, expires), statusCode: 201);
}
