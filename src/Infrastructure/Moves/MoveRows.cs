using System.Text;
using Npgsql;

namespace Bsp.Infrastructure.Moves;

/// <summary>
/// The organization's rows: each table once, and then those that changed since, by their keys, as often as there are some. What both sides
/// have is counted along: the source by what its triggers note, the target by what is written.
/// </summary>
internal sealed class MoveRows(NpgsqlConnection source, NpgsqlConnection target, Guid organizationId, int life)
{
    private const int ChangesAtOnce = 5_000;
    private const string Events = "public.mt_events";

    /// <summary>Copies a table, and whatever of it lay at the target is gone. Rows that lie there afterwards.</summary>
    public async Task<long> CopyAsync(MoveTable table, CancellationToken ct)
    {
        await PartitionsAsync(table, ct);
        await using var reading = await source.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, ct);
        // What this snapshot has is copied: notes of it are done with; later ones it does not see.
        await source.DoAsync("DELETE FROM bsp.move_changes WHERE organization_id = $1 AND rel = $2", ct, organizationId, table.Name);
        await using var writing = await target.BeginTransactionAsync(ct);
        await target.DoAsync($"DELETE FROM {table.Name} WHERE {table.Where(organizationId)}", ct);
        await target.DoAsync("DELETE FROM bsp.move_ids WHERE organization_id = $1 AND rel = $2", ct, organizationId, table.Name);
        var query = $"SELECT {table.ColumnList} FROM {table.Name} WHERE {table.Where(organizationId)}";
        if (table.Identity is null)
        {
            await MoveConnection.PipeAsync(source, query, target, $"{table.Name} ({table.ColumnList})", ct);
        }
        else
        {
            await StageAsync(table, query, ct);
        }

