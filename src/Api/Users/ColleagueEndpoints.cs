using Bsp.Api.Common;
using Bsp.Application.Users;
using Carter;

namespace Bsp.Api.Users;

/// <summary>Who works here: names for whoever works with them.</summary>
[Chapter("colleagues", "Who of the organization works here, by name.")]
public sealed class ColleagueEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app) =>
        app.MapGet("/v1/colleagues", List).Produces<ListResponse<Colleague>>()
            .Describe("The organization's active people by name and role, oldest first; addresses are for admins.", "request.cursor");

    private static async Task<IResult> List(Paging paging, Call call) =>
        call.Page(await call.Send(new ListColleagues(call.OrganizationId, paging.Cursor, paging.Limit)));
}
