using Bsp.Api.Common;
using Bsp.Application.Ai;
using Carter;

namespace Bsp.Api.Ai;

/// <summary>A day to be replayed without sending; what is absent is as the settings have it.</summary>
/// <param name="Day">UTC, such as 2026-11-29.</param>
/// <param name="ApiKey">For another provider or host; never shown, and forgotten at the end.</param>
/// <param name="BurstsMax">At most so many questions: 1 to 500; null: 100.</param>
public sealed record NewAiShadow(DateOnly Day, string? Provider, string? Endpoint, string? Model, string? ApiKey, string? Prompt,
    IReadOnlyList<string>? Facts, int? BurstsMax);

/// <summary>/v1/ai/shadows.</summary>
public sealed class AiShadowEndpoints : ICarterModule
{
    private const int BurstsStandard = 100;

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var shadows = app.MapGroup("/v1/ai/shadows").WithTags("Ai");
        shadows.MapPost("", CreateAsync).Produces<AiShadowView>(202)
            .Describe("Replays a day of the log through other instructions or another model, without sending.", "ai_shadow.open",
                "ai.model_missing", "ai.price_missing", "plan.feature_missing");
        shadows.MapGet("", PageAsync).Produces<ListResponse<AiShadowView>>().Describe("Replays, oldest first.");
        shadows.MapGet("{id:guid}", GetAsync).Produces<AiShadowView>()
            .Describe("A replay: what would have been done otherwise, and what it took.", "ai_shadow.unknown");
        shadows.MapGet("{id:guid}/items", ItemsAsync).Produces<ListResponse<AiShadowItem>>()
            .Describe("Burst by burst; ?different=true keeps those in which it would have done something else.", "ai_shadow.unknown",
                "cursor.invalid");
        shadows.MapPost("{id:guid}/cancel", CancelAsync).Produces<AiShadowView>()
            .Describe("Ends a replay early; what it has found stays.", "ai_shadow.unknown");
    }

    private static async Task<IResult> CreateAsync(NewAiShadow body, Call call)
    {
        var done = await call.Send(new CreateAiShadow(call.OrganizationId, body.Day, body.Provider, body.Endpoint, body.Model,
            body.ApiKey, body.Prompt, body.Facts, body.BurstsMax ?? BurstsStandard));
        return TypedResults.Accepted($"/v1/ai/shadows/{done.Id}", await call.Send(new GetAiShadow(call.OrganizationId, done.Id)));
    }

    private static async Task<IResult> PageAsync(Paging paging, Call call) =>
        call.Page(await call.Send(new ListAiShadows(call.OrganizationId, paging.Limit, paging.Cursor)));

    private static async Task<IResult> GetAsync(Guid id, Call call) =>
        call.Ok(await call.Send(new GetAiShadow(call.OrganizationId, id)));

    private static async Task<IResult> ItemsAsync(Guid id, bool? different, Paging paging,
        Call call) => call.Page(await call.Send(
        new ListAiShadowItems(call.OrganizationId, id, different is true, paging.Limit, paging.Cursor)));

    private static async Task<IResult> CancelAsync(Guid id, Call call)
    {
        await call.Send(new CancelAiShadow(call.OrganizationId, id));
        return await GetAsync(id, call);
    }
}
