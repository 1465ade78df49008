using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Charging;

/// <summary>
/// Places in tiers, allowances and plans, of one organization: read once, counted in memory, written once. Nobody else counts meanwhile
/// (the organization's row is locked).
/// </summary>
internal sealed class Counters
{
    private readonly Dictionary<string, long> counts;
    private readonly HashSet<string> changed = [];

    private Counters(Dictionary<string, long> counts) => this.counts = counts;

    /// <param name="periods">Those that may be counted in.</param>
    public static async Task<Counters> ReadAsync(TenantTransaction tx, Guid organizationId, IReadOnlyCollection<string> periods,
        CancellationToken ct) =>
        new((await tx.QueryAsync("""
            SELECT c.name, c.count FROM unnest($2::text[]) AS i (period) CROSS JOIN LATERAL (SELECT * FROM bsp.charge_counters m WHERE m.organization_id = $1 AND m.period = i.period OFFSET 0) c
            """, r => (Name: r.GetString(0), Count: r.GetInt64(1)), ct, organizationId, periods.ToArray())).ToDictionary(c => c.Name, c => c.Count, StringComparer.Ordinal));

    /// <summary>How many were counted so far.</summary>
    public long Of(string name) => counts.GetValueOrDefault(name);

    /// <summary>One more each.</summary>
    public void Count(IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            counts[name] = Of(name) + 1;
            changed.Add(name);
        }
    }

    public async Task SaveAsync(TenantTransaction tx, Guid organizationId, CancellationToken ct)
    {
        if (changed.Count > 0)
        {
            await tx.ExecuteAsync("""
                INSERT INTO bsp.charge_counters AS c (organization_id, period, name, count) SELECT $1, * FROM unnest($2::text[], $3::text[], $4::bigint[])
                ON CONFLICT (organization_id, period, name) DO UPDATE SET count = excluded.count
                """, ct, organizationId, changed.Select(Period).ToArray(), changed.ToArray(), changed.Select(Of).ToArray());
        }
    }

    /// <summary>A counter's name ends with its period.</summary>
    public static string Period(string name) => name[(name.LastIndexOf('/') + 1)..];
}
