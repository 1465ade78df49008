using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.Mail;
using Carter;
using MediatR;

namespace Bsp.Api.Mail;

/// <summary>Mails that went out for the organization.</summary>
public sealed class MailEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app) =>
        app.MapGet("/v1/mail", List).Produces<ListResponse<MailView>>()
            .Describe("Mails to the organization's people in the last 30 days, newest first, and what became of them.", "request.cursor");

    private static async Task<IResult> List(Paging paging, Caller caller, HttpContext http, IMediator mediator, CancellationToken ct) =>
        Answers.Page(http, await mediator.Send(new ListMails(caller.OrganizationId, paging.Cursor, paging.Limit), ct));
}
