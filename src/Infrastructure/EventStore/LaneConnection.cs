using System.Text;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.EventStore;

/// <summary>
/// One writer connection, dedicated and unpooled, so that its statements stay prepared and its plans stay put. It holds a session lock of
/// its lane's own: whoever opens
/// the lane again gets the lock only when the former backend is gone, so that looking for a lost call's events cannot come too early.
/// </summary>
internal sealed class LaneConnection : IAsyncDisposable
{
    // The foreign key of mt_events holds by the making of bsp.append_batch and bsp.append_one; where the server lets it, a lane does not
    // have it checked row by row again.
    private const string SkipTriggers =
        "SELECT set_config('session_replication_role', 'replica', false) WHERE has_parameter_privilege('session_replication_role', 'SET')";
    private const string FireTriggers = "SET LOCAL session_replication_role = origin";

    /// <summary>
    /// The same in a transaction that somebody else ends, up to <see cref="FireTriggersHere"/>. It answers with no rows, so that it may go
    /// ahead of an append. Triggers that fire always (what was posted stays) fire.
    /// </summary>
    internal const string SkipTriggersHere = """
        DO $$ BEGIN
          IF has_parameter_privilege('session_replication_role', 'SET') THEN
            PERFORM set_config('session_replication_role', 'replica', true);
          END IF;
        END $$
        """;

    internal const string FireTriggersHere =
        "SELECT set_config('session_replication_role', 'origin', true) WHERE has_parameter_privilege('session_replication_role', 'SET')";
    private const int AutoPreparedMax = 100; // none, where the connection string says so
    private const int LockClass = 0x4C61_6E65; // "Lane"; two-key locks lie apart from the fence's one-key locks

    private readonly Shard shard;
    private readonly NpgsqlConnection connection;
    private readonly AppendStatement many, manyInside, manyGuarded;
    private readonly AppendOneStatement one, oneInside, oneGuarded;

    private readonly bool skipsTriggers;

    private LaneConnection(Shard shard, NpgsqlConnection connection, bool skipsTriggers)
    {
        (this.shard, this.connection, this.skipsTriggers) = (shard, connection, skipsTriggers);
        many = new(connection);
        manyInside = new(connection, "BEGIN");
        manyGuarded = new(connection, "BEGIN", FireTriggers);
        one = new(connection);
        oneInside = new(connection, "BEGIN");
        oneGuarded = new(connection, "BEGIN", FireTriggers);
    }

