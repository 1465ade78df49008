using Bsp.Application.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.Moves;

/// <summary>
/// Connections of a move: of the role that owns the tables, past any pooler, with triggers and foreign keys off, because rows come with
/// what triggers would make of them, table by table.
/// </summary>
internal static class MoveConnection
{
    private const string Settings = """
        SET ROLE bsp_owner; SET TimeZone = 'UTC'; SET client_min_messages = warning; SET bsp.mover = 'on'; SET jit = off;
        SET session_replication_role = replica
        """;

    /// <exception cref="MoveFault">The configuration has no owner's connection to this shard, or it may not do what a move
    /// needs.</exception>
    public static async Task<NpgsqlConnection> OpenAsync(BspOptions options, Guid organizationId, string shard, CancellationToken ct)
    {
        var owner = options.Shards.FirstOrDefault(s => s.Name == shard)?.Owner
            ?? throw new MoveFault(
                $"This process has no owner's connection to shard '{shard}' (Bsp:Shards:{shard}): let one that has it carry out the move.");
        var text = new NpgsqlConnectionStringBuilder(owner)
        {
            Pooling = false, Multiplexing = false, ApplicationName = "bsp move", CommandTimeout = 600, KeepAlive = 10,
        };
        var connection = new NpgsqlConnection(text.ConnectionString);
        try
        {
            await connection.OpenAsync(ct);
            await connection.DoAsync(Settings, ct);
            await connection.DoAsync("SELECT set_config('bsp.tenants', $1, false)", ct, organizationId.ToString());
            return connection;
        }
        catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            await connection.DisposeAsync();
            throw new MoveFault(
                $"On shard '{shard}' the owner's role may not move anybody ({refused.MessageText}): a superuser must once GRANT SET "
                    + $"ON PARAMETER session_replication_role TO bsp_owner.");
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    public static async Task<List<T>> RowsAsync<T>(this NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> map,
        CancellationToken ct, params object?[] arguments)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        Tenancy.Bind(command.Parameters, arguments);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(map(reader));
        }

        return rows;
    }

    /// <summary>The first column of the first row; null: none, or NULL.</summary>
    public static async Task<T?> OneAsync<T>(this NpgsqlConnection connection, string sql, CancellationToken ct,
        params object?[] arguments)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        Tenancy.Bind(command.Parameters, arguments);
        return await command.ExecuteScalarAsync(ct) is T found ? found : default;
    }

    /// <summary>Rows affected.</summary>
    public static async Task<int> DoAsync(this NpgsqlConnection connection, string sql, CancellationToken ct, params object?[] arguments)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        Tenancy.Bind(command.Parameters, arguments);
        return await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Rows of a query on one server into a table on the other, as they are.</summary>
    public static async Task PipeAsync(NpgsqlConnection from, string query, NpgsqlConnection to, string into, CancellationToken ct)
    {
        await using var rows = await from.BeginRawBinaryCopyAsync($"COPY ({query}) TO STDOUT (FORMAT binary)", ct);
        await using var table = await to.BeginRawBinaryCopyAsync($"COPY {into} FROM STDIN (FORMAT binary)", ct);
        await rows.CopyToAsync(table, 128 * 1024, ct);
    }
}

/// <summary>Why a move does not go on, in a sentence for the operator.</summary>
public sealed class MoveFault(string message) : Exception(message);
