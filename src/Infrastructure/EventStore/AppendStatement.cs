using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.EventStore;

/// <summary>What <c>bsp.append</c> answered.</summary>
/// <param name="Verdicts">Of each call: 0 done, 1 conflict, 2 archived.</param>
/// <param name="Versions">Of each item, as found.</param>
/// <param name="Sequences">Of what was written, in the order of the streams.</param>
internal readonly record struct AppendAnswer(int[] Verdicts, long[] Versions, long[] Sequences);

/// <summary>The set-based append, bound to one connection; alone (its own transaction) or behind BEGIN.</summary>
internal sealed class AppendStatement : IAsyncDisposable
{
    private const NpgsqlDbType Array = NpgsqlDbType.Array;
    private readonly AppendArrays arrays = new();
    private readonly NpgsqlBatch batch;
    private readonly NpgsqlParameterCollection parameters;
    private readonly NpgsqlParameter tenants, at, inOrder, claims, correlations, causations, users;

    /// <param name="before">Statements to send ahead in the same round trip (BEGIN, SAVEPOINT).</param>
    public AppendStatement(NpgsqlConnection connection, params ReadOnlySpan<string> before)
    {
        batch = new(connection);
        foreach (var statement in before)
        {
            batch.BatchCommands.Add(new(statement));
        }

        var command =
            new NpgsqlBatchCommand(
                "SELECT verdicts, versions, seqs FROM bsp.append_batch($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14,$15,$16,$17,$18,$19,$20,$21,$22,$23,$24,$25)");
        batch.BatchCommands.Add(command);
        parameters = command.Parameters;
        tenants = Add(NpgsqlDbType.Text, DBNull.Value);
        at = Add(NpgsqlDbType.TimestampTz, DBNull.Value);
        inOrder = Add(NpgsqlDbType.Boolean, false);
        Add(Array | NpgsqlDbType.Text, arrays.TenantNames);
        Add(Array | NpgsqlDbType.Text, arrays.EventTypes);
        Add(Array | NpgsqlDbType.Text, arrays.EventDotnets);
        Add(Array | NpgsqlDbType.Integer, arrays.StreamTenants);
        Add(Array | NpgsqlDbType.Uuid, arrays.StreamIds);
        Add(Array | NpgsqlDbType.Text, arrays.StreamTypes);
        Add(Array | NpgsqlDbType.Bigint, arrays.StreamExpected);
        Add(Array | NpgsqlDbType.Bigint, arrays.StreamVersions);
        Add(Array | NpgsqlDbType.Integer, arrays.CallItems);
        claims = Add(Array | NpgsqlDbType.Uuid, DBNull.Value);
        correlations = Add(Array | NpgsqlDbType.Text, DBNull.Value);
        causations = Add(Array | NpgsqlDbType.Text, DBNull.Value);
        users = Add(Array | NpgsqlDbType.Text, DBNull.Value);
        Add(Array | NpgsqlDbType.Integer, arrays.ItemCalls);
        Add(Array | NpgsqlDbType.Integer, arrays.ItemStreams);
        Add(Array | NpgsqlDbType.Bigint, arrays.ItemExpected);
        Add(Array | NpgsqlDbType.Integer, arrays.ItemCounts);
        Add(Array | NpgsqlDbType.Integer, arrays.EventItems);
        Add(Array | NpgsqlDbType.Integer, arrays.EventNths);
        Add(Array | NpgsqlDbType.Uuid, arrays.EventIds);
        Add(Array | NpgsqlDbType.Integer, arrays.EventNames);
        Add(Array | NpgsqlDbType.Jsonb, arrays.EventBodies);
    }

    /// <summary>How the events of the last batch lie in its sequences.</summary>
    public AppendArrays Arrays => arrays;

    public Task PrepareAsync(CancellationToken ct) => batch.PrepareAsync(ct);

    /// <param name="tenantList">For <c>bsp.tenants</c>; null when the surrounding transaction has set it.</param>
    /// <param name="markClaims">False when the surrounding transaction marks the claim itself.</param>
    /// <param name="judged">Each call by itself at once: a new stream of the batch was found to exist.</param>
    public async Task<AppendAnswer> ExecuteAsync(IReadOnlyList<AppendCall> calls, string? tenantList, DateTime timestamp, bool markClaims,
        bool judged, CancellationToken ct)
    {
        arrays.Fill(calls);
        tenants.Value = (object?)tenantList ?? DBNull.Value;
        at.Value = timestamp;
        inOrder.Value = arrays.InOrder && !judged;
        claims.Value = markClaims && arrays.AnyClaim ? arrays.CallClaims : DBNull.Value;
        correlations.Value = OrNull(arrays.CallCorrelations);
        causations.Value = OrNull(arrays.CallCausations);
        users.Value = OrNull(arrays.CallUsers);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        var sequences = reader.GetFieldValue<long[]>(2);
        var (verdicts, versions) = reader.IsDBNull(0) ? arrays.AsExpected()
            : (reader.GetFieldValue<int[]>(0), reader.GetFieldValue<long[]>(1));
        return new(verdicts, versions, sequences);
    }

