using System.Globalization;
using System.Text;
using Npgsql;

namespace Bsp.Infrastructure.Backups;

/// <summary>A database of a backup and the empty one into which it goes.</summary>
internal sealed class RestoreTarget(BackupHome home, BackupDatabase from)
{
    /// <summary>What a backup's directory is behind a killed process's look at a webhook: nothing takes longer.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(10);

    private const string MarkOf = "restored from backup ";

    // Roles and rights of the server, which are in no dump.
    private const string Server = """
        DO $$ BEGIN CREATE ROLE bsp_owner NOLOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
        DO $$ BEGIN CREATE ROLE bsp_app LOGIN; EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$;
        DO $$ BEGIN GRANT SET ON PARAMETER session_replication_role TO bsp_app;
        EXCEPTION WHEN insufficient_privilege THEN NULL; END $$;
        """;

    private const string Things = """
        SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname NOT LIKE 'pg\_%'
           AND c.relkind IN ('r', 'p', 'v', 'm', 'S', 'f')
           AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
        """;

    public BackupHome Home => home;

    public BackupDatabase From => from;

    public string Title => home.Title;

    /// <summary>True: this very backup is there already.</summary>
    /// <exception cref="BackupFault">It is not empty, is not there, or is older than the backup.</exception>
    public async Task<bool> IsDoneAsync(Guid backup, PgTools tools, CancellationToken ct)
    {
        await using var connection = await OpenAsync(ct);
        var major = connection.PostgreSqlVersion.Major;
        if (major < from.ServerMajor)
        {
            throw new BackupFault($"{Title} runs on PostgreSQL {major}, and the backup is of {from.ServerMajor}: a newer server is "
                + "needed.");
        }

        if (tools.Major < from.ServerMajor)
        {
            throw new BackupFault($"The backup is of PostgreSQL {from.ServerMajor}, and pg_restore of {tools.Major}: install "
                + $"postgresql-client-{from.ServerMajor} or newer.");
        }

        if (await ScalarAsync(connection, "SELECT obj_description(to_regnamespace('bsp'), 'pg_namespace')", ct) as string
            == $"{MarkOf}{backup}")
        {
            return true;
        }

        var things = (long)(await ScalarAsync(connection, Things, ct))!;
        return things == 0 && await ScalarAsync(connection, "SELECT to_regnamespace('bsp')::text", ct) is DBNull ? false
            : throw new BackupFault($"The database {home.Owner.Database} on {home.Owner.Host}:{home.Owner.Port} is not empty "
                + $"({things} tables, views and sequences): restore into a new one. Nothing was changed.");
    }

    /// <summary>All of it, or nothing.</summary>
    public async Task RestoreAsync(PgTools tools, string backup, BackupManifest manifest, DateTimeOffset now, CancellationToken ct)
    {
        await using (var connection = await OpenAsync(ct))
        {
            await using var server = new NpgsqlCommand(Server, connection);
            await server.ExecuteNonQueryAsync(ct);
        }

        // Committed by the last line only: when we are killed psql's input just ends, and the server forgets everything.
        await using var psql = tools.Start("psql", home.Owner, "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-");
        var silent = psql.Output.CopyToAsync(Stream.Null, ct);
        await using var dump = tools.Start("pg_restore", null, "--file=-", Path.Combine(backup, from.File));
        try
        {
            var input = psql.Input.BaseStream;
            await input.WriteAsync("BEGIN;\nSELECT pg_advisory_xact_lock(1113679445, 2);\n"u8.ToArray(), ct);
            await dump.Output.CopyToAsync(input, ct);
            await dump.EndAsync($"{Title} cannot be read from the backup", ct);
            await WriteAsync(input, Settings(), ct);
            if (home.IsDirectory)
            {
                await WaitingAsync(input, backup, ct);
                await WriteAsync(input, Hold(manifest, now), ct);
            }

            await WriteAsync(input, $"COMMENT ON SCHEMA bsp IS {Quoted(MarkOf + manifest.Id)};\nCOMMIT;\n", ct);
        }
        catch (IOException broken)
        {
            throw new BackupFault($"{Title} could not be restored: {await psql.ErrorsAsync()}", broken);
        }

        await psql.EndAsync($"{Title} could not be restored", ct);
        await silent;
    }

