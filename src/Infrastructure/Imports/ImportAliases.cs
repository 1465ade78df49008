using Bsp.Application.Imports;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Imports;

/// <summary>Numbers and user ids of a page that belong to merged contacts, with what the surviving contact is known by.</summary>
internal sealed class ImportAliases
{
    private readonly Dictionary<string, (string? Phone, string? WaUserId)> survivors;

    private ImportAliases(Dictionary<string, (string? Phone, string? WaUserId)> survivors) => this.survivors = survivors;

    public static async Task<ImportAliases> FindAsync(TenantTransaction transaction, Guid organizationId, IReadOnlyCollection<ImportRow> rows, CancellationToken ct)
    {
        // "= ANY" over an array the planner knows is looked up; over one it does not know every alias is compared with every element. For this statement only: the checks of foreign keys
        // are statements too, one a row, and would be planned anew for each (measured: a quarter of an import's processor time more).
        await transaction.ExecuteAsync("SET LOCAL plan_cache_mode = force_custom_plan", ct);
        var found = await transaction.QueryAsync("""
            SELECT x.phone_number, c.phone_number, c.wa_user_id FROM bsp.contact_aliases x JOIN contacts c ON c.id = x.into_id WHERE x.organization_id = $1 AND x.phone_number = ANY ($2)
            UNION ALL SELECT x.wa_user_id, c.phone_number, c.wa_user_id FROM bsp.contact_aliases x JOIN contacts c ON c.id = x.into_id WHERE x.organization_id = $1 AND x.wa_user_id = ANY ($3)
            """, r => (Alias: r.GetString(0), Phone: r.TextOrNull(1), WaUserId: r.TextOrNull(2)), ct,
            organizationId, rows.Select(r => r.PhoneNumber).OfType<string>().ToArray(), rows.Select(r => r.WaUserId).OfType<string>().ToArray());
        await transaction.ExecuteAsync("SET LOCAL plan_cache_mode = auto", ct);
        return new(found.DistinctBy(f => f.Alias).ToDictionary(f => f.Alias, f => (f.Phone, f.WaUserId)));
    }

    /// <summary>The row, naming the surviving contact where it names a merged one.</summary>
    public ImportRow Meant(ImportRow row)
    {
        if (row.PhoneNumber is { } phone && survivors.TryGetValue(phone, out var byPhone))
        {
            return row with { PhoneNumber = byPhone.Phone, WaUserId = byPhone.Phone is null ? byPhone.WaUserId : null };
        }

        return row.WaUserId is { } user && survivors.TryGetValue(user, out var byUser) ? row with { PhoneNumber = byUser.Phone, WaUserId = byUser.Phone is null ? byUser.WaUserId : null } : row;
    }

    /// <summary>Nothing was merged between the two looks.</summary>
    public bool Same(ImportAliases later) => survivors.Count == later.survivors.Count && survivors.All(s => later.survivors.TryGetValue(s.Key, out var other) && other == s.Value);
}
