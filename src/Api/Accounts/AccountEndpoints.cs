using Bsp.Api.Common;
using Bsp.Application.Accounts;
using Bsp.Application.Common;
using Carter;

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
            (Guid id, IfMatch match, Call call) => Carry(new SyncAccount(call.OrganizationId, id, Connect: true, match.Version), call))
            .Describe("Has Meta confirm token, number and WABA, asks for its webhooks and facts; CONNECTED afterwards, and only then are webhooks routed to it.", "account.unknown", "account.no_token", "account.number_taken", "meta.refused", "meta.timeout").Produces<AccountResponse>();
        app.MapPost("/v1/accounts/{id:guid}/sync",
            (Guid id, IfMatch match, Call call) => Carry(new SyncAccount(call.OrganizationId, id, Connect: false, match.Version), call))
            .Describe("Reads the number's facts from Meta again.", "account.unknown", "account.no_token", "meta.refused", "meta.timeout")
            .Produces<AccountResponse>();
        app.MapPost("/v1/accounts/{id:guid}/disconnect",
            (Guid id, IfMatch match, Call call) => Carry(new DisconnectAccount(call.OrganizationId, id, match.Version), call))
            .Describe("Stops using the number; its history stays.", "account.unknown").Produces<AccountResponse>();
    }

    private static async Task<IResult> Create(CreateAccountRequest body, Call call)
    {
        var done = await call.Send(new CreateAccount(call.OrganizationId, CurrentRequest.NewId(), body.PhoneNumberId,
            body.PhoneNumber, body.DisplayName, body.MetaWabaId, body.MessagingLimit,
            body.MessagesPerSecondMax, body.Credentials.AccessToken));
        var view = await Found(call.OrganizationId, done.Id, call);
        return call.Created($"/v1/accounts/{done.Id}", call.Map<AccountResponse>(view), view.Version);
    }

    private static async Task<IResult> List(Paging paging, Call call) =>
        call.Page<AccountView, AccountResponse>(await call.Send(new ListAccounts(call.OrganizationId, paging.Cursor, paging.Limit)));

    private static async Task<IResult> Get(Guid id, Call call)
    {
        var view = await Found(call.OrganizationId, id, call);
        return call.Ok(call.Map<AccountResponse>(view), view.Version);
    }

    private static async Task<IResult> Notices(Guid id, Paging paging, Call call, string? field = null) =>
        call.Page(await call.Send(new ListAccountNotices(call.OrganizationId, id, field, paging.Cursor, paging.Limit)));

    private static Task<IResult> Patch(Guid id, PatchAccountRequest body, IfMatch match, Call call) =>
        Carry(new PatchAccount(call.OrganizationId, id, body.DisplayName, body.MessagingLimit, body.MessagesPerSecondMax,
            body.Credentials.IsSet ? body.Credentials.Value?.AccessToken! : default(Optional<string>), match.Version), call);

    private static async Task<IResult> Carry(ICommandOn command, Call call)
    {
        await call.Send(command);
        var view = await Found(command.OrganizationId, command.Id, call);
        return call.Ok(call.Map<AccountResponse>(view), view.Version);
    }

    private static async Task<AccountView> Found(Guid organizationId, Guid id, Call call) =>
        await call.Send(new GetAccount(organizationId, id)) ?? throw Problem.Unknown("account");
}
