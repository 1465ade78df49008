using System.Globalization;
using Bsp.Application.Campaigns;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using MediatR;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>Answers progress from the Redis hash; while Redis is away, emptied or being filled again, from the same numbers in PostgreSQL.</summary>
public sealed class CampaignProgressReader(Shards shards, RedisConnection redis) : IRequestHandler<GetCampaignProgress, CampaignProgress?>
{
    private static readonly RedisValue[] Fields = ["epoch", "total", "pending", "skipped", "sent", "delivered", "read", "failed", "unknown", "estimated_completion"];

    public async Task<CampaignProgress?> Handle(GetCampaignProgress query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var known = await shard.FirstAsync(query.OrganizationId, """
            SELECT c.total_recipients, coalesce(p.pending, 0), coalesce(p.skipped, 0), coalesce(p.sent, 0), coalesce(p.delivered, 0), coalesce(p.read, 0), coalesce(p.failed, 0), coalesce(p.unknown, 0), coalesce(p.queued, 0), p.first_at, p.last_at
              FROM campaigns c LEFT JOIN bsp.campaign_progress p ON p.campaign_id = c.id WHERE c.organization_id = $1 AND c.id = $2
            """,
            r => new CampaignProgress(r.GetInt32(0), r.GetInt32(1), r.GetInt32(2), r.GetInt32(3), r.GetInt32(4), r.GetInt32(5), r.GetInt32(6), r.GetInt32(7),
                CampaignEstimate.Completion(r.GetInt32(0), r.GetInt32(8), r.GetInt32(2), r.GetInt32(1), r.IsDBNull(9) ? null : r.GetFieldValue<DateTimeOffset>(9), r.IsDBNull(10) ? null : r.GetFieldValue<DateTimeOffset>(10))),
            ct, query.OrganizationId, query.CampaignId);
        return known is null ? null : await FromRedisAsync(shard, query.CampaignId, ct) ?? known;
    }

    private async Task<CampaignProgress?> FromRedisAsync(Shard shard, Guid campaignId, CancellationToken ct)
    {
        if (!redis.IsUp)
        {
            return null;
        }

        try
        {
            var database = await redis.DatabaseAsync(ct);
            var epoch = database.HashGetAsync(CampaignProgressProjection.Key(shard), "epoch");
            var values = await database.HashGetAsync(CampaignProgressProjection.HashOf(campaignId), Fields);
            return values[0].IsNull || values[0] != await epoch ? null
                : new((int)values[1], (int)values[2], (int)values[3], (int)values[4], (int)values[5], (int)values[6], (int)values[7], (int)values[8],
                    DateTimeOffset.TryParse((string?)values[9], CultureInfo.InvariantCulture, out var at) ? at : null);
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            return null; // the answer from PostgreSQL is as good
        }
    }
}
