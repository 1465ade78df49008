using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Campaigns;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Reconciliations;

/// <summary>The numbers of an organization's campaigns: in two tables of PostgreSQL and in Redis.</summary>
internal sealed class CampaignsSide(Shard shard, Guid organizationId, RedisConnection redis, CopySeal seal)
{
    private static readonly string[] Columns = ["sent", "delivered", "read", "failed"];

    private readonly CampaignProgressHashes hashes = new(redis, seal, next: false);

    /// <summary>What PostgreSQL says, all of one moment, and the place of that moment.</summary>
    /// <returns>By campaign: the numbers of <c>bsp.campaign_progress</c> in the order of <see cref="CampaignTally.Names"/>, null where it
    /// has no
    /// row; and the four columns of <c>campaigns</c>.</returns>
    public async Task<(long Sequence, Dictionary<Guid, (long[]? Progress, long[] Columns)> Numbers)> InPostgresAsync(CancellationToken ct)
    {
        await using var snapshot = await shard.BeginSnapshotAsync(organizationId, ct);
        var at = await snapshot.QueryAsync("SELECT sequence FROM bsp.projections WHERE name = $1", row => row.GetInt64(0), ct,
            ViewNames.CampaignCounters);
        var names = CampaignTally.Names;
        var rows = await snapshot.QueryAsync($"""
            SELECT c.id, p.campaign_id IS NOT NULL, {string.Join(", ", names.Select(n => $"coalesce(p.{n}, 0)::bigint"))},
                   c.sent_count::bigint, c.delivered_count::bigint, c.read_count::bigint, c.failed_count::bigint
              FROM campaigns c LEFT JOIN bsp.campaign_progress p ON p.campaign_id = c.id WHERE c.organization_id = $1
            """, row => (Id: row.GetGuid(0), Progress: row.GetBoolean(1) ? Numbers(row, 2, names.Length) : null,
                Columns: Numbers(row, 2 + names.Length, Columns.Length)), ct, organizationId);
        return (at is [var sequence] ? sequence : 0, rows.ToDictionary(r => r.Id, r => (r.Progress, r.Columns)));
    }

    /// <summary>What Redis says, and up to which place; null: its numbers are being built.</summary>
    /// <returns>By campaign: its numbers in the order of <see cref="CampaignTally.Names"/>, null where there are none of ours.</returns>
    public async Task<Dictionary<Guid, (long Sequence, long[]? Numbers)>?> InRedisAsync(IReadOnlyCollection<Guid> campaigns,
        CancellationToken ct) => await hashes.Guarded(async db =>
    {
        if ((await hashes.FindAsync(db, shard)).Known is not { } known)
        {
            return null;
        }

        var found = new Dictionary<Guid, (long, long[]?)>();
        foreach (var campaign in campaigns)
        {
            var (fields, _) = await hashes.ReadAsync(db, campaign);
            var own = fields is not null && fields["epoch"] == known.Epoch ? fields : null;
            // a campaign's own place may be ahead of the checkpoint, which is written after it
            found[campaign] = (Math.Max(known.Sequence, own is null ? 0 : (long)own["position"] & ((1L << 48) - 1)),
                own is null ? null : [.. CampaignTally.Names.Select(name => (long)own[name])]);
        }

        return found;
    }, ct);

    /// <summary>The four columns of <c>campaigns</c> out of all numbers.</summary>
    public static long[] ColumnsOf(long[] numbers) => [.. Columns.Select(name => numbers[Array.IndexOf(CampaignTally.Names, name)])];

    private static long[] Numbers(Npgsql.NpgsqlDataReader row, int first, int count) =>
        [.. Enumerable.Range(first, count).Select(row.GetInt64)];
}
