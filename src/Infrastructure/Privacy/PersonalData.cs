using System.Security.Cryptography;
using System.Text;
using Bsp.Application.Common;
using Bsp.Application.Privacy;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Caching.Memory;
using Npgsql;

namespace Bsp.Infrastructure.Privacy;

/// <summary>One AES-256 key a contact, in <c>bsp.contact_keys</c>, wrapped under the master key. Deleting the row is the erasure.</summary>
public sealed class PersonalData(Shards shards, MasterKeys masters) : IPersonalData, IContactKeys, IDisposable
{
    // Two entries of about 0.25 KB a contact: more contacts than lie between sealing a message, sending it and showing it.
    private const int KeysCachedMax = 30_000;
    private const int EntryBytes = 256;
    private const int KeyBytes = 32;

    // How long another process may still read what was erased here.
    private static readonly TimeSpan CachedFor = TimeSpan.FromMinutes(1);

    [Bounded("30,000 entries of 0.25 KB")]
    private readonly MemoryCache cache = new(new MemoryCacheOptions { SizeLimit = KeysCachedMax, CompactionPercentage = 0.2 });

    public async Task<IReadOnlyList<Sealed>> SealAsync(Guid organizationId, IReadOnlyList<(Guid ContactId, string Text)> texts,
        CancellationToken ct)
    {
        var keys = await KeysOfContactsAsync(organizationId, texts.Select(t => t.ContactId).Distinct().ToList(), ct);
        if (texts.Any(t => !keys.ContainsKey(t.ContactId)))
        {
            throw new Refusal("contact.unknown", "The contact was erased.");
        }

        return texts.Select(t =>
            new Sealed(keys[t.ContactId].Id,
                Convert.ToBase64String(MasterKeys.Encrypt(keys[t.ContactId].Key, Encoding.UTF8.GetBytes(t.Text))))).ToList();
    }

    public async Task<IReadOnlyList<string?>> OpenAsync(Guid organizationId, IReadOnlyList<Sealed> data, CancellationToken ct)
    {
        var keys = await KeysByIdAsync(organizationId, data.Where(d => !d.IsRetired).Select(d => d.KeyId).Distinct().ToList(), ct);
        return data.Select(d => !d.IsRetired && keys.TryGetValue(d.KeyId, out var key)
            ? Encoding.UTF8.GetString(MasterKeys.Decrypt(key, Convert.FromBase64String(d.Data))) : null).ToList();
    }

    public void Forget(Guid organizationId, Guid contactId)
    {
        if (cache.TryGetValue((organizationId, contactId, ""), out ContactKey? key))
        {
            cache.Remove((organizationId, contactId, ""));
            cache.Remove((organizationId, key!.Id));
        }
    }

    public async Task<IReadOnlyDictionary<Guid, (Guid Id, byte[] Key)>> KeysOfAsync(Guid organizationId, IReadOnlyCollection<Guid> contacts,
        CancellationToken ct) =>
        (await KeysOfContactsAsync(organizationId, [.. contacts], ct)).ToDictionary(k => k.Key, k => (k.Value.Id, k.Value.Key));

    public async Task<IReadOnlyDictionary<Guid, byte[]>> KeysAsync(Guid organizationId, IReadOnlyCollection<Guid> keyIds,
        CancellationToken ct) => await KeysByIdAsync(organizationId, [.. keyIds], ct);

    /// <summary>What the keys take.</summary>
    public IBoundedMemory Memory => new BoundedMemory("contact_keys", KeysCachedMax * EntryBytes, () => (long)cache.Count * EntryBytes);

    public void Dispose() => cache.Dispose();

