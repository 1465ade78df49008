using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Domain.Common;
using Bsp.Domain.Plans;
using Bsp.Domain.Subscriptions;
using FluentValidation;
using MediatR;

namespace Bsp.Application.Subscriptions;

/// <summary>Takes a plan. The first period is debited from the wallet at once, or after the trial.</summary>
/// <param name="PaymentMethod">An object of at most 4 KB that says how the organization pays, never a card; null: nothing is said.</param>
/// <param name="TrialDays">0–365, 0: none. An organization itself may take as many as the plan's <c>trial_days</c> says, once.</param>
/// <param name="ByPlatform">The platform asks, who may give any trial.</param>
public sealed record StartSubscription(
    Guid OrganizationId, Guid SubscriptionId, Guid PlanId, JsonElement? PaymentMethod, int TrialDays, bool ByPlatform) : ICommand;

public sealed class StartSubscriptionValidator : AbstractValidator<StartSubscription>
{
    public StartSubscriptionValidator()
    {
        RuleFor(c => c.PlanId).NotEmpty();
        RuleFor(c => c.TrialDays).InclusiveBetween(0, 365);
        RuleFor(c => c.PaymentMethod).KeptObject("payment_method", PaymentMethod.BytesMax);
    }
}

public sealed class StartSubscriptionHandler(ISubscriptions subscriptions) : IRequestHandler<StartSubscription, Done>
{
    public Task<Done> Handle(StartSubscription command, CancellationToken ct)
    {
        RequireNoCard(command.PaymentMethod);
        return subscriptions.StartAsync(command.OrganizationId, command.SubscriptionId, command.PlanId,
            (state, terms, now) => Start(command, state, terms, now), firstTrialOnly: command.TrialDays > 0 && !command.ByPlatform, ct);
    }

    private static SubscriptionStep Start(StartSubscription command, Subscription state, PlanTerms terms, DateTimeOffset now)
    {
        if (!command.ByPlatform && PlanFeatures.Limit(terms.Features, PlanFeatures.TrialDays) is { } most && command.TrialDays > most)
        {
            throw new Refusal("subscription.trial_too_long",
                $"The plan {terms.Name} may be tried for {most} days: take as many or fewer, or ask the platform.");
        }

        JsonElement? kept = command.PaymentMethod is { ValueKind: JsonValueKind.Object } given ? given : null;
        return Subscription.Start(state, command.SubscriptionId, terms, command.TrialDays, kept, now);
    }

    private static void RequireNoCard(JsonElement? given)
    {
        if (given is { } method && PaymentMethod.Card(method) is { } path)
        {
            throw new RefusedFields("payment_method.card_number",
                "payment_method holds what looks like a card: give your payment provider's token for it, which is all that is needed here.",
                new Dictionary<string, string[]>
                {
                    [$"payment_method.{path}"] = ["looks like a card's number or code, which is not kept here."],
                });
        }
    }
}