    /// <summary>What is there is what the manifest counts; what has been added since does no harm.</summary>
    /// <exception cref="BackupFault">Something is missing.</exception>
    public async Task VerifyAsync(CancellationToken ct)
    {
        await using var connection = await OpenAsync(ct);
        if ((long)(await ScalarAsync(connection, "SELECT coalesce(max(seq_id), 0) FROM public.mt_events", ct))! is var last
            && last < from.Position)
        {
            throw new BackupFault($"{Title}: the last event is {last} instead of {from.Position}.");
        }

        foreach (var (table, rows) in from.Rows)
        {
            var name = string.Join('.', table.Split('.', 2).Select(part => $"\"{part.Replace("\"", "\"\"", StringComparison.Ordinal)}\""));
            if (await ScalarAsync(connection, $"SELECT count(*) FROM ONLY {name}", ct) is long found && found < rows)
            {
                throw new BackupFault($"{Title}: {table} has {found} rows instead of {rows}.");
            }
        }
    }

    private static string Hold(BackupManifest manifest, DateTimeOffset now) => string.Create(CultureInfo.InvariantCulture, $"""
        INSERT INTO bsp.sending_switch (held, reason, changed_at) VALUES (true, {Quoted(Why(manifest))},
          {Quoted(now.UtcDateTime.ToString("o", CultureInfo.InvariantCulture))})
          ON CONFLICT (one) DO UPDATE SET held = true, reason = excluded.reason, changed_at = excluded.changed_at;

        """);

    private static string Why(BackupManifest manifest) => string.Create(CultureInfo.InvariantCulture,
        $"restored from the backup of {manifest.StartedAt:yyyy-MM-dd HH:mm:ss} UTC: what was sent after it is not in the log");

    private string Settings()
    {
        var text = new StringBuilder();
        foreach (var setting in from.Settings)
        {
            // %I and %L quote; a setting that the role may not change is left as it is
            text.Append(CultureInfo.InvariantCulture, $"""
                DO $do$ BEGIN EXECUTE format('{(setting.Role.Length == 0 ? "ALTER DATABASE %2$I SET %3$I = %4$L"
                    : "ALTER ROLE %1$I IN DATABASE %2$I SET %3$I = %4$L")}', {Quoted(setting.Role)}, current_database(),
                  {Quoted(setting.Name)}, {Quoted(setting.Value)}); EXCEPTION WHEN insufficient_privilege THEN NULL; END $do$;

                """);
        }

        return text.ToString();
    }

    // What may have been carried out between the shards' moment and the directory's is carried out (again).
    private async Task WaitingAsync(Stream input, string backup, CancellationToken ct)
    {
        if (from.Before is not { } before)
        {
            return;
        }

        await WriteAsync(input, "SET LOCAL search_path = pg_catalog;\n", ct);
        foreach (var (table, file, fits) in new[]
        {
            ("webhook_inbox", before.Inbox, "WHERE EXISTS (SELECT FROM bsp.webhook_journal j WHERE j.id = w.journal_id)"),
            ("webhook_set_aside", before.SetAside, ""),
        })
        {
            await WriteAsync(input, $"CREATE TEMP TABLE was_{table} (LIKE bsp.{table}) ON COMMIT DROP;\n"
                + $"COPY pg_temp.was_{table} FROM stdin;\n", ct);
            await using (var rows = File.OpenRead(Path.Combine(backup, file.File)))
            {
                await rows.CopyToAsync(input, ct);
            }

            await WriteAsync(input, $"\\.\nINSERT INTO bsp.{table} SELECT w.* FROM pg_temp.was_{table} w {fits} "
                + "ON CONFLICT DO NOTHING;\n", ct);
        }

        var since = (before.At - Margin).UtcDateTime.ToString("o", CultureInfo.InvariantCulture);
        await WriteAsync(input, $"""
            INSERT INTO bsp.webhook_inbox (journal_id, received_at, lane)
            SELECT j.id, j.received_at, coalesce(j.lane, '00000000-0000-0000-0000-000000000000') FROM bsp.webhook_journal j
             WHERE j.received_at >= {Quoted(since)} ON CONFLICT DO NOTHING;

            """, ct);
    }

    private static async Task WriteAsync(Stream input, string sql, CancellationToken ct) =>
        await input.WriteAsync(Encoding.UTF8.GetBytes(sql), ct);

    // Standard strings: a backslash is itself.
    private static string Quoted(string text) => $"'{text.Replace("'", "''", StringComparison.Ordinal)}'";

    private async Task<NpgsqlConnection> OpenAsync(CancellationToken ct)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(home.Owner.ConnectionString)
        {
            Pooling = false, CommandTimeout = 0, ApplicationName = "bsp restore",
        }.ConnectionString);
        try
        {
            await connection.OpenAsync(ct);
            return connection;
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InvalidCatalogName)
        {
            await connection.DisposeAsync();
            throw new BackupFault($"There is no database {home.Owner.Database} on {home.Owner.Host}:{home.Owner.Port}: create it, empty.",
                e);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    private static async Task<object?> ScalarAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(ct);
    }
}
