using AutoMapper;
using Bsp.Api.Common;
using Bsp.Application.Accounts;
using Bsp.Application.Common;
using Carter;
using MediatR;

namespace Bsp.Api.Accounts;

public sealed class AccountEndpoints : ICarterModule
{
    /// <param name="AccessToken">Stored sealed, never answered.</param>
    public sealed record CredentialsRequest(string AccessToken);

    public sealed record CreateAccountRequest(string PhoneNumberId, string PhoneNumber, string DisplayName, string MetaWabaId,
        int? MessagingLimit, int? MessagesPerSecondMax, CredentialsRequest Credentials);

    public sealed record PatchAccountRequest(Optional<string> DisplayName, Optional<int> MessagingLimit,
        Optional<int> MessagesPerSecondMax, Optional<CredentialsRequest> Credentials);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/accounts", Create).Describe("Adds a WhatsApp number, PENDING until it is connected.", "account.number_taken")
            .Produces<AccountResponse>(201);
        app.MapGet("/v1/accounts", List).Describe("All WhatsApp numbers.", "request.cursor").Produces<ListResponse<AccountResponse>>();
        app.MapGet("/v1/accounts/{id:guid}", Get).Describe("One WhatsApp number.", "account.unknown").Produces<AccountResponse>();
        app.MapPatch("/v1/accounts/{id:guid}", Patch).Describe("Changes a WhatsApp number (JSON merge patch).", "account.unknown")
            .Produces<AccountResponse>();
        app.MapGet("/v1/accounts/{id:guid}/notices", Notices).Produces<ListResponse<AccountNotice>>()
            .Describe("What Meta told of the number and of its WABA, the newest first: reviews, alerts, restrictions, calls, flows and "
                + "whatever else; field= narrows.", "account.unknown", "request.cursor");
        app.MapPost("/v1/accounts/{id:guid}/connect",
            (Guid id, IfMatch match, Caller caller, HttpContext http, IMediator mediator, IMapper mapper, CancellationToken ct) =>
                Carry(new SyncAccount(caller.OrganizationId, id, Connect: true, match.Version), http, mediator, mapper, ct))
            .Describe("Has Meta confirm token, number and WABA, asks for its webhooks and facts; CONNECTED afterwards, and only then are webhooks routed to it.", "account.unknown", "account.no_token", "account.number_taken", "meta.refused", "meta.timeout").Produces<AccountResponse>();
        app.MapPost("/v1/accounts/{id:guid}/sync",
            (Guid id, IfMatch match, Caller caller, HttpContext http, IMediator mediator, IMapper mapper, CancellationToken ct) =>
                Carry(new SyncAccount(caller.OrganizationId, id, Connect: false, match.Version), http, mediator, mapper, ct))
            .Describe("Reads the number's facts from Meta again.", "account.unknown", "account.no_token", "meta.refused", "meta.timeout")
            .Produces<AccountResponse>();
        app.MapPost("/v1/accounts/{id:guid}/disconnect",
            (Guid id, IfMatch match, Caller caller, HttpContext http, IMediator mediator, IMapper mapper, CancellationToken ct) =>
                Carry(new DisconnectAccount(caller.OrganizationId, id, match.Version), http, mediator, mapper, ct))
            .Describe("Stops using the number; its history stays.", "account.unknown").Produces<AccountResponse>();
    }

    private static async Task<IResult> Create(CreateAccountRequest body, Caller caller, HttpContext http, IMediator mediator,
        IMapper mapper, CancellationToken ct)
    {
        var done = await mediator.Send(new CreateAccount(caller.OrganizationId, CurrentRequest.NewId(), body.PhoneNumberId,
            body.PhoneNumber, body.DisplayName, body.MetaWabaId, body.MessagingLimit,
            body.MessagesPerSecondMax, body.Credentials.AccessToken), ct);
        var view = await Found(caller.OrganizationId, done.Id, mediator, ct);
        return Answers.Created(http, $"/v1/accounts/{done.Id}", mapper.Map<AccountResponse>(view), view.Version);
    }

    private static async Task<IResult> List(Paging paging, Caller caller, HttpContext http, IMediator mediator, IMapper mapper,
        CancellationToken ct) =>
        Answers.Page<AccountView, AccountResponse>(http, mapper,
            await mediator.Send(new ListAccounts(caller.OrganizationId, paging.Cursor, paging.Limit), ct));

    private static async Task<IResult> Get(Guid id, Caller caller, HttpContext http, IMediator mediator, IMapper mapper,
        CancellationToken ct)
    {
        var view = await Found(caller.OrganizationId, id, mediator, ct);
        return Answers.Ok(http, mapper.Map<AccountResponse>(view), view.Version);
    }

    private static async Task<IResult> Notices(Guid id, Paging paging, Caller caller, HttpContext http, IMediator mediator,
        CancellationToken ct, string? field = null) =>
        Answers.Page(http, await mediator.Send(new ListAccountNotices(caller.OrganizationId, id, field, paging.Cursor, paging.Limit), ct));

    private static Task<IResult> Patch(Guid id, PatchAccountRequest body, IfMatch match, Caller caller, HttpContext http,
        IMediator mediator, IMapper mapper, CancellationToken ct) =>
        Carry(new PatchAccount(caller.OrganizationId, id, body.DisplayName, body.MessagingLimit, body.MessagesPerSecondMax,
            body.Credentials.IsSet ? body.Credentials.Value?.AccessToken! : default(Optional<string>), match.Version),
            http, mediator, mapper, ct);

    private static async Task<IResult> Carry(ICommandOn command, HttpContext http, IMediator mediator, IMapper mapper, CancellationToken ct)
    {
        await mediator.Send(command, ct);
        var view = await Found(command.OrganizationId, command.Id, mediator, ct);
        return Answers.Ok(http, mapper.Map<AccountResponse>(view), view.Version);
    }

    private static async Task<AccountView> Found(Guid organizationId, Guid id, IMediator mediator, CancellationToken ct) =>
        await mediator.Send(new GetAccount(organizationId, id), ct) ?? throw Problem.Unknown("account");
}
