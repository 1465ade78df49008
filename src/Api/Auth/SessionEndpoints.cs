using Bsp.Api.Common;
using Bsp.Application.Auth;
using Carter;

namespace Bsp.Api.Auth;

/// <summary>Signing in and out, and one's own password.</summary>
public sealed class SessionEndpoints : ICarterModule
{
    public sealed record LoginRequest(string Email, string Password);

    /// <param name="Token">For <c>Authorization: Bearer</c>: shown here and never again.</param>
    /// <param name="ExpiresAt">24 hours later.</param>
    public sealed record LoginResponse(string Token, DateTimeOffset ExpiresAt);

    /// <param name="NewPassword">12–200 characters.</param>
    public sealed record PasswordRequest(string CurrentPassword, string NewPassword);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/auth/login", LogIn).WithMetadata(new AnswersWithSecret()).Produces<LoginResponse>()
            .Describe("Signs a person in for 24 hours. Five wrong passwords a minute from one address, then Retry-After.", "login.invalid",
                "login.throttled", "login.user_not_active", "login.organization_inactive");
        app.MapPost("/v1/auth/logout", (Call call) => LogOut(call.Caller.RequireSession(), all: false, call))
            .Describe("Ends this session everywhere within a second.", "session.missing").Produces(204);
        app.MapPost("/v1/auth/logout-all", (Call call) => LogOut(call.Caller.RequireSession(), all: true, call))
            .Describe("Ends all of one's sessions everywhere within a second.", "session.missing").Produces(204);
        app.MapPost("/v1/auth/password", Change)
            .Describe("Changes one's own password and ends one's other sessions.", "session.missing", "login.invalid", "login.throttled",
                "version.conflict").Produces(204);
    }

    private static async Task<LoginResponse> LogIn(LoginRequest body, Call call)
    {
        var token = SecretToken.New(SecretToken.SessionPrefix);
        var session = await call.Send(new Login(body.Email, body.Password, token.Hash));
        return new(token.Text, session.ExpiresAt);
    }

    private static async Task<IResult> LogOut(KnownSession session, bool all, Call call)
    {
        await call.Send(new Logout(session.OrganizationId, session.UserId, all ? null : session.TokenHash));
        return TypedResults.NoContent();
    }

    private static async Task<IResult> Change(PasswordRequest body, Call call)
    {
        var session = call.Caller.RequireSession();
        await call.Send(new ChangePassword(session.OrganizationId, session.UserId, session.TokenHash, body.CurrentPassword,
            body.NewPassword));
        return TypedResults.NoContent();
    }
}
