using Npgsql;

namespace Bsp.Infrastructure.Moves;

/// <summary>What stands at both ends of a move: marks, numbers, and what is cleared away.</summary>
internal sealed class MoveEnds(Guid organizationId, Guid moveId, NpgsqlConnection source, NpgsqlConnection target)
{
    private const int LockClass = 1299150437; // "Move", as bsp.on_leaving
    private const int CountedRowsMax = 20_000;
    private const int DeletedAtOnce = 20_000;
    private const long Slack = 100_000;       // numbers that others may draw while ours are reserved
    private const long Room = 2_000_000;      // events that may come while it moves

    /// <summary>Everything of the organization at the target is gone, and nobody watches the source any more.</summary>
    public async Task UndoAsync(IReadOnlyList<MoveTable> tables, CancellationToken ct)
    {
        await MoveTriggers.DropAsync(source, organizationId, "out", ct);
        await source.DoAsync("DELETE FROM bsp.moves_here WHERE organization_id = $1 AND role = 'leaving' AND state <> 'gone'", ct,
            organizationId);
        await source.DoAsync("DELETE FROM bsp.move_changes WHERE organization_id = $1", ct, organizationId);
        await ClearRowsAsync(target, tables, ct);
        await DropLogAsync(target, ct);
        foreach (var own in new[] { "move_tables", "move_ids", "move_changes", "moved_pages", "ledger_days_before", "log_places" })
        {
            await target.DoAsync($"DELETE FROM bsp.{own} WHERE organization_id = $1", ct, organizationId);
        }

        await MoveTriggers.DropAsync(target, organizationId, "in", ct);
        await MoveTriggers.DropAsync(target, organizationId, "out", ct); // of the life before, here
        await target.DoAsync("DELETE FROM bsp.moves_here WHERE organization_id = $1 AND move_id = $2", ct, organizationId, moveId);
    }

    /// <summary>
    /// Numbers for its events, above all that either shard has given: views and process managers of the target pass them before anything
    /// lies there, and every position anywhere stays in its order.
    /// </summary>
    public async Task<(long From, long To)> ReserveAsync(CancellationToken ct)
    {
        const string Drawn = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM public.mt_events_sequence";
        var highest = Math.Max(await source.OneAsync<long>(Drawn, ct), await target.OneAsync<long>(Drawn, ct));
        var from = highest + Slack;
        var to = from + (2 * await EventsAboutAsync(ct)) + Room;
        // A number that somebody draws meanwhile is below ours; the sequence never goes back.
        await target.DoAsync("SELECT setval('public.mt_events_sequence', $1)", ct, to);
        await target.DoAsync("""
            INSERT INTO bsp.moves_here (organization_id, role, state, move_id, range_from, range_to) VALUES ($1, 'arriving', 'arriving',
              $2, $3, $4)
            ON CONFLICT (organization_id) DO UPDATE SET role = 'arriving', state = 'arriving', move_id = excluded.move_id,
              range_from = excluded.range_from, range_to = excluded.range_to, here_at = NULL, dropped_at = NULL
            """, ct, organizationId, moveId, from, to);
        return (from, to);
    }

    /// <summary>A tombstone, as Marten leaves where a number was drawn for nothing: what is final reaches beyond the reserved
    /// numbers.</summary>
    public async Task MarkAsync(long number, CancellationToken ct)
    {
        await target.DoAsync("""
            INSERT INTO public.mt_streams (tenant_id, id, type, version, timestamp, created) VALUES ('*DEFAULT*', $1, 'tombstone', 1,
              now(), now())
            ON CONFLICT DO NOTHING
            """, ct, moveId);
        await target.DoAsync("""
            INSERT INTO public.mt_events (seq_id, id, stream_id, version, data, type, timestamp, tenant_id, mt_dotnet_type, is_archived)
            SELECT $1, gen_random_uuid(), $2, coalesce((SELECT max(e.version) FROM public.mt_events e WHERE e.tenant_id = '*DEFAULT*' AND
              e.stream_id = $2), 0) + 1,
                   '{}', 'tombstone', now(), '*DEFAULT*', NULL, false
            """, ct, number, moveId);
        await target.DoAsync("SELECT pg_notify('mt_events_appended', '')", ct);
    }

