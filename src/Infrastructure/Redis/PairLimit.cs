using StackExchange.Redis;

namespace Bsp.Infrastructure.Redis;

/// <summary>
/// How many messages a number may send to one person: one in six seconds, and up to forty-five at once that are borrowed from the time to
/// come, as Meta counts them (131056 otherwise). One string a pair, <c>pair:{phone_number_id}:{contact_id}</c>, that ends when all is paid.
/// Source: Meta, Cloud API, pair rate limits.
/// </summary>
public sealed class PairLimit(RedisConnection redis)
{
    private const int IntervalMs = 6_000;
    private const int BurstMax = 45;

    /// <summary>For each message, in order: zero when it may go now, else after how long it may.</summary>
    /// <exception cref="RedisException">Redis cannot be reached.</exception>
    public async Task<IReadOnlyList<TimeSpan>> TakeAsync(string phoneNumberId, IReadOnlyCollection<Guid> contacts, CancellationToken ct)
    {
        if (contacts.Count == 0)
        {
            return [];
        }

        var database = await redis.DatabaseAsync(ct);
        var waits = await Task.WhenAll(contacts.Select(contact =>
            database.ScriptEvaluateAsync(RedisScripts.Pair, [$"pair:{phoneNumberId}:{contact}"], [IntervalMs, BurstMax]))).WaitAsync(ct);
        return [.. waits.Select(wait => TimeSpan.FromMilliseconds((long)wait))];
    }
}
