using Bsp.Domain.Plans;

namespace Bsp.Application.Plans;

/// <summary>What an organization's plan gives it. Without a subscription nothing is limited.</summary>
public interface IEntitlements
{
    /// <summary>
    /// The plan has the feature at all; how much of it is the matter of whoever adds one (<c>Infrastructure/Plans/Entitlements.cs</c>).
    /// </summary>
    /// <exception cref="Domain.Common.Refusal"><c>plan.feature_missing</c> (403); the sentence names the plan that has it</exception>
    Task RequireAsync(Guid organizationId, PlanFeature feature, CancellationToken ct);
}
