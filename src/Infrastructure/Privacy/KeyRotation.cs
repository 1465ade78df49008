using System.Security.Cryptography;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Privacy;

/// <param name="Organizations">Gone through.</param>
/// <param name="Secrets">Sealed anew: tokens, app secrets, verify tokens.</param>
/// <param name="ContactKeys">Wrapped anew; those of the suppression lists and the search index are among them.</param>
/// <param name="Left">What is still under another key, by that key's id: sealed meanwhile by a process that does not have the new key yet,
/// or under a key that the configuration does not hold. Empty: the older keys may go.</param>
public sealed record RotationReport(int Organizations, long Secrets, long ContactKeys, IReadOnlyDictionary<string, long> Left);

/// <summary>
/// Seals everything at rest anew under the current master key, organization by organization, in small transactions. What is done is seen on
/// the data itself (the key's id stands in it), so a run that
/// was killed is simply run again. May run beside serving processes that know both keys.
/// </summary>
/// <param name="say">Hears of the progress, a line at a time.</param>
public sealed class KeyRotation(Shards shards, MasterKeys keys, Action<string> say)
{
    private const int PageRows = 1_000;
    private const int SayEvery = 10_000;

    // Where sealed secrets lie.
    private static readonly (string Table, string Id, string Secret, string Assign)[] Places =
    [
        ("organizations", "id", "meta_access_token", "meta_access_token = v"),
        ("organizations", "id", "webhook_verify_token", "webhook_verify_token = v"),
        ("organizations", "id", "meta_app_secret", "meta_app_secret = v"),
        ("whatsapp_accounts", "id", "credentials ->> 'access_token'",
            "credentials = jsonb_set(credentials, '{access_token}', to_jsonb(v))"),
        ("whatsapp_accounts", "id", "credentials ->> 'pin'", "credentials = jsonb_set(credentials, '{pin}', to_jsonb(v))"),
        ("bsp.signups", "id", "code", "code = v"),
        ("bsp.signups", "id", "token", "token = v"),
        ("bsp.signups", "id", "pin", "pin = v"),
        ("webhooks", "id", "secret", "secret = v"),
        ("webhooks", "id", "previous_secret", "previous_secret = v"),
        ("webhooks", "id", "headers", "headers = v"),
        ("bsp.contact_erasures", "contact_id", "identities", "identities = v"),
        ("bsp.mails", "id", "content", "content = v"),
    ];

    // In the directory, of all organizations together.
    private static readonly (string Table, string Id, string Secret, string Assign)[] DirectoryPlaces =
        [("bsp.directory_second_factors", "user_id", "secret", "secret = v")];

    // One key an organization in each.
    private static readonly string[] OrganizationKeys = ["bsp.suppression_keys", "bsp.search_keys"];

    public async Task<RotationReport> RunAsync(CancellationToken ct)
    {
        var (organizations, secrets, wraps) = (0, 0L, 0L);
        var left = new SortedDictionary<string, long>(StringComparer.Ordinal);
        var all = await OrganizationsAsync(ct);
        foreach (var place in DirectoryPlaces)
        {
            secrets += await SealAnewAsync(shards.DirectoryHome(), Guid.Empty, place, left, ct);
        }

        foreach (var organization in all)
        {
            var home = await shards.OfAsync(organization, ct);
            foreach (var place in Places)
            {
                secrets += await SealAnewAsync(home, organization, place, left, ct);
            }

            wraps += await WrapAnewAsync(home, organization, wraps, left, ct);
            foreach (var table in OrganizationKeys)
            {
                wraps += await WrapOwnAsync(home, organization, table, left, ct);
            }

            organizations++;
            if (organizations % 100 == 0)
            {
                say($"{organizations} of {all.Count} organizations: {secrets} secrets and {wraps} contact keys sealed anew");
            }
        }

        return new(organizations, secrets, wraps, left);
    }

    private async Task<List<Guid>> OrganizationsAsync(CancellationToken ct)
    {
        await using var command =
            shards.Directory.CreateCommand("SELECT organization_id FROM bsp.directory_organizations ORDER BY organization_id");
        await using var reader = await command.ExecuteReaderAsync(ct);
        var all = new List<Guid>();
        while (await reader.ReadAsync(ct))
        {
            all.Add(reader.GetGuid(0));
        }

        return all;
    }

