using Bsp.Api.Common;
using Bsp.Application.Accounts;
using Bsp.Application.Common;
using Carter;

namespace Bsp.Api.Accounts;

/// <param name="Code">Of Meta's Embedded Signup; good once, for minutes.</param>
/// <param name="Pin">Six digits: the number's own of its two-step verification. Null: it has none yet.</param>
public sealed record BeginSignupRequest(string Code, string WabaId, string PhoneNumberId, string? Pin);

/// <summary>What is absent stays.</summary>
public sealed record ResumeSignupRequest(string? Code, string? Pin);

/// <summary>Where a signup stands.</summary>
/// <param name="WaitingFor">code, pin, time, plan, number or meta; null: nothing.</param>
/// <param name="NextAt">When it goes on by itself.</param>
/// <param name="AccountId">Of the number, from the step account on.</param>
public sealed record SignupResponse(Guid Id, string Status, string Step, string? WaitingFor, string? ErrorCode, string? Error,
    DateTimeOffset? NextAt, string WabaId, string PhoneNumberId, Guid? AccountId, string? MetaBusinessId, bool? Coexistence,
    IReadOnlyList<SignupStep> Steps, DateTimeOffset CreatedAt, DateTimeOffset UpdatedAt)
{
    public static SignupResponse Of(SignupView s) => new(s.Id, s.Status, s.Step, s.WaitingFor, s.ErrorCode, s.Error, s.NextAt, s.WabaId,
        s.PhoneNumberId, s.AccountId, s.MetaBusinessId, s.Coexistence, s.Steps, s.CreatedAt, s.UpdatedAt);
}

/// <summary>Onboarding by Meta's Embedded Signup.</summary>
[Chapter("signups", "Taking numbers on by Embedded Signup: where each stands and what it waits for.")]
public sealed class SignupEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/accounts/signup", Begin).WithTags("Accounts").Produces<SignupResponse>(202)
            .Describe("Takes a business's number on with the code of Meta's Embedded Signup, step by step; goes on by itself where it can, "
                + "and says what it waits for.", "signup.not_configured");
        app.MapGet("/v1/signups", List).WithTags("Accounts").Describe("All signups.", "request.cursor")
            .Produces<ListResponse<SignupResponse>>();
        app.MapGet("/v1/signups/{id:guid}", Get).WithTags("Accounts").Describe("Where a signup stands.", "signup.unknown")
            .Produces<SignupResponse>();
        app.MapPost("/v1/signups/{id:guid}/resume", Resume).WithTags("Accounts").Produces<SignupResponse>(202)
            .Describe("Goes on with a signup that waits, with a new code or PIN where it waits for one.", "signup.unknown",
                "signup.completed");
    }

    private static async Task<IResult> Begin(BeginSignupRequest body, Call call) =>
        Accepted(await call.Send(new BeginSignup(call.OrganizationId, CurrentRequest.NewId(), body.Code, body.WabaId,
            body.PhoneNumberId, body.Pin)));

    private static async Task<IResult> Resume(Guid id, ResumeSignupRequest body, Call call) =>
        Accepted(await call.Send(new ResumeSignup(call.OrganizationId, id, body.Code, body.Pin)));

    private static async Task<IResult> Get(Guid id, Call call) =>
        call.Ok(SignupResponse.Of(await call.Send(new GetSignup(call.OrganizationId, id))));

    private static async Task<IResult> List(Paging paging, Call call)
    {
        var page = await call.Send(new ListSignups(call.OrganizationId, paging.Cursor, paging.Limit));
        return call.Page(new Page<SignupResponse>([.. page.Data.Select(SignupResponse.Of)], page.NextCursor));
    }

    private static IResult Accepted(SignupView view) =>
        TypedResults.Accepted($"/v1/signups/{view.Id}", SignupResponse.Of(view));
}
