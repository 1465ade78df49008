using Bsp.Application.Media;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Media;

/// <inheritdoc cref="IMediaErasure"/>
public sealed class MediaErasure(Shards shards, MediaVault vault) : IMediaErasure
{
    private const int PageRows = 100;

    public async Task EraseAsync(Guid organizationId, IReadOnlyCollection<Guid> contactIds, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        while (await PageAsync(shard, organizationId, [.. contactIds], ct) == PageRows)
        {
        }
    }

    // Contents first: a killed process finds the rows again. What is being fetched at this moment finds no row, and is removed again.
    private async Task<int> PageAsync(Shard shard, Guid organizationId, Guid[] contactIds, CancellationToken ct)
    {
        var rows = await shard.QueryAsync(organizationId,
            "SELECT id, object_key FROM bsp.media WHERE organization_id = $1 AND contact_id = ANY ($2) ORDER BY id LIMIT $3",
            r => (Id: r.GetGuid(0), ObjectKey: r.TextOrNull(1)), ct, organizationId, contactIds, PageRows);
        if (rows.Count == 0)
        {
            return 0;
        }

        foreach (var (_, objectKey) in rows.Where(r => r.ObjectKey is not null))
        {
            await vault.RemoveAsync(objectKey!, ct);
        }

        await using var transaction = await shard.BeginAsync(organizationId, ct);
        var gone = await transaction.QueryAsync("DELETE FROM bsp.media WHERE id = ANY ($1) RETURNING bytes, object_key",
            r => (Bytes: r.GetInt64(0), ObjectKey: r.TextOrNull(1)), ct, rows.ConvertAll(r => r.Id).ToArray());
        var late = gone.Select(g => g.ObjectKey).OfType<string>().Except(rows.Select(r => r.ObjectKey).OfType<string>()).ToList();
        if (late.Count > 0) // fetched between the two looks
        {
            await vault.ReleaseAsync(transaction, organizationId, late, ct);
        }

        await MediaFiles.FreeAsync(transaction, organizationId, gone.Sum(g => g.Bytes), ct);
        await transaction.CommitUnmarkedAsync(ct);
        return rows.Count;
    }
}
