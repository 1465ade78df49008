using Npgsql;

namespace Bsp.Infrastructure.Moves;

/// <summary>
/// What belongs to an organization in a shard: every table of the catalog that names one, unless it stands here with its reason. A table
/// that is added later goes along by itself; one without an organization must be named, or a test says so.
/// </summary>
internal static class MoveInventory
{
    /// <summary>Tables with an organization that stay, or go another way.</summary>
    public static readonly IReadOnlyDictionary<string, string> Otherwise = new Dictionary<string, string>
    {
        ["public.mt_events"] = "read by numbers, written under new ones",
        ["public.mt_event_projection_floors"] = "of Marten's own daemon, which this product does not run",
        ["bsp.directory_organizations"] = "in the directory",
        ["bsp.directory_emails"] = "in the directory",
        ["bsp.directory_keys"] = "in the directory",
        ["bsp.directory_numbers"] = "in the directory",
        ["bsp.directory_sessions"] = "in the directory",
        ["bsp.directory_tokens"] = "in the directory",
        ["bsp.directory_second_factors"] = "in the directory",
        ["bsp.directory_challenges"] = "in the directory",
        ["bsp.webhook_journal"] = "in the directory",
        ["bsp.webhook_set_aside"] = "in the directory",
        ["bsp.moves"] = "in the directory",
        ["bsp.moves_here"] = "of the move itself",
        ["bsp.move_changes"] = "of the move itself",
        ["bsp.move_tables"] = "of the move itself",
        ["bsp.move_ids"] = "of the move itself",
        ["bsp.moved_numbers_left"] = "of the shard's sealed days",
        ["bsp.moved_pages"] = "of the move itself; those of earlier moves are taken along",
        ["bsp.ledger_days_before"] = "made from the days of the shard that is left; those of earlier shards are taken along",
        ["bsp.log_places"] = "noted anew: it holds numbers of the shard's log",
        ["bsp.retired_contents"] = "of the shard's sealed days: where they come to, events are sealed as they lie there",
        ["bsp.log_seals"] = "a shard's sealed days stay whole where they were sealed; the events are sealed anew where they are",
    };

    /// <summary>Rows that background work of a shard looks for: they come when the organization lives there.</summary>
    public static readonly IReadOnlySet<string> Late = new HashSet<string>
    {
        "bsp.send_queue", "bsp.campaign_dispatch", "bsp.campaign_causes", "bsp.campaign_errors",
        "bsp.message_reserves", "bsp.account_budget",
        "bsp.webhook_cursors", "bsp.webhook_held_keys", "bsp.webhook_held_events",
        "bsp.imports", "bsp.contact_erasures", "bsp.erased_contacts", "bsp.signups", "bsp.ledger_audits", "bsp.object_removals",
        "bsp.mails",
        "bsp.ai_turns", "bsp.ai_work", "bsp.ai_bursts", "bsp.ai_shadows", "bsp.read_marks", "bsp.charging",
        "bsp.subscription_clock", "bsp.subscription_nudges", "bsp.parked_statuses", "bsp.waiting_identity_news",
    };

    /// <summary>Tables of a shard without an organization.</summary>
    public static readonly IReadOnlyDictionary<string, string> Nobodys = new Dictionary<string, string>
    {
        ["bsp.archive_progress"] = "of the shard's log", ["bsp.log_days"] = "of the shard's log", ["bsp.log_leaves"] = "of the shard's log",
        ["bsp.log_keys"] = "public keys: those that are missing are added", ["bsp.log_key_vouchers"] = "as the keys",
        ["bsp.ledger_days"] = "of the shard: ledger_days_before has what an organization needs of them",
        ["bsp.projections"] = "of the shard's log", ["bsp.projection_parts"] = "of the shard's log",
        ["bsp.parked_events"] = "by event: those of the organization go along", ["bsp.reconciled"] = "of the shard's log",
        ["bsp.login_attempts"] = "in the directory", ["bsp.webhook_inbox"] = "in the directory", ["bsp.webhook_notes"] = "in the directory",
        ["bsp.retention_rounds"] = "of the shard's own work",
        ["bsp.sending_switch"] = "in the directory", ["bsp.schema_migrations"] = "of the database",
        ["public.billing_plans"] = "the platform's: plans that are missing are added",
        ["bsp.rate_cards"] = "the platform's", ["bsp.rate_rules"] = "the platform's", ["bsp.rates"] = "the platform's",
        ["bsp.markets"] = "the platform's", ["bsp.tariff_version"] = "the platform's",
        ["public.mt_event_progression"] = "of Marten's own daemon", ["public.mt_high_water_skips"] = "of Marten's own daemon",
        ["public.mt_doc_deadletterevent"] = "of Marten's own daemon",
    };

