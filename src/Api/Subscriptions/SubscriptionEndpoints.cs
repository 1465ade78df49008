using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.Subscriptions;
using Carter;

namespace Bsp.Api.Subscriptions;

/// <summary>Body of POST /v1/subscriptions.</summary>
/// <param name="PaymentMethod">How the organization pays, in a payment provider's words (a token, four digits); at most 4 KB, never a
/// card.</param>
/// <param name="TrialDays">Days for nothing before the first period.</param>
public sealed record NewSubscription(Guid PlanId, JsonElement? PaymentMethod, int TrialDays = 0);

/// <summary>Body of POST /v1/subscriptions/{id}/change.</summary>
public sealed record ChangeBody(Guid PlanId);

/// <summary>Body of POST /v1/subscriptions/{id}/cancel.</summary>
/// <param name="At"><c>period_end</c> (unless said otherwise): it runs until what is paid is over, and can be revoked until then.
/// <c>now</c>: at once.</param>
public sealed record CancelBody(string At = CancelSubscription.PeriodEnd);

/// <summary>/v1/subscriptions.</summary>
public sealed class SubscriptionEndpoints : ICarterModule
{
    public void AddRoutes(IEndpointRouteBuilder app)
    {
        var subscriptions = app.MapGroup("/v1/subscriptions").WithTags("Subscriptions");
        subscriptions.MapPost("", CreateAsync)
            .Describe("Takes a plan; the first period is debited at once, or after a trial.", "plan.unknown", "plan.inactive",
                "subscription.exists",
            "subscription.trial_used", "subscription.trial_too_long", "subscription.plan_too_small", "wallet.insufficient",
            "payment_method.card_number").Produces<SubscriptionView>(201);
        subscriptions.MapGet("", ListAsync).Describe("Subscriptions, oldest first; those that have ended, too.", "request.cursor")
            .Produces<ListResponse<SubscriptionView>>();
        subscriptions.MapGet("/{id:guid}", GetAsync).Describe("One subscription.", "subscription.unknown").Produces<SubscriptionView>();
        subscriptions.MapPost("/{id:guid}/change", ChangeAsync)
            .Describe("Takes another plan, or the newer terms of the same one; the rest of the period is credited and debited to the second.",
            "subscription.unknown", "subscription.ended", "subscription.suspended", "subscription.past_due", "subscription.other_currency",
            "subscription.plan_too_small", "plan.unknown", "plan.inactive",
            "wallet.insufficient", "version.mismatch").Produces<SubscriptionView>();
        subscriptions.MapPost("/{id:guid}/cancel", CancelAsync)
            .Describe("Ends it, now or with what is paid.", "subscription.unknown", "version.mismatch").Produces<SubscriptionView>();
        subscriptions.MapPost("/{id:guid}/revoke-cancellation", RevokeAsync)
            .Describe("Takes an end back that has not come yet.", "subscription.unknown", "subscription.ended", "version.mismatch")
            .Produces<SubscriptionView>();
        subscriptions.MapPost("/{id:guid}/suspend", SuspendAsync)
            .Describe("Stops it: nothing is sent and nothing falls due (for the platform).", "subscription.unknown", "subscription.ended",
            "version.mismatch").Produces<SubscriptionView>();
        subscriptions.MapPost("/{id:guid}/reactivate", ReactivateAsync)
            .Describe("Lets it go on; what is owed is debited first (for the platform).", "subscription.unknown", "subscription.ended",
            "wallet.insufficient", "version.mismatch").Produces<SubscriptionView>();
    }

    private static async Task<IResult> CreateAsync(NewSubscription body, Call call)
    {
        var done = await call.Send(new StartSubscription(call.OrganizationId, CurrentRequest.NewId(), body.PlanId,
            body.PaymentMethod, body.TrialDays, call.Caller.Role == Role.Platform));
        var subscription = await call.Send(new GetSubscription(call.OrganizationId, done.Id));
        return call.Created($"/v1/subscriptions/{done.Id}", subscription, subscription.Version);
    }

    private static async Task<IResult> ListAsync(string? status, Paging paging, Call call) =>
        call.Page(await call.Send(new ListSubscriptions(call.OrganizationId, status, paging.Cursor, paging.Limit)));

    private static Task<IResult> GetAsync(Guid id, Call call) =>
        AnswerAsync(id, call);

    private static Task<IResult> ChangeAsync(Guid id, ChangeBody body, IfMatch match, Call call) =>
        CommandAsync(new ChangeSubscription(call.OrganizationId, id, body.PlanId, match.Version), call);

    private static Task<IResult> CancelAsync(Guid id, CancelBody? body, IfMatch match, Call call) =>
        CommandAsync(new CancelSubscription(call.OrganizationId, id, body?.At ?? CancelSubscription.PeriodEnd, match.Version), call);

    private static Task<IResult> RevokeAsync(Guid id, IfMatch match, Call call) =>
        CommandAsync(new RevokeCancellation(call.OrganizationId, id, match.Version), call);

    private static Task<IResult> SuspendAsync(Guid id, IfMatch match, Call call) =>
        CommandAsync(new SuspendSubscription(call.OrganizationId, id, match.Version), call);

    private static Task<IResult> ReactivateAsync(Guid id, IfMatch match, Call call) =>
        CommandAsync(new ReactivateSubscription(call.OrganizationId, id, match.Version), call);

    private static async Task<IResult> CommandAsync(ICommandOn command, Call call)
    {
        await call.Send(command);
        return await AnswerAsync(command.Id, call);
    }

    private static async Task<IResult> AnswerAsync(Guid id, Call call)
    {
        var subscription = await call.Send(new GetSubscription(call.OrganizationId, id));
        return call.Ok(subscription, subscription.Version);
    }
}
