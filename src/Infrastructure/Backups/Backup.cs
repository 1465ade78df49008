using System.Globalization;
using Bsp.Application.Common;
using Npgsql;

namespace Bsp.Infrastructure.Backups;

/// <summary>
/// Copies every database at one moment, and the files beside them, into a directory, and reads again what it wrote. Until the last line it
/// lies under another name, without a manifest: what was interrupted is no backup and does not look like one. Decision:
/// docs/decisions/0269.
/// </summary>
/// <param name="say">Told what is going on, a line each.</param>
public sealed class Backup(BspOptions options, TimeProvider clock, Action<string> say)
{
    private const double DumpShare = 0.25; // of a database's size; 8 % was seen of real data, uncompressed files are 15 times as large
    private const long SpareBytes = 64 << 20;
    private const string Unfinished = ".unfinished";

    /// <param name="directory">Must not exist, or be empty.</param>
    /// <param name="withObjects">False: files in the object store are somebody else's matter.</param>
    /// <exception cref="BackupFault">It cannot be made; nothing is left.</exception>
    public async Task<BackupManifest> WriteAsync(string directory, bool withObjects, CancellationToken ct)
    {
        var target = Path.TrimEndingDirectorySeparator(Path.GetFullPath(directory));
        if (File.Exists(target) || (Directory.Exists(target) && Directory.EnumerateFileSystemEntries(target).Any()))
        {
            throw new BackupFault($"{target} is there and not empty: name a directory that is not there.");
        }

        var unfinished = target + Unfinished;
        try
        {
            using var lone = Claim(unfinished);
            var manifest = await WriteIntoAsync(unfinished, withObjects, ct);
            lone.Dispose();
            File.Delete(lone.Name);
            if (Directory.Exists(target))
            {
                Directory.Delete(target); // empty
            }

            Directory.Move(unfinished, target);
            return manifest;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BackupFault($"{unfinished} cannot be written: {e.Message}", e);
        }
    }

    // A former one that was killed left it; one that is at work holds the file in it.
    private static FileStream Claim(string unfinished)
    {
        var path = Path.Combine(unfinished, "lock");
        if (Directory.Exists(unfinished))
        {
            try
            {
                using var free = new FileStream(path, FileMode.OpenOrCreate, FileAccess.Write, FileShare.None);
            }
            catch (IOException held)
            {
                throw new BackupFault($"Another backup writes into {unfinished} at this moment.", held);
            }

            Directory.Delete(unfinished, recursive: true);
        }

        Private(unfinished);
        return new(path, FileMode.CreateNew, FileAccess.Write, FileShare.None);
    }

