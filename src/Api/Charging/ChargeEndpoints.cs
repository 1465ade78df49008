using Bsp.Api.Common;
using Bsp.Application.Charging;
using Carter;

namespace Bsp.Api.Charging;

public sealed class ChargeEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app) =>
        app.MapGet("/v1/charges", List)
        .Describe("What became of each delivered message's price: charged, free, one of the plan's, or waiting for a price (outcome=pending) and why; message_id narrows it to one. In the order of the messages' ids; order=newest: the newest first.", "request.cursor", "request.invalid")
            .Produces<ListResponse<ChargeView>>();

    private static async Task<IResult> List(string? outcome, Guid? message_id, string? order, Paging paging, Call call) =>
        call.Page(await call.Send(new ListCharges(call.OrganizationId, outcome, message_id, paging.Limit, paging.Cursor)
            { NewestFirst = ListOrder.IsNewestFirst(order) }));
}