    /// <summary>Plans and public keys that the target has not seen.</summary>
    public async Task PlatformRowsAsync(CancellationToken ct)
    {
        foreach (var table in new[] { "public.billing_plans", "bsp.log_keys", "bsp.log_key_vouchers" })
        {
            await using var transaction = await target.BeginTransactionAsync(ct);
            await target.DoAsync($"CREATE TEMP TABLE moving ON COMMIT DROP AS SELECT * FROM {table} WITH NO DATA", ct);
            await MoveConnection.PipeAsync(source, $"SELECT * FROM {table}", target, "pg_temp.moving", ct);
            await target.DoAsync($"INSERT INTO {table} SELECT * FROM pg_temp.moving ON CONFLICT DO NOTHING", ct);
            await transaction.CommitAsync(ct);
        }

        await using var earlier = await target.BeginTransactionAsync(ct);
        await target.DoAsync("DELETE FROM bsp.moved_pages WHERE organization_id = $1", ct, organizationId);
        const string Pages = "organization_id, life, old_from, old_to, new_from, old, hash";
        await MoveConnection.PipeAsync(source, $"SELECT {Pages} FROM bsp.moved_pages WHERE organization_id = '{organizationId}'", target,
            $"bsp.moved_pages ({Pages})", ct);
        await earlier.CommitAsync(ct);
    }

    // The signed days under which its wallets' heads lie: at the end, for one may have been signed while it moved.
    private async Task DaysAsync(CancellationToken ct)
    {
        await using var days = await target.BeginTransactionAsync(ct);
        await target.DoAsync("DELETE FROM bsp.ledger_days_before WHERE organization_id = $1", ct, organizationId);
        const string Columns = "organization_id, day, n, heads, root, previous, made_at, message, key_id, signature";
        await MoveConnection.PipeAsync(source, $"""
            SELECT {Columns} FROM bsp.ledger_days_before WHERE organization_id = '{organizationId}'
            UNION ALL
            SELECT '{organizationId}'::uuid, d.day, d.n, d.heads, d.root, d.previous, d.made_at, d.message, d.key_id, d.signature FROM
              bsp.ledger_days d
             WHERE EXISTS (SELECT FROM bsp.ledger_day_heads h WHERE h.organization_id = '{organizationId}' AND h.day = d.day)
               AND NOT EXISTS (SELECT FROM bsp.ledger_days_before b WHERE b.organization_id = '{organizationId}' AND b.day = d.day)
            """, target, $"bsp.ledger_days_before ({Columns})", ct);
        await days.CommitAsync(ct);
    }

    /// <summary>From here on every change of the organization's rows at the source is noted.</summary>
    public async Task WatchAsync(IReadOnlyList<MoveTable> tables, CancellationToken ct)
    {
        await source.DoAsync("""
            INSERT INTO bsp.moves_here (organization_id, role, state, move_id) VALUES ($1, 'leaving', 'watched', $2)
            ON CONFLICT (organization_id) DO UPDATE SET role = 'leaving', state = 'watched', move_id = excluded.move_id, dropped_at = NULL
            """, ct, organizationId, moveId);
        await MoveTriggers.WatchAsync(source, organizationId, tables, ct);
    }

    /// <summary>
    /// What the source does with writes for the organization, from the moment on at which nobody is half-way through one.
    /// </summary>
    /// <param name="wait">At most so long for those; null: for as long as it takes.</param>
    public async Task StateAsync(string state, TimeSpan? wait, CancellationToken ct)
    {
        await using var transaction = await source.BeginTransactionAsync(ct);
        await source.DoAsync($"SET LOCAL lock_timeout = {(int)(wait?.TotalMilliseconds ?? 0)}", ct);
        await source.DoAsync("SELECT pg_advisory_xact_lock($1, hashtext($2))", ct, LockClass, organizationId.ToString());
        await source.DoAsync("UPDATE bsp.moves_here SET state = $2 WHERE organization_id = $1 AND role = 'leaving' AND state <> 'gone'", ct,
            organizationId, state);
        await transaction.CommitAsync(ct);
    }

    public async Task<(long From, long To)> RangeAsync(CancellationToken ct) => (await target.RowsAsync(
        "SELECT range_from, range_to FROM bsp.moves_here WHERE organization_id = $1 AND move_id = $2", r =>
            (r.GetInt64(0), r.GetInt64(1)), ct, organizationId, moveId))[0];

