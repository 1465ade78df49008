using System.Text.Json;
using Bsp.Application.Common;
using Bsp.Application.Privacy;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Contacts;

/// <summary>An erased person's rows in files that are being taken in, and in what was rejected of earlier ones.</summary>
public sealed class ImportTraces(ISecrets secrets)
{
    /// <summary>Rejects keep their line and reason and lose what they were; what a failed import has left in staging goes whole. Rows that still wait are rejected when their turn comes.</summary>
    internal async Task EraseAsync(Shard shard, Guid organizationId, ErasedIdentities identities, CancellationToken ct)
    {
        var digits = identities.Phones.Select(p => p.TrimStart('+')).ToArray();
        string[] texts = [.. identities.UserIds, .. identities.Emails.Select(e => e.ToLowerInvariant())];
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync("""
            UPDATE bsp.import_rejects r SET fields = '[]' WHERE r.organization_id = $1 AND EXISTS (
              SELECT FROM jsonb_array_elements_text(r.fields) AS f WHERE regexp_replace(f, '\D', '', 'g') = ANY ($2) OR f = ANY ($3) OR lower(f) = ANY ($3))
            """, ct, organizationId, digits, texts);
        await transaction.ExecuteAsync("DELETE FROM bsp.import_rows r USING bsp.imports i WHERE i.id = r.import_id AND i.organization_id = $1 AND i.status = 'failed'", ct, organizationId);
        await transaction.CommitAsync(ct);
    }

    /// <summary>A file that was sent in before the erasure is still being taken in. It may name the person, so the erasure is not over.</summary>
    internal async Task<bool> UnderWayAsync(Shard shard, Guid organizationId, Guid erasedId, CancellationToken ct) => await shard.FirstAsync(organizationId, """
        SELECT 1 FROM bsp.imports i JOIN bsp.contact_erasures e ON e.contact_id = $2 WHERE i.organization_id = $1 AND i.status IN ('queued', 'running') AND i.created_at <= e.requested_at LIMIT 1
        """, r => r.GetInt32(0), ct, organizationId, erasedId) == 1;

    /// <summary>Whose rows a file that was sent in at that time may no longer bring in: erasures ordered after it.</summary>
    internal async Task<IReadOnlySet<string>> ErasedSinceAsync(TenantTransaction transaction, Guid organizationId, Guid importId, CancellationToken ct)
    {
        var open = await transaction.QueryAsync("""
            SELECT e.identities FROM bsp.contact_erasures e JOIN bsp.imports i ON i.id = $2 AND e.requested_at >= i.created_at
             WHERE e.organization_id = $1 AND e.identities IS NOT NULL
            """, r => r.GetString(0), ct, organizationId, importId);
        return open.Select(text => JsonSerializer.Deserialize<ErasedIdentities>(secrets.Open(text))!).SelectMany(i => i.Phones.Concat(i.UserIds)).ToHashSet();
    }
}
