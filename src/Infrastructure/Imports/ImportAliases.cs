using Bsp.Application.Common;
using Bsp.Application.Imports;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Imports;

/// <summary>Numbers and user ids of a page that belong to merged contacts, with what the surviving contact is known by.</summary>
internal sealed class ImportAliases
{
    private readonly Dictionary<string, (string? Phone, string? WaUserId)> survivors;
    private readonly Dictionary<string, string> spellings; // those of another spelling than the known one

    private ImportAliases(Dictionary<string, (string? Phone, string? WaUserId)> survivors, Dictionary<string, string> spellings) =>
        (this.survivors, this.spellings) = (survivors, spellings);

    public static async Task<ImportAliases> FindAsync(TenantTransaction transaction, Guid organizationId,
        IReadOnlyCollection<ImportRow> rows, CancellationToken ct)
    {
        var spellings = await SpellingsAsync(transaction, organizationId, rows, ct);

        // "= ANY" over an array the planner knows is looked up; over one it does not know every alias is compared with every element. For
        // this statement only: the checks of foreign keys
        // are statements too, one a row, and would be planned anew for each (measured: a quarter of an import's processor time more).
        await transaction.ExecuteAsync("SET LOCAL plan_cache_mode = force_custom_plan", ct);
        var found = await transaction.QueryAsync("""
            SELECT x.phone_number, c.phone_number, c.wa_user_id FROM bsp.contact_aliases x JOIN contacts c ON c.id = x.into_id WHERE x.organization_id = $1 AND x.phone_number = ANY ($2)
            UNION ALL SELECT x.wa_user_id, c.phone_number, c.wa_user_id FROM bsp.contact_aliases x JOIN contacts c ON c.id = x.into_id WHERE x.organization_id = $1 AND x.wa_user_id = ANY ($3)
            """, r => (Alias: r.GetString(0), Phone: r.TextOrNull(1), WaUserId: r.TextOrNull(2)), ct,
            organizationId, rows.Select(r => r.PhoneNumber).OfType<string>().Select(p => spellings.GetValueOrDefault(p, p)).ToArray(),
            rows.Select(r => r.WaUserId).OfType<string>().ToArray());
        await transaction.ExecuteAsync("SET LOCAL plan_cache_mode = auto", ct);
        return new(found.DistinctBy(f => f.Alias).ToDictionary(f => f.Alias, f => (f.Phone, f.WaUserId)), spellings);
    }

    // One telephone that the page spells in two ways, or otherwise than it is known here, is the one that is known, else the one named
    // first.
    private static async Task<Dictionary<string, string>> SpellingsAsync(TenantTransaction transaction, Guid organizationId,
        IReadOnlyCollection<ImportRow> rows, CancellationToken ct)
    {
        var given = rows.Select(r => r.PhoneNumber).OfType<string>().Where(p => PhoneSpellings.Of(p).Count > 1).Distinct().ToArray();
        if (given.Length == 0)
        {
            return [];
        }

        var known = (await transaction.QueryAsync("SELECT bsp.known_spellings($1, $2, $3)", r =>
            r.GetFieldValue<string[]>(0), ct, organizationId, given,
            new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.TimestampTz, Value = new DateTime?[given.Length] }))[0];
        return given.Zip(known).Where(p => p.First != p.Second).ToDictionary(p => p.First, p => p.Second);
    }

    /// <summary>The row, naming its telephone as it is known here, and the surviving contact where it names a merged one.</summary>
    public ImportRow Meant(ImportRow row)
    {
        row = row.PhoneNumber is { } written && spellings.TryGetValue(written, out var spelled) ? row with { PhoneNumber = spelled } : row;
        if (row.PhoneNumber is { } phone && survivors.TryGetValue(phone, out var byPhone))
        {
            return row with { PhoneNumber = byPhone.Phone, WaUserId = byPhone.Phone is null ? byPhone.WaUserId : null };
        }

        return row.WaUserId is { } user && survivors.TryGetValue(user, out var byUser)
            ? row with { PhoneNumber = byUser.Phone, WaUserId = byUser.Phone is null ? byUser.WaUserId : null } : row;
    }

    /// <summary>Nothing was merged between the two looks.</summary>
    public bool Same(ImportAliases later) => survivors.Count == later.survivors.Count
        && survivors.All(s => later.survivors.TryGetValue(s.Key, out var other) && other == s.Value)
        && spellings.Count == later.spellings.Count
        && spellings.All(s => later.spellings.TryGetValue(s.Key, out var other) && other == s.Value);
}
