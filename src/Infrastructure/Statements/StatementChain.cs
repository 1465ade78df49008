using Bsp.Domain.Common;
using Bsp.Domain.Ledger;
using Bsp.Infrastructure.LedgerHeads;
using Bsp.Infrastructure.Sharding;

namespace Bsp.Infrastructure.Statements;

/// <summary>The ends of a month's chain, from the log itself: what a statement begins and ends with.</summary>
/// <param name="Last">The month's last entry up to the moment.</param>
/// <param name="Root">Hex, over the month's entries up to it.</param>
internal sealed record StatementChain(string OrganizationName, string Currency, LedgerEntry Opening, LedgerEntry Last, string Root)
{
    /// <returns>Null: the wallet has no entry in that month up to then.</returns>
    public static async Task<StatementChain?> ReadAsync(TenantTransaction transaction, Guid organizationId, string? currency,
        string month, DateTimeOffset? asOf, CancellationToken ct)
    {
        var wallet = (await transaction.QueryAsync("""
            SELECT o.name, h.currency FROM organizations o JOIN bsp.ledger_heads h ON h.organization_id = o.id AND ($2::text IS NULL OR
              h.currency = $2) WHERE o.id = $1 ORDER BY h.currency LIMIT 1
            """, r => (Name: r.GetString(0), Currency: r.GetString(1)), ct, organizationId,
                new Npgsql.NpgsqlParameter { Value = (object?)currency ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text }))
                .FirstOrDefault();
        if (wallet.Currency is null)
        {
            return null;
        }

        var stream = Uuid.Ledger(organizationId, wallet.Currency, month);
        var end = await StoredEntries.LastAsync(transaction, organizationId, stream, ct);
        if (end is null || await StoredEntries.AtAsync(transaction, organizationId, stream, 1, ct) is not { } opening
            || opening.CreatedAt > asOf)
        {
            return null;
        }

        var last = asOf is { } moment ? await StoredEntries.LastAsync(transaction, organizationId, stream, end.Sequence, moment,
            ct) ?? opening : end;
        var root = await new MonthTree(transaction, organizationId, wallet.Currency, month).RootAsync(last.Sequence, ct);
        return new(wallet.Name, wallet.Currency, opening, last, Convert.ToHexStringLower(root));
    }
}
