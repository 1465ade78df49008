using Bsp.Api.Common;
using Bsp.Api.Users;
using Bsp.Application.Auth;
using Bsp.Application.Common;
using Carter;

namespace Bsp.Api.Auth;

/// <summary>
/// Invitations and forgotten passwords. A token is answered to the admin or platform that asks, who hands it over, or goes out by mail and
/// is answered to nobody.
/// </summary>
public sealed class TokenEndpoints : ICarterModule
{
    /// <param name="Mail">True: the token goes out by mail, and is not answered.</param>
    public sealed record ResetTokenRequest(string Email, bool Mail = false);

    public sealed record ForgottenRequest(string Email);

    /// <param name="Password">12–200 characters.</param>
    public sealed record ResetRequest(string Token, string Password);

    /// <param name="Role">viewer, agent, manager, admin or super_admin; not above the caller's.</param>
    /// <param name="Mail">True: the token goes out by mail, and is not answered.</param>
    public sealed record InvitationRequest(string Email, string Role, string? FirstName, string? LastName, bool Mail = false);

    /// <param name="Password">12–200 characters.</param>
    /// <param name="FirstName">Null: as the invitation says.</param>
    public sealed record AcceptRequest(string Token, string Password, string? FirstName, string? LastName);

    /// <param name="UserId">Whom it resets, or whom accepting makes.</param>
    /// <param name="Token">Works once: shown here and never again. Null: it went out by mail, or this is a repeat, whose token was
    /// shown before.</param>
    public sealed record OneTimeTokenResponse(Guid UserId, string? Token, DateTimeOffset? ExpiresAt);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/auth/reset/request", RequestReset).WithMetadata(new AnswersWithSecret()).Produces<OneTimeTokenResponse>(201)
            .Describe("Makes a one-time token, good for an hour, with which somebody chooses a new password; the caller hands it over, or "
                + "it goes out by mail.", "user.unknown", "user.role_above_own", "mail.not_configured", "mail.too_many");
        app.MapPost("/v1/auth/forgot", Forgot).Produces(202)
            .Describe("Mails somebody who forgot their password a link, good for an hour. Whether anybody has this e-mail is told to "
                + "nobody.", "mail.not_configured", "login.throttled");
        app.MapPost("/v1/auth/reset", Reset).Describe("Chooses a new password with a one-time token; all sessions end.", "reset.unknown")
            .Produces(204);
        app.MapPost("/v1/auth/invitations", Invite).WithMetadata(new AnswersWithSecret()).Produces<OneTimeTokenResponse>(201)
            .Describe("Invites somebody with a one-time token, good for seven days; the caller hands it over, or it goes out by mail.",
                "user.email_taken", "user.role_above_own", "mail.not_configured", "mail.too_many");
        app.MapGet("/v1/auth/invitations", Invitations).Produces<ListResponse<InvitationView>>()
            .Describe("Invitations that nobody has accepted yet, oldest first.", "request.cursor");
        app.MapDelete("/v1/auth/invitations/{id:guid}", Withdraw).Produces(204)
            .Describe("Takes an invitation back: its token works no more.", "invitation.unknown", "user.role_above_own");
        app.MapPost("/v1/auth/invitations/accept", Accept)
            .Describe("Makes the invited person.", "invitation.unknown", "user.email_taken", "login.organization_inactive")
            .Produces<UserResponse>(201);
    }

    private static async Task<IResult> RequestReset(ResetTokenRequest body, Call call, TimeProvider clock)
    {
        var token = SecretToken.New("rst_");
        return Shown(call.Context,
            await call.Send(new RequestReset(call.OrganizationId, call.Caller.RoleName, body.Email, Inviter(call.Caller), token.Hash)
            {
                Mailed = body.Mail ? token.Text : null,
            }), body.Mail ? null : token, clock.GetUtcNow() + TokenLives.Reset);
    }

    private static async Task<IResult> Forgot(ForgottenRequest body, Call call)
    {
        await call.Send(new ForgotPassword(body.Email, SecretToken.New("rst_")));
        return TypedResults.StatusCode(202);
    }

    private static async Task<IResult> Invitations(Paging paging, Call call) =>
        call.Page(await call.Send(new ListInvitations(call.OrganizationId, paging.Cursor, paging.Limit)));

    private static async Task<IResult> Withdraw(Guid id, Call call)
    {
        await call.Send(new WithdrawInvitation(call.OrganizationId, id, call.Caller.RoleName));
        return TypedResults.NoContent();
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
            body.Role, body.FirstName, body.LastName, Inviter(call.Caller), token.Hash) { Mailed = body.Mail ? token.Text : null });
        return Shown(call.Context, done, body.Mail ? null : token, clock.GetUtcNow() + TokenLives.Invitation);
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
    private static IResult Shown(HttpContext http, Done done, SecretToken? token, DateTimeOffset expires) =>
        CurrentRequest.Value?.Claim is { WorkDone: true }
        ? Answers.Ok(http, new OneTimeTokenResponse(done.Id, null, null))
        : TypedResults.Json(new OneTimeTokenResponse(done.Id, token?.Text, expires), statusCode: 201);
}
