using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.LedgerAudits.Shown;

/// <summary>What one message stands charged with, by the ledger's entries.</summary>
/// <param name="Entry">The first of them.</param>
/// <param name="Net">Charged and not given back.</param>
/// <param name="OfGroup">Each participant has entries of their own; no store shows their sum.</param>
/// <param name="IsOld">Delivered so long ago that retention may have taken it from the stores.</param>
internal sealed record ChargedMessage(string MessageId, Guid Entry, string Currency, decimal Net, bool OfGroup, bool IsOld);

/// <summary>
/// Charged messages in the order of their ids as text (by bytes), one after the other: in constant memory, whatever their number.
/// </summary>
internal sealed class ChargedMessages : IAsyncDisposable
{
    private const string Sql = """
        SELECT (t.metadata ->> 'message_id') COLLATE "C", min(t.id::text), min(t.currency),
               sum(CASE t.type WHEN 'debit' THEN t.amount ELSE -t.amount END), bool_or(t.reference_id LIKE 'message/%/%'),
               bool_and(coalesce((t.metadata ->> 'effective_at') COLLATE "C" < $2, false))
          FROM public.transactions t
         WHERE t.organization_id = $1 AND t.category = 'message' AND t.type IN ('debit', 'refund') AND t.metadata ? 'message_id'
           AND ($3::date IS NULL OR ((t.metadata ->> 'effective_at')::timestamptz AT TIME ZONE 'UTC')::date = $3)
         GROUP BY 1
        HAVING sum(CASE t.type WHEN 'debit' THEN t.amount ELSE -t.amount END) <> 0 OR bool_or(t.reference_id LIKE 'message/%/%')
         ORDER BY 1
        """;

    private readonly NpgsqlCommand command;
    private readonly NpgsqlDataReader reader;

    private ChargedMessages(NpgsqlCommand command, NpgsqlDataReader reader) => (this.command, this.reader) = (command, reader);

    /// <summary>Null: there is none left.</summary>
    public ChargedMessage? Current { get; private set; }

    /// <summary>The first one is current. The transaction can do nothing else meanwhile.</summary>
    /// <param name="oldBefore">Time of delivery as the ledger writes it.</param>
    /// <param name="day">Of delivery, UTC; null: all.</param>
    public static async Task<ChargedMessages> OpenAsync(TenantTransaction tx, Guid organizationId, string oldBefore, DateOnly? day,
        CancellationToken ct)
    {
        var command = tx.Command(Sql, organizationId, oldBefore,
            new NpgsqlParameter { Value = (object?)day ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Date });
        command.CommandTimeout = 0;
        var messages = new ChargedMessages(command, await command.ExecuteReaderAsync(ct));
        await messages.NextAsync(ct);
        return messages;
    }

    /// <summary>Goes on to the next one.</summary>
    public async Task NextAsync(CancellationToken ct) => Current = await reader.ReadAsync(ct)
        ? new(reader.GetString(0), Guid.Parse(reader.GetString(1)), reader.GetString(2), reader.GetDecimal(3), reader.GetBoolean(4),
            reader.GetBoolean(5))
        : null;

    public async ValueTask DisposeAsync()
    {
        await reader.DisposeAsync();
        await command.DisposeAsync();
    }
}
