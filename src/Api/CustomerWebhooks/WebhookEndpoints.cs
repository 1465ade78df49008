using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.CustomerWebhooks;
using Carter;

namespace Bsp.Api.CustomerWebhooks;

/// <summary>Body of POST /v1/webhooks.</summary>
/// <param name="Url">https; of the public Internet.</param>
/// <param name="Secret">whsec_ and base64; null: one is made.</param>
/// <param name="Events">Types, families such as message.*, or *.</param>
/// <param name="Payload">full or thin.</param>
/// <param name="ApiVersion">Null: the newest.</param>
/// <param name="AccountIds">Only events of these accounts; null or empty: all.</param>
/// <param name="CampaignIds">Only events of these campaigns; null or empty: all.</param>
/// <param name="Headers">Sent along; kept sealed.</param>
/// <param name="RatePerSecond">1–1,000; null: as fast as it answers.</param>
/// <param name="Concurrency">Deliveries at once, 1–32.</param>
public sealed record NewWebhook(string Name, string Url, IReadOnlyList<string> Events, string? Secret = null, string Payload = "full",
    string? ApiVersion = null, IReadOnlyList<Guid>? AccountIds = null,
    IReadOnlyList<Guid>? CampaignIds = null, IReadOnlyDictionary<string, string>? Headers = null, int? RatePerSecond = null,
    int Concurrency = 8);

/// <summary>Body of PATCH /v1/webhooks/{id}: a JSON merge patch; what is absent stays.</summary>
/// <param name="Headers">Replace all that there are; null: none.</param>
/// <param name="Status">active or inactive.</param>
public sealed record WebhookChange(Optional<string> Name, Optional<string> Url, Optional<IReadOnlyList<string>> Events,
    Optional<string> Status, Optional<string> Payload, Optional<string> ApiVersion,
    Optional<IReadOnlyList<Guid>?> AccountIds, Optional<IReadOnlyList<Guid>?> CampaignIds,
    Optional<IReadOnlyDictionary<string, string>?> Headers, Optional<int?> RatePerSecond, Optional<int> Concurrency);

/// <summary>Body of POST /v1/webhooks/{id}/rotate-secret.</summary>
/// <param name="OverlapHours">0–168, how long the secret before signs as well.</param>
/// <param name="Secret">Null: one is made.</param>
public sealed record RotateSecretBody(int OverlapHours = 24, string? Secret = null);

/// <summary>Body of POST /v1/webhooks/{id}/recover.</summary>
/// <param name="Since">Up to 30 days ago.</param>
public sealed record RecoverBody(DateTimeOffset Since);

/// <param name="Secret">Shown here and never again.</param>
public sealed record WebhookWithSecret(Guid Id, string Secret, WebhookView Webhook);

