using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Charging;

/// <summary>What is set aside for single sends: rows beside the wallet, no entries of the ledger.</summary>
internal static class DirectReserves
{
    private const int SweptMax = 500;

    // A send that was reserved and never queued (its process died in between) is looked for after the first, whatever became of any after
    // the second: longer than Meta may take.
    private static readonly TimeSpan OrphanAfter = TimeSpan.FromMinutes(10);
    private static readonly TimeSpan EndAfter = TimeSpan.FromDays(45);

    /// <summary>Reserves the sum of those that are not reserved yet, if so much is available. False: it is not; roll back.</summary>
    public static async Task<bool> TakeAsync(TenantTransaction tx, Guid organizationId, string currency,
        IReadOnlyCollection<(Guid Message, decimal Amount)> messages, CancellationToken ct)
    {
        var sum = (await tx.QueryAsync("""
            WITH taken AS (INSERT INTO bsp.message_reserves (organization_id, message_id, currency, amount) SELECT $1, i.id, $2, i.amount FROM unnest($3::uuid[], $4::numeric[]) AS i (id, amount)
              ON CONFLICT (organization_id, message_id) DO NOTHING RETURNING amount) SELECT coalesce(sum(amount), 0) FROM taken
            """, r => r.GetDecimal(0), ct, organizationId, currency, messages.Select(m => m.Message).ToArray(), messages.Select(m => m.Amount).ToArray()))[0];
        return sum == 0
            || await tx.ExecuteAsync(
                "UPDATE bsp.ledger_heads SET reserved = reserved + $3 WHERE organization_id = $1 AND currency = $2 AND balance - held - reserved >= $3", ct, organizationId, currency, sum) == 1;
    }

    /// <summary>What the wallet has left.</summary>
    public static async Task<decimal> AvailableAsync(TenantTransaction tx, Guid organizationId, string currency, CancellationToken ct) =>
        (await tx.QueryAsync("SELECT balance - held - reserved FROM bsp.ledger_heads WHERE organization_id = $1 AND currency = $2", r =>
            r.GetDecimal(0), ct, organizationId, currency)).FirstOrDefault();

    /// <summary>They have ended: what was set aside for them, if anything was, is available again.</summary>
    public static async Task ReleaseAsync(TenantTransaction tx, Guid organizationId, IReadOnlyCollection<Guid> messages,
        CancellationToken ct)
    {
        if (messages.Count > 0)
        {
            await tx.ExecuteAsync("""
                WITH gone AS (DELETE FROM bsp.message_reserves r USING unnest($2::uuid[]) AS i (id) WHERE r.organization_id = $1 AND r.message_id = i.id RETURNING r.currency, r.amount)
                UPDATE bsp.ledger_heads h SET reserved = greatest(0, h.reserved - g.sum) FROM (SELECT currency, sum(amount) AS sum FROM gone GROUP BY currency) g
                 WHERE h.organization_id = $1 AND h.currency = g.currency
                """, ct, organizationId, messages.ToArray());
        }
    }

    /// <summary>Gives back what nothing will ever be charged for.</summary>
    public static async Task SweepAsync(Shard shard, DateTimeOffset now, CancellationToken ct)
    {
        var old = new List<(Guid Organization, Guid Message, bool Over)>();
        await using (var command =
            shard.App.CreateCommand("SELECT organization_id, message_id, created_at < $2 FROM bsp.reserves_orphaned($1, $2, $3)"))
        {
            command.Parameters.Add(new() { Value = (now - OrphanAfter).UtcDateTime });
            command.Parameters.Add(new() { Value = (now - EndAfter).UtcDateTime });
            command.Parameters.Add(new() { Value = SweptMax });
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                old.Add((reader.GetGuid(0), reader.GetGuid(1), reader.GetBoolean(2)));
            }
        }

        foreach (var of in old.GroupBy(o => o.Organization))
        {
            await using var tx = await shard.BeginAsync(of.Key, ct);
            await ReleaseAsync(tx, of.Key, [.. of.Select(o => o.Message)], ct);
            await tx.CommitAsync(ct);
        }
    }
}