    /// <summary>Tables that were copied.</summary>
    public async Task<IReadOnlySet<string>> CopiedAsync(CancellationToken ct) => (await target.RowsAsync(
        "SELECT rel FROM bsp.move_tables WHERE organization_id = $1", r => r.GetString(0), ct, organizationId)).ToHashSet();

    /// <summary>Everything up to here is final at the source.</summary>
    public Task<long> FinalAsync(CancellationToken ct) => source.OneAsync<long>("SELECT bsp.fence()", ct);

    /// <summary>The organization's last event at the source after a number, 0: none. Committed or not at this moment, nobody is
    /// half-way.</summary>
    public Task<long> LastAsync(long after, CancellationToken ct) => source.OneAsync<long>("""
        SELECT coalesce((SELECT e.seq_id FROM public.mt_events e WHERE e.seq_id > $2 AND e.tenant_id = $1 ORDER BY e.seq_id DESC LIMIT
          1), 0)
        """, ct, organizationId.ToString(), after);

    public Task<long> MissingAsync(long after, CancellationToken ct) => source.OneAsync<long>(
        "SELECT count(*) FROM public.mt_events e WHERE e.seq_id > $2 AND e.tenant_id = $1", ct, organizationId.ToString(), after);

    /// <summary>No fewer than it has: of each block of numbers all.</summary>
    public async Task<long> EventsAboutAsync(CancellationToken ct) => 256 * await source.OneAsync<long>(
        "SELECT count(*) FROM bsp.log_places p WHERE p.organization_id = $1 AND p.key = hashtextextended('', 0)", ct, organizationId);

    /// <summary>
    /// Rows of every table, equal on both sides: as they were counted along, and those of tables that are not large counted once more.
    /// </summary>
    /// <exception cref="MoveFault">They are not equal.</exception>
    public async Task<IReadOnlyDictionary<string, long>> ProveAsync(IReadOnlyList<MoveTable> tables, CancellationToken ct)
    {
        var counted = (await target.RowsAsync("SELECT rel, source_rows, target_rows FROM bsp.move_tables WHERE organization_id = $1", r =>
            (Table: r.GetString(0), Source: r.GetInt64(1), Target: r.GetInt64(2)), ct, organizationId)).ToDictionary(c => c.Table);
        var early = tables.Where(t => t.Time == MoveTime.Early).ToList();
        var small = early.Where(t => counted.TryGetValue(t.Name, out var c) && c.Target <= CountedRowsMax).ToList();
        var query = string.Join(" UNION ALL ", small.Select(t =>
            $"SELECT '{t.Name}', count(*) FROM {t.Name} WHERE {t.Where(organizationId)}"));
        var both = await Task.WhenAll(source.RowsAsync(query, r => (r.GetString(0), r.GetInt64(1)), ct),
            target.RowsAsync(query, r => (r.GetString(0), r.GetInt64(1)), ct));
        var (here, there) = (both[1].ToDictionary(), both[0].ToDictionary());
        foreach (var table in early)
        {
            var along = counted.GetValueOrDefault(table.Name);
            var (had, has) = (there.GetValueOrDefault(table.Name, along.Source), here.GetValueOrDefault(table.Name, along.Target));
            if (along.Table is null || along.Source != along.Target || had != has)
            {
                throw new MoveFault($"The table {table.Name} has {had} rows at the source and {has} at the target "
                    + $"({along.Source} and {along.Target} as counted along): it was not switched. Cancel the move and ask again.");
            }
        }

        return early.ToDictionary(t => t.Name, t => counted[t.Name].Target);
    }

    /// <summary>
    /// What names numbers of the log, or days of the shard: events that a view of the source has set aside, heads of wallets, signed days.
    /// </summary>
    public async Task LateRowsAsync(CancellationToken ct)
    {
        await DaysAsync(ct);
        await target.DoAsync("UPDATE bsp.ledger_heads SET position = bsp.moved_number($1, position) WHERE organization_id = $1", ct,
            organizationId);
        var parked = await source.RowsAsync("""
            SELECT p.projection, e.stream_id, e.version, p.event_id, p.type, p.error, p.parked_at FROM bsp.parked_events p
              JOIN public.mt_events e ON e.seq_id = p.sequence WHERE e.tenant_id = $1
            """, r => (Projection: r.GetString(0), Stream: r.GetGuid(1), Version: r.GetInt64(2), Event: r.GetGuid(3), Type: r.GetString(4),
                Error: r.GetString(5), At: r.GetDateTime(6)), ct, organizationId.ToString());
        foreach (var row in parked)
        {
            await target.DoAsync("""
                INSERT INTO bsp.parked_events (projection, sequence, event_id, type, error, parked_at)
                SELECT $1, e.seq_id, $5, $6, $7, $8 FROM public.mt_events e WHERE e.tenant_id = $2 AND e.stream_id = $3 AND e.version = $4
                ON CONFLICT DO NOTHING
                """, ct, row.Projection, organizationId.ToString(), row.Stream, row.Version, row.Event, row.Type, row.Error, row.At);
        }
    }