    private const string Catalog = """
        SELECT format('%s.%s', n.nspname, c.relname) AS name,
               CASE WHEN format('%s.%s', n.nspname, c.relname) = 'public.organizations' THEN 'id' ELSE o.attname END AS owner,
               coalesce(o.atttypid <> 'uuid'::regtype, false) AS is_text,
               ARRAY(SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                        AND a.attgenerated = '' ORDER BY a.attnum) AS columns,
               (SELECT a.attname::text FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
                   AND (a.attidentity <> '' OR EXISTS (SELECT FROM pg_attrdef d WHERE d.adrelid = c.oid AND d.adnum = a.attnum
                        AND pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%')) LIMIT 1) AS identity,
               k.names, k.types, c.relkind = 'p'
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
          LEFT JOIN LATERAL (SELECT a.attname::text, a.atttypid FROM pg_attribute a WHERE a.attrelid = c.oid AND NOT a.attisdropped
                        AND a.attname IN ('organization_id', 'tenant_id') ORDER BY a.attname LIMIT 1) o ON true
          LEFT JOIN LATERAL (
            SELECT ARRAY(SELECT a.attname::text FROM unnest(i.indkey::int2[]) WITH ORDINALITY u (num, n)
                           JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.num ORDER BY u.n) AS names,
                   ARRAY(SELECT format_type(a.atttypid, a.atttypmod) FROM unnest(i.indkey::int2[]) WITH ORDINALITY u (num, n)
                           JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = u.num ORDER BY u.n) AS types
              FROM pg_index i WHERE i.indrelid = c.oid AND i.indisunique AND i.indexprs IS NULL
             ORDER BY i.indisprimary DESC, i.indpred IS NULL DESC, i.indnatts, i.indexrelid LIMIT 1) k ON true
         WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname IN ('public', 'bsp', 'documents')
         ORDER BY 1
        """;

    /// <summary>Every table of the shard: its name, and the column that names the organization (null: none).</summary>
    public static async Task<IReadOnlyList<(string Name, string? Owner)>> AllAsync(NpgsqlConnection connection, CancellationToken ct) =>
        [.. (await RowsAsync(connection, ct)).Select(t => (t.Name, t.Owner))];

    /// <summary>The tables that go along.</summary>
    public static async Task<IReadOnlyList<MoveTable>> OfAsync(NpgsqlConnection connection, CancellationToken ct) =>
    [
        .. (await RowsAsync(connection, ct)).Where(t => t.Owner is not null && !Otherwise.ContainsKey(t.Name) && !IsCopy(t.Name))
            .Select(t => new MoveTable(t.Name, t.Owner!, t.IsText, t.Columns, t.Key, t.Identity,
                Late.Contains(t.Name) ? MoveTime.Late : MoveTime.Early, t.IsPartitioned)),
    ];

    /// <summary>Of a rebuild that is under way, beside which nobody moves.</summary>
    public static bool IsCopy(string name) => name.EndsWith("_next", StringComparison.Ordinal);

    private sealed record Row(string Name, string? Owner, bool IsText, IReadOnlyList<string> Columns, string? Identity,
        IReadOnlyList<(string Name, string Type)> Key, bool IsPartitioned);

    // A table without a unique index is known by all its columns.
    private static async Task<List<Row>> RowsAsync(NpgsqlConnection connection, CancellationToken ct) =>
        await connection.RowsAsync(Catalog, r =>
        {
            var columns = r.GetFieldValue<string[]>(3);
            var names = r.IsDBNull(5) ? [] : r.GetFieldValue<string[]>(5);
            var types = r.IsDBNull(6) ? [] : r.GetFieldValue<string[]>(6);
            return new Row(r.GetString(0), r.IsDBNull(1) ? null : r.GetString(1), r.GetBoolean(2), columns,
                r.IsDBNull(4) ? null : r.GetString(4), [.. names.Zip(types)], r.GetBoolean(7));
        }, ct);
}