        var rows = await target.OneAsync<long>($"SELECT count(*) FROM {table.Name} WHERE {table.Where(organizationId)}", ct);
        var had = await source.OneAsync<long>($"SELECT count(*) FROM {table.Name} WHERE {table.Where(organizationId)}", ct);
        await target.DoAsync("""
            INSERT INTO bsp.move_tables (organization_id, rel, source_rows, target_rows) VALUES ($1, $2, $3, $4)
            ON CONFLICT (organization_id, rel) DO UPDATE SET source_rows = excluded.source_rows, target_rows = excluded.target_rows
            """, ct, organizationId, table.Name, had, rows);
        await writing.CommitAsync(ct);
        await reading.CommitAsync(ct);
        return rows;
    }

    /// <summary>Rows that changed since: false when there were none.</summary>
    public async Task<bool> FollowAsync(IReadOnlyDictionary<string, MoveTable> tables, CancellationToken ct)
    {
        await using var reading = await source.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, ct);
        var notes = await source.RowsAsync("""
            WITH gone AS (
              DELETE FROM bsp.move_changes c WHERE c.id = ANY (ARRAY(
                SELECT d.id FROM bsp.move_changes d WHERE d.organization_id = $1 ORDER BY d.id LIMIT $2)) RETURNING c.rel, c.key, c.delta)
            SELECT g.rel, jsonb_agg(DISTINCT g.key)::text, sum(g.delta)::bigint FROM gone g GROUP BY g.rel
            """, r => (Table: r.GetString(0), Keys: r.GetString(1), Delta: r.GetInt64(2)), ct, organizationId, ChangesAtOnce);
        if (notes.Count == 0)
        {
            return false;
        }

        await using var writing = await target.BeginTransactionAsync(ct);
        foreach (var (name, keys, delta) in notes)
        {
            if (name == Events)
            {
                await EventsAsync(keys, ct);
            }
            else if (tables.TryGetValue(name, out var table) && table.Time == MoveTime.Early)
            {
                await ChangedAsync(table, keys, delta, ct);
            }
        }

        await writing.CommitAsync(ct);
        await reading.CommitAsync(ct);
        return true;
    }

    /// <summary>How many notes wait.</summary>
    public async Task<long> WaitingAsync(CancellationToken ct) => await source.OneAsync<long>(
        "SELECT count(*) FROM (SELECT FROM bsp.move_changes WHERE organization_id = $1 LIMIT 100000) c", ct, organizationId);

    private async Task ChangedAsync(MoveTable table, string keys, long delta, CancellationToken ct)
    {
        var literal = $"'{keys.Replace("'", "''", StringComparison.Ordinal)}'::jsonb";
        var named = table.Key.Count > 0 ? table.Key : await TypesAsync(table, ct);
        var record = string.Join(", ", named.Select(k => $"{MoveTable.Quoted(k.Name)} {k.Type}"));
        var same = string.Join(" AND ", named.Select(k =>
            $"t.{MoveTable.Quoted(k.Name)} {(table.Key.Count > 0 ? "=" : "IS NOT DISTINCT FROM")} k.{MoveTable.Quoted(k.Name)}"));
        var columns = string.Join(", ", table.Columns.Select(c => $"t.{MoveTable.Quoted(c)}"));
        await PartitionsAsync(table, ct);
        var gone = table.Identity is null
            ? await target.DoAsync($"""
                DELETE FROM {table.Name} t USING jsonb_to_recordset({literal}) AS k ({record})
                 WHERE {same} AND t.{table.Where(organizationId)}
                """, ct)
            : await target.DoAsync($"""
                WITH k AS (DELETE FROM bsp.move_ids i USING jsonb_to_recordset({literal}) AS s ({record})
                            WHERE i.organization_id = $1 AND i.rel = $2 AND i.source_id = s.{MoveTable.Quoted(table.Identity)} RETURNING
                              i.target_id)
                DELETE FROM {table.Name} t USING k WHERE t.{MoveTable.Quoted(table.Identity)} = k.target_id
                """, ct, organizationId, table.Name);
        var query = $"""
            SELECT {columns} FROM {table.Name} t JOIN jsonb_to_recordset({literal}) AS k ({record}) ON {same}
             WHERE t.{table.Where(organizationId)}
            """;
        var come = await StageAsync(table, query, ct);
        await target.DoAsync("""
            UPDATE bsp.move_tables SET source_rows = source_rows + $3, target_rows = target_rows + $4 WHERE organization_id = $1 AND rel
              = $2
            """, ct, organizationId, table.Name, delta, (long)(come - gone));
    }

    // By a table of the moment: rows that have numbers of their own draw them anew, in their order.
    private async Task<int> StageAsync(MoveTable table, string query, CancellationToken ct)
    {
        await target.DoAsync("DROP TABLE IF EXISTS pg_temp.moving", ct);
        await target.DoAsync($"CREATE TEMP TABLE moving ON COMMIT DROP AS SELECT {table.ColumnList} FROM {table.Name} WITH NO DATA", ct);
        await MoveConnection.PipeAsync(source, query, target, $"pg_temp.moving ({table.ColumnList})", ct);
        if (table.Identity is null)
        {
            return await target.DoAsync($"INSERT INTO {table.Name} ({table.ColumnList}) SELECT {table.ColumnList} FROM pg_temp.moving", ct);
        }

        var id = MoveTable.Quoted(table.Identity);
        var others = string.Join(", ", table.Columns.Where(c => c != table.Identity).Select(MoveTable.Quoted));
        return await target.DoAsync($"""
            WITH drawn AS MATERIALIZED (
              SELECT m.*, nextval(pg_get_serial_sequence('{table.Name}', '{table.Identity}')) AS moving_id
                FROM (SELECT * FROM pg_temp.moving ORDER BY {id}) m),
            noted AS (INSERT INTO bsp.move_ids (organization_id, rel, source_id, target_id)
                      SELECT $1, $2, d.{id}, d.moving_id FROM drawn d)
            INSERT INTO {table.Name} ({id}, {others}) OVERRIDING SYSTEM VALUE SELECT d.moving_id, {others} FROM drawn d
            """, ct, organizationId, table.Name);
    }

    // Events that were archived, or whose content was retired: under their numbers of here.
    private async Task EventsAsync(string keys, CancellationToken ct)
    {
        var literal = $"'{keys.Replace("'", "''", StringComparison.Ordinal)}'::jsonb";
        var changed = await source.RowsAsync($"""
            SELECT k.seq_id, e.is_archived, e.data::text, e.bdata, e.headers::text
              FROM jsonb_to_recordset({literal}) AS k (seq_id bigint) LEFT JOIN public.mt_events e ON e.seq_id = k.seq_id
            """, r => (Number: r.GetInt64(0), Archived: r.IsDBNull(1) ? (bool?)null : r.GetBoolean(1),
                Data: r.IsDBNull(2) ? null : r.GetString(2),
                Bytes: r.IsDBNull(3) ? null : r.GetFieldValue<byte[]>(3), Headers: r.IsDBNull(4) ? null : r.GetString(4)), ct);
        foreach (var row in changed)
        {
            var number = await target.OneAsync<long?>("""
                SELECT p.new_from + array_position(p.old, $3) - 1 FROM bsp.moved_pages p
                 WHERE p.organization_id = $1 AND p.life = $2 AND p.old_from <= $3 AND p.old_to >= $3
                """, ct, organizationId, life, row.Number);
            if (number is null)
            {
                continue; // it is read when its page is
            }

            await (row.Data is null
                ? target.DoAsync("DELETE FROM public.mt_events WHERE seq_id = $1 AND tenant_id = $2", ct, number, organizationId.ToString())
                : target.DoAsync("""
                    UPDATE public.mt_events SET is_archived = $3, data = $4::jsonb, bdata = $5, headers = $6::jsonb
                     WHERE seq_id = $1 AND tenant_id = $2
                    """, ct, number, organizationId.ToString(), row.Archived ?? false, row.Data, Bytes(row.Bytes), Text(row.Headers)));
        }
    }

    private static NpgsqlParameter Bytes(byte[]? value) =>
        new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Bytea };

    private static NpgsqlParameter Text(string? value) =>
        new() { Value = (object?)value ?? DBNull.Value, NpgsqlDbType = NpgsqlTypes.NpgsqlDbType.Text };

    private async Task<IReadOnlyList<(string Name, string Type)>> TypesAsync(MoveTable table, CancellationToken ct) =>
        await source.RowsAsync("""
            SELECT a.attname::text, format_type(a.atttypid, a.atttypmod) FROM pg_attribute a
             WHERE a.attrelid = $1::regclass AND a.attname = ANY ($2) ORDER BY a.attnum
            """, r => (r.GetString(0), r.GetString(1)), ct, table.Name, table.Columns.ToArray());

    // A shard that is younger than the rows has no partitions for them yet.
    private async Task PartitionsAsync(MoveTable table, CancellationToken ct)
    {
        const string Names = """
            SELECT c.relname::text, pg_get_expr(c.relpartbound, c.oid) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
             WHERE i.inhparent = $1::regclass ORDER BY 1
            """;
        if (table.Name is not ("public.transactions" or "bsp.webhook_deliveries"))
        {
            return;
        }

        var (there, here) = (await source.RowsAsync(Names, r => r.GetString(0), ct, table.Name),
            await target.RowsAsync(Names, r => r.GetString(0), ct, table.Name));
        foreach (var missing in there.Except(here).Where(name => name.Length > 6 && char.IsAsciiDigit(name[^1])))
        {
            var day = new StringBuilder(missing[(missing.LastIndexOf('_') + 1)..]);
            day = day.Length == 6 ? day.Append("01") : day;
            await (table.Name == "public.transactions"
                ? target.DoAsync("SELECT bsp.ledger_make_partitions(to_date($1, 'YYYYMMDD'), 1)", ct, day.ToString())
                : target.DoAsync("SELECT bsp.webhook_deliveries_make_partitions(to_date($1, 'YYYYMMDD'), 1)", ct, day.ToString()));
        }
    }
}
