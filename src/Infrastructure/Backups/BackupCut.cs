using Npgsql;

namespace Bsp.Infrastructure.Backups;

/// <summary>A database to be backed up, or to be restored into.</summary>
/// <param name="Names"><c>directory</c>, and the names of the shards that it holds.</param>
/// <param name="Owner">Connection of a role that sees everything.</param>
internal sealed record BackupHome(IReadOnlyList<string> Names, NpgsqlConnectionStringBuilder Owner)
{
    public const string Directory = "directory";

    public bool IsDirectory => Names.Contains(Directory);

    public string Title => string.Join(", ", Names);
}

/// <summary>
/// One moment of every database: the shards first, all at once, then the directory, which names what shards hold, so that nothing in a
/// shard is without a name. What was waiting in the directory a moment before the shards is kept, too: a webhook that was carried out in
/// between would be in neither. Carrying out twice is harmless.
/// </summary>
internal sealed class BackupCut : IAsyncDisposable
{
    private readonly List<(BackupHome Home, NpgsqlConnection Connection)> open = [];

    /// <summary>The moment that each database shows, by its home.</summary>
    public Dictionary<BackupHome, BackupMoment> Moments { get; } = [];

    public static async Task<BackupCut> TakeAsync(IReadOnlyList<BackupHome> homes, Func<NpgsqlConnection, Task> before,
        CancellationToken ct)
    {
        var cut = new BackupCut();
        try
        {
            foreach (var home in homes)
            {
                cut.open.Add((home, await OpenAsync(home, ct)));
            }

            var directory = cut.open.Single(o => o.Home.IsDirectory);
            if (cut.open.Count > 1)
            {
                await before(directory.Connection);
            }

            foreach (var (home, moment) in await Task.WhenAll(cut.open.Where(o => o != directory)
                .Select(async o => (o.Home, await BackupMoment.TakeAsync(o.Connection, ct)))))
            {
                cut.Moments[home] = moment;
            }

            cut.Moments[directory.Home] = await BackupMoment.TakeAsync(directory.Connection, ct);
            return cut;
        }
        catch
        {
            await cut.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (_, connection) in open)
        {
            await connection.DisposeAsync();
        }
    }

    private static async Task<NpgsqlConnection> OpenAsync(BackupHome home, CancellationToken ct)
    {
        var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(home.Owner.ConnectionString)
        {
            Pooling = false, CommandTimeout = 0, KeepAlive = 30, ApplicationName = "bsp backup",
        }.ConnectionString);
        try
        {
            await connection.OpenAsync(ct);
            await using var sees = new NpgsqlCommand(
                "SELECT rolsuper OR rolbypassrls FROM pg_roles WHERE rolname = current_user", connection);
            return await sees.ExecuteScalarAsync(ct) is true ? connection : throw new BackupFault(
                $"The role {home.Owner.Username} of {home.Title} is subject to row-level security and would see nothing: give a superuser, "
                + "or a role with BYPASSRLS, in ConnectionStrings:Directory (or DirectoryOwner) and Bsp:Shards.");
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }
}

/// <summary>A transaction that keeps one moment of a database, for others to look at.</summary>
/// <param name="Snapshot">By which <c>pg_dump</c> sees it.</param>
internal sealed record BackupMoment(NpgsqlConnection Connection, NpgsqlTransaction Transaction, string Snapshot, DateTimeOffset At,
    string Wal)
{
    public static async Task<BackupMoment> TakeAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var transaction = await connection.BeginTransactionAsync(System.Data.IsolationLevel.RepeatableRead, ct);
        await using var command = new NpgsqlCommand("""
            SELECT pg_export_snapshot(), clock_timestamp(),
                   (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END)::text
            """, connection, transaction);
        await using var reader = await command.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        return new(connection, transaction, reader.GetString(0), reader.GetFieldValue<DateTimeOffset>(1), reader.GetString(2));
    }

    public async Task<List<T>> QueryAsync<T>(string sql, Func<NpgsqlDataReader, T> map, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, Connection, Transaction);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(map(reader));
        }

        return rows;
    }

    /// <summary>Rows of every table.</summary>
    public async Task<SortedDictionary<string, long>> RowsAsync(CancellationToken ct)
    {
        var tables = await QueryAsync(TableCounts.Tables, r => (Name: r.GetString(0), Sql: r.GetString(1)), ct);
        var rows = new SortedDictionary<string, long>(StringComparer.Ordinal);
        foreach (var (name, sql) in tables)
        {
            rows[name] = (await QueryAsync(sql, r => r.GetInt64(0), ct))[0];
        }

        return rows;
    }
}

/// <summary>The product's tables, partitions each for itself.</summary>
internal static class TableCounts
{
    public const string Tables = """
        SELECT n.nspname || '.' || c.relname, format('SELECT count(*) FROM ONLY %I.%I', n.nspname, c.relname)
          FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
         WHERE c.relkind = 'r' AND n.nspname IN ('public', 'bsp', 'documents') ORDER BY 1
        """;
}
