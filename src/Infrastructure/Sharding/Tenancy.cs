using System.Data;
using System.Diagnostics;
using Bsp.Application.Common;
using Npgsql;

namespace Bsp.Infrastructure.Sharding;

/// <summary>
/// SQL for one organization (or a named few): every statement runs with <c>bsp.tenants</c> set, so row-level security lets it see that
/// organization and no other.
/// </summary>
public static class Tenancy
{
    /// <summary>Rows of one query, in one round trip.</summary>
    public static Task<List<T>> QueryAsync<T>(this Shard shard, Guid organizationId, string sql, Func<NpgsqlDataReader, T> map,
        CancellationToken ct, params object?[] arguments) =>
        shard.QueryAsync([organizationId], sql, map, ct, arguments);

    /// <summary>Rows of one query over several organizations, in one round trip.</summary>
    public static async Task<List<T>> QueryAsync<T>(this Shard shard, IReadOnlyCollection<Guid> organizationIds, string sql,
        Func<NpgsqlDataReader, T> map, CancellationToken ct, params object?[] arguments)
    {
        await using var connection = await shard.App.OpenConnectionAsync(ct);
        var began = Stopwatch.GetTimestamp(); // waiting for a connection is no work
        try
        {
            await using var batch = Scoped(connection, organizationIds, sql, arguments);
            await using var reader = await batch.ExecuteReaderAsync(ct);
            await reader.NextResultAsync(ct);
            var rows = new List<T>();
            while (await reader.ReadAsync(ct))
            {
                rows.Add(map(reader));
            }

            return rows;
        }
        finally
        {
            CurrentRequest.Value?.Worked(Stopwatch.GetElapsedTime(began));
        }
    }

    /// <summary>The first row, or default.</summary>
    public static async Task<T?> FirstAsync<T>(this Shard shard, Guid organizationId, string sql, Func<NpgsqlDataReader, T> map,
        CancellationToken ct, params object?[] arguments) =>
        (await shard.QueryAsync(organizationId, sql, map, ct, arguments)).FirstOrDefault();

    /// <summary>A transaction for one organization. Dispose without commit rolls back.</summary>
    public static Task<TenantTransaction> BeginAsync(this Shard shard, Guid organizationId, CancellationToken ct) =>
        shard.BeginAsync([organizationId], ct);

    /// <summary>
    /// A transaction on a connection that the caller keeps, for a long row of them: a backend that has the tables' pages and catalog at
    /// hand is not left for another.
    /// </summary>
    public static async Task<TenantTransaction> BeginAsync(this NpgsqlConnection kept, Guid organizationId, CancellationToken ct)
    {
        var scoped =
            new TenantTransaction(kept, await kept.BeginTransactionAsync(IsolationLevel.ReadCommitted, ct)) { KeepsConnection = true };
        try
        {
            var (sql, settings) = Settings([organizationId]);
            await scoped.ExecuteAsync(sql, ct, settings);
            return scoped;
        }
        catch
        {
            await scoped.DisposeAsync();
            throw;
        }
    }

    /// <summary>A transaction for several organizations (a page of the log, a batch).</summary>
    public static Task<TenantTransaction> BeginAsync(this Shard shard, IReadOnlyCollection<Guid> organizationIds, CancellationToken ct) =>
        shard.BeginAsync(organizationIds, IsolationLevel.ReadCommitted, ct);

    /// <summary>For reading only: every statement of it sees the same moment.</summary>
    public static Task<TenantTransaction> BeginSnapshotAsync(this Shard shard, Guid organizationId, CancellationToken ct) =>
        shard.BeginAsync([organizationId], IsolationLevel.RepeatableRead, ct);

