using Npgsql;

namespace Bsp.Infrastructure.Moves;

/// <summary>
/// Triggers of one organization's rows, on every table that goes along: at the source they note what changes and refuse while it is frozen,
/// at the target they keep everybody else away. They fire always, because writers of the log have their triggers off. Each table's are made
/// in a short transaction of its own that waits for nobody for long: whoever works there would wait behind it.
/// </summary>
internal static class MoveTriggers
{
    private const int AttemptsMax = 200;
    private const string WaitMax = "300ms";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private static readonly MoveTable Events = new("public.mt_events", "tenant_id", true, [], [("seq_id", "bigint")], null,
        MoveTime.Early);

    /// <summary>Notes changes of the rows at the source.</summary>
    public static async Task WatchAsync(NpgsqlConnection source, Guid organizationId, IEnumerable<MoveTable> tables, CancellationToken ct)
    {
        foreach (var table in tables.Append(Events))
        {
            var key = table.Time == MoveTime.Late ? []
                : table.Key.Count == 0 ? table.Columns : table.Key.Select(k => k.Name).ToList();
            var arguments = string.Join(", ", key.Prepend(organizationId.ToString()).Select(Literal));
            await MakeAsync(source, organizationId, table, "out", operation => $"""
                AFTER {operation} ON {table.Name} FOR EACH ROW
                WHEN ({(operation == "DELETE" ? "OLD" : "NEW")}.{table.Where(organizationId)})
                EXECUTE FUNCTION bsp.on_leaving({arguments})
                """, ct);
        }
    }

    /// <summary>Keeps everybody else away from the rows at the target.</summary>
    public static async Task GuardAsync(NpgsqlConnection target, Guid organizationId, IEnumerable<MoveTable> tables, CancellationToken ct)
    {
        foreach (var table in tables.Append(Events))
        {
            await MakeAsync(target, organizationId, table, "in", operation => $"""
                BEFORE {operation} ON {table.Name} FOR EACH ROW
                WHEN ({(operation == "INSERT" ? "NEW" : "OLD")}.{table.Where(organizationId)})
                EXECUTE FUNCTION bsp.on_arriving({Literal(organizationId.ToString())})
                """, ct);
        }
    }

    /// <summary>Takes all of an organization's triggers away again.</summary>
    /// <param name="way"><c>out</c> or <c>in</c>.</param>
    public static async Task DropAsync(NpgsqlConnection connection, Guid organizationId, string way, CancellationToken ct)
    {
        var made = await connection.RowsAsync("""
            SELECT t.tgrelid::regclass::text, t.tgname::text FROM pg_trigger t
             WHERE t.tgname LIKE $1 AND t.tgparentid = 0 ORDER BY 1, 2
            """, r => (Table: r.GetString(0), Name: r.GetString(1)), ct,
            Prefix(organizationId, way).Replace("_", "\\_", StringComparison.Ordinal) + "%");
        foreach (var table in made.GroupBy(m => m.Table))
        {
            await PatientlyAsync(connection, string.Join("; ", table.Select(t =>
                $"DROP TRIGGER IF EXISTS {MoveTable.Quoted(t.Name)} ON {t.Table}")), ct);
        }
    }

    private static Task MakeAsync(NpgsqlConnection connection, Guid organizationId, MoveTable table, string way,
        Func<string, string> definition, CancellationToken ct)
    {
        var statements = new[] { "INSERT", "UPDATE", "DELETE" }.SelectMany(operation =>
        {
            var name = $"{Prefix(organizationId, way)}{operation[0]}";
            return new[]
            {
                $"CREATE OR REPLACE TRIGGER {name} {definition(operation)}",
                $"ALTER TABLE {table.Name} ENABLE ALWAYS TRIGGER {name}",
            };
        });
        return PatientlyAsync(connection, string.Join("; ", statements), ct);
    }

    private static string Prefix(Guid organizationId, string way) => $"move_{way}_{organizationId:N}_".ToLowerInvariant();

    private static string Literal(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private static async Task PatientlyAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var transaction = await connection.BeginTransactionAsync(ct);
                await connection.DoAsync($"SET LOCAL lock_timeout = '{WaitMax}'", ct);
                await connection.DoAsync(sql, ct);
                await transaction.CommitAsync(ct);
                return;
            }
            catch (PostgresException busy) when (attempt < AttemptsMax
                && busy.SqlState is PostgresErrorCodes.LockNotAvailable or PostgresErrorCodes.DeadlockDetected)
            {
                await Task.Delay(Pause, ct);
            }
        }
    }
}
