using System.Text.Json;
using Bsp.Application.Ledger;
using Npgsql;

namespace Bsp.Infrastructure.Ledger;

/// <summary>How a row of <c>transactions t</c> is read.</summary>
internal static class TransactionRows
{
    public const string Columns =
        "t.id, t.organization_id, t.type, t.amount, t.balance_after, t.currency, t.category, t.reference_id, t.description, "
        + "t.metadata::text, t.created_at, t.hash, t.previous_hash, t.sequence";

    public static TransactionView Read(NpgsqlDataReader row) => new(
        row.GetGuid(0), row.GetGuid(1), row.GetString(2), row.GetDecimal(3), row.GetDecimal(4), row.GetString(5), row.GetString(6),
        row.IsDBNull(7) ? null : row.GetString(7), row.IsDBNull(8) ? null : row.GetString(8),
        row.IsDBNull(9) ? new Dictionary<string, string>() : JsonSerializer.Deserialize<Dictionary<string, string>>(row.GetString(9))!,
        row.GetFieldValue<DateTimeOffset>(10), Convert.ToHexStringLower(row.GetFieldValue<byte[]>(11)),
            Convert.ToHexStringLower(row.GetFieldValue<byte[]>(12)), row.GetInt64(13));
}
