using StackExchange.Redis;

namespace Bsp.Infrastructure.Redis;

/// <summary>
/// Who of an organization is around: <c>presence:{organization_id}</c>, hash of user id to status. The hash ends 24 hours after its last
/// change, so an organization that left without a word does not stay online.
/// </summary>
/// <remarks>All methods throw <see cref="RedisException"/> when Redis cannot be reached.</remarks>
public sealed class Presence(RedisConnection redis)
{
    public static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    /// <param name="status">For example <c>online</c>, <c>away</c>.</param>
    public async Task SetAsync(Guid organizationId, Guid userId, string status, CancellationToken ct = default)
    {
        var both = (await redis.DatabaseAsync(ct)).CreateTransaction();
        _ = both.HashSetAsync(Key(organizationId), userId.ToString(), status);
        _ = both.KeyExpireAsync(Key(organizationId), Kept);
        await both.ExecuteAsync().WaitAsync(ct);
    }

    public async Task LeaveAsync(Guid organizationId, Guid userId, CancellationToken ct = default) =>
        await (await redis.DatabaseAsync(ct)).HashDeleteAsync(Key(organizationId), userId.ToString()).WaitAsync(ct);

    public async Task<IReadOnlyDictionary<Guid, string>> AllAsync(Guid organizationId, CancellationToken ct = default)
    {
        var entries = await (await redis.DatabaseAsync(ct)).HashGetAllAsync(Key(organizationId)).WaitAsync(ct);
        return entries.ToDictionary(entry => Guid.Parse(entry.Name.ToString()), entry => entry.Value.ToString());
    }

    private static RedisKey Key(Guid organizationId) => $"presence:{organizationId}";
}