    private static void Private(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(directory);
        }
        else
        {
            Directory.CreateDirectory(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
    }

    private async Task<BackupManifest> WriteIntoAsync(string unfinished, bool withObjects, CancellationToken ct)
    {
        try
        {
            return await CopyAsync(unfinished, withObjects, ct);
        }
        catch
        {
            Directory.Delete(unfinished, recursive: true); // also when it was stopped: nobody wants half of one
            throw;
        }
    }

    private async Task<BackupManifest> CopyAsync(string unfinished, bool withObjects, CancellationToken ct)
    {
        var began = clock.GetUtcNow();
        var (tools, homes) = (await PgTools.FindAsync(ct), HomesOf(options));
        var objectsFrom = withObjects && options.Media.S3 is null ? options.Media.Directory : null;
        BackupWaiting? waiting = null;
        var databases = new List<BackupDatabase>();
        await using (var cut = await BackupCut.TakeAsync(homes, async directory =>
            waiting = await WaitingAsync(directory, unfinished, ct), ct))
        {
            await RequireRoomAsync(cut, unfinished, objectsFrom, ct);
            foreach (var home in homes)
            {
                var moment = cut.Moments[home];
                say($"{home.Title}: as of {moment.At:yyyy-MM-dd HH:mm:ss.fff} UTC, {moment.Wal}");
                var made = await DumpAsync(tools, home, moment, unfinished, ct);
                databases.Add(home.IsDirectory ? made with { Before = waiting } : made);
            }
        }

        var objects = objectsFrom is null ? null : await ObjectFiles.CopyAsync(objectsFrom, unfinished, ct);
        say(objects is null ? "Files: not copied." : $"Files: {objects.Files}, {objects.Bytes:N0} bytes");
        foreach (var made in databases)
        {
            await VerifyAsync(tools, made, unfinished, ct);
        }

        await (objects is null ? Task.CompletedTask : ObjectFiles.VerifyAsync(unfinished, objects, ct));
        var manifest = new BackupManifest(BackupManifest.CurrentFormat, Guid.CreateVersion7(began), began, clock.GetUtcNow(),
            BackupManifest.PrintOf(options.MasterKey), databases, objects, objects is not null ? null
            : options.Media.S3 is { } s3 ? $"The files are in the bucket {s3.Bucket}: it keeps copies of its own, or has none."
            : "Files were left out on demand.", NotCopied());
        await manifest.WriteAsync(unfinished, ct);
        return manifest;
    }

    /// <summary>The databases that the options name, those of one connection together.</summary>
    internal static IReadOnlyList<BackupHome> HomesOf(BspOptions options)
    {
        var named = options.Shards.Select(s => (s.Name, s.Owner)).Prepend((Name: BackupHome.Directory, Owner: options.DirectoryOwner));
        return [.. named.Select(n => (n.Name, Owner: n.Owner is { } text ? new NpgsqlConnectionStringBuilder(text)
                : throw new BackupFault($"There is no connection of an owner for {n.Name}: give ConnectionStrings:Directory, and "
                    + "Bsp:Shards for shards.")))
            .GroupBy(n => (n.Owner.Host, n.Owner.Port, n.Owner.Database))
            .Select(g => new BackupHome([.. g.Select(n => n.Name)], g.First().Owner))];
    }

    private static async Task RequireRoomAsync(BackupCut cut, string unfinished, string? objects, CancellationToken ct)
    {
        var size = 0L;
        foreach (var moment in cut.Moments.Values)
        {
            size += (await moment.QueryAsync("SELECT pg_database_size(current_database())", r => r.GetInt64(0), ct))[0];
        }

        var needed = (long)(size * DumpShare) + (objects is null ? 0 : ObjectFiles.BytesOf(objects)) + SpareBytes;
        var free = new DriveInfo(unfinished).AvailableFreeSpace;
        if (free < needed)
        {
            throw new BackupFault(string.Create(CultureInfo.InvariantCulture,
                $"There is not enough room for a backup at {Path.GetDirectoryName(unfinished)}: {free >> 20:N0} MB are free, and ")
                + string.Create(CultureInfo.InvariantCulture, $"{needed >> 20:N0} MB may be needed (databases of {size >> 20:N0} MB)."));
        }
    }

    private static async Task<BackupDatabase> DumpAsync(PgTools tools, BackupHome home, BackupMoment moment, string unfinished,
        CancellationToken ct)
    {
        var major = moment.Connection.PostgreSqlVersion.Major;
        if (tools.Major < major)
        {
            throw new BackupFault($"{home.Title} runs on PostgreSQL {major}, and pg_dump is of {tools.Major}: install "
                + $"postgresql-client-{major} or newer.");
        }

        var position = (await moment.QueryAsync("SELECT coalesce(max(seq_id), 0) FROM public.mt_events", r => r.GetInt64(0), ct))[0];
        var rows = await moment.RowsAsync(ct);
        var settings = await moment.QueryAsync("""
            SELECT coalesce(r.rolname, ''), split_part(c, '=', 1), substr(c, strpos(c, '=') + 1)
              FROM pg_db_role_setting d LEFT JOIN pg_roles r ON r.oid = d.setrole CROSS JOIN LATERAL unnest(d.setconfig) AS c
             WHERE d.setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database()) ORDER BY 1, 2
            """, r => new RoleSetting(r.GetString(0), r.GetString(1), r.GetString(2)), ct);
        var schema = await moment.QueryAsync("SELECT file, sha256 FROM bsp.schema_migrations ORDER BY file",
            r => new AppliedSchema(r.GetString(0), r.GetString(1)), ct);
        var name = string.Concat(home.Names[0].ToLowerInvariant().Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-')) + ".dump";
        await using (var run = tools.Start("pg_dump", home.Owner, "--format=custom", "--compress=4", "--no-password",
            "--lock-wait-timeout=60000", $"--snapshot={moment.Snapshot}", $"--file={Path.Combine(unfinished, name)}"))
        {
            await run.EndAsync($"{home.Title} could not be copied", ct);
        }

        var file = await HashedFiles.OfAsync(unfinished, name, ct);
        return new(home.Names, name, file.Bytes, file.Sha256, moment.Connection.PostgreSqlVersion.ToString(), major, moment.At, moment.Wal,
            position, rows, settings, schema, null);
    }

    // Webhooks that are not carried out yet, whole or in part.
    private static async Task<BackupWaiting> WaitingAsync(NpgsqlConnection directory, string unfinished, CancellationToken ct)
    {
        await using var asked = new NpgsqlCommand("SELECT clock_timestamp()", directory);
        var at = new DateTimeOffset((DateTime)(await asked.ExecuteScalarAsync(ct))!);
        return new(at, await CopyOutAsync("webhook_inbox"), await CopyOutAsync("webhook_set_aside"));

        async Task<BackupFile> CopyOutAsync(string table)
        {
            var name = $"{table}.copy";
            await using (var file = new FileStream(Path.Combine(unfinished, name), FileMode.CreateNew))
            await using (var text = new StreamWriter(file))
            using (var rows = await directory.BeginTextExportAsync($"COPY bsp.{table} TO STDOUT", ct))
            {
                var buffer = new char[64 * 1024];
                for (int read; (read = await rows.ReadAsync(buffer, ct)) > 0;)
                {
                    await text.WriteAsync(buffer.AsMemory(0, read), ct);
                }
            }

            return await HashedFiles.OfAsync(unfinished, name, ct);
        }
    }

    // The dump is read as a restore would read it, and each table's rows are counted in it.
    private async Task VerifyAsync(PgTools tools, BackupDatabase made, string unfinished, CancellationToken ct)
    {
        await HashedFiles.MustBeAsync(unfinished, new(made.File, made.Bytes, made.Sha256), ct);
        var found = new DumpRows();
        await using var run = tools.Start("pg_restore", null, "--data-only", "--file=-", Path.Combine(unfinished, made.File));
        await found.ReadAsync(run.Output, ct);
        await run.EndAsync($"The copy of {made.Title} cannot be read", ct);
        foreach (var (table, rows) in made.Rows.Where(t => found.Tables.GetValueOrDefault(t.Key) != t.Value))
        {
            throw new BackupFault($"The copy of {made.Title} has {found.Tables.GetValueOrDefault(table)} rows of {table} instead of "
                + $"{rows}.");
        }

        say($"{made.Title}: {made.Bytes:N0} bytes, {made.Rows.Values.Sum():N0} rows of {made.Rows.Count} tables, read again");
    }

    private List<string> NotCopied() =>
    [
        "The master key: keep it elsewhere. Without it secrets and personal data stay sealed.",
        "Redis: the queue, progress and caches are made anew from the databases.",
        options.ClickHouse is null ? "ClickHouse: none is configured." : "ClickHouse: its figures are made anew from the log.",
        options.Mongo is null ? "Documents: they lie in the databases, and are copied."
            : "MongoDB: the documents are made anew from the log.",
    ];
}
