using System.Data;
using Bsp.Infrastructure.Sharding;
using Npgsql;

namespace Bsp.Infrastructure.LedgerAudits;

/// <summary>One moment of the database, seen by several connections at once, for one organization: what is appended meanwhile is in none
/// of them.</summary>
internal sealed class AuditSnapshot : IAsyncDisposable
{
    private readonly Shard shard;
    private readonly Guid organization;
    private readonly string name;
    private readonly List<NpgsqlConnection> others = [];

    private AuditSnapshot(Shard shard, Guid organization, NpgsqlConnection own, string name) =>
        (this.shard, this.organization, Own, this.name) = (shard, organization, own, name);

    /// <summary>For statements between the runs.</summary>
    public NpgsqlConnection Own { get; }

    public static async Task<AuditSnapshot> TakeAsync(Shard shard, Guid organization, CancellationToken ct)
    {
        var connection = await shard.App.OpenConnectionAsync(ct);
        try
        {
            await BeginAsync(connection, organization, null, ct);
            await using var export = new NpgsqlCommand("SELECT pg_export_snapshot()", connection);
            return new(shard, organization, connection, (string)(await export.ExecuteScalarAsync(ct))!);
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>One more connection that sees the same moment; it lasts as long as this does.</summary>
    public async Task<NpgsqlConnection> OpenAsync(CancellationToken ct)
    {
        var connection = await shard.App.OpenConnectionAsync(ct);
        lock (others)
        {
            others.Add(connection);
        }

        await BeginAsync(connection, organization, name, ct);
        return connection;
    }

    public async Task<List<T>> QueryAsync<T>(string sql, Func<NpgsqlDataReader, T> map, CancellationToken ct, params object?[] arguments)
    {
        await using var command = new NpgsqlCommand(sql, Own) { CommandTimeout = 0 };
        Tenancy.Bind(command.Parameters, arguments);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(map(reader));
        }

        return rows;
    }

    /// <summary>Row by row, in constant memory, until somebody has seen enough.</summary>
    /// <param name="row">True: go on.</param>
    public async Task EachAsync(string sql, Func<NpgsqlDataReader, bool> row, CancellationToken ct, params object?[] arguments)
    {
        await using var command = new NpgsqlCommand(sql, Own) { CommandTimeout = 0 };
        Tenancy.Bind(command.Parameters, arguments);
        await using var reader = await command.ExecuteReaderAsync(ct);
        for (var more = true; more && await reader.ReadAsync(ct); more = row(reader))
        {
        }
    }

    /// <summary>From here on whole tables are joined: by hashing, also where statistics say that there is nothing in them.</summary>
    public async Task JoinByHashingAsync(CancellationToken ct)
    {
        await using var command = new NpgsqlCommand(
            "SET LOCAL enable_seqscan = on; SET LOCAL enable_sort = on; SET LOCAL enable_bitmapscan = on; SET LOCAL enable_nestloop = "
                + "off; SET LOCAL work_mem = '64MB'", Own);
        await command.ExecuteNonQueryAsync(ct);
    }

    // A connection that is given back rolls its transaction back.
    public async ValueTask DisposeAsync()
    {
        foreach (var connection in others.Append(Own))
        {
            await connection.DisposeAsync();
        }
    }

    // Hundreds of thousands of rows are read in the order of an index: no plan that sorts them is better, whatever the statistics say.
    private static async Task BeginAsync(NpgsqlConnection connection, Guid organization, string? snapshot, CancellationToken ct)
    {
        await connection.BeginTransactionAsync(IsolationLevel.RepeatableRead, ct);
        var sql = (snapshot is null ? "" : $"SET TRANSACTION SNAPSHOT '{snapshot}'; ")
            + "SET LOCAL enable_seqscan = off; SET LOCAL enable_sort = off; SET LOCAL enable_bitmapscan = off; SET LOCAL jit = off; "
            + $"SELECT set_config('bsp.tenants', '{organization}', true)";
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(ct);
    }
}
