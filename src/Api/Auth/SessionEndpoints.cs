using Bsp.Api.Common;
using Bsp.Application.Auth;
using Carter;

namespace Bsp.Api.Auth;

/// <summary>Signing in and out, one's sessions, and one's own password.</summary>
public sealed class SessionEndpoints : ICarterModule
{
    /// <param name="Cookie">True: for a browser, which gets the session in a cookie and no token.</param>
    /// <param name="Code">Of the second factor, for who has one.</param>
    /// <param name="RecoveryCode">In place of the code.</param>
    public sealed record LoginRequest(string Email, string Password, bool Cookie = false, string? Code = null, string? RecoveryCode = null);

    /// <param name="Challenge">As <c>auth.second_factor_required</c> said it.</param>
    /// <param name="Code">Six digits.</param>
    /// <param name="RecoveryCode">In place of the code; each works once.</param>
    /// <param name="Cookie">True: for a browser.</param>
    public sealed record SecondFactorLoginRequest(string Challenge, string? Code, string? RecoveryCode, bool Cookie = false);

    /// <param name="NewPassword">12–200 characters.</param>
    public sealed record PasswordRequest(string CurrentPassword, string NewPassword);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/auth/login", LogIn).WithMetadata(new AnswersWithSecret()).Produces<LoginResponse>()
            .Describe("Signs a person in for 24 hours. Five wrong passwords a minute from one address, then Retry-After.", "login.invalid",
                "login.throttled", "login.user_not_active", "login.organization_inactive", "auth.second_factor_required",
                "auth.second_factor_wrong", "auth.csrf");
        app.MapPost("/v1/auth/login/second-factor", LogInFurther).WithMetadata(new AnswersWithSecret()).Produces<LoginResponse>()
            .Describe("The second half of signing in: a code within five minutes of the password, five attempts.",
                "auth.challenge_unknown", "auth.second_factor_wrong", "login.throttled", "login.user_not_active",
                "login.organization_inactive", "auth.csrf");
        app.MapGet("/v1/auth/session", Session).Produces<SessionResponse>()
            .Describe("Who is signed in, and what their pages need.", "session.missing");
        app.MapGet("/v1/auth/sessions", Sessions).Produces<ListResponse<SessionView>>()
            .Describe("Where one is signed in, oldest first.", "session.missing", "request.cursor");
        app.MapDelete("/v1/auth/sessions/{id:guid}", End).Produces(204)
            .Describe("Ends one of one's sessions everywhere within a second.", "session.unknown");
        app.MapPost("/v1/auth/logout", (Call call) => LogOut(call.Caller.RequireSession(), all: false, call))
            .Describe("Ends this session everywhere within a second.", "session.missing").Produces(204);
        app.MapPost("/v1/auth/logout-all", (Call call) => LogOut(call.Caller.RequireSession(), all: true, call))
            .Describe("Ends all of one's sessions everywhere within a second.", "session.missing").Produces(204);
        app.MapPost("/v1/auth/password", Change)
            .Describe("Changes one's own password and ends one's other sessions.", "session.missing", "login.invalid", "login.throttled",
                "version.conflict").Produces(204);
    }

    private static Task<LoginResponse> LogIn(LoginRequest body, Call call) => BeginAsync(body.Cookie, call, (hash, form) =>
        call.Send(new Login(body.Email, body.Password, hash) { Form = form, Second = new(body.Code, body.RecoveryCode) }));

    private static Task<LoginResponse> LogInFurther(SecondFactorLoginRequest body, Call call) => BeginAsync(body.Cookie, call,
        (hash, form) =>
            call.Send(new LoginSecondFactor(SecretToken.HashOf(body.Challenge), new(body.Code, body.RecoveryCode), hash, form)));

    private static async Task<LoginResponse> BeginAsync(bool cookie, Call call, Func<string, SessionForm, Task<StartedSession>> begin)
    {
        if (cookie)
        {
            SessionCookie.RequireOwnSite(call.Context); // nobody signs somebody else's browser in
        }

        var token = SecretToken.New(SecretToken.SessionPrefix);
        var session = await begin(token.Hash, new(cookie, call.Context.Request.Headers.UserAgent.ToString()));
        if (!cookie)
        {
            return new(token.Text, session.ExpiresAt);
        }

        SessionCookie.Set(call.Context, token.Text);
        return LoginResponse.Of(await SessionResponse.OfAsync(session.OrganizationId, session.UserId, session.ExpiresAt, token.Text, call));
    }

    private static Task<SessionResponse> Session(Call call)
    {
        var session = call.Caller.RequireSession();
        return SessionResponse.OfAsync(session.OrganizationId, session.UserId, session.ExpiresAt,
            session.Cookie ? SessionCookie.Of(call.Context) : null, call);
    }

    private static async Task<IResult> Sessions(Paging paging, Call call)
    {
        var session = call.Caller.RequireSession();
        return call.Page(await call.Send(new ListSessions(session.UserId, session.TokenHash, paging.Cursor, paging.Limit)));
    }

    // A key has no sessions, so none has this id.
    private static async Task<IResult> End(Guid id, Call call)
    {
        var session = call.Caller.Session ?? throw Problem.Unknown("session");
        await call.Send(new EndSession(session.OrganizationId, session.UserId, id));
        return TypedResults.NoContent();
    }

    private static async Task<IResult> LogOut(KnownSession session, bool all, Call call)
    {
        await call.Send(new Logout(session.OrganizationId, session.UserId, all ? null : session.TokenHash));
        if (session.Cookie)
        {
            SessionCookie.Clear(call.Context);
        }

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
