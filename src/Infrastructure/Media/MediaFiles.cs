using Bsp.Application.Common;
using Bsp.Application.Media;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Imports;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Media;

/// <summary>Keeping files: rows of <c>bsp.media</c>, their quota, and their contents.</summary>
public sealed class MediaFiles(Shards shards, MediaVault vault, IPersonalData personal, UploadSpool spool, BspOptions options,
    TimeProvider clock) : IMediaFiles
{
    private const long MB = 1024 * 1024;

    public async Task<Stream> SpoolAsync(Guid organizationId, Stream body, long bytesMax, CancellationToken ct)
    {
        try
        {
            return await spool.TakeAsync(organizationId, new CappedStream(body, bytesMax), _ => Task.CompletedTask, ct);
        }
        catch (Refusal refusal) when (refusal.Code.StartsWith("import.", StringComparison.Ordinal))
        {
            throw new Refusal(refusal.Code.Replace("import.", "media.", StringComparison.Ordinal), refusal.Message);
        }
    }

    public async Task<MediaView> KeepAsync(NewMedia media, Stream content, CancellationToken ct)
    {
        var shard = await shards.OfAsync(media.OrganizationId, ct);
        if (await SameAsync(shard, media, ct) is { } same)
        {
            return same;
        }

        var name = media.Filename is null ? null : (await personal.SealAsync(media.OrganizationId,
            [(MediaVault.OwnerOf(media.OrganizationId, null), media.Filename)], ct))[0];
        var vaulted = await vault.StoreAsync(media.OrganizationId, null, media.Sha256, content, ct);
        await using var transaction = await shard.BeginAsync(media.OrganizationId, ct);
        await RequireRoomAsync(transaction, media.OrganizationId, media.Bytes, ct);
        var written = await transaction.QueryAsync($"""
            INSERT INTO bsp.media AS m (id, organization_id, source, status, kind, mime_type, bytes, sha256, object_key,
              key_id, key_data, name_key_id, name_data, created_at, stored_at)
            VALUES ($1, $2, $3, 'ready', $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $13) ON CONFLICT (id) DO NOTHING
            RETURNING {MediaRow.Columns}
            """, MediaRow.Read, ct, media.Id, media.OrganizationId, media.Source, media.Type.Kind, media.Type.MimeType, media.Bytes,
            media.Sha256, vaulted.ObjectKey, vaulted.Key.KeyId, vaulted.Key.Data, Nullable.Of(name?.KeyId), Nullable.Of(name?.Data),
            clock.GetUtcNow().UtcDateTime);
        if (written is not [var row])
        {
            throw new Refusal("media.exists", "There is another file with this id.");
        }

        await MediaVault.ClaimAsync(transaction, vaulted, ct);
        await transaction.CommitAsync(ct);
        return row.View(media.Filename);
    }

    // The very same file, also by its name, need not lie there twice.
    private async Task<MediaView?> SameAsync(Shard shard, NewMedia media, CancellationToken ct)
    {
        var rows = await shard.QueryAsync(media.OrganizationId, $"""
            SELECT {MediaRow.Columns} FROM bsp.media m
             WHERE m.organization_id = $1 AND m.sha256 = $2 AND m.contact_id IS NULL AND m.status = 'ready' AND m.mime_type = $3
             ORDER BY m.id LIMIT 20
            """, MediaRow.Read, ct, media.OrganizationId, media.Sha256, media.Type.MimeType);
        foreach (var row in rows)
        {
            if (await NameAsync(personal, media.OrganizationId, row, ct) == media.Filename)
            {
                return row.View(media.Filename);
            }
        }

        return null;
    }

    /// <summary>Counts bytes in, as far as there is room.</summary>
    /// <exception cref="Refusal"><c>media.quota_reached</c></exception>
    internal async Task RequireRoomAsync(TenantTransaction transaction, Guid organizationId, long bytes, CancellationToken ct)
    {
        var most = options.Media.OrganizationMb * MB;
        var taken = bytes > most ? [] : await transaction.QueryAsync("""
            INSERT INTO bsp.media_usage AS u (organization_id, bytes) VALUES ($1, $2)
            ON CONFLICT (organization_id) DO UPDATE SET bytes = u.bytes + excluded.bytes WHERE u.bytes + excluded.bytes <= $3
            RETURNING bytes
            """, r => r.GetInt64(0), ct, organizationId, bytes, most);
        if (taken.Count == 0)
        {
            throw new Refusal("media.quota_reached",
                $"The organization's files may have {options.Media.OrganizationMb} MB together: delete some of them first.");
        }
    }

    /// <summary>Counts bytes out.</summary>
    internal static Task FreeAsync(TenantTransaction transaction, Guid organizationId, long bytes, CancellationToken ct) =>
        transaction.ExecuteAsync("UPDATE bsp.media_usage SET bytes = greatest(0, bytes - $2) WHERE organization_id = $1", ct,
            organizationId, bytes);

    /// <summary>The file's name, opened.</summary>
    internal static async Task<string?> NameAsync(IPersonalData personal, Guid organizationId, MediaRow row, CancellationToken ct) =>
        row.Name is { } name ? (await personal.OpenAsync(organizationId, [name], ct))[0] : null;

    // A body that goes on and on ends here.
    private sealed class CappedStream(Stream inner, long bytesMax) : ReadOnlyStream
    {
        private long count;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            Counted(await inner.ReadAsync(buffer, cancellationToken));

        public override int Read(byte[] buffer, int offset, int count) => Counted(inner.Read(buffer, offset, count));

        private int Counted(int read)
        {
            count += read;
            return count <= bytesMax ? read : throw new Refusal("media.too_large", $"The file has more than {bytesMax} bytes.");
        }
    }
}

/// <summary>Arguments that may be null: PostgreSQL wants to know of what type.</summary>
internal static class Nullable
{
    public static Npgsql.NpgsqlParameter Of(Guid? value) =>
        new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Uuid, Value = (object?)value ?? DBNull.Value };

    public static Npgsql.NpgsqlParameter Of(string? value) =>
        new() { NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text, Value = (object?)value ?? DBNull.Value };
}