    public ValueTask DisposeAsync() => batch.DisposeAsync();

    private NpgsqlParameter Add(NpgsqlDbType type, object value)
    {
        var parameter = new NpgsqlParameter { NpgsqlDbType = type, Value = value };
        parameters.Add(parameter);
        return parameter;
    }

    private static object OrNull(List<string?> values)
    {
        foreach (var value in values)
        {
            if (value is not null)
            {
                return values;
            }
        }

        return DBNull.Value;
    }
}

/// <summary>The lean append of one call on one stream, bound to one connection; alone or behind BEGIN.</summary>
[Application.Common.Bounded("one call of a lane, cleared by the next")]
internal sealed class AppendOneStatement : IAsyncDisposable
{
    private const NpgsqlDbType Array = NpgsqlDbType.Array;
    private readonly List<Guid> ids = [];
    private readonly List<string> types = [], dotnets = [];
    private readonly List<byte[]> bodies = [];
    private readonly NpgsqlBatch batch;
    private readonly NpgsqlParameter[] scalars;

    /// <param name="before">Statements to send ahead in the same round trip (BEGIN).</param>
    public AppendOneStatement(NpgsqlConnection connection, params ReadOnlySpan<string> before)
    {
        batch = new(connection);
        foreach (var statement in before)
        {
            batch.BatchCommands.Add(new(statement));
        }

        var command =
            new NpgsqlBatchCommand("SELECT verdict, version, seqs FROM bsp.append_one($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13,$14)");
        batch.BatchCommands.Add(command);
        scalars = [.. new[] { NpgsqlDbType.Text, NpgsqlDbType.TimestampTz, NpgsqlDbType.Text, NpgsqlDbType.Uuid, NpgsqlDbType.Text,
            NpgsqlDbType.Bigint,
            NpgsqlDbType.Uuid, NpgsqlDbType.Text, NpgsqlDbType.Text, NpgsqlDbType.Text }.Select(type =>
                new NpgsqlParameter { NpgsqlDbType = type, Value = DBNull.Value })];
        command.Parameters.AddRange(scalars);
        command.Parameters.Add(new() { NpgsqlDbType = Array | NpgsqlDbType.Uuid, Value = ids });
        command.Parameters.Add(new() { NpgsqlDbType = Array | NpgsqlDbType.Text, Value = types });
        command.Parameters.Add(new() { NpgsqlDbType = Array | NpgsqlDbType.Text, Value = dotnets });
        command.Parameters.Add(new() { NpgsqlDbType = Array | NpgsqlDbType.Jsonb, Value = bodies });
    }

    public Task PrepareAsync(CancellationToken ct) => batch.PrepareAsync(ct);

    public async Task<AppendAnswer> ExecuteAsync(AppendCall call, string tenantList, DateTime timestamp, CancellationToken ct)
    {
        var stream = call.Streams[0];
        object?[] values = [tenantList, timestamp, call.Tenant, stream.Key.Stream, stream.Type, stream.Expected,
            call.ClaimId, call.Metadata.CorrelationId, call.Metadata.CausationId, call.Metadata.UserName];
        for (var i = 0; i < values.Length; i++)
        {
            scalars[i].Value = values[i] ?? DBNull.Value;
        }

        FillEvents(stream.Events);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        await reader.ReadAsync(ct);
        return new([reader.GetInt32(0)], [reader.GetInt64(1)], reader.GetFieldValue<long[]>(2));
    }

    public ValueTask DisposeAsync() => batch.DisposeAsync();

    private void FillEvents(PendingEvent[] events)
    {
        ids.Clear();
        types.Clear();
        dotnets.Clear();
        bodies.Clear();
        foreach (ref readonly var pending in events.AsSpan())
        {
            ids.Add(pending.Id);
            types.Add(pending.Name.Alias);
            dotnets.Add(pending.Name.Dotnet);
            bodies.Add(pending.Json);
        }
    }
}
