using AutoMapper;
using Bsp.Api.Common;
using Bsp.Application.Auth;
using Carter;
using MediatR;

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
        app.MapPost("/v1/auth/logout", (Caller caller, HttpContext http, IMediator mediator, CancellationToken ct) =>
            LogOut(caller.RequireSession(), all: false, http, mediator, ct))
            .Describe("Ends this session everywhere within a second.", "session.missing").Produces(204);
        app.MapPost("/v1/auth/logout-all", (Caller caller, HttpContext http, IMediator mediator, CancellationToken ct) =>
            LogOut(caller.RequireSession(), all: true, http, mediator, ct))
            .Describe("Ends all of one's sessions everywhere within a second.", "session.missing").Produces(204);
        app.MapPost("/v1/auth/password", Change)
            .Describe("Changes one's own password and ends one's other sessions.", "session.missing", "login.invalid", "login.throttled",
                "version.conflict").Produces(204);
    }

    private static Task<LoginResponse> LogIn(LoginRequest body, HttpContext http, IMediator mediator, IMapper mapper,
        CancellationToken ct) => BeginAsync(body.Cookie, http, (hash, form) =>
            mediator.Send(new Login(body.Email, body.Password, hash) { Form = form, Second = new(body.Code, body.RecoveryCode) }, ct),
            mediator, mapper, ct);

    private static Task<LoginResponse> LogInFurther(SecondFactorLoginRequest body, HttpContext http, IMediator mediator, IMapper mapper,
        CancellationToken ct) => BeginAsync(body.Cookie, http, (hash, form) =>
            mediator.Send(new LoginSecondFactor(SecretToken.HashOf(body.Challenge), new(body.Code, body.RecoveryCode), hash, form), ct),
            mediator, mapper, ct);

    private static async Task<LoginResponse> BeginAsync(bool cookie, HttpContext http,
        Func<string, SessionForm, Task<StartedSession>> begin, IMediator mediator, IMapper mapper, CancellationToken ct)
    {
        if (cookie)
        {
            SessionCookie.RequireOwnSite(http); // nobody signs somebody else's browser in
        }

        var token = SecretToken.New(SecretToken.SessionPrefix);
        var session = await begin(token.Hash, new(cookie, http.Request.Headers.UserAgent.ToString()));
        if (!cookie)
        {
            return new(token.Text, session.ExpiresAt);
        }

        SessionCookie.Set(http, token.Text);
        return LoginResponse.Of(await SessionResponse.OfAsync(session.OrganizationId, session.UserId, session.ExpiresAt, token.Text,
            mediator, mapper, ct));
    }

    private static async Task<SessionResponse> Session(Caller caller, HttpContext http, IMediator mediator, IMapper mapper,
        CancellationToken ct)
    {
        var session = caller.RequireSession();
        return await SessionResponse.OfAsync(session.OrganizationId, session.UserId, session.ExpiresAt,
            session.Cookie ? SessionCookie.Of(http) : null, mediator, mapper, ct);
    }

    private static async Task<IResult> Sessions(Paging paging, Caller caller, HttpContext http, IMediator mediator, CancellationToken ct)
    {
        var session = caller.RequireSession();
        return Answers.Page(http,
            await mediator.Send(new ListSessions(session.UserId, session.TokenHash, paging.Cursor, paging.Limit), ct));
    }

    // A key has no sessions, so none has this id.
    private static async Task<IResult> End(Guid id, Caller caller, HttpContext http, IMediator mediator, CancellationToken ct)
    {
        var session = caller.Session ?? throw Problem.Unknown("session");
        await mediator.Send(new EndSession(session.OrganizationId, session.UserId, id), ct);
        return TypedResults.NoContent();
    }

    private static async Task<IResult> LogOut(KnownSession session, bool all, HttpContext http, IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new Logout(session.OrganizationId, session.UserId, all ? null : session.TokenHash), ct);
        if (session.Cookie)
        {
            SessionCookie.Clear(http);
        }

        return TypedResults.NoContent();
    }

    private static async Task<IResult> Change(PasswordRequest body, Caller caller, IMediator mediator, CancellationToken ct)
    {
        var session = caller.RequireSession();
        await mediator.Send(new ChangePassword(session.OrganizationId, session.UserId, session.TokenHash, body.CurrentPassword,
            body.NewPassword), ct);
        return TypedResults.NoContent();
    }
}
