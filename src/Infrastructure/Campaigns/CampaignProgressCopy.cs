using Bsp.Application.EventStore;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// Builds <c>campaign:{id}:progress:next</c> beside the hashes that serve. The swap is one script on the checkpoints' hash: with it the old
/// hashes have the wrong epoch, so
/// readers take PostgreSQL's numbers until the next hashes have been moved into their place, a moment later. Killed in between, whoever
/// comes next moves the rest.
/// </summary>
internal sealed class CampaignProgressCopy(RedisConnection redis, CopySeal seal) : IProjectionCopy
{
    private const int MovedAtOnce = 500;
    private static readonly string Swap = CampaignProgressHashes.Script("swap");

    private readonly CampaignProgressHashes hashes = new(redis, seal, next: true);
    private readonly CampaignProgressHashes serving = new(redis, seal, next: false);

    public string Name { get; } = CopyName.Of(ViewNames.CampaignProgress);

    public IReadOnlyCollection<string>? EventTypes => CampaignProgressProjection.Types;

    public int PageEventsMax => 5_000;

    public Task<long> CheckpointAsync(Shard shard, CancellationToken ct) => hashes.CheckpointAsync(shard, ct);

    public Task ApplyAsync(EventPage page, CancellationToken ct) => hashes.ApplyAsync(page, ct);

    public async Task BeginAsync(Shard shard, CancellationToken ct)
    {
        await DropAsync(shard, ct);
        await hashes.BeginAsync(shard, ct);
    }

    public Task<bool> SwapAsync(Shard shard, CancellationToken ct) => hashes.Guarded(async db =>
    {
        var key = CampaignProgressProjection.Key(shard);
        var swapped = (int)await ProgressSeal.ClearedAsync(db, key, () => db.ScriptEvaluateAsync(Swap, [key])) == 1;
        await MoveAsync(db, shard);
        return swapped;
    }, ct);

    public Task<bool> FinishAsync(Shard shard, CancellationToken ct) => hashes.Guarded(db => MoveAsync(db, shard), ct);

    public Task DropAsync(Shard shard, CancellationToken ct) => hashes.Guarded(async db =>
    {
        await EachAsync(db, shard, id => db.KeyDeleteAsync(hashes.HashOf(id)));
        await hashes.ForgetAsync(db, shard); // last: while it stands, what is left of the hashes is no half-done swap
        return true;
    }, ct);

    // After the swap: each next hash of the epoch that serves now goes into its place. True: there were some.
    private async Task<bool> MoveAsync(IDatabase db, Shard shard)
    {
        if ((await serving.FindAsync(db, shard)).Known is not { } checkpoint || (await hashes.FindAsync(db, shard)).Known is not null)
        {
            return false;
        }

        var moved = false;
        await EachAsync(db, shard, async id =>
        {
            if ((await hashes.ReadAsync(db, id)).Fields is { } fields && fields["epoch"] == checkpoint.Epoch)
            {
                moved = true;
                await serving.ReplaceAsync(db, id, fields);
            }

            await db.KeyDeleteAsync(hashes.HashOf(id));
        });
        return moved;
    }

    private static async Task EachAsync(IDatabase db, Shard shard, Func<Guid, Task> work)
    {
        var members = CampaignProgressHashes.Members(shard);
        while (await ProgressSeal.ClearedAsync(db, members, () => db.SetRandomMembersAsync(members, MovedAtOnce)) is { Length: > 0 } some)
        {
            await Task.WhenAll(some.Select(id => Guid.TryParse(id.ToString(), out var campaign) ? work(campaign) : Task.CompletedTask));
            await db.SetRemoveAsync(members, some);
        }
    }
}
