using Bsp.Api.Common;
using Bsp.Application.ApiKeys;
using Bsp.Application.Common;
using Carter;

namespace Bsp.Api.ApiKeys;

public sealed class ApiKeyEndpoints : ICarterModule
{
    /// <param name="Permissions">read, write or admin.</param>
    /// <param name="AccountId">Restricts a read or write key to one WhatsApp account; null: every account.</param>
    public sealed record CreateApiKeyRequest(string Name, string Permissions, DateTimeOffset? ExpiresAt, Guid? AccountId);

    /// <param name="GraceHours">0–720, how long the old key goes on working; default 24.</param>
    public sealed record RotateApiKeyRequest(int GraceHours = 24);

    public void AddRoutes(IEndpointRouteBuilder app)
    {
        app.MapPost("/v1/api-keys", Create).WithMetadata(new AnswersWithSecret())
            .Describe("Makes a key. The answer alone shows it; a repeat answers 200 without it.", "account.unknown")
            .Produces<NewApiKeyResponse>(201).Produces<ApiKeyResponse>();
        app.MapGet("/v1/api-keys", List).Describe("All keys, without their secrets.", "request.cursor")
            .Produces<ListResponse<ApiKeyResponse>>();
        app.MapGet("/v1/api-keys/{id:guid}", Get).Describe("One key, without its secret.", "api_key.unknown").Produces<ApiKeyResponse>();
        app.MapDelete("/v1/api-keys/{id:guid}", Revoke).Describe("Ends a key everywhere within a second.", "api_key.unknown").Produces(204);
        app.MapPost("/v1/api-keys/{id:guid}/rotate", Rotate).WithMetadata(new AnswersWithSecret())
            .Describe("Makes a key in place of this one, which works for some more hours.", "api_key.unknown", "api_key.revoked")
            .Produces<NewApiKeyResponse>(201).Produces<ApiKeyResponse>();
    }

    private static async Task<IResult> Create(CreateApiKeyRequest body, Call call)
    {
        var secret = ApiKeySecret.New();
        var done = await call.Send(new CreateApiKey(call.OrganizationId, CurrentRequest.NewId(), body.Name, body.Permissions,
            body.AccountId, body.ExpiresAt, secret.Hash, secret.Prefix));
        return await ShowOnce(done.Id, secret, call);
    }

    private static async Task<IResult> Rotate(Guid id, RotateApiKeyRequest body, Call call)
    {
        var secret = ApiKeySecret.New();
        var done = await call.Send(new RotateApiKey(call.OrganizationId, id, CurrentRequest.NewId(), body.GraceHours, secret.Hash,
            secret.Prefix));
        return await ShowOnce(done.Id, secret, call);
    }

    private static async Task<IResult> List(Paging paging, Call call) =>
        call.Page<ApiKeyView, ApiKeyResponse>(await call.Send(new ListApiKeys(call.OrganizationId, paging.Cursor, paging.Limit)));

    private static async Task<IResult> Get(Guid id, Call call) =>
        call.Ok(call.Map<ApiKeyResponse>(await Found(id, call)));

    private static async Task<IResult> Revoke(Guid id, Call call)
    {
        await call.Send(new RevokeApiKey(call.OrganizationId, id));
        return TypedResults.NoContent();
    }

    // Work done by an earlier request: its secret was shown then, if at all; ours was never stored.
    private static async Task<IResult> ShowOnce(Guid id, ApiKeySecret secret, Call call)
    {
        var view = await Found(id, call);
        return view.KeyPrefix == secret.Prefix
            ? call.Created($"/v1/api-keys/{id}",
                new NewApiKeyResponse(view.Id, view.Name, secret.Text, view.KeyPrefix, view.Permissions, view.AccountId, view.ExpiresAt,
                    view.CreatedAt))
            : call.Ok(call.Map<ApiKeyResponse>(view));
    }

    private static async Task<ApiKeyView> Found(Guid id, Call call) =>
        await call.Send(new GetApiKey(call.OrganizationId, id)) ?? throw Problem.Unknown("api_key");
}
