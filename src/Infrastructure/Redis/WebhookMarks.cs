using Microsoft.Extensions.Logging;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Redis;

/// <summary>
/// Remembers which webhook items were processed: <c>webhook:processing:{message_id}</c>, set only after the processing succeeded, kept
/// for 24 hours. It spares work when Meta repeats itself; while Redis is away nothing seems seen, so processing must be harmless to repeat.
/// </summary>
public sealed class WebhookMarks(RedisConnection redis, ILogger<WebhookMarks> log)
{
    public static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    /// <param name="itemIds">
    /// A received message's id; for a status <c>{id}:{status}</c>, because one message has several. Any number: one command each,
    /// pipelined.
    /// </param>
    /// <param name="organizationId">Whose items: a mark left by another database with the same ids is not ours.</param>
    /// <returns>The ids that were marked.</returns>
    public async Task<IReadOnlySet<string>> SeenAsync(Guid organizationId, IReadOnlyCollection<string> itemIds,
        CancellationToken ct = default)
    {
        var seen = await CacheTrouble.MissAsync(log, async () =>
        {
            var database = await redis.DatabaseAsync(ct);
            return await Task.WhenAll(itemIds.Select(async id =>
                (id, Marked: await database.StringGetAsync(Key(id)) == organizationId.ToString()))).WaitAsync(ct);
        });
        return (seen ?? []).Where(item => item.Marked).Select(item => item.id).ToHashSet();
    }

    /// <summary>To be called after the effects are committed, never before.</summary>
    public Task MarkDoneAsync(Guid organizationId, IReadOnlyCollection<string> itemIds, CancellationToken ct = default) =>
        CacheTrouble.MissAsync(log, async () =>
    {
        var database = await redis.DatabaseAsync(ct);
        return await Task.WhenAll(itemIds.Select(id => database.StringSetAsync(Key(id), organizationId.ToString(), Kept))).WaitAsync(ct);
    });

    private static RedisKey Key(string id) => $"webhook:processing:{id}";
}
