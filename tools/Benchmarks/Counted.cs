using Bsp.Domain.Campaigns;
using Bsp.Domain.Common;

namespace Bsp.Benchmarks;

/// <summary>The smallest aggregate: how many facts there are. The lanes carry it.</summary>
public sealed record Counted(int Count) : IAggregate<Counted, CampaignEvent>
{
    /// <inheritdoc/>
    public static string StreamType => "campaign";

    /// <inheritdoc/>
    public static Counted Initial { get; } = new(0);

    /// <inheritdoc/>
    public static Counted Evolve(Counted state, CampaignEvent @event) => new(state.Count + 1);
}
