using Bsp.Api.Common;
using Bsp.Application.Reconciliations;
using Carter;

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

    private static async Task<IResult> ListAsync(string? status, Paging paging, Call call) =>
        call.Page(await call.Send(new ListReconciliations(call.OrganizationId, status, paging.Cursor, paging.Limit)));

    private static async Task<IResult> GetAsync(Guid id, Call call) =>
        call.Ok(await call.Send(new GetReconciliation(call.OrganizationId, id)));
}
