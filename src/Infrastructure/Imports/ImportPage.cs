using System.Text.Json;
using Bsp.Application.Imports;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Contacts;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Imports;

/// <param name="Rows">Staged rows taken; 0: nothing is left.</param>
/// <param name="Duplicates">Rows whose contact stood in the file before.</param>
/// <param name="Phones">Of contacts that were there before: their cached copies are wrong now.</param>
internal readonly record struct PageOutcome(int Rows, int LastRow, int Created, int Updated, int Duplicates, int Rejected,
    IReadOnlyList<string> Phones);

/// <summary>Contacts of the page were merged or erased while it was carried: carry it again.</summary>
internal sealed class PageOutdated : Exception;

internal sealed record StagedRow(int Row, int Line, string[] Fields, string? Fault);

/// <summary>A row that may go in, with its JSON written out: while the page before is carried there is time for it.</summary>
internal sealed record GoodRow(StagedRow Staged, ImportRow Row, string CustomFields, string Tags)
{
    public static GoodRow Of(StagedRow staged, ImportRow row) =>
        new(staged, row, row.CustomFields.ToJsonString(), JsonSerializer.Serialize(row.Tags));
}

/// <summary>A page of staged rows, read and checked.</summary>
internal sealed record CheckedRows(int AfterRow, int LastRow, IReadOnlyList<GoodRow> Good,
    IReadOnlyList<(StagedRow Staged, RowFault Fault)> Rejects)
{
    public int Count => Good.Count + Rejects.Count;
}

/// <summary>
/// A page of staged rows, carried into the contacts: one statement for those with a phone number, one for those with a user id only, one
/// for the rejects.
/// </summary>
internal static class ImportPage
{
    /// <summary>Rows a page.</summary>
    public const int RowsMax = 5000;

    // Written rules: an empty cell leaves what is there; tags are added; custom fields merge by key; consent: OPTED_OUT is never undone by
    // a file, PENDING in a file says nothing.
    // Contacts that were there are found by the unique index of the conflict itself, which asks no statistics; a look-up before it read the
    // whole organization where they did not know it yet.
    // Version 1: the row is new. The look in RETURNING is of the statement's snapshot: the import that wrote the row before.
    private const string Merge = """
        WITH merged AS (
          INSERT INTO contacts AS c (id, organization_id, phone_number, wa_user_id, first_name, last_name, email, consent_status, consent_updated_at, custom_fields, tags, last_import_id, import_ids)
          SELECT i.id, $1, i.phone, i.wa, i.first_name, i.last_name, i.email, coalesce(i.consent, 'PENDING'), CASE WHEN i.consent <> 'PENDING' THEN now() END, i.custom_fields::jsonb, i.tags::jsonb, $2, ARRAY[$2]
          FROM unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::text[], $10::text[], $11::text[])
            AS i (id, phone, wa, first_name, last_name, email, consent, custom_fields, tags)
          ORDER BY i.phone, i.wa
          ON CONFLICT {key} DO UPDATE SET
            wa_user_id = coalesce(c.wa_user_id, excluded.wa_user_id),
            first_name = coalesce(excluded.first_name, c.first_name),
            last_name = coalesce(excluded.last_name, c.last_name),
            email = coalesce(excluded.email, c.email),
            custom_fields = CASE WHEN excluded.custom_fields = '{}' THEN c.custom_fields ELSE bsp.bounded_custom_fields(c.custom_fields || excluded.custom_fields) END,
            tags = CASE WHEN c.tags @> excluded.tags THEN c.tags ELSE bsp.bounded_tags((SELECT jsonb_agg(DISTINCT t) FROM jsonb_array_elements(c.tags || excluded.tags) AS t)) END,
            consent_status = CASE WHEN c.consent_status = 'OPTED_OUT' OR excluded.consent_status = 'PENDING' THEN c.consent_status ELSE excluded.consent_status END,
            consent_updated_at = CASE WHEN c.consent_status = 'OPTED_OUT' OR excluded.consent_status IN ('PENDING', c.consent_status) THEN c.consent_updated_at ELSE now() END,
            last_import_id = excluded.last_import_id,
            import_ids = CASE WHEN c.last_import_id = $2 THEN c.import_ids ELSE (coalesce(c.import_ids, '{}') || $2)[greatest(1, cardinality(coalesce(c.import_ids, '{}')) - 18):] END,
            updated_at = now(),
            row_version = c.row_version + 1
          RETURNING c.id, c.phone_number, c.row_version)
        SELECT m.phone_number, (SELECT o.last_import_id IS NOT DISTINCT FROM $2 FROM contacts o WHERE o.id = m.id) IS TRUE FROM merged m WHERE m.row_version > 1
        """;

    private const string ByPhone = "(organization_id, phone_number) WHERE phone_number IS NOT NULL";
    private const string ByUserId = "(organization_id, wa_user_id) WHERE wa_user_id IS NOT NULL";

