using System.Text;
using Bsp.Infrastructure.Redis;
using StackExchange.Redis;

namespace Bsp.Infrastructure.Campaigns;

/// <summary>
/// A hash in Redis whose field <c>mac</c> proves that we wrote the others: over the hash's name and every field in a fixed order. Who
/// writes to Redis without the master key writes hashes that are
/// none, and who copies one to another campaign too. An earlier whole hash of ours, put back, is not told apart (decision 0176).
/// </summary>
internal sealed class ProgressSeal(CopySeal seal)
{
    public const string Mac = "mac";

    /// <summary>Fields of a campaign's hash but for the MAC.</summary>
    public static readonly RedisValue[] Numbers =
        ["epoch", "position", .. CampaignTally.Names.Select(name => (RedisValue)name), "first_at", "last_at", "estimated_completion"];

    /// <summary>The MAC of these values; of a campaign: those of <see cref="Numbers"/>, of a checkpoint: epoch and sequence.</summary>
    /// <param name="name">The hash that serves, also for the one that is built beside it: it takes its place as it is.</param>
    public string Of(RedisKey name, IEnumerable<RedisValue> values) => seal.Of(name.ToString(), Text(values));

    /// <summary>Whether we wrote these values; a missing one is not ours.</summary>
    public bool Holds(RedisKey name, IReadOnlyCollection<RedisValue> values, RedisValue mac) =>
        !mac.IsNull && values.All(value => !value.IsNull) && seal.Holds(name.ToString(), Text(values), mac);

    /// <summary>A campaign's numbers, and the MAC that lies there, '' for none.</summary>
    /// <returns>Null instead of the numbers: there are none of ours.</returns>
    public async Task<(Dictionary<string, RedisValue>? Fields, RedisValue Mac)> ReadAsync(IDatabase db, RedisKey key, Guid campaign)
    {
        var values = await db.HashGetAsync(key, [.. Numbers, Mac]);
        var (numbers, mac) = (values.SkipLast(1).ToList(), values[^1]);
        return (Holds(CampaignProgressProjection.HashOf(campaign), numbers, mac)
            ? Numbers.Zip(numbers).ToDictionary(f => f.First.ToString(), f => f.Second) : null, mac.IsNull ? RedisValue.EmptyString : mac);
    }

    /// <summary>What stands in a place of ours and is of another kind of value is removed, for every command on it fails.</summary>
    /// <param name="work">On this key alone.</param>
    public static async Task<T> ClearedAsync<T>(IDatabase db, RedisKey key, Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (RedisServerException e) when (e.Message.Contains("WRONGTYPE", StringComparison.Ordinal))
        {
            await db.KeyDeleteAsync(key);
            return await work();
        }
    }

    // Each with its length, so that nothing moves from one to the next.
    private static string Text(IEnumerable<RedisValue> values)
    {
        var text = new StringBuilder();
        foreach (var value in values.Select(v => v.ToString()))
        {
            text.Append(value.Length).Append(':').Append(value).Append(',');
        }

        return text.ToString();
    }
}
