using System.Text.Json;
using Bsp.Api.Common;
using Bsp.Application.Common;
using Bsp.Application.Subscriptions;
using Carter;
using MediatR;

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

    private static async Task<IResult> CreateAsync(NewSubscription body, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct)
    {
        var done = await mediator.Send(new StartSubscription(caller.OrganizationId, CurrentRequest.NewId(), body.PlanId,
            body.PaymentMethod, body.TrialDays, caller.Role == Role.Platform), ct);
        var subscription = await mediator.Send(new GetSubscription(caller.OrganizationId, done.Id), ct);
        return Answers.Created(context, $"/v1/subscriptions/{done.Id}", subscription, subscription.Version);
    }

    private static async Task<IResult> ListAsync(string? status, Paging paging, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct) =>
        Answers.Page(context, await mediator.Send(new ListSubscriptions(caller.OrganizationId, status, paging.Cursor, paging.Limit), ct));

    private static Task<IResult> GetAsync(Guid id, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct) =>
        AnswerAsync(id, caller, context, mediator, ct);

    private static Task<IResult> ChangeAsync(Guid id, ChangeBody body, IfMatch match, Caller caller, HttpContext context,
        IMediator mediator, CancellationToken ct) =>
        CommandAsync(new ChangeSubscription(caller.OrganizationId, id, body.PlanId, match.Version), caller, context, mediator, ct);

    private static Task<IResult> CancelAsync(Guid id, CancelBody? body, IfMatch match, Caller caller, HttpContext context,
        IMediator mediator, CancellationToken ct) =>
        CommandAsync(new CancelSubscription(caller.OrganizationId, id, body?.At ?? CancelSubscription.PeriodEnd, match.Version), caller,
            context, mediator, ct);

    private static Task<IResult> RevokeAsync(Guid id, IfMatch match, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct) =>
        CommandAsync(new RevokeCancellation(caller.OrganizationId, id, match.Version), caller, context, mediator, ct);

    private static Task<IResult> SuspendAsync(Guid id, IfMatch match, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct) =>
        CommandAsync(new SuspendSubscription(caller.OrganizationId, id, match.Version), caller, context, mediator, ct);

    private static Task<IResult> ReactivateAsync(Guid id, IfMatch match, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct) =>
        CommandAsync(new ReactivateSubscription(caller.OrganizationId, id, match.Version), caller, context, mediator, ct);

    private static async Task<IResult> CommandAsync(ICommandOn command, Caller caller, HttpContext context, IMediator mediator,
        CancellationToken ct)
    {
        await mediator.Send((IRequest<Done>)command, ct);
        return await AnswerAsync(command.Id, caller, context, mediator, ct);
    }

    private static async Task<IResult> AnswerAsync(Guid id, Caller caller, HttpContext context, IMediator mediator, CancellationToken ct)
    {
        var subscription = await mediator.Send(new GetSubscription(caller.OrganizationId, id), ct);
        return Answers.Ok(context, subscription, subscription.Version);
    }
}