    private static async Task<TenantTransaction> BeginAsync(
        this Shard shard, IReadOnlyCollection<Guid> organizationIds, IsolationLevel isolation, CancellationToken ct)
    {
        var connection = await shard.App.OpenConnectionAsync(ct);
        try
        {
            var transaction = await connection.BeginTransactionAsync(isolation, ct);
            var scoped = new TenantTransaction(connection, transaction);
            var (sql, settings) = Settings(organizationIds);
            await scoped.ExecuteAsync(sql, ct, settings);
            return scoped;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    // One array of texts alone is taken by C# for the list of arguments itself (arrays of references are covariant): it is one argument.
    internal static void Bind(NpgsqlParameterCollection parameters, object?[] arguments)
    {
        foreach (var argument in arguments.GetType() == typeof(object[]) ? arguments : [arguments])
        {
            parameters.Add(argument as NpgsqlParameter ?? new NpgsqlParameter { Value = argument ?? DBNull.Value });
        }
    }

    // A key that is restricted to one WhatsApp account sees nothing of the others.
    private static (string Sql, object?[] Arguments) Settings(IReadOnlyCollection<Guid> organizationIds) =>
        CurrentRequest.Value?.AccountId is { } account
        ? ("SELECT set_config('bsp.tenants', $1, true), set_config('bsp.account', $2, true)",
            [string.Join(',', organizationIds), account.ToString()])
        : ("SELECT set_config('bsp.tenants', $1, true)", [string.Join(',', organizationIds)]);

    private static NpgsqlBatch Scoped(NpgsqlConnection connection, IReadOnlyCollection<Guid> organizationIds, string sql,
        object?[] arguments)
    {
        var batch = new NpgsqlBatch(connection);
        var (scope, settings) = Settings(organizationIds);
        var first = new NpgsqlBatchCommand(scope);
        Bind(first.Parameters, settings);
        batch.BatchCommands.Add(first);
        var command = new NpgsqlBatchCommand(sql);
        Bind(command.Parameters, arguments);
        batch.BatchCommands.Add(command);
        return batch;
    }
}

/// <summary>A transaction that sees the named organizations only. Commit also marks the request's idempotency claim.</summary>
public sealed class TenantTransaction(NpgsqlConnection connection, NpgsqlTransaction transaction) : IAsyncDisposable
{
    private List<Func<Task>>? followers;

    /// <summary>
    /// What follows the commit and nothing else: copies in caches that are out of date by then. Not done by a process that is killed in
    /// between.
    /// </summary>
    public void OnCommitted(Func<Task> follower) => (followers ??= []).Add(follower);

    /// <summary>For COPY and batches; already inside the transaction.</summary>
    public NpgsqlConnection Connection => connection;

    internal NpgsqlTransaction Transaction => transaction;

    /// <summary>A command in this transaction.</summary>
    public NpgsqlCommand Command(string sql, params object?[] arguments)
    {
        var command = new NpgsqlCommand(sql, connection, transaction);
        Tenancy.Bind(command.Parameters, arguments);
        return command;
    }

    /// <summary>Rows affected.</summary>
    public async Task<int> ExecuteAsync(string sql, CancellationToken ct, params object?[] arguments)
    {
        await using var command = Command(sql, arguments);
        return await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Rows of a query.</summary>
    public async Task<List<T>> QueryAsync<T>(string sql, Func<NpgsqlDataReader, T> map, CancellationToken ct, params object?[] arguments)
    {
        await using var command = Command(sql, arguments);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(map(reader));
        }

        return rows;
    }

    /// <summary>As above, however long it takes: for statements over all of an organization's rows.</summary>
    public async Task<List<T>> QueryLongAsync<T>(string sql, Func<NpgsqlDataReader, T> map, CancellationToken ct,
        params object?[] arguments)
    {
        await using var command = Command(sql, arguments);
        command.CommandTimeout = 0;
        await using var reader = await command.ExecuteReaderAsync(ct);
        var rows = new List<T>();
        while (await reader.ReadAsync(ct))
        {
            rows.Add(map(reader));
        }

        return rows;
    }

    /// <summary>Commits, with the mark of the current request's idempotency claim when there is one.</summary>
    public async Task CommitAsync(CancellationToken ct)
    {
        if (CurrentRequest.Value is { Claim: { } claim, ClaimMarked: false } request)
        {
            await ExecuteAsync("UPDATE bsp.idempotency_keys SET work_done = true WHERE claim_id = $1", ct, claim.ClaimId);
            request.ClaimMarked = true;
        }

        await CommitUnmarkedAsync(ct);
    }

    /// <summary>Commits without the claim's mark: another transaction of the same command, in another database, carries it.</summary>
    public async Task CommitUnmarkedAsync(CancellationToken ct)
    {
        await transaction.CommitAsync(ct);
        foreach (var follower in followers ?? [])
        {
            await follower();
        }
    }

    internal bool KeepsConnection { get; init; }

    public async ValueTask DisposeAsync()
    {
        await transaction.DisposeAsync();
        if (!KeepsConnection)
        {
            await connection.DisposeAsync();
        }
    }
}
