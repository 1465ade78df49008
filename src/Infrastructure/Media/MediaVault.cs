using System.Security.Cryptography;
using Bsp.Application.Common;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Objects;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Media;

/// <summary>A content that lies in object storage and belongs to nobody yet.</summary>
/// <param name="Key">The content's key, sealed under its owner's.</param>
internal sealed record VaultedContent(string ObjectKey, Sealed Key);

/// <summary>
/// Contents in object storage, each sealed under a key of its own, which is sealed under the contact's or the organization's. A content's
/// name there is announced to <c>bsp.object_removals</c> before it is stored, and taken back by the transaction that says whose it is.
/// </summary>
public sealed class MediaVault(Shards shards, IObjectStore objects, IPersonalData personal, TimeProvider clock)
{
    // Longer than anything that is being stored may take.
    private static readonly TimeSpan AnnouncedFor = TimeSpan.FromHours(1);

    /// <summary>Whose key seals what is an organization's own.</summary>
    internal static Guid OwnerOf(Guid organizationId, Guid? contactId) => contactId ?? Uuid.Of($"media/{organizationId}");

    /// <summary>Seals and stores a content; it is removed again unless its row is written within the hour.</summary>
    /// <exception cref="Refusal"><c>contact.unknown</c>: the contact was erased.</exception>
    /// <exception cref="StoreUnavailable"/>
    internal async Task<VaultedContent> StoreAsync(Guid organizationId, Guid? contactId, byte[] sha256, Stream plain, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        var objectKey = $"media/{organizationId:D}/{Convert.ToHexStringLower(sha256)}/{Uuid.New():N}";
        var key = RandomNumberGenerator.GetBytes(SealedChunks.KeyBytes);
        var owner = OwnerOf(organizationId, contactId);
        var seal = (await personal.SealAsync(organizationId, [(owner, Convert.ToBase64String(key))], ct))[0];
        await using (var announced = await shard.BeginAsync(organizationId, ct))
        {
            await announced.ExecuteAsync(
                "INSERT INTO bsp.object_removals (object_key, organization_id, due_at) VALUES ($1, $2, $3)", ct, objectKey, organizationId,
                (clock.GetUtcNow() + AnnouncedFor).UtcDateTime);
            await announced.CommitUnmarkedAsync(ct);
        }

        await using var closed = new SealingStream(plain, key);
        await objects.PutAsync(objectKey, closed, ct);
        return new(objectKey, seal);
    }

    /// <summary>It belongs to somebody from the commit on.</summary>
    internal static Task ClaimAsync(TenantTransaction transaction, VaultedContent content, CancellationToken ct) =>
        transaction.ExecuteAsync("DELETE FROM bsp.object_removals WHERE object_key = $1", ct, content.ObjectKey);

    /// <summary>Contents whose rows go: they are removed soon after the commit.</summary>
    internal async Task ReleaseAsync(TenantTransaction transaction, Guid organizationId, IReadOnlyList<string> objectKeys,
        CancellationToken ct) => await transaction.ExecuteAsync("""
            INSERT INTO bsp.object_removals (object_key, organization_id, due_at) SELECT k, $2, $3 FROM unnest($1::text[]) AS k
            ON CONFLICT (object_key) DO UPDATE SET due_at = excluded.due_at
            """, ct, objectKeys.ToArray(), organizationId, clock.GetUtcNow().UtcDateTime);

    /// <summary>The content, opened; null: its key was destroyed (its contact was erased).</summary>
    /// <exception cref="StoreUnavailable">Also when the content is not where it should be.</exception>
    internal async Task<Stream?> OpenAsync(Guid organizationId, string objectKey, Sealed sealedKey, long length, CancellationToken ct)
    {
        if ((await personal.OpenAsync(organizationId, [sealedKey], ct))[0] is not { } key)
        {
            return null;
        }

        return new OpeningStream(async (offset, token) => await objects.OpenAsync(objectKey, offset, token)
            ?? throw new StoreUnavailable("objects"), Convert.FromBase64String(key), length);
    }

    /// <summary>Removes an object that is nobody's.</summary>
    internal Task RemoveAsync(string objectKey, CancellationToken ct) => objects.DeleteAsync(objectKey, ct);
}
