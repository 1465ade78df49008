using System.Globalization;
using Bsp.Api.Common;
using Bsp.Application.Webhooks;
using Carter;

namespace Bsp.Api.Webhooks;

/// <summary>What an order to try again answers.</summary>
/// <param name="Count">Parts of webhooks that are tried again.</param>
public sealed record RetriedResponse(int Count);

/// <summary>/v1/incoming-webhooks: what of Meta's webhooks was not carried out, for operators.</summary>
public sealed class SetAsideWebhookEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var webhooks = app.MapGroup("/v1/incoming-webhooks").WithTags("Operations");
        webhooks.MapGet("set-aside", ListAsync).Produces<ListResponse<SetAsideWebhook>>()
            .Describe("Parts of webhooks that were not carried out, oldest first: each with its error, its attempts and the journal's row.", "request.cursor");
        webhooks.MapPost("set-aside/retry", async (ISetAsideWebhooks all, CancellationToken ct) =>
            TypedResults.Json(new RetriedResponse(await all.RetryAsync(null, ct)), statusCode: 202))
            .Describe("Has all of them tried again at once, by whichever process reads webhooks.").Produces<RetriedResponse>(202);
        webhooks.MapPost("set-aside/{id}/retry", async (string id, ISetAsideWebhooks all, CancellationToken ct) =>
            TypedResults.Json(new RetriedResponse(await all.RetryAsync(Number(id), ct)), statusCode: 202))
            .Describe("Has one of them tried again at once.", "webhook.unknown").Produces<RetriedResponse>(202);
        webhooks.MapGet("notes", NotesAsync).Produces<ListResponse<WebhookNote>>()
            .Describe("What of webhooks had no effect because it was not understood, is not handled or is nobody's, newest first.",
                "request.cursor");
    }

    // None is set aside under a number that is none.
    private static long Number(string id) =>
        long.TryParse(id, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static async Task<IResult> ListAsync(Paging paging, HttpContext http, ISetAsideWebhooks all, CancellationToken ct) =>
        Answers.Page(http, await all.ListAsync(paging.Cursor, paging.Limit, ct));

    private static async Task<IResult> NotesAsync(Paging paging, HttpContext http, ISetAsideWebhooks all, CancellationToken ct) =>
        Answers.Page(http, await all.NotesAsync(paging.Cursor, paging.Limit, ct));
}