    private async Task<Dictionary<Guid, ContactKey>> KeysOfContactsAsync(Guid organizationId, List<Guid> contacts, CancellationToken ct)
    {
        var known = new Dictionary<Guid, ContactKey>(contacts.Count);
        var missing = new List<Guid>();
        foreach (var contact in contacts)
        {
            if (cache.TryGetValue((organizationId, contact, ""), out ContactKey? key))
            {
                known.Add(contact, key!);
            }
            else
            {
                missing.Add(contact);
            }
        }

        if (missing.Count > 0)
        {
            foreach (var (contact, key) in await LoadOrMakeAsync(organizationId, missing, ct))
            {
                known.Add(contact, key);
                Remember(organizationId, contact, key);
            }
        }

        return known;
    }

    // Offers a fresh key for each; a row that is there already wins. The second statement sees what the first one, or a faster caller,
    // wrote.
    private async Task<List<(Guid Contact, ContactKey Key)>> LoadOrMakeAsync(Guid organizationId, List<Guid> contacts, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        const string
            select = "SELECT contact_id, key_id, wrapped_key, master_key_id FROM bsp.contact_keys WHERE organization_id = $1 AND contact_id = ANY ($2)";
        var found = await shard.QueryAsync(organizationId, select, Row, ct, organizationId, contacts.ToArray());
        var missing = contacts.Except(found.Select(f => f.Contact)).Order().ToArray();
        if (missing.Length == 0)
        {
            return found;
        }

        // The keys are no part of the request's work: a transaction of their own, without the mark of its claim.
        await shard.QueryAsync(organizationId, """
            INSERT INTO bsp.contact_keys (key_id, organization_id, contact_id, wrapped_key, master_key_id)
            SELECT key_id, $1, contact_id, wrapped_key, $5 FROM unnest($2::uuid[], $3::uuid[], $4::bytea[]) AS fresh (contact_id, key_id, wrapped_key)
            WHERE NOT EXISTS (SELECT FROM bsp.erased_contacts e WHERE e.organization_id = $1 AND e.contact_id = fresh.contact_id)
            ON CONFLICT (organization_id, contact_id) DO NOTHING
            """, r => 0, ct, organizationId, missing, missing.Select(_ => Uuid.New()).ToArray(), missing.Select(_ => masters.Wrap(RandomNumberGenerator.GetBytes(KeyBytes))).ToArray(), masters.CurrentId);
        return [.. found, .. await shard.QueryAsync(organizationId, select, Row, ct, organizationId, missing)];
    }

    private async Task<Dictionary<Guid, byte[]>> KeysByIdAsync(Guid organizationId, List<Guid> ids, CancellationToken ct)
    {
        var known = new Dictionary<Guid, byte[]>(ids.Count);
        foreach (var id in ids)
        {
            if (cache.TryGetValue((organizationId, id), out byte[]? key))
            {
                known.Add(id, key!);
            }
        }

        var missing = ids.Where(id => !known.ContainsKey(id)).ToArray();
        if (missing.Length > 0)
        {
            var shard = await shards.OfAsync(organizationId, ct);
            const string
                select = "SELECT contact_id, key_id, wrapped_key, master_key_id FROM bsp.contact_keys WHERE organization_id = $1 AND key_id = ANY ($2)";
            foreach (var (contact, key) in await shard.QueryAsync(organizationId, select, Row, ct, organizationId, missing))
            {
                known.Add(key.Id, key.Key);
                Remember(organizationId, contact, key);
            }
        }

        return known;
    }

    private (Guid Contact, ContactKey Key) Row(NpgsqlDataReader row) =>
        (row.GetGuid(0), new(row.GetGuid(1), masters.Unwrap(row.GetString(3), row.GetFieldValue<byte[]>(2))));

    private void Remember(Guid organizationId, Guid contact, ContactKey key)
    {
        cache.Set((organizationId, contact, ""), key, Entry());
        cache.Set((organizationId, key.Id), key.Key, Entry());
    }

    private static MemoryCacheEntryOptions Entry() => new() { Size = 1, AbsoluteExpirationRelativeToNow = CachedFor };

    private sealed record ContactKey(Guid Id, byte[] Key);
}