    // Pending entries of the search indexes, in kB, and the memory to sort them with, while a page is carried: with PostgreSQL's 4 MB and
    // more often, a seventh of the time went there.
    // The commit does not wait for the disk: what a crash of the database takes of a page's rows it takes of the cursor, too, and the
    // import's event, last of all, is waited for.
    private const string Settings =
        "SELECT set_config('gin_pending_list_limit', '16384', true), set_config('work_mem', '32768', true), set_config('synchronous_commit', 'off', true)";

    /// <summary>A contact that was there. Seen: this file has named it before.</summary>
    private readonly record struct Met(string? Phone, bool Seen);

    /// <summary>
    /// Reads the staged rows after one and checks them; null: none is left. Staged rows do not change, so this goes ahead while the page
    /// before is carried.
    /// </summary>
    public static async Task<CheckedRows?> ReadAsync(Shard shard, Guid organizationId, Guid importId, ImportColumns columns, int afterRow,
        CancellationToken ct)
    {
        // Rows are numbered without gaps. A range, not a LIMIT: the planner, which expects one row, would have all that are left sorted for
        // each page.
        var staged =
            await shard.QueryAsync(organizationId,
                "SELECT row, line, fields, fault FROM bsp.import_rows WHERE import_id = $1 AND row > $2 AND row <= $3 ORDER BY row",
            r => new StagedRow(r.GetInt32(0), r.GetInt32(1), r.GetFieldValue<string[]>(2), r.IsDBNull(3) ? null : r.GetString(3)), ct,
            importId, afterRow, afterRow + RowsMax);
        if (staged.Count == 0)
        {
            return null;
        }

        var (good, rejects) = (new List<GoodRow>(staged.Count), new List<(StagedRow, RowFault)>());
        foreach (var row in staged)
        {
            var (read, fault) = Read(columns, row);
            if (read is null)
            {
                rejects.Add((row, fault!));
            }
            else
            {
                good.Add(read);
            }
        }

        return new(afterRow, staged[^1].Row, good, rejects);
    }

    // Whatever one row throws is that row's reject: the others of its file have nothing to do with it.
    private static (GoodRow? Row, RowFault? Fault) Read(ImportColumns columns, StagedRow row)
    {
        if (row.Fault is { } unreadable)
        {
            return (null, new(null, unreadable));
        }

        try
        {
            var (read, fault) = columns.Check(row.Fields);
            return read is null ? (null, fault) : (GoodRow.Of(row, read), null);
        }
        catch (Exception odd) when (odd is not OutOfMemoryException)
        {
            return (null, new(null, $"cannot be read ({odd.GetType().Name})"));
        }
    }

    /// <exception cref="PageOutdated">Contacts of it were merged meanwhile.</exception>
    public static async Task<PageOutcome> CarryAsync(TenantTransaction transaction, Guid organizationId, Guid importId, CheckedRows page,
        CancellationToken ct, IReadOnlySet<string>? erased = null)
    {
        var (good, rejects) = (page.Good.ToList(), page.Rejects.ToList());
        if (erased is { Count: > 0 })
        {
            rejects.AddRange(good.Where(g => IsErased(g.Row, erased))
                .Select(g => (g.Staged with { Fields = [] }, new RowFault(null, "was erased after the file was sent in"))));
            good.RemoveAll(g => IsErased(g.Row, erased));
        }

        await transaction.ExecuteAsync(Settings, ct);
        await DoubtAsync(transaction, organizationId, good, rejects, ct);
        var named = good.ConvertAll(g => g.Row);
        var aliases = await ImportAliases.FindAsync(transaction, organizationId, named, ct);
        good = good.ConvertAll(g => g with { Row = aliases.Meant(g.Row) });
        var (merged, duplicates) = Fold(good, await OwnersAsync(transaction, good, ct), rejects);
        var met = await MergeAsync(transaction, organizationId, importId, ByPhone, [.. merged.Where(m => m.Row.PhoneNumber is not null)],
            ct);
        met.AddRange(await MergeAsync(transaction, organizationId, importId, ByUserId, [.. merged.Where(m => m.Row.PhoneNumber is null)],
            ct));
        if (!aliases.Same(await ImportAliases.FindAsync(transaction, organizationId, named, ct)))
        {
            throw new PageOutdated();
        }

        await RejectAsync(transaction, organizationId, importId, rejects, ct);
        await transaction.ExecuteAsync("DELETE FROM bsp.import_rows WHERE import_id = $1 AND row > $2 AND row <= $3", ct, importId,
            page.AfterRow, page.LastRow);
        var again = met.Count(m => m.Seen);
        return new(page.Count, page.LastRow, merged.Count - met.Count, met.Count - again, duplicates + again, rejects.Count,
            [.. met.Select(m => m.Phone).OfType<string>()]);
    }

    private static bool IsErased(ImportRow row, IReadOnlySet<string> erased) =>
        (row.PhoneNumber is { } phone && erased.Contains(phone)) || (row.WaUserId is { } user && erased.Contains(user));

