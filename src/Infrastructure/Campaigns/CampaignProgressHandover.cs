using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// The progress of an organization's campaigns, from the counting of one shard to that of another. A hash that was lost, or that Redis
/// cannot be asked for, is found missing by the target's projection, which then counts anew from the log.
/// </summary>
internal sealed class CampaignProgressHandover(RedisConnection redis, CopySeal? seal = null)
{
    private const int AtOnce = 200;

    private readonly CampaignProgressHashes hashes = new(redis, seal ?? CopySeal.OfProcess, next: false);

    /// <summary>Hashes handed over.</summary>
    /// <exception cref="Application.Common.StoreUnavailable">Redis is away.</exception>
    public Task<int> HandOverAsync(Shard from, Shard to, IReadOnlyCollection<Guid> campaigns, CancellationToken ct) =>
        hashes.Guarded(async db =>
        {
            await hashes.BeginAsync(to, ct);
            var (source, target) = ((await hashes.FindAsync(db, from)).Known, (await hashes.FindAsync(db, to)).Known);
            if (source is not { } old || target is not { } now)
            {
                return 0;
            }

            var handed = 0;
            foreach (var some in campaigns.Chunk(AtOnce))
            {
                handed += (await Task.WhenAll(some.Select(id => HandOverAsync(db, id, old.Epoch, now.Epoch)))).Count(done => done);
            }

            return handed;
        }, ct);

    private async Task<bool> HandOverAsync(IDatabase db, Guid campaign, RedisValue from, RedisValue to)
    {
        if ((await hashes.ReadAsync(db, campaign)).Fields is not { } fields || fields["epoch"] != from)
        {
            return false;
        }

        await hashes.ReplaceAsync(db, campaign, new Dictionary<string, RedisValue>(fields) { ["epoch"] = to });
        return true;
    }
}
