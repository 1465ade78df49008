using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Reconciliations;

/// <summary>From when on an organization's messages are all there: earlier ones may be archived and gone.</summary>
internal static class RetiredBefore
{
    // They are kept for two years at most: what is near its end may be gone.
    private const int DocumentMonths = 23;

    public static async Task<DateTimeOffset> OfAsync(Shard shard, Guid organizationId, DateTimeOffset began, CancellationToken ct)
    {
        var retired = (await shard.QueryAsync(organizationId,
            "SELECT max(before) FROM bsp.archives WHERE organization_id = $1 AND kind = 'messages' AND state = 'kept'",
            r => r.TimeOrNull(0), ct, organizationId))[0];
        var standard = began.AddMonths(-DocumentMonths);
        return retired > standard ? retired.Value : standard;
    }
}
