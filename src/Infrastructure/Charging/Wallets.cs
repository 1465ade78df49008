using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Charging;

/// <summary>Where an organization's messages are charged to.</summary>
/// <param name="Since">What was recorded before costs nothing.</param>
public sealed record Wallet(string Currency, DateTimeOffset Since)
{
    /// <summary>False: everybody is charged, and this organization has none yet.</summary>
    public bool Exists => Since > DateTimeOffset.MinValue;
}

/// <summary>Who is charged, and in which currency: the organization's first wallet.</summary>
public sealed class Wallets(BillingOptions options)
{
    /// <summary>Of those that are charged nothing there is none.</summary>
    public async Task<IReadOnlyDictionary<Guid, Wallet>> OfAsync(TenantTransaction tx, IReadOnlyCollection<Guid> organizations,
        CancellationToken ct)
    {
        if (options.Mode == BillingMode.Off)
        {
            return new Dictionary<Guid, Wallet>();
        }

        var found = (await tx.QueryAsync("""
            SELECT i.id, w.currency, w.created_at FROM unnest($1::uuid[]) AS i (id)
             CROSS JOIN LATERAL (SELECT h.currency, h.created_at FROM bsp.ledger_heads h WHERE h.organization_id = i.id ORDER BY h.created_at, h.currency LIMIT 1 OFFSET 0) w
            """, r => (Id: r.GetGuid(0), Wallet: new Wallet(r.GetString(1), r.GetFieldValue<DateTimeOffset>(2))), ct, organizations.ToArray())).ToDictionary(w => w.Id, w => w.Wallet);
        foreach (var id in options.Mode == BillingMode.Required ? organizations : [])
        {
            found.TryAdd(id, new(options.Currency, DateTimeOffset.MinValue));
        }

        return found;
    }
}
