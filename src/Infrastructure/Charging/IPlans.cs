using Bsp.Domain.Charging;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Charging;

/// <summary>What organizations' plans say about messages.</summary>
public interface IPlans
{
    /// <summary>The terms at each moment of delivery, as far as there are any.</summary>
    Task<IReadOnlyDictionary<DateTimeOffset, PlanTerms>> AtAsync(TenantTransaction tx, Guid organizationId, string currency,
        IReadOnlyCollection<DateTimeOffset> moments, CancellationToken ct);
}
