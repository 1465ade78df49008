using System.Globalization;
using Bsp.Application.Campaigns;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using MediatR;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>What <c>campaign:{campaign_id}</c> holds.</summary>
/// <param name="Status">For showing. The sender asks PostgreSQL.</param>
public sealed record CampaignCard(Guid OrganizationId, string Status);

/// <summary>
/// Answers progress from the Redis hash; while Redis is away, emptied or being filled again, from the same numbers in PostgreSQL. Whose
/// campaign it is stands in Redis too,
/// so that those who watch a running campaign cost PostgreSQL nothing. A hash that we did not write is none.
/// </summary>
public sealed class CampaignProgressReader(Shards shards, RedisConnection redis, RowCaches caches, CopySeal copySeal)
    : IRequestHandler<GetCampaignProgress, CampaignProgress?>, IRequestHandler<GetCampaignStatus, string?>
{
    private readonly CampaignProgressHashes hashes = new(redis, copySeal, next: false);

    public async Task<CampaignProgress?> Handle(GetCampaignProgress query, CancellationToken ct)
    {
        var shard = await shards.OfAsync(query.OrganizationId, ct);
        var live = FromRedisAsync(shard, query.CampaignId, ct);
        if (await CachedAsync(query.OrganizationId, query.CampaignId, ct) is not null && await live is { } progress)
        {
            return await WithWaitAsync(shard, query, progress, ct);
        }

        if (await StoredAsync(shard, query.OrganizationId, query.CampaignId, ct) is null)
        {
            return null;
        }

        return (await live ?? await FromPostgresAsync(shard, query, ct)) is { } found ? await WithWaitAsync(shard, query, found, ct) : null;
    }

    // Of a triggered campaign nothing is frozen: its audience is whoever has joined it.
    private static int Joined(int frozen, int queued, int skipped) => Math.Max(frozen, queued + skipped);

    // Nothing has moved or may move: then PostgreSQL is asked what the rest of the audience waits for. One row, by its key.
    private static async Task<CampaignProgress> WithWaitAsync(Shard shard, GetCampaignProgress query, CampaignProgress progress,
        CancellationToken ct) =>
        progress.Queued > 0 || progress.Sent + progress.Skipped + progress.Failed >= progress.Total ? progress
        : await shard.FirstAsync(query.OrganizationId, """
            SELECT d.waits_for, d.waits_until, d.total - d.next_ordinal + 1 FROM bsp.campaign_dispatch d
              JOIN campaigns c ON c.id = d.campaign_id AND c.status = 'RUNNING'
             WHERE d.campaign_id = $1 AND d.organization_id = $2 AND d.waits_for IS NOT NULL AND d.total IS NOT NULL
            """, r => progress with
        {
            WaitsFor = r.GetString(0), WaitsUntil = r.TimeOrNull(1), Waiting = progress.Waiting + Math.Max(0, r.GetInt32(2)),
        }, ct, query.CampaignId, query.OrganizationId) ?? progress;

    public async Task<string?> Handle(GetCampaignStatus query, CancellationToken ct) =>
        ((await CachedAsync(query.OrganizationId, query.CampaignId, ct))
            ?? await StoredAsync(await shards.OfAsync(query.OrganizationId, ct), query.OrganizationId, query.CampaignId, ct))?.Status;

    private async Task<CampaignCard?> CachedAsync(Guid organizationId, Guid campaignId, CancellationToken ct) =>
        await caches.Campaigns.FindAsync<CampaignCard>(campaignId, ct) is { Row: { } card } && card.OrganizationId == organizationId ? card
        : null;

    private async Task<CampaignCard?> StoredAsync(Shard shard, Guid organizationId, Guid campaignId, CancellationToken ct)
    {
        var rows = await shard.QueryAsync(organizationId, "SELECT status, version FROM campaigns WHERE organization_id = $1 AND id = $2",
            r => (Card: new CampaignCard(organizationId, r.GetString(0)), Version: r.GetInt64(1)), ct, organizationId, campaignId);
        if (rows.Count == 0)
        {
            return null;
        }

        await caches.Campaigns.SetAsync(campaignId, rows[0].Version, rows[0].Card, ct);
        return rows[0].Card;
    }

    private static Task<CampaignProgress?> FromPostgresAsync(Shard shard, GetCampaignProgress query, CancellationToken ct) =>
        shard.FirstAsync(query.OrganizationId, """
            SELECT c.total_recipients, coalesce(p.pending - p.waiting, 0), coalesce(p.skipped, 0), coalesce(p.sent, 0), coalesce(p.delivered, 0), coalesce(p.read, 0), coalesce(p.failed, 0), coalesce(p.unknown, 0), coalesce(p.queued, 0), p.first_at, p.last_at,
                   coalesce(p.waiting, 0)
              FROM campaigns c LEFT JOIN bsp.campaign_progress p ON p.campaign_id = c.id WHERE c.organization_id = $1 AND c.id = $2
            """,
            r => new CampaignProgress(Joined(r.GetInt32(0), r.GetInt32(8), r.GetInt32(2)), r.GetInt32(1), r.GetInt32(2), r.GetInt32(3),
                r.GetInt32(4), r.GetInt32(5),
                r.GetInt32(6), r.GetInt32(7),
                CampaignEstimate.Completion(r.GetInt32(0), r.GetInt32(8), r.GetInt32(2), r.GetInt32(1) + r.GetInt32(11),
                    r.IsDBNull(9) ? null
                    : r.GetFieldValue<DateTimeOffset>(9), r.IsDBNull(10) ? null : r.GetFieldValue<DateTimeOffset>(10)),
                r.GetInt32(11)),
            ct, query.OrganizationId, query.CampaignId);

    private async Task<CampaignProgress?> FromRedisAsync(Shard shard, Guid campaignId, CancellationToken ct)
    {
        if (!redis.IsUp)
        {
            return null;
        }

        try
        {
            var database = await redis.DatabaseAsync(ct);
            var checkpoint = hashes.FindAsync(database, shard);
            var fields = (await hashes.ReadAsync(database, campaignId)).Fields;
            return (await checkpoint).Known is not { } serving || fields is null || fields["epoch"] != serving.Epoch ? null
                : new(Joined((int)fields["total"], (int)fields["queued"], (int)fields["skipped"]),
                    (int)fields["pending"] - (int)fields["waiting"], (int)fields["skipped"],
                    (int)fields["sent"], (int)fields["delivered"],
                    (int)fields["read"], (int)fields["failed"], (int)fields["unknown"],
                    DateTimeOffset.TryParse((string?)fields["estimated_completion"], CultureInfo.InvariantCulture, out var at) ? at : null,
                    (int)fields["waiting"]);
        }
        catch (Exception e) when (e is RedisException or TimeoutException or InvalidCastException or FormatException or OverflowException)
        {
            return null; // the answer from PostgreSQL is as good; a hash that is not ours, or has no numbers in it, is none
        }
    }
}
