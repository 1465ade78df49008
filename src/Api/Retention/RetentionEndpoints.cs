using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.Retention;
using Carter;

namespace Bsp.Api.Retention;

/// <param name="DryRun">Counts what would go, and touches nothing; false or absent: everything that is due goes now.</param>
/// <param name="OrganizationId">Of a dry run: only this one.</param>
public sealed record RunRetentionRequest(bool? DryRun, Guid? OrganizationId);

/// <summary>JSON merge patch: what is absent stays, null is the specification's time again.</summary>
/// <param name="MessageContentDays">90–730.</param>
/// <param name="MessageLogsDays">7–30.</param>
/// <param name="AiConversationsDays">30–90.</param>
public sealed record RetentionPolicyPatch(Optional<int?> MessageContentDays, Optional<int?> MessageLogsDays,
    Optional<int?> AiConversationsDays);

/// <param name="Days">What holds.</param>
/// <param name="Own">The organization's own; null: the specification's holds.</param>
/// <param name="DaysMin">Less is refused.</param>
/// <param name="DaysMax">More is refused: the specification's time.</param>
public sealed record PolicyRow(string Kind, int Days, int? Own, int DaysMin, int DaysMax);

/// <summary>An organization's own times.</summary>
public sealed record RetentionPolicyResponse(Guid OrganizationId, int? MessageContentDays, int? MessageLogsDays, int? AiConversationsDays,
    IReadOnlyList<PolicyRow> Kinds, DateTimeOffset? UpdatedAt)
{
    public static RetentionPolicyResponse Of(RetentionPolicy p) => new(p.OrganizationId, p.MessageContentDays, p.MessageLogsDays,
        p.AiConversationsDays,
        [
            Row(p, RetentionRules.MessageContent, p.MessageContentDays), Row(p, RetentionRules.MessageLogs, p.MessageLogsDays),
            Row(p, RetentionRules.AiConversations, p.AiConversationsDays),
        ], p.UpdatedAt);

    private static PolicyRow Row(RetentionPolicy p, string kind, int? own)
    {
        var rule = RetentionRules.Of(kind);
        return new(kind, p.DaysOf(kind), own, rule.DaysMin, rule.Days);
    }
}

/// <param name="ContactId">Whose data is held; absent: everything of the organization.</param>
/// <param name="Reason">Why, for those who ask later: 1 to 500 characters.</param>
public sealed record PlaceHoldRequest(Guid? ContactId, string Reason);

/// <summary>/v1/retention: what is kept for how long, and what may not go.</summary>
public sealed class RetentionEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var retention = app.MapGroup("/v1/retention").WithTags("Retention");
        retention.MapGet("", ReportAsync).Produces<ListResponse<RetentionState>>()
            .Describe("Every kind of data: how long it is kept, by whom it is deleted, and what the last round did, shard by shard.");
        retention.MapPost("run", RunAsync).Produces<ListResponse<RetentionDue>>().Produces<ListResponse<RetentionState>>(202)
            .Describe("With dry_run: what is past its time, by organization and kind. Without: it goes now, and the answer is the report.",
                "organization.unknown");
        retention.MapGet("policy", GetPolicyAsync).Produces<RetentionPolicyResponse>()
            .Describe("The organization's times, with the least and the most that it may set.");
        retention.MapPatch("policy", PatchPolicyAsync).Produces<RetentionPolicyResponse>()
            .Describe("Sets how long messages, logs and AI histories are kept (JSON merge patch).", "retention.above_maximum",
                "retention.below_minimum", "version.mismatch");
        retention.MapGet("holds", ListHoldsAsync).Produces<ListResponse<LegalHold>>()
            .Describe("Legal holds, oldest first; released ones too.", "cursor.invalid");
        retention.MapPost("holds", PlaceAsync).Produces<LegalHold>(201)
            .Describe("Holds a contact's data, or all of the organization's: nothing of it is deleted, archived or erased.",
                "contact.unknown", "legal_hold.stands", "legal_hold.too_many");
        retention.MapGet("holds/{id:guid}", GetHoldAsync).Produces<LegalHold>().Describe("One legal hold.", "legal_hold.unknown");
        retention.MapDelete("holds/{id:guid}", ReleaseAsync).Produces<LegalHold>()
            .Describe("Releases a hold; its row stays. Again: nothing changes.", "legal_hold.unknown");
    }

    private static async Task<IResult> ReportAsync(Call call) =>
        call.Ok(new ListResponse<RetentionState>(await call.Send(new GetRetention()), null));

    private static async Task<IResult> RunAsync(RunRetentionRequest body, Call call)
    {
        var dry = body.DryRun is true;
        if (!dry && body.OrganizationId is not null)
        {
            throw Problem.Field("request.invalid", "organization_id", "is for a dry run: what is due goes for all.");
        }

        var due = await call.Send(new RunRetention(dry, body.OrganizationId));
        return dry ? call.Ok(new ListResponse<RetentionDue>(due, null))
            : TypedResults.Json(new ListResponse<RetentionState>(await call.Send(new GetRetention()), null), statusCode: 202);
    }

    private static async Task<IResult> GetPolicyAsync(Call call)
    {
        var policy = await call.Send(new GetRetentionPolicy(call.OrganizationId));
        return call.Ok(RetentionPolicyResponse.Of(policy), policy.Version);
    }

    private static async Task<IResult> PatchPolicyAsync(RetentionPolicyPatch body, IfMatch match, Call call)
    {
        await call.Send(new PatchRetentionPolicy(call.OrganizationId, body.MessageContentDays, body.MessageLogsDays,
            body.AiConversationsDays, match.Version));
        return await GetPolicyAsync(call);
    }

    private static async Task<IResult> ListHoldsAsync(Paging paging, Call call) =>
        call.Page(await call.Send(new ListLegalHolds(call.OrganizationId, paging.Cursor, paging.Limit)));

    private static async Task<IResult> PlaceAsync(PlaceHoldRequest body, Call call)
    {
        var done = await call.Send(new PlaceLegalHold(call.OrganizationId, CurrentRequest.NewId(), body.ContactId, body.Reason));
        return call.Created($"/v1/retention/holds/{done.Id}", await call.Send(new GetLegalHold(call.OrganizationId, done.Id)));
    }

    private static async Task<IResult> GetHoldAsync(Guid id, Call call) =>
        call.Ok(await call.Send(new GetLegalHold(call.OrganizationId, id)));

    private static async Task<IResult> ReleaseAsync(Guid id, Call call)
    {
        await call.Send(new ReleaseLegalHold(call.OrganizationId, id));
        return await GetHoldAsync(id, call);
    }
}
