using System.Security.Cryptography;
using System.Text;
using Bsp.Application.Common;
using Bsp.Infrastructure.Privacy;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Caching.Memory;

namespace Bsp.Infrastructure.Contacts;

/// <summary>By what a contact is reached.</summary>
/// <param name="Phone">With '+'; null: none.</param>
internal readonly record struct Reach(string? Phone, string? WaUserId)
{
    public IEnumerable<string> All => new[] { Phone, WaUserId }.OfType<string>();
}

/// <summary>
/// Numbers and user ids whose owners said no before their contact was deleted, erased or given another number. Whoever makes a contact of
/// one again, by whatever way, makes one that is
/// OPTED_OUT, until the person agrees again with proof. What is kept is a keyed hash, so it outlives an erasure. Decision:
/// docs/decisions/0187.
/// </summary>
public sealed class Suppressions(MasterKeys masters) : IDisposable
{
    private const int KeyBytes = 32;
    private const int KeysCachedMax = 10_000;

    // A key never changes, only its wrapping does.
    [Bounded("10,000 keys of 32 bytes")]
    private readonly MemoryCache cache = new(new MemoryCacheOptions { SizeLimit = KeysCachedMax });

    /// <summary>Remembers who said no, in the transaction that takes the contact away.</summary>
    /// <param name="reason"><c>deleted</c>, <c>erased</c> or <c>changed</c>.</param>
    internal async Task PutAsync(TenantTransaction transaction, Guid organizationId, IEnumerable<string> identities, string reason,
        CancellationToken ct)
    {
        var distinct = identities.Distinct().ToList();
        if (distinct.Count > 0)
        {
            var key = await KeyAsync(transaction, organizationId, ct) ?? await MakeKeyAsync(transaction, organizationId, ct);
            await transaction.ExecuteAsync("""
                INSERT INTO bsp.suppressions (id, organization_id, identity_hash, reason) SELECT gen_random_uuid(), $1, h, $3 FROM unnest($2::bytea[]) AS h ORDER BY h
                ON CONFLICT (organization_id, identity_hash) WHERE lifted_at IS NULL DO NOTHING
                """, ct, organizationId, distinct.ConvertAll(identity => Hash(key, identity)).ToArray(), reason);
        }
    }

    /// <summary>
    /// Makes those of the contacts OPTED_OUT whose owners said no. Call it after the rows were written, in their transaction: a deletion
    /// that was under way then has committed, or has yet to take
    /// the row that was just written.
    /// </summary>
    /// <returns>How many of the contacts were changed by it.</returns>
    internal async Task<int> ApplyAsync(TenantTransaction transaction, Guid organizationId, IEnumerable<Reach> contacts,
        CancellationToken ct)
    {
        if (await KeyAsync(transaction, organizationId, ct) is not { } key)
        {
            return 0; // nobody was ever suppressed here
        }

        // the contact that is there may write its number otherwise
        var identities = contacts.SelectMany(c => c.All).SelectMany(Spelled).Distinct().ToList();
        return identities.Count == 0 ? 0
            : (await transaction.QueryAsync("SELECT bsp.apply_suppressions($1, $2, $3)", r =>
                r.GetInt32(0), ct, organizationId, identities.ToArray(), identities.ConvertAll(i => Hash(key, i)).ToArray()))[0];
    }

    /// <summary>The same for rows that are committed already; one look where nobody was ever suppressed.</summary>
    internal async Task ApplyAsync(Shard shard, Guid organizationId, IEnumerable<Reach> contacts, CancellationToken ct)
    {
        if (!cache.TryGetValue(organizationId, out _)
            && !await shard.FirstAsync(organizationId, "SELECT true FROM bsp.suppression_keys WHERE organization_id = $1", r =>
                r.GetBoolean(0), ct, organizationId))
        {
            return;
        }

        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await ApplyAsync(transaction, organizationId, contacts, ct);
        await transaction.CommitUnmarkedAsync(ct);
    }

    /// <summary>Those of the identities whose owners said no.</summary>
    internal async Task<IReadOnlyList<string>> FindAsync(TenantTransaction transaction, Guid organizationId,
        IReadOnlyList<string> identities, CancellationToken ct)
    {
        if (identities.Count == 0 || await KeyAsync(transaction, organizationId, ct) is not { } key)
        {
            return [];
        }

        return await transaction.QueryAsync("""
            SELECT i.identity FROM unnest($2::text[], $3::bytea[]) AS i (identity, hash)
             WHERE EXISTS (SELECT FROM bsp.suppressions s WHERE s.organization_id = $1 AND s.identity_hash = i.hash AND s.lifted_at IS NULL)
            """, r => r.GetString(0), ct, organizationId, identities.ToArray(), identities.Select(i => Hash(key, i)).ToArray());
    }

    /// <summary>The person agreed again, with proof.</summary>
    internal async Task LiftAsync(TenantTransaction transaction, Guid organizationId, Guid contactId, IReadOnlyList<string> identities,
        CancellationToken ct)
    {
        if (await KeyAsync(transaction, organizationId, ct) is { } key)
        {
            await transaction.ExecuteAsync(
                "UPDATE bsp.suppressions SET lifted_at = now(), lifted_by = $3 WHERE organization_id = $1 AND identity_hash = ANY ($2) AND lifted_at IS NULL", ct,
                organizationId, identities.Select(i => Hash(key, i)).ToArray(), contactId);
        }
    }

    public void Dispose() => cache.Dispose();

    // A number begins with '+', a user id never does: no two kinds share a text. All spellings of one telephone are one.
    private static byte[] Hash(byte[] key, string identity) => HMACSHA256.HashData(key, Encoding.UTF8.GetBytes(Spelled(identity)[0]));

    private static IReadOnlyList<string> Spelled(string identity) =>
        PhoneSpellings.MayDiffer(identity) ? PhoneSpellings.Of(identity) : [identity];

    private async Task<byte[]?> KeyAsync(TenantTransaction transaction, Guid organizationId, CancellationToken ct)
    {
        if (cache.TryGetValue(organizationId, out byte[]? known))
        {
            return known;
        }

        var found = await transaction.QueryAsync("SELECT master_key_id, wrapped_key FROM bsp.suppression_keys WHERE organization_id = $1",
            r => masters.Unwrap(r.GetString(0), r.GetFieldValue<byte[]>(1)), ct, organizationId);
        if (found is not [var key])
        {
            return null;
        }

        using var entry = cache.CreateEntry(organizationId);
        entry.Size = 1;
        entry.Value = key;
        return key;
    }

    // Of several who make it at once the first one's counts. It is not remembered before the commit.
    private async Task<byte[]> MakeKeyAsync(TenantTransaction transaction, Guid organizationId, CancellationToken ct)
    {
        await transaction.ExecuteAsync(
            "INSERT INTO bsp.suppression_keys (organization_id, wrapped_key, master_key_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING", ct,
            organizationId, masters.Wrap(RandomNumberGenerator.GetBytes(KeyBytes)), masters.CurrentId);
        return (await transaction.QueryAsync("SELECT master_key_id, wrapped_key FROM bsp.suppression_keys WHERE organization_id = $1", r =>
            masters.Unwrap(r.GetString(0), r.GetFieldValue<byte[]>(1)), ct, organizationId))[0];
    }
}
