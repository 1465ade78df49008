using Bsp.Api.Common;
using Bsp.Application.Mail;
using Carter;

namespace Bsp.Api.Mail;

/// <summary>Mails that went out for the organization.</summary>
public sealed class MailEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app) =>
        app.MapGet("/v1/mail", List).Produces<ListResponse<MailView>>()
            .Describe("Mails to the organization's people in the last 30 days, newest first, and what became of them.", "request.cursor");

    private static async Task<IResult> List(Paging paging, Call call) =>
        call.Page(await call.Send(new ListMails(call.OrganizationId, paging.Cursor, paging.Limit)));
}
