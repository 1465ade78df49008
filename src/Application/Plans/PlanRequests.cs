using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Domain.Plans;
using FluentValidation;
using FluentValidation.Results;
using MediatR;

namespace Bsp.Application.Plans;

/// <summary>What the platform sells.</summary>
/// <param name="MonthlyPrice">Per month, in <paramref name="Currency"/>, six decimals.</param>
/// <param name="PerMessagePrice">Per delivered message beyond <paramref name="IncludedMessages"/> a month.</param>
/// <param name="Status"><c>active</c> or <c>inactive</c> (nobody new may take it).</param>
public sealed record PlanView(Guid Id, string Name, string Code, string? Description, decimal MonthlyPrice, decimal PerMessagePrice,
    int IncludedMessages, JsonElement Features, string Status, string Currency,
    DateTimeOffset CreatedAt, long Version);

/// <summary>Adds a plan.</summary>
/// <exception cref="Domain.Common.Refusal"><c>plan.code_taken</c></exception>
public sealed record CreatePlan(Guid PlanId, string Name, string Code, string? Description, decimal MonthlyPrice, decimal PerMessagePrice,
    int IncludedMessages, JsonElement? Features, string Currency) : ICommand
{
    // Plans belong to the platform, which is all zeros where an organization is named.
    public Guid OrganizationId => Guid.Empty;
}

public sealed class CreatePlanValidator : AbstractValidator<CreatePlan>
{
    public CreatePlanValidator()
    {
        RuleFor(c => c.Name).NotEmpty().MaximumLength(200);
        RuleFor(c => c.Code).NotEmpty().Matches(@"^[a-z0-9][a-z0-9_-]{0,59}\z").WithMessage("must be 1–60 of a–z, 0–9, '_' and '-'.");
        RuleFor(c => c.Description).MaximumLength(2_000);
        RuleFor(c => c.MonthlyPrice).InclusiveBetween(0, 999_999_999_999m).PrecisionScale(18, 6, ignoreTrailingZeros: true);
        RuleFor(c => c.PerMessagePrice).InclusiveBetween(0, 999_999_999_999m).PrecisionScale(18, 6, ignoreTrailingZeros: true);
        RuleFor(c => c.IncludedMessages).GreaterThanOrEqualTo(0);
        RuleFor(c => c.Features).KeptObject("features");
        RuleFor(c => c.Features).KnownFeatures();
        RuleFor(c => c.Currency).Must(Domain.Common.Currencies.All.Contains)
            .WithMessage("must be a currency code of ISO 4217, such as USD.");
    }
}

/// <summary>Changes what a merge patch names; features merge. Code and currency never change: subscriptions rest on them.</summary>
/// <exception cref="Domain.Common.Refusal"><c>plan.unknown</c></exception>
public sealed record PatchPlan(Guid Id, Optional<string> Name, Optional<string?> Description, Optional<decimal> MonthlyPrice,
    Optional<decimal> PerMessagePrice, Optional<int> IncludedMessages,
    Optional<JsonElement?> Features, Optional<string> Status, long? SeenVersion) : ICommandOn
{
    public Guid OrganizationId => Guid.Empty;
}

public sealed class PatchPlanValidator : AbstractValidator<PatchPlan>
{
    public PatchPlanValidator()
    {
        RuleFor(c => c.Name.Value).NotEmpty().MaximumLength(200).When(c => c.Name.IsSet).OverridePropertyName("name");
        RuleFor(c => c.Description.Value).MaximumLength(2_000).OverridePropertyName("description");
        RuleFor(c => c.MonthlyPrice.Value).InclusiveBetween(0, 999_999_999_999m).PrecisionScale(18, 6, ignoreTrailingZeros: true)
            .OverridePropertyName("monthly_price");
        RuleFor(c => c.PerMessagePrice.Value).InclusiveBetween(0, 999_999_999_999m).PrecisionScale(18, 6, ignoreTrailingZeros: true)
            .OverridePropertyName("per_message_price");
        RuleFor(c => c.IncludedMessages.Value).GreaterThanOrEqualTo(0).OverridePropertyName("included_messages");
        RuleFor(c => c.Features.Value).KeptObject("features");
        RuleFor(c => c.Features.Value).KnownFeatures();
        RuleFor(c => c.Status.Value).Must(s => s is "active" or "inactive").WithMessage("must be active or inactive.")
            .When(c => c.Status.IsSet).OverridePropertyName("status");
    }
}

/// <summary>
/// Takes a plan out for good that nobody ever had. Whoever had one keeps it: then it is only taken off sale (status <c>inactive</c>).
/// </summary>
/// <exception cref="Domain.Common.Refusal"><c>plan.unknown</c>, <c>plan.in_use</c></exception>
public sealed record DeletePlan(Guid Id, long? SeenVersion) : ICommandOn
{
    public Guid OrganizationId => Guid.Empty;
}

/// <summary>Rules of a plan's features.</summary>
internal static class PlanFeatureRules
{
    /// <summary>Names that are enforced have values that can be; others may be anything.</summary>
    public static void KnownFeatures<T>(this IRuleBuilder<T, JsonElement?> rule) => rule.Custom((features, context) =>
    {
        foreach (var (name, message) in features is { } given ? PlanFeatures.Faults(given) : [])
        {
            context.AddFailure(new ValidationFailure($"features.{name}", message));
        }
    });
}

/// <summary>One plan; null when there is none.</summary>
public sealed record GetPlan(Guid Id) : IRequest<PlanView?>;

/// <summary>All plans in the order of their creation.</summary>
public sealed record ListPlans(string? Cursor, int Limit) : IRequest<Page<PlanView>>;
