using Bsp.Api.Common;
using Bsp.Application.Reconciliations;
using Carter;
using MediatR;

namespace Bsp.Api.Reconciliations;

/// <summary>/v1/reconciliations: whether the stores say what the log says. They are made every night, and by <c>./run
/// reconcile</c>.</summary>
[Chapter("reconciliations", "Whether documents, counters, analytics and ledger say what the log says.")]
public sealed class ReconciliationEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var reconciliations = app.MapGroup("/v1/reconciliations").WithTags("Reconciliations");
        reconciliations.MapGet("", ListAsync).Produces<ListResponse<ReconciliationView>>().Describe(
            "Comparisons of documents, counters, analytics and ledger with the log, newest first; ?status= equal or different.",
            "request.cursor");
        reconciliations.MapGet("/{id:guid}", GetAsync).Produces<ReconciliationView>().Describe(
            "One comparison, with the first message that differs.", "reconciliation.unknown");
    }

    private static async Task<IResult> ListAsync(string? status, Paging paging, Caller caller, HttpContext http, IMediator mediator,
        CancellationToken ct) =>
        Answers.Page(http, await mediator.Send(new ListReconciliations(caller.OrganizationId, status, paging.Cursor, paging.Limit), ct));

    private static async Task<IResult> GetAsync(Guid id, Caller caller, HttpContext http, IMediator mediator, CancellationToken ct) =>
        Answers.Ok(http, await mediator.Send(new GetReconciliation(caller.OrganizationId, id), ct));
}