    // Numbers that no country has are taken only of those who are known by them: what was exported can be sent in again.
    private static async Task DoubtAsync(TenantTransaction transaction, Guid organizationId, List<GoodRow> good,
        List<(StagedRow, RowFault)> rejects, CancellationToken ct)
    {
        var doubtful = good.Where(g => g.Row.PhoneDoubt is not null).Select(g => g.Row.PhoneNumber!).ToHashSet();
        if (doubtful.Count > 0)
        {
            doubtful.ExceptWith((await transaction.HoldersAsync(organizationId, doubtful, ct)).Select(h => h.Asked));
            rejects.AddRange(good.Where(g => g.Row.PhoneDoubt is not null && doubtful.Contains(g.Row.PhoneNumber!))
                .Select(g => (g.Staged, new RowFault("phone_number", g.Row.PhoneDoubt!))));
            good.RemoveAll(g => g.Row.PhoneDoubt is not null && doubtful.Contains(g.Row.PhoneNumber!));
        }
    }

    // The contacts that have the user ids that the page names: the number, or the user id itself where there is none.
    private static async Task<Dictionary<string, string>> OwnersAsync(TenantTransaction transaction, List<GoodRow> rows,
        CancellationToken ct)
    {
        var ids = rows.Select(r => r.Row.WaUserId).OfType<string>().Distinct().ToArray();
        return ids.Length == 0 ? []
            : (await transaction.QueryAsync("SELECT wa_user_id, coalesce(phone_number, wa_user_id) FROM bsp.contacts_by_user_id($1)", r =>
                (r.GetString(0), r.GetString(1)), ct, [ids])).ToDictionary();
    }

    // Same contact twice in the page: folded into one. A user id that another contact has (or another row of the page): rejected, not
    // guessed.
    private static (List<GoodRow> Merged, int Duplicates) Fold(List<GoodRow> good, Dictionary<string, string> owners,
        List<(StagedRow, RowFault)> rejects)
    {
        var merged = new Dictionary<string, GoodRow>();
        var duplicates = 0;
        foreach (var given in good)
        {
            var row = given.Row;
            if (row is { PhoneNumber: not null, WaUserId: { } wa })
            {
                if (owners.TryGetValue(wa, out var owner) && owner != row.Key)
                {
                    rejects.Add((given.Staged, new("wa_user_id", "belongs to another contact")));
                    continue;
                }

                owners[wa] = row.Key;
            }

            // A row that names the user id only is the contact that has it.
            var key = row.PhoneNumber is null && owners.TryGetValue(row.WaUserId!, out var named) ? named : row.Key;
            var own = key != row.Key && key.StartsWith('+') ? row with { PhoneNumber = key } : row;
            owners.TryAdd(own.WaUserId ?? own.Key, own.Key);
            if (!merged.TryGetValue(own.Key, out var before))
            {
                merged[own.Key] = given with { Row = own };
                continue;
            }

            var both = before.Row.Then(own);
            if (both.Fault() is { } fault)
            {
                rejects.Add((given.Staged, fault));
                continue;
            }

            duplicates++;
            merged[own.Key] = GoodRow.Of(given.Staged, both);
        }

        return ([.. merged.Values], duplicates);
    }

    // Those that were there. Rows share no key, so none is met twice.
    private static Task<List<Met>> MergeAsync(TenantTransaction transaction, Guid organizationId, Guid importId, string key,
        IReadOnlyList<GoodRow> rows, CancellationToken ct) =>
        rows.Count == 0 ? Task.FromResult<List<Met>>([])
        : transaction.QueryAsync(Merge.Replace("{key}", key, StringComparison.Ordinal), r =>
            new Met(r.TextOrNull(0), r.GetBoolean(1)), ct, organizationId, importId, rows.Select(_ => Domain.Common.Uuid.New()).ToArray(),
            Texts(rows.Select(r => r.Row.PhoneNumber)), Texts(rows.Select(r => r.Row.WaUserId)), Texts(rows.Select(r => r.Row.FirstName)),
            Texts(rows.Select(r => r.Row.LastName)), Texts(rows.Select(r => r.Row.Email)),
            Texts(rows.Select(r => r.Row.Consent)), Texts(rows.Select(r => r.CustomFields)), Texts(rows.Select(r => r.Tags)));

    private static async Task RejectAsync(TenantTransaction transaction, Guid organizationId, Guid importId,
        List<(StagedRow Staged, RowFault Fault)> rejects, CancellationToken ct)
    {
        if (rejects.Count > 0)
        {
            await transaction.ExecuteAsync("""
                INSERT INTO bsp.import_rejects (import_id, row, line, column_name, reason, fields, organization_id)
                SELECT $1, r.row, r.line, r.column_name, r.reason, r.fields::jsonb, $2 FROM unnest($3::int[], $4::int[], $5::text[], $6::text[], $7::text[]) AS r (row, line, column_name, reason, fields)
                """, ct, importId, organizationId, rejects.ConvertAll(r => r.Staged.Row).ToArray(), rejects.ConvertAll(r => r.Staged.Line).ToArray(),
                Texts(rejects.Select(r => r.Fault.Column)), Texts(rejects.Select(r => r.Fault.Reason)),
                Texts(rejects.Select(r => JsonSerializer.Serialize(r.Staged.Fields))));
        }
    }

    private static NpgsqlParameter Texts(IEnumerable<string?> texts) =>
        new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text, Value = texts.ToArray() };
}
