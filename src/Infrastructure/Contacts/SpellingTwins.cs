using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Contacts;

/// <summary>
/// Contacts of one telephone in two spellings, made before <c>contacts.phone_key</c> was: each gets its key or, where another one has it,
/// becomes part of that one by an ordinary merge, the older surviving. Page by
/// page; what a page did stands, so a killed process's work goes on where it was, and two at once do no harm. Decision:
/// docs/decisions/0156.
/// </summary>
public sealed class SpellingTwins(Shards shards, ContactMerger merger)
{
    private const int PageContacts = 500;
    private const string Source = "spelling";

    /// <summary>All of one organization; nearly always one look at an index that is empty. After it nobody of it has two contacts by
    /// spelling.</summary>
    public async Task SettleAsync(Guid organizationId, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        for (var after = Guid.Empty; ;)
        {
            var page = await UnkeyedAsync(shard, organizationId, organizationId, after, ct);
            if (page.Count == 0 && after == Guid.Empty)
            {
                return;
            }

            await PageAsync(shard, organizationId, [.. page.Select(p => p.Contact)], ct);
            // From the start until none is left: a merge's survivor may have had no key.
            after = page.Count < PageContacts ? Guid.Empty : page[^1].Contact;
        }
    }

    /// <summary>A page of a shard's contacts, whosever they are. Null: there are no more; else where the next page begins.</summary>
    /// <param name="trouble">Told of a pair that could not be merged; the others are.</param>
    public async Task<(Guid Organization, Guid Contact)?> SettleAsync(
        Shard shard, (Guid Organization, Guid Contact) after, Action<Exception, Guid> trouble, CancellationToken ct)
    {
        var page = await UnkeyedAsync(shard, null, after.Organization, after.Contact, ct);
        foreach (var own in page.GroupBy(p => p.Organization))
        {
            using var _ = new CurrentRequest { CorrelationId = "spelling twins", Caller = "contacts" }.Enter();
            await PageAsync(shard, own.Key, [.. own.Select(p => p.Contact)], ct, trouble);
        }

        return page.Count == 0 ? null : page[^1];
    }

    /// <summary>Those of these numbers' contacts that have no key yet, if any. True: somebody was merged, or may have been.</summary>
    internal async Task<bool> SettleAsync(Shard shard, Guid organizationId, IReadOnlyCollection<string> numbers, CancellationToken ct)
    {
        var unkeyed = await shard.QueryAsync(organizationId,
            "SELECT c.id FROM contacts c WHERE c.organization_id = $1 AND c.phone_number = ANY ($2) AND c.phone_key IS NULL",
            r => r.GetGuid(0), ct, organizationId, numbers.SelectMany(PhoneSpellings.Of).Distinct().ToArray());
        if (unkeyed.Count > 0)
        {
            await PageAsync(shard, organizationId, unkeyed, ct);
        }

        return unkeyed.Count > 0;
    }

    private static async Task<List<(Guid Organization, Guid Contact)>> UnkeyedAsync(
        Shard shard, Guid? only, Guid afterOrganization, Guid afterContact, CancellationToken ct)
    {
        await using var command = shard.App.CreateCommand("SELECT organization_id, contact_id FROM bsp.unkeyed_contacts($1, $2, $3, $4)");
        command.Parameters.Add(ContactRows.Nullable(NpgsqlTypes.NpgsqlDbType.Uuid, only));
        command.Parameters.Add(new() { Value = afterOrganization });
        command.Parameters.Add(new() { Value = afterContact });
        command.Parameters.Add(new() { Value = PageContacts });
        var found = new List<(Guid, Guid)>();
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            found.Add((reader.GetGuid(0), reader.GetGuid(1)));
        }

        return found;
    }

    private async Task PageAsync(
        Shard shard, Guid organizationId, IReadOnlyList<Guid> contacts, CancellationToken ct, Action<Exception, Guid>? trouble = null)
    {
        if (contacts.Count == 0)
        {
            return;
        }

        foreach (var (one, other) in await KeyAsync(shard, organizationId, contacts, ct))
        {
            // Ids are made in the order of time.
            var (older, younger) = one.CompareTo(other) < 0 ? (one, other) : (other, one);
            try
            {
                await merger.MergeAsync(organizationId, older, younger, Source, ct);
            }
            catch (Exception e) when (trouble is not null && e is not OperationCanceledException)
            {
                trouble(e, younger);
            }
        }
    }

    // Pairs of one telephone: whoever found the key taken, and who has it.
    private static async Task<List<(Guid One, Guid Other)>> KeyAsync(
        Shard shard, Guid organizationId, IReadOnlyList<Guid> contacts, CancellationToken ct)
    {
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        var rows = await transaction.QueryAsync("""
            SELECT c.id, c.phone_number FROM contacts c
             WHERE c.organization_id = $1 AND c.id = ANY ($2) AND c.phone_key IS NULL AND c.phone_number IS NOT NULL
             ORDER BY c.id FOR NO KEY UPDATE
            """,
            r => (Id: r.GetGuid(0), Key: PhoneSpellings.Of(r.GetString(1))[0]), ct, organizationId, contacts.ToArray());
        var holders = (await transaction.QueryAsync(
            "SELECT c.phone_key, c.id FROM contacts c WHERE c.organization_id = $1 AND c.phone_key = ANY ($2)",
            r => (r.GetString(0), r.GetGuid(1)), ct, organizationId, rows.Select(r => r.Key).Distinct().ToArray())).ToDictionary();
        var (free, twins) = (new List<(Guid Id, string Key)>(), new List<(Guid, Guid)>());
        foreach (var row in rows)
        {
            if (holders.TryAdd(row.Key, row.Id))
            {
                free.Add(row);
            }
            else
            {
                twins.Add((row.Id, holders[row.Key]));
            }
        }

        try
        {
            await transaction.ExecuteAsync("""
                UPDATE contacts c SET phone_key = k.key FROM unnest($2::uuid[], $3::text[]) AS k (id, key)
                 WHERE c.organization_id = $1 AND c.id = k.id
                """, ct, organizationId, free.Select(f => f.Id).ToArray(), free.Select(f => f.Key).ToArray());
            await transaction.CommitAsync(ct);
            return twins;
        }
        catch (PostgresException e) when (e.SqlState is PostgresErrorCodes.UniqueViolation)
        {
            return []; // somebody new took a key meanwhile: the next look sees it
        }
    }
}
