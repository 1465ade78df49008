using Bsp.Api.Common;
using Bsp.Application.Auth;
using Carter;

namespace Bsp.Api.Auth;

/// <summary>Second factors: one's own, and what administrators say about everybody's.</summary>
public sealed class SecondFactorEndpoints : ICarterModule
{
    /// <param name="Password">One's own, again.</param>
    public sealed record OwnPasswordRequest(string Password);

    /// <param name="Code">Six digits, as the app shows them now.</param>
    public sealed record ConfirmRequest(string Code);

    /// <summary>Each works once in place of a code: shown here and never again.</summary>
    public sealed record RecoveryCodesResponse(IReadOnlyList<string> RecoveryCodes);

    /// <param name="Roles">viewer, agent, manager, admin, super_admin; all five: everybody; none: whoever wants to.</param>
    public sealed record PolicyRequest(IReadOnlyList<string> Roles);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapGet("/v1/auth/second-factor", Get).Produces<SecondFactorView>()
            .Describe("How one's own second factor stands.", "session.missing");
        app.MapPost("/v1/auth/second-factor", Begin).WithMetadata(new AnswersWithSecret()).Produces<SecondFactorSecret>(201)
            .Describe("Makes a secret for an authenticator app; it is asked for from its first right code on.", "session.missing",
                "login.invalid", "login.throttled", "auth.second_factor_exists");
        app.MapPost("/v1/auth/second-factor/confirm", Confirm).WithMetadata(new AnswersWithSecret()).Produces<RecoveryCodesResponse>()
            .Describe("The first right code: from now on one is asked for. One's other sessions end.", "session.missing",
                "auth.second_factor_wrong", "auth.second_factor_missing", "auth.second_factor_exists");
        app.MapPost("/v1/auth/second-factor/disable", Disable).Produces(204)
            .Describe("Signs in without it from now on.", "session.missing", "login.invalid", "login.throttled",
                "auth.second_factor_needed");
        app.MapPost("/v1/auth/second-factor/recovery-codes", Renew).WithMetadata(new AnswersWithSecret()).Produces<RecoveryCodesResponse>()
            .Describe("Ten new recovery codes; those before work no more.", "session.missing", "login.invalid", "login.throttled",
                "auth.second_factor_missing");
        app.MapGet("/v1/auth/second-factor/policy", Policy).Produces<SecondFactorPolicy>()
            .Describe("Of which roles a second factor is required.");
        app.MapPut("/v1/auth/second-factor/policy", SetPolicy).Produces<SecondFactorPolicy>()
            .Describe("Says of which roles a second factor is required; who has none makes one before anything else.");
        app.MapDelete("/v1/users/{id:guid}/second-factor", Remove).Produces(204)
            .Describe("Takes the second factor from somebody who lost it; their sessions end.", "user.unknown", "user.role_above_own",
                "auth.second_factor_own");
    }

    private static Task<SecondFactorView> Get(Call call)
    {
        var session = call.Caller.RequireSession();
        return call.Send(new GetSecondFactor(session.OrganizationId, session.UserId, session.Role));
    }

    private static async Task<IResult> Begin(OwnPasswordRequest body, Call call)
    {
        var session = call.Caller.RequireSession();
        return TypedResults.Json(await call.Send(new BeginSecondFactor(session.OrganizationId, session.UserId, body.Password)),
            statusCode: 201);
    }

    private static async Task<RecoveryCodesResponse> Confirm(ConfirmRequest body, Call call)
    {
        var session = call.Caller.RequireSession();
        return new((await call.Send(new ConfirmSecondFactor(session.OrganizationId, session.UserId, session.TokenHash, body.Code))).Codes);
    }

    private static async Task<IResult> Disable(OwnPasswordRequest body, Call call)
    {
        var session = call.Caller.RequireSession();
        await call.Send(new DisableSecondFactor(session.OrganizationId, session.UserId, session.Role, body.Password));
        return TypedResults.NoContent();
    }

    private static async Task<RecoveryCodesResponse> Renew(OwnPasswordRequest body, Call call)
    {
        var session = call.Caller.RequireSession();
        return new((await call.Send(new RenewRecoveryCodes(session.OrganizationId, session.UserId, body.Password))).Codes);
    }

    private static Task<SecondFactorPolicy> Policy(Call call) => call.Send(new GetSecondFactorPolicy(call.OrganizationId));

    private static async Task<SecondFactorPolicy> SetPolicy(PolicyRequest body, Call call)
    {
        await call.Send(new SetSecondFactorPolicy(call.OrganizationId, body.Roles));
        return await Policy(call);
    }

    private static async Task<IResult> Remove(Guid id, Call call)
    {
        await call.Send(new RemoveSecondFactor(call.OrganizationId, id, call.Caller.RoleName, call.Caller.Session?.UserId));
        return TypedResults.NoContent();
    }
}