    /// <summary>It lives at the target.</summary>
    public async Task OpenAsync(CancellationToken ct)
    {
        await target.DoAsync("UPDATE bsp.moves_here SET state = 'here', here_at = now() WHERE organization_id = $1 AND move_id = $2", ct,
            organizationId, moveId);
        await target.DoAsync("SELECT pg_notify('mt_events_appended', '')", ct);
    }

    /// <summary>Its rows at the source.</summary>
    public Task ClearRowsAsync(IReadOnlyList<MoveTable> tables, CancellationToken ct) => ClearRowsAsync(source, tables, ct);

    /// <summary>Its log at the source, and what is left; the mark stays, and the seals of the shard's days.</summary>
    public async Task DropLogAsync(CancellationToken ct)
    {
        await LeftAsync(source, ct);
        await source.DoAsync("DELETE FROM bsp.parked_events p USING public.mt_events e WHERE e.seq_id = p.sequence AND e.tenant_id "
            + "= $1", ct,
            organizationId.ToString());
        await DropLogAsync(source, ct);
        foreach (var own in new[] { "move_changes", "moved_pages", "ledger_days_before", "log_places", "retired_contents" })
        {
            await source.DoAsync($"DELETE FROM bsp.{own} WHERE organization_id = $1", ct, organizationId);
        }

        await source.DoAsync("UPDATE bsp.moves_here SET dropped_at = now() WHERE organization_id = $1 AND role = 'leaving'", ct,
            organizationId);
    }

    // Sealed days of the shard name numbers that are not there any more: audits are told up to where that is so.
    private Task LeftAsync(NpgsqlConnection at, CancellationToken ct) => at.DoAsync("""
        INSERT INTO bsp.moved_numbers_left (organization_id, up_to)
        SELECT $1, max(e.seq_id) FROM public.mt_events e WHERE e.tenant_id = $2 HAVING max(e.seq_id) IS NOT NULL
        ON CONFLICT (organization_id) DO UPDATE SET up_to = greatest(moved_numbers_left.up_to, excluded.up_to)
        """, ct, organizationId, organizationId.ToString());

    // What tells background work what to do goes first. Streams stay with their events.
    private async Task ClearRowsAsync(NpgsqlConnection at, IReadOnlyList<MoveTable> tables, CancellationToken ct)
    {
        foreach (var table in tables.Where(t => t.Name != "public.mt_streams").OrderByDescending(t => t.Time))
        {
            var where = table.Where(organizationId);
            if (table.IsPartitioned)
            {
                await at.DoAsync($"DELETE FROM {table.Name} WHERE {where}", ct);
                continue;
            }

            int gone;
            do
            {
                gone = await at.DoAsync($"""
                    DELETE FROM {table.Name} WHERE ctid = ANY (ARRAY(SELECT t.ctid FROM {table.Name} t WHERE t.{where} LIMIT
                      {DeletedAtOnce}))
                    """, ct);
            }
            while (gone == DeletedAtOnce);
        }
    }

    private async Task DropLogAsync(NpgsqlConnection at, CancellationToken ct)
    {
        int gone;
        do
        {
            gone = await at.DoAsync($"""
                WITH s AS MATERIALIZED (SELECT t.tenant_id, t.id FROM public.mt_streams t WHERE t.tenant_id = $1 ORDER BY t.id LIMIT
                  {DeletedAtOnce}),
                     e AS (DELETE FROM public.mt_events e USING s WHERE e.tenant_id = s.tenant_id AND e.stream_id = s.id)
                DELETE FROM public.mt_streams t USING s WHERE t.tenant_id = s.tenant_id AND t.id = s.id
                """, ct, organizationId.ToString());
        }
        while (gone == DeletedAtOnce);
    }
}
