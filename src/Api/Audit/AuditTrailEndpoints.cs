using Bsp.Api.Common;
using Bsp.Application.Audit;
using Carter;

namespace Bsp.Api.Audit;

public sealed class AuditTrailEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app) => app.MapGet("/v1/audit-trail", List).Produces<ListResponse<AuditEntry>>()
        .Describe("Administrative acts, newest first; ?actor=, ?type=, ?from= and ?to= keep some. For the platform without an organization: its own.", "request.cursor");

    private static async Task<IResult> List(string? actor, string? type, DateTimeOffset? from, DateTimeOffset? to, Paging paging,
        Call call) =>
        call.Page(await call.Send(new ListAuditTrail(call.OrganizationId, actor, type, from, to, paging.Cursor, paging.Limit)));
}
