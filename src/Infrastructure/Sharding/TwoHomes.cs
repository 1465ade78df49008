namespace Bsp.Infrastructure.Sharding;

/// <summary>Work that concerns the directory and an organization's own shard.</summary>
public static class TwoHomes
{
    /// <summary>The directory database as a home of tenant rows: claims of the platform's own routes.</summary>
    public static Shard DirectoryHome(this Shards shards) => new("directory", 1, shards.DirectoryPools);

    /// <summary>
    /// Runs <paramref name="work"/> with a transaction on the directory and one on the organization's shard: the same one when both are one
    /// database.
    /// Otherwise the directory commits first: what it names may not exist yet for a moment, or, after a crash, until the request is
    /// repeated;
    /// what exists in a shard is always named.
    /// </summary>
    /// <param name="tenants">Organizations the transactions may see; all zeros for a claim of the platform.</param>
    public static async Task<T> InBothAsync<T>(this Shards shards, Shard home, IReadOnlyCollection<Guid> tenants,
        Func<TenantTransaction, TenantTransaction, Task<T>> work, CancellationToken ct)
    {
        await using var own = await home.BeginAsync(tenants, ct);
        if (ReferenceEquals(home.App, shards.Directory))
        {
            var result = await work(own, own);
            await own.CommitAsync(ct);
            return result;
        }

        await using var directory = await shards.Directory.OpenConnectionAsync(ct);
        await using var transaction = await directory.BeginTransactionAsync(ct);
        var answer = await work(new TenantTransaction(directory, transaction), own);
        await transaction.CommitAsync(ct);
        await own.CommitAsync(ct);
        return answer;
    }
}
