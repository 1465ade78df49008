using System.Security.Cryptography;
using Bsp.Application.Common;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Caching.Memory;

namespace Bsp.Infrastructure.Search;

/// <summary>
/// One random key an organization, wrapped under the master key, under which its search index is hashed. A rotation wraps it anew, and the
/// index stays as it is.
/// </summary>
public sealed class SearchKeys(MasterKeys masters) : IDisposable
{
    private const int KeyBytes = 32;
    private const int KeysCachedMax = 10_000;

    [Bounded("10,000 keys of 32 bytes")]
    private readonly MemoryCache cache = new(new MemoryCacheOptions { SizeLimit = KeysCachedMax });

    /// <summary>The organization's key; made at the first call.</summary>
    public async Task<byte[]> OfAsync(Shard shard, Guid organizationId, CancellationToken ct)
    {
        if (cache.TryGetValue(organizationId, out byte[]? known))
        {
            return known!;
        }

        const string select = "SELECT wrapped_key, master_key_id FROM bsp.search_keys WHERE organization_id = $1";
        var found = await shard.QueryAsync(organizationId, select, r =>
            masters.Unwrap(r.GetString(1), r.GetFieldValue<byte[]>(0)), ct, organizationId);
        if (found.Count == 0)
        {
            await shard.QueryAsync(organizationId,
                "INSERT INTO bsp.search_keys (organization_id, wrapped_key, master_key_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
                r => 0, ct,
                organizationId, masters.Wrap(RandomNumberGenerator.GetBytes(KeyBytes)), masters.CurrentId);
            found = await shard.QueryAsync(organizationId, select, r =>
                masters.Unwrap(r.GetString(1), r.GetFieldValue<byte[]>(0)), ct, organizationId);
        }

        return cache.Set(organizationId, found[0], new MemoryCacheEntryOptions { Size = 1 });
    }

    public void Dispose() => cache.Dispose();
}