/// <summary>/v1/webhooks.</summary>
public sealed class WebhookEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var webhooks = app.MapGroup("/v1/webhooks").WithTags("Webhooks");
        webhooks.MapPost("", CreateAsync).WithMetadata(new AnswersWithSecret())
            .Describe("Tells an address of what happens from now on. The answer alone shows the secret; a repeat answers 200 without it.",
                "webhook.too_many", "account.unknown", "campaign.unknown")
            .Produces<WebhookWithSecret>(201).Produces<WebhookView>();
        webhooks.MapGet("", ListAsync).Describe("Webhooks, oldest first, with how they fare.", "request.cursor")
            .Produces<ListResponse<WebhookView>>();
        webhooks.MapGet("/{id:guid}", GetAsync).Describe("One webhook, and how it fares.", "webhook.unknown").Produces<WebhookView>();
        webhooks.MapPatch("/{id:guid}", PatchAsync)
            .Describe("Changes a webhook (JSON merge patch); inactive pauses it, active goes on from where it stood.", "webhook.unknown",
                "account.unknown", "campaign.unknown", "version.mismatch")
            .Accepts<WebhookChange>("application/json", "application/merge-patch+json").Produces<WebhookView>();
        webhooks.MapDelete("/{id:guid}", DeleteAsync)
            .Describe("Removes a webhook and what is held for it.", "webhook.unknown", "version.mismatch").Produces(204);
        webhooks.MapPost("/{id:guid}/test", TestAsync)
            .Describe("Sends webhook.test now and answers what came of it.", "webhook.unknown", "webhook.busy").Produces<DeliveryView>();
        webhooks.MapPost("/{id:guid}/rotate-secret", RotateAsync).WithMetadata(new AnswersWithSecret())
            .Describe("Another secret; the one before signs beside it for some more hours. The answer alone shows it.", "webhook.unknown")
            .Produces<WebhookWithSecret>().Produces<WebhookView>();
        webhooks.MapPost("/{id:guid}/enable", EnableAsync).Describe("Goes on from where it stood, at once.", "webhook.unknown")
            .Produces<WebhookView>();
        webhooks.MapPost("/{id:guid}/recover", RecoverAsync)
            .Describe("Goes back to a time and tells everything since then again, under the same ids.", "webhook.unknown")
            .Produces<WebhookView>();
        webhooks.MapGet("/{id:guid}/deliveries", DeliveriesAsync)
            .Describe("Attempts of the last 30 days, newest first; ?succeeded=, ?outcome=, ?type=, ?event_id=, ?since= and ?until= keep some. A page may be short and still have a next one.", "webhook.unknown", "request.invalid", "request.cursor")
            .Produces<ListResponse<DeliveryView>>();
        app.MapPost("/v1/deliveries/{id:guid}/redeliver", RedeliverAsync).WithTags("Deliveries")
            .Describe("Tells the event of a delivery again, now, outside of the order, and answers what came of it.", "delivery.unknown",
                "delivery.gone", "webhook.busy").Produces<DeliveryView>();
    }

    private static async Task<IResult> CreateAsync(NewWebhook body, Call call)
    {
        var secret = body.Secret ?? StandardWebhooks.NewSecret();
        var settings =
            new WebhookSettings(body.Name, body.Url, body.Events, body.Payload, body.ApiVersion ?? PublicJson.Version, body.AccountIds
                ?? [], body.CampaignIds ?? [],
            body.Headers ?? new Dictionary<string, string>(), body.RatePerSecond, body.Concurrency);
        var done = await call.Send(new CreateWebhook(call.OrganizationId, CurrentRequest.NewId(), settings, secret, Creator(call.Caller)));
        var view = await call.Send(new GetWebhook(call.OrganizationId, done.Id));

        // Version 0: it was made by an earlier request, which showed the secret, if at all; ours was never stored.
        return done.Version > 0
            ? call.Created($"/v1/webhooks/{done.Id}", new WebhookWithSecret(view.Id, secret, view), view.Version)
            : call.Ok(view, view.Version);
    }

    private static async Task<IResult> ListAsync(Paging paging, Call call) =>
        call.Page(await call.Send(new ListWebhooks(call.OrganizationId, paging.Cursor, paging.Limit)));

    private static Task<IResult> GetAsync(Guid id, Call call) =>
        AnswerAsync(id, call);

    private static async Task<IResult> PatchAsync(Guid id, WebhookChange body, IfMatch match, Call call)
    {
        var patch = new WebhookPatch(body.Name, body.Url, body.Events, body.Status, body.Payload, body.ApiVersion, body.AccountIds,
            body.CampaignIds, body.Headers, body.RatePerSecond, body.Concurrency);
        await call.Send(new PatchWebhook(call.OrganizationId, id, patch, Creator(call.Caller), match.Version));
        return await AnswerAsync(id, call);
    }

    private static async Task<IResult> DeleteAsync(Guid id, IfMatch match, Call call)
    {
        await call.Send(new DeleteWebhook(call.OrganizationId, id, match.Version));
        return TypedResults.NoContent();
    }

    private static async Task<IResult> TestAsync(Guid id, Call call) =>
        call.Ok(await call.Send(new TestWebhook(call.OrganizationId, id)));

    private static async Task<IResult> RotateAsync(Guid id, RotateSecretBody? body, Call call)
    {
        var secret = body?.Secret ?? StandardWebhooks.NewSecret();
        var done = await call.Send(new RotateWebhookSecret(call.OrganizationId, id, secret, (body ?? new()).OverlapHours));
        var view = await call.Send(new GetWebhook(call.OrganizationId, id));
        return done.Version > 0 ? call.Ok(new WebhookWithSecret(id, secret, view), view.Version)
            : call.Ok(view, view.Version);
    }

    private static async Task<IResult> EnableAsync(Guid id, Call call)
    {
        await call.Send(new EnableWebhook(call.OrganizationId, id, Creator(call.Caller)));
        return await AnswerAsync(id, call);
    }

    private static async Task<IResult> RecoverAsync(Guid id, RecoverBody body, Call call)
    {
        await call.Send(new RecoverWebhook(call.OrganizationId, id, body.Since));
        return await AnswerAsync(id, call);
    }

    private static async Task<IResult> DeliveriesAsync(Guid id, bool? succeeded, string? outcome, string? type, string? event_id,
        DateTimeOffset? since, DateTimeOffset? until, Paging paging, Call call) =>
        call.Page(await call.Send(new ListDeliveries(call.OrganizationId, id, new(succeeded, outcome, type, event_id, since, until),
                paging.Cursor, paging.Limit)));

    private static async Task<IResult> RedeliverAsync(Guid id, Call call) =>
        call.Ok(await call.Send(new Redeliver(call.OrganizationId, id)));

    private static async Task<IResult> AnswerAsync(Guid id, Call call)
    {
        var view = await call.Send(new GetWebhook(call.OrganizationId, id));
        return call.Ok(view, view.Version);
    }

    // The platform's own staff stand behind nothing of an organization's: who works there today is no matter of its webhooks.
    private static WebhookCreator Creator(Caller caller) =>
        caller.Role == Role.Platform ? new(null, null) : new(caller.Session?.UserId, caller.KeyId);
}