    private async Task<long> SealAnewAsync(Shard home, Guid organization, (string Table, string Id, string Secret, string Assign) place,
        SortedDictionary<string, long> left, CancellationToken ct)
    {
        var (done, after) = (0L, Guid.Empty);
        while (true)
        {
            await using var transaction = await home.BeginAsync(organization, ct);
            var page = await transaction.QueryAsync(
                $"SELECT {place.Id}, {place.Secret} FROM {place.Table} WHERE {place.Id} > $1 AND {place.Secret} LIKE 'v1.%' AND {place.Secret} NOT LIKE $2 ORDER BY {place.Id} LIMIT $3 FOR UPDATE",
                r => (Id: r.GetGuid(0), Secret: r.GetString(1)), ct, after, $"v1.{keys.CurrentId}.%", PageRows);
            if (page.Count == 0)
            {
                return done;
            }

            var known = page.Where(row => Known(row.Secret.Split('.')[1], left)).ToList();
            await transaction.ExecuteAsync(
                $"UPDATE {place.Table} SET {place.Assign} FROM unnest($1::uuid[], $2::text[]) AS a (i, v) WHERE {place.Id} = i", ct,
                known.ConvertAll(row => row.Id).ToArray(), known.ConvertAll(row => keys.Seal(keys.Open(row.Secret))).ToArray());
            await transaction.CommitUnmarkedAsync(ct);
            (done, after) = (done + known.Count, page[^1].Id);
        }
    }

    private async Task<long> WrapAnewAsync(Shard home, Guid organization, long before, SortedDictionary<string, long> left,
        CancellationToken ct)
    {
        var (done, after) = (0L, Guid.Empty);
        while (true)
        {
            await using var transaction = await home.BeginAsync(organization, ct);
            var page = await transaction.QueryAsync("""
                SELECT contact_id, wrapped_key, master_key_id FROM bsp.contact_keys WHERE organization_id = $1 AND contact_id > $2 AND master_key_id <> $3 ORDER BY contact_id LIMIT $4 FOR UPDATE
                """, r => (Contact: r.GetGuid(0), Wrapped: r.GetFieldValue<byte[]>(1), Master: r.GetString(2)), ct, organization, after, keys.CurrentId, PageRows);
            if (page.Count == 0)
            {
                return done;
            }

            var known = page.Where(row => Known(row.Master, left)).ToList();
            await transaction.ExecuteAsync("""
                UPDATE bsp.contact_keys SET wrapped_key = w, master_key_id = $3 FROM unnest($2::uuid[], $4::bytea[]) AS a (c, w) WHERE organization_id = $1 AND contact_id = c
                """, ct, organization, known.ConvertAll(row => row.Contact).ToArray(), keys.CurrentId, known.ConvertAll(row => Rewrap(row.Master, row.Wrapped)).ToArray());
            await transaction.CommitUnmarkedAsync(ct);
            if ((before + done) / SayEvery != (before + done + known.Count) / SayEvery)
            {
                say($"{before + done + known.Count} contact keys wrapped anew");
            }

            (done, after) = (done + known.Count, page[^1].Contact);
        }
    }

    private async Task<long> WrapOwnAsync(Shard home, Guid organization, string table, SortedDictionary<string, long> left,
        CancellationToken ct)
    {
        await using var transaction = await home.BeginAsync(organization, ct);
        var found = await transaction.QueryAsync(
            $"SELECT wrapped_key, master_key_id FROM {table} WHERE organization_id = $1 AND master_key_id <> $2 FOR UPDATE",
            r => (Wrapped: r.GetFieldValue<byte[]>(0), Master: r.GetString(1)), ct, organization, keys.CurrentId);
        if (found is not [var key] || !Known(key.Master, left))
        {
            return 0;
        }

        await transaction.ExecuteAsync($"UPDATE {table} SET wrapped_key = $2, master_key_id = $3 WHERE organization_id = $1", ct,
            organization, Rewrap(key.Master, key.Wrapped), keys.CurrentId);
        await transaction.CommitUnmarkedAsync(ct);
        return 1;
    }

    private byte[] Rewrap(string masterKeyId, byte[] wrapped)
    {
        var key = keys.Unwrap(masterKeyId, wrapped);
        try
        {
            return keys.Wrap(key);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(key);
        }
    }

    private bool Known(string masterKeyId, SortedDictionary<string, long> left)
    {
        if (keys.Holds(masterKeyId))
        {
            return true;
        }

        left[masterKeyId] = left.GetValueOrDefault(masterKeyId) + 1;
        return false;
    }
}