    /// <param name="lane">The lane's own number; its former connection, if any is left, is ended.</param>
    public static async Task<LaneConnection> OpenAsync(Shard shard, int lane, EventStoreSettings settings, CancellationToken ct)
    {
        var text = new NpgsqlConnectionStringBuilder(shard.ConnectionString)
        {
            Pooling = false,
            Multiplexing = false,
            ApplicationName = "bsp append",
            AutoPrepareMinUsages = 2,
            CommandTimeout = settings.CommandTimeoutSeconds,
            TcpKeepAlive = true,
        };
        text.MaxAutoPrepare = Math.Min(text.MaxAutoPrepare, AutoPreparedMax);
        text.Options =
            $"{text.Options} -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off -c jit=off".Trim();
        var connection = new NpgsqlConnection(text.ConnectionString);
        try
        {
            await connection.OpenAsync(ct);
            await EndFormerAsync(connection, lane, ct);
            await using var skip = new NpgsqlCommand(SkipTriggers, connection);
            var opened = new LaneConnection(shard, connection, skipsTriggers: await skip.ExecuteScalarAsync(ct) is not null);
            await opened.PrepareAsync(ct);
            return opened;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Appends and commits in one round trip.</summary>
    /// <param name="judged">See <see cref="AppendStatement.ExecuteAsync"/>.</param>
    public async Task<AppendResult> AppendAsync(IReadOnlyList<AppendCall> calls, DateTime timestamp, bool judged)
    {
        if (IsLean(calls))
        {
            return Lean(calls, await one.ExecuteAsync(calls[0], calls[0].Tenants(), timestamp, CancellationToken.None));
        }

        var answer = await many.ExecuteAsync(calls, Tenants(calls), timestamp, markClaims: true, judged, CancellationToken.None);
        return new(shard, calls, answer, many.Arrays.FirstSequences(answer.Verdicts));
    }

    /// <summary>Appends in one round trip and commits in a second, together with the statements of the inline views.</summary>
    public async Task<AppendResult> AppendAsync(IReadOnlyList<AppendCall> calls, DateTime timestamp, bool judged, InlineViews views)
    {
        AppendResult result;
        var guarded = skipsTriggers && views.NeedTriggers(calls);
        if (IsLean(calls))
        {
            result = Lean(calls, await (guarded ? oneGuarded : oneInside)
                .ExecuteAsync(calls[0], calls[0].Tenants(), timestamp, CancellationToken.None));
        }
        else
        {
            var statement = guarded ? manyGuarded : manyInside;
            var answer = await statement.ExecuteAsync(calls, Tenants(calls), timestamp, markClaims: true, judged, CancellationToken.None);
            result = new(shard, calls, answer, statement.Arrays.FirstSequences(answer.Verdicts));
        }

        await using var rest = new NpgsqlBatch(connection);
        var events = result.EventsFor(views, timestamp);
        if (events.Count > 0)
        {
            views.AddStatements(events, rest);
        }

        rest.BatchCommands.Add(new("COMMIT"));
        await rest.ExecuteNonQueryAsync(CancellationToken.None);
        return result;
    }

    /// <summary>Ends a transaction that a statement has failed.</summary>
    public async Task RollbackAsync()
    {
        try
        {
            await using var rollback = new NpgsqlCommand("ROLLBACK", connection);
            await rollback.ExecuteNonQueryAsync(CancellationToken.None);
        }
        catch (PostgresException refused)
        {
            throw new IOException("The transaction could not be ended, so its connection is given up.", refused);
        }
    }

    /// <summary>For calls whose connection was lost: the outcome of those that are in the log; null for those that are not.</summary>
    public async Task<AppendOutcome?[]> FindAsync(IReadOnlyList<AppendCall> calls)
    {
        var items = calls.SelectMany((call, index) => call.Streams.Select(stream => (call, index, stream))).ToList();
        await using var command = new NpgsqlCommand("SELECT item, version, sequence FROM bsp.find_appended($1, $2, $3, $4)", connection);
        command.Parameters.Add(new() { Value = Tenants(calls) });
        command.Parameters.Add(new() { Value = items.Select(i => i.call.Tenant).ToArray() });
        command.Parameters.Add(new() { Value = items.Select(i => i.stream.Key.Stream).ToArray() });
        command.Parameters.Add(new() { Value = items.Select(i => i.stream.Events[^1].Id).ToArray() });
        var versions = calls.Select(call => new List<long>(call.Streams.Length)).ToArray();
        var last = new long[calls.Count];
        await using var reader = await command.ExecuteReaderAsync(CancellationToken.None);
        var rows = new List<(int Item, long Version, long Sequence)>();
        while (await reader.ReadAsync(CancellationToken.None))
        {
            rows.Add((reader.GetInt32(0), reader.GetInt64(1), reader.GetInt64(2)));
        }

        foreach (var (item, version, sequence) in rows.OrderBy(row => row.Item))
        {
            var index = items[item - 1].index;
            versions[index].Add(version);
            last[index] = Math.Max(last[index], sequence);
        }

        return [.. calls.Select((_, index) =>
            versions[index].Count == 0 ? null : new AppendOutcome(AppendVerdict.Ok, versions[index], new(shard.Epoch, last[index])))];
    }

    public async ValueTask DisposeAsync()
    {
        await many.DisposeAsync();
        await manyInside.DisposeAsync();
        await manyGuarded.DisposeAsync();
        await one.DisposeAsync();
        await oneInside.DisposeAsync();
        await oneGuarded.DisposeAsync();
        await connection.DisposeAsync();
    }

    private static bool IsLean(IReadOnlyList<AppendCall> calls) => calls.Count == 1 && calls[0].Streams.Length == 1;

    private AppendResult Lean(IReadOnlyList<AppendCall> calls, AppendAnswer answer) =>
        new(shard, calls, answer, [answer.Verdicts[0] == 0 ? 0 : -1]);

    private static string Tenants(IReadOnlyList<AppendCall> calls)
    {
        if (calls.All(call => call.Organization == calls[0].Organization && call.ClaimId is null))
        {
            return calls[0].Tenant;
        }

        var list = new StringBuilder();
        foreach (var tenants in calls.Select(call => call.Tenants()).Distinct())
        {
            list.Append(list.Length > 0 ? "," : "").Append(tenants);
        }

        return list.ToString();
    }

    private static async Task EndFormerAsync(NpgsqlConnection connection, int lane, CancellationToken ct)
    {
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new("""
            SELECT pg_terminate_backend(pid) FROM pg_locks
             WHERE locktype = 'advisory' AND objsubid = 2 AND classid::bigint = $1 AND objid::bigint = $2 AND granted AND pid <> pg_backend_pid()
               AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            """)
        { Parameters =
            { new() { NpgsqlDbType = NpgsqlDbType.Bigint, Value = (long)LockClass },
                new() { NpgsqlDbType = NpgsqlDbType.Bigint, Value = (long)lane } } });
        batch.BatchCommands.Add(
            new("SELECT pg_advisory_lock($1, $2)") { Parameters = { new() { Value = LockClass }, new() { Value = lane } } });
        await batch.ExecuteNonQueryAsync(ct);
    }

    private async Task PrepareAsync(CancellationToken ct)
    {
        await many.PrepareAsync(ct);
        await one.PrepareAsync(ct);
        await manyInside.PrepareAsync(ct);
        await oneInside.PrepareAsync(ct);
    }
}
