using Bsp.Api.Common;
using Bsp.Application.Audit;
using Carter;
using MediatR;

namespace Bsp.Api.Audit;

public sealed class AuditTrailEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app) => app.MapGet("/v1/audit-trail", List).Produces<ListResponse<AuditEntry>>()
        .Describe("Administrative acts, newest first; ?actor=, ?type=, ?from= and ?to= keep some. For the platform without an organization: its own.", "request.cursor");

    private static async Task<IResult> List(string? actor, string? type, DateTimeOffset? from, DateTimeOffset? to, Paging paging,
        Caller caller, HttpContext http, IMediator mediator, CancellationToken ct) =>
        Answers.Page(http,
            await mediator.Send(new ListAuditTrail(caller.OrganizationId, actor, type, from, to, paging.Cursor, paging.Limit), ct));
}
