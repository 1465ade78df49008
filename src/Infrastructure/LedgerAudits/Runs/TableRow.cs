using System.Text.Json;

namespace Bsp.Infrastructure.LedgerAudits.Runs;

/// <summary>Rows of <c>transactions</c> beside the entries that they were made of.</summary>
internal sealed class TableRow
{
    public const int Columns = 13;
    public const int Id = 0;
    private const string Names =
        "t.id, t.type, t.amount, t.balance_after, t.currency, t.category, t.reference_id, t.description, t.metadata, t.created_at, "
        + "t.sequence, t.previous_hash, t.hash";
    private byte[] scratch = new byte[1024];

    /// <summary>In the order of their ids, which is that of the entries.</summary>
    /// <param name="ids">Condition on <c>t.id</c>.</param>
    /// <param name="currency">Null: whatever the currency; there is one ledger only.</param>
    public static string Select(Guid organizationId, string? currency, string ids) =>
        $"SELECT {Names} FROM public.transactions t WHERE t.organization_id = '{organizationId}' AND "
            + $"{(currency is null ? "" : $"t.currency = '{currency}' AND ")}{ids} ORDER BY t.id";

    /// <summary>The first column that is not what the entry says; null: the row is the entry's.</summary>
    public string? Differs(CopyRows row, EntryBytes entry, in EntryValues values)
    {
        if (!row[1].SequenceEqual(entry[EntryField.Type]))
        {
            return "type";
        }

        if (row.IsNull(2) || !Micros.TryNumeric(row[2], out var amount) || amount != values.Amount)
        {
            return "amount";
        }

        if (row.IsNull(3) || !Micros.TryNumeric(row[3], out var balance) || balance != values.Balance)
        {
            return "balance_after";
        }

        if (!row[4].SequenceEqual(entry[EntryField.Currency]))
        {
            return "currency";
        }

        return !Same(row, 5, entry, EntryField.Category) ? "category"
            : !Same(row, 6, entry, EntryField.ReferenceId) ? "reference_id"
            : !Same(row, 7, entry, EntryField.Description) ? "description"
            : !SameMetadata(row, entry) ? "metadata"
            : row.IsNull(9) || row.Microseconds(9) != values.CreatedAt ? "created_at"
            : row.IsNull(10) || row.Int64(10) != values.Sequence ? "sequence"
            : !row[11].SequenceEqual(entry.PreviousHash) ? "previous_hash"
            : !row[12].SequenceEqual(entry.Hash) ? "hash" : null;
    }

    private static bool Same(CopyRows row, int column, EntryBytes entry, EntryField field) => row.IsNull(column) == entry.IsNull(field)
        && row[column].SequenceEqual(entry[field]);

    private bool SameMetadata(CopyRows row, EntryBytes entry)
    {
        if (row.IsNull(8))
        {
            return entry.MetadataCount == 0;
        }

        var json = row.Json(8);
        var reader = new Utf8JsonReader(json);
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            return false;
        }

        if (scratch.Length < json.Length)
        {
            scratch = new byte[json.Length * 2];
        }

        var pairs = 0;
        for (; reader.Read() && reader.TokenType == JsonTokenType.PropertyName; pairs++)
        {
            var key = Text(ref reader, scratch);
            var value = entry.Find(scratch.AsSpan(0, key));
            if (value < 0 || !reader.Read() || reader.TokenType != JsonTokenType.String)
            {
                return false;
            }

            var length = Text(ref reader, scratch);
            if (!entry.MetadataValue(value).SequenceEqual(scratch.AsSpan(0, length)))
            {
                return false;
            }
        }

        return pairs == entry.MetadataCount;
    }

    private static int Text(ref Utf8JsonReader reader, byte[] into)
    {
        if (reader.ValueIsEscaped)
        {
            return reader.CopyString(into);
        }

        reader.ValueSpan.CopyTo(into);
        return reader.ValueSpan.Length;
    }
}
