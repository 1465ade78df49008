using Npgsql;

namespace Bsp.IntegrationTests.Schema;

/// <summary>What one statement of the application cost since the last reset.</summary>
/// <param name="Rows">Returned or written by all calls.</param>
/// <param name="Buffers">Pages of 8 KB that all calls looked at, cached or not.</param>
internal sealed record StatementCost(string Text, long Calls, long Rows, long Buffers)
{
    public double RowsPerCall => (double)Rows / Calls;

    public double BuffersPerCall => (double)Buffers / Calls;

    public override string ToString() => $"{Buffers,10} buffers, {Calls,7} calls, {Rows,9} rows: {Text}";
}

/// <summary>
/// Every statement that PostgreSQL carried out for the application in one database, those inside functions too, as
/// <c>pg_stat_statements</c> counts them: nobody has to register one.
/// </summary>
internal static class StatementCosts
{
    public static async Task<bool> AreCountedAsync(NpgsqlDataSource admin, CancellationToken ct)
    {
        await using var command = admin.CreateCommand("SELECT current_setting('shared_preload_libraries')");
        return (await command.ExecuteScalarAsync(ct) as string)!.Contains("pg_stat_statements", StringComparison.Ordinal);
    }

    public static async Task ResetAsync(NpgsqlDataSource admin, CancellationToken ct)
    {
        await using var command =
            admin.CreateCommand("SELECT pg_stat_statements_reset(0, (SELECT oid FROM pg_database WHERE datname = current_database()), 0)");
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>The costliest first. As <c>bsp_app</c>, or as the owner inside a function.</summary>
    public static async Task<List<StatementCost>> ReadAsync(NpgsqlDataSource admin, CancellationToken ct)
    {
        await using var command = admin.CreateCommand("""
            SELECT regexp_replace(s.query, '\s+', ' ', 'g'), sum(s.calls)::bigint, sum(s.rows)::bigint, sum(s.shared_blks_hit + s.shared_blks_read)::bigint
              FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
             WHERE s.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND r.rolname IN ('bsp_app', 'bsp_owner')
             GROUP BY 1 ORDER BY 4 DESC
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var costs = new List<StatementCost>();
        while (await reader.ReadAsync(ct))
        {
            costs.Add(new(reader.GetString(0), reader.GetInt64(1), reader.GetInt64(2), reader.GetInt64(3)));
        }

        return costs;
    }
}
