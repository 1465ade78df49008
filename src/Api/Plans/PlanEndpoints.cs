using System.Text.Json;
using AutoMapper;
using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.Plans;
using Carter;

namespace Bsp.Api.Plans;

public sealed record PlanResponse(Guid Id, string Name, string Code, string? Description, decimal MonthlyPrice, decimal PerMessagePrice,
    int IncludedMessages, JsonElement Features, string Status, string Currency, DateTimeOffset CreatedAt, long Version);

public sealed class PlanProfile : Profile
{
    public PlanProfile() => CreateMap<PlanView, PlanResponse>();
}

public sealed class PlanEndpoints : ICarterModule
{
    public sealed record CreatePlanRequest(string Name, string Code, string? Description, decimal MonthlyPrice, decimal PerMessagePrice,
        JsonElement? Features, int IncludedMessages = 0, string Currency = "USD");

    public sealed record PatchPlanRequest(Optional<string> Name, Optional<string?> Description, Optional<decimal> MonthlyPrice,
        Optional<decimal> PerMessagePrice, Optional<int> IncludedMessages, Optional<JsonElement?> Features, Optional<string> Status);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/plans", Create).Describe("Adds a plan.", "plan.code_taken").Produces<PlanResponse>(201);
        app.MapGet("/v1/plans", List).Describe("All plans.", "request.cursor").Produces<ListResponse<PlanResponse>>();
        app.MapGet("/v1/plans/{id:guid}", Get).Describe("One plan.", "plan.unknown").Produces<PlanResponse>();
        app.MapDelete("/v1/plans/{id:guid}", Delete)
            .Describe("Takes out a plan that nobody ever had.", "plan.unknown", "plan.in_use", "version.mismatch").Produces(204);
        app.MapPatch("/v1/plans/{id:guid}", Patch).Describe("Changes a plan (JSON merge patch).", "plan.unknown").Produces<PlanResponse>();
    }

    private static async Task<IResult> Create(CreatePlanRequest body, Call call)
    {
        var done = await call.Send(new CreatePlan(CurrentRequest.NewId(), body.Name, body.Code, body.Description, body.MonthlyPrice,
            body.PerMessagePrice, body.IncludedMessages, body.Features, body.Currency));
        var view = await Found(done.Id, call);
        return call.Created($"/v1/plans/{done.Id}", call.Map<PlanResponse>(view), view.Version);
    }

    private static async Task<IResult> List(Paging paging, Call call) =>
        call.Page<PlanView, PlanResponse>(await call.Send(new ListPlans(paging.Cursor, paging.Limit)));

    private static async Task<IResult> Get(Guid id, Call call)
    {
        var view = await Found(id, call);
        return call.Ok(call.Map<PlanResponse>(view), view.Version);
    }

    private static async Task<IResult> Patch(Guid id, PatchPlanRequest body, IfMatch match, Call call)
    {
        await call.Send(new PatchPlan(id, body.Name, body.Description, body.MonthlyPrice, body.PerMessagePrice, body.IncludedMessages,
            body.Features, body.Status, match.Version));
        return await Get(id, call);
    }

    private static async Task<IResult> Delete(Guid id, IfMatch match, Call call)
    {
        await call.Send(new DeletePlan(id, match.Version));
        return TypedResults.NoContent();
    }

    private static async Task<PlanView> Found(Guid id, Call call) =>
        await call.Send(new GetPlan(id)) ?? throw Problem.Unknown("plan");
}
