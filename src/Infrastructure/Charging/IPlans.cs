using Bsp.Domain.Charging;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Charging;

/// <summary>What organizations' plans say about messages.</summary>
public interface IPlans
{
    /// <summary>The terms at each moment of delivery, as far as there are any.</summary>
    Task<IReadOnlyDictionary<DateTimeOffset, PlanTerms>> AtAsync(TenantTransaction tx, Guid organizationId, string currency,
        IReadOnlyCollection<DateTimeOffset> moments, CancellationToken ct);

    /// <summary>
    /// A period that begins before the last of these moments is begun, in transactions of its own, so that what it includes is known: the
    /// caller holds no lock of the organization's subscription or wallet yet.
    /// </summary>
    Task CarryOutAsync(TenantTransaction tx, Shard shard, Guid organizationId, IReadOnlyCollection<DateTimeOffset> moments,
        CancellationToken ct);
}
