using System.Reflection;
using System.Security.Cryptography;
using System.Text;
using Bsp.Infrastructure.EventStore.Marten;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Schema;

/// <summary>Applies the numbered SQL files of this folder to one database: forward only, checksummed, one runner at a time.</summary>
public sealed partial class Migrator(ILogger<Migrator> log)
{
    private const long Lock = 0x4273_705F_4D69_6772; // "Bsp_Migr"
    private const int PasswordAttemptsMax = 20;
    private static readonly Version Oldest = new(15, 0); // GRANT SET ON PARAMETER

    /// <summary>Brings the database up to this build and sets the password of <c>bsp_app</c>.</summary>
    /// <param name="ownerConnection">A role that may create roles and tables.</param>
    /// <exception cref="SchemaFault">The server is older than PostgreSQL 15, a file that was applied has been edited since, or the database
    /// is newer than this build.</exception>
    public async Task MigrateAsync(string ownerConnection, string appPassword, CancellationToken ct)
    {
        await using var connection = await OpenAsync(ownerConnection, ct);
        if (connection.PostgreSqlVersion < Oldest)
        {
            throw new SchemaFault(
                $"PostgreSQL {connection.PostgreSqlVersion} at {connection.Host} is too old: {Oldest.Major} or newer is needed.");
        }

        await ExecuteAsync(connection, $"SELECT pg_advisory_lock({Lock})", ct);
        await ExecuteAsync(connection, """
            CREATE SCHEMA IF NOT EXISTS bsp;
            CREATE TABLE IF NOT EXISTS bsp.schema_migrations (file text PRIMARY KEY, sha256 text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now());
            """, ct);
        var applied = await AppliedAsync(connection, ct);
        foreach (var (file, sql) in Files())
        {
            var sha = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(sql)));
            if (applied.Remove(file, out var before))
            {
                if (before != sha)
                {
                    throw new SchemaFault(
                        $"{file} was applied with another content ({before[..12]}…, now {sha[..12]}…). Applied files are never edited: add a new numbered file.");
                }

                continue;
            }

            await using var transaction = await connection.BeginTransactionAsync(ct);
            await ExecuteAsync(connection, sql, ct);
            await ExecuteAsync(connection, "RESET ROLE", ct);
            await using var record =
                new NpgsqlCommand("INSERT INTO bsp.schema_migrations (file, sha256) VALUES ($1, $2)",
                    connection) { Parameters = { new() { Value = file }, new() { Value = sha } } };
            await record.ExecuteNonQueryAsync(ct);
            await transaction.CommitAsync(ct);
            LogApplied(file);
        }

        if (applied.Count > 0)
        {
            throw new SchemaFault(
                $"The database has migrations this build does not know ({string.Join(", ", applied.Keys)}): it was migrated by a newer build. Start that one.");
        }

        await MartenSchema.ApplyAsync(ownerConnection);
        await SetPasswordAsync(connection, ownerConnection, appPassword, ct);
        await ExecuteAsync(connection, $"SELECT pg_advisory_unlock({Lock})", ct);
    }

    // The role belongs to the server: other databases of it may be migrated at this moment, and PostgreSQL refuses the second of two
    // writers of one catalog row with XX000, an
    // "internal error", after which Npgsql closes the connection. So each attempt has one of its own; the migrator's lock lies on the
    // first.
    private static async Task SetPasswordAsync(NpgsqlConnection connection, string ownerConnection, string appPassword,
        CancellationToken ct)
    {
        // Utility statements take no parameters; format('%L') quotes.
        await using var command =
            new NpgsqlCommand("SELECT format('ALTER ROLE bsp_app LOGIN PASSWORD %L', $1::text)",
                connection) { Parameters = { new() { Value = appPassword } } };
        var statement = (string)(await command.ExecuteScalarAsync(ct))!;
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await using var own = await OpenAsync(ownerConnection, ct);
                await ExecuteAsync(own, statement, ct);
                return;
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InternalError && attempt < PasswordAttemptsMax)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(20 * attempt), ct);
            }
        }
    }

    private static async Task<NpgsqlConnection> OpenAsync(string ownerConnection, CancellationToken ct)
    {
        var connection =
            new NpgsqlConnection(new NpgsqlConnectionStringBuilder(ownerConnection) { Pooling = false,
                CommandTimeout = 0 }.ConnectionString);
        try
        {
            await connection.OpenAsync(ct);
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>File name (from its number on) and text, in order.</summary>
    public static IEnumerable<(string File, string Sql)> Files()
    {
        var assembly = Assembly.GetExecutingAssembly();
        const string prefix = "Bsp.Infrastructure.Schema.";
        foreach (var name in assembly.GetManifestResourceNames()
            .Where(n => n.StartsWith(prefix, StringComparison.Ordinal) && n.EndsWith(".sql", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(name)!);
            yield return (name[prefix.Length..], reader.ReadToEnd());
        }
    }

    private static async Task<Dictionary<string, string>> AppliedAsync(NpgsqlConnection connection, CancellationToken ct)
    {
        var applied = new Dictionary<string, string>();
        await using var command = new NpgsqlCommand("SELECT file, sha256 FROM bsp.schema_migrations", connection);
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            applied.Add(reader.GetString(0), reader.GetString(1));
        }

        return applied;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }

    [LoggerMessage(Level = LogLevel.Information, Message = "schema: {File} applied")]
    private partial void LogApplied(string file);
}

/// <summary>The database and this build do not fit together.</summary>
public sealed class SchemaFault(string message) : Exception(message);
