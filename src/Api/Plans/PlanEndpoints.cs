using System.Text.Json;
using AutoMapper;
using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.Plans;
using Carter;
using MediatR;

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

    private static async Task<IResult> Create(CreatePlanRequest body, HttpContext http, IMediator mediator, IMapper mapper,
        CancellationToken ct)
    {
        var done = await mediator.Send(new CreatePlan(CurrentRequest.NewId(), body.Name, body.Code, body.Description, body.MonthlyPrice,
            body.PerMessagePrice, body.IncludedMessages, body.Features, body.Currency), ct);
        var view = await Found(done.Id, mediator, ct);
        return Answers.Created(http, $"/v1/plans/{done.Id}", mapper.Map<PlanResponse>(view), view.Version);
    }

    private static async Task<IResult> List(Paging paging, HttpContext http, IMediator mediator, IMapper mapper, CancellationToken ct) =>
        Answers.Page<PlanView, PlanResponse>(http, mapper, await mediator.Send(new ListPlans(paging.Cursor, paging.Limit), ct));

    private static async Task<IResult> Get(Guid id, HttpContext http, IMediator mediator, IMapper mapper, CancellationToken ct)
    {
        var view = await Found(id, mediator, ct);
        return Answers.Ok(http, mapper.Map<PlanResponse>(view), view.Version);
    }

    private static async Task<IResult> Patch(Guid id, PatchPlanRequest body, IfMatch match, HttpContext http, IMediator mediator,
        IMapper mapper, CancellationToken ct)
    {
        await mediator.Send(new PatchPlan(id, body.Name, body.Description, body.MonthlyPrice, body.PerMessagePrice, body.IncludedMessages,
            body.Features, body.Status, match.Version), ct);
        return await Get(id, http, mediator, mapper, ct);
    }

    private static async Task<IResult> Delete(Guid id, IfMatch match, IMediator mediator, CancellationToken ct)
    {
        await mediator.Send(new DeletePlan(id, match.Version), ct);
        return TypedResults.NoContent();
    }

    private static async Task<PlanView> Found(Guid id, IMediator mediator, CancellationToken ct) =>
        await mediator.Send(new GetPlan(id), ct) ?? throw Problem.Unknown("plan");
}
