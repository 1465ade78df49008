using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Projections;

/// <summary>How a projection fares on one shard.</summary>
public enum ProjectionState
{
    /// <summary>Follows the log.</summary>
    Running,

    /// <summary>Is built anew from the beginning of the log, beside the view that serves.</summary>
    Rebuilding,

    /// <summary>A store is down; it tries again by itself.</summary>
    Waiting,

    /// <summary>Somebody paused it.</summary>
    Paused,

    /// <summary>An event it must not leave out failed; it waits for somebody to resume it.</summary>
    Stopped,
}

/// <summary>What somebody asks of a projection, from any process.</summary>
public enum ProjectionRequest
{
    Pause,
    Resume,

    /// <summary>
    /// Build the view anew beside the old one and swap. While one is under way it goes on; one that stopped is begun afresh.
    /// </summary>
    Rebuild,

    /// <summary>Give up the rebuild that is under way.</summary>
    Cancel,

    /// <summary>Take the parked events once more: at once where their order does not matter, else by a rebuild.</summary>
    Retry,
}

/// <summary>A rebuild that is under way.</summary>
/// <param name="State"><see cref="ProjectionState.Rebuilding"/>, or why it does not move.</param>
/// <param name="Sequence">The copy is complete up to here.</param>
/// <param name="Rate">Of the last seconds, of its own types.</param>
/// <param name="NumbersPerSecond">Numbers of the log gone through, those of other types included.</param>
public sealed record RebuildStatus(ProjectionState State, long Sequence, double Rate, double NumbersPerSecond, long Parked, string? Error,
    DateTimeOffset StartedAt);

/// <summary>A projection on one shard, as its runner last reported.</summary>
/// <param name="Sequence">Complete up to here.</param>
/// <param name="End">Final end of the log when asked.</param>
/// <param name="EventsPerSecond">Of the last seconds, of its own types.</param>
/// <param name="Parked">Events left out.</param>
/// <param name="Error">Why it waits or stopped; null otherwise.</param>
/// <param name="Pending">Asked for and not carried out yet; null: nothing.</param>
public sealed record ProjectionStatus(string Name, string Shard, ProjectionState State, long Sequence, long End, double EventsPerSecond,
    long Parked, string? Error,
    ProjectionRequest? Pending, DateTimeOffset UpdatedAt)
{
    /// <summary>Null: none is under way.</summary>
    public RebuildStatus? Rebuild { get; init; }

    /// <summary>
    /// The state in one word: a view that follows the log while its copy is built is <see cref="ProjectionState.Rebuilding"/>.
    /// </summary>
    public ProjectionState Shown =>
        State == ProjectionState.Running && Rebuild is { State: ProjectionState.Rebuilding } ? ProjectionState.Rebuilding : State;

    /// <summary>0 to 100, by numbers of the log.</summary>
    public double RebuildPercent => Rebuild is null ? 0 : End == 0 ? 100 : Math.Min(100, 100.0 * Rebuild.Sequence / End);

    /// <summary>At the pace of the last seconds; null: it does not move.</summary>
    public long? RebuildEtaSeconds => Rebuild is { State: ProjectionState.Rebuilding, NumbersPerSecond: > 0 } r
        ? (long)Math.Ceiling(Math.Max(0, End - r.Sequence) / r.NumbersPerSecond) : null;

    /// <summary>Numbers of the log still to go through, those of other types included.</summary>
    public long Lag => Math.Max(0, End - Sequence);
}

/// <summary><c>bsp.projections</c> and <c>bsp.parked_events</c> of one shard.</summary>
internal sealed class ProjectionBoard(Shard shard)
{
    public const string Channel = "bsp_projections";

    /// <summary>Makes the row; returns the state it was left in and the sequence it shows.</summary>
    public async Task<(ProjectionState State, long Sequence)> EnterAsync(string name, CancellationToken ct)
    {
        await using var command =
            Command("INSERT INTO bsp.projections (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING state, sequence", name);
        await using var row = await command.ExecuteReaderAsync(ct);
        await row.ReadAsync(ct);
        return (Enum.Parse<ProjectionState>(row.GetString(0), ignoreCase: true), row.GetInt64(1));
    }

    /// <param name="sequence">Null: the projection moves the row's sequence itself.</param>
    public async Task ReportAsync(string name, ProjectionState state, string? error, double eventsPerSecond, double numbersPerSecond,
        long? sequence, CancellationToken ct)
    {
        await using var command = Command(
            "UPDATE bsp.projections SET state = $2, error = $3, events_per_second = $4, sequence = coalesce($5, sequence), numbers_per_second = $6, updated_at = now() WHERE name = $1", name, Text(state));
        command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)error ?? DBNull.Value });
        command.Parameters.Add(new() { Value = eventsPerSecond });
        command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Bigint, Value = (object?)sequence ?? DBNull.Value });
        command.Parameters.Add(new() { Value = numbersPerSecond });
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>From now on a rebuild is under way, from the beginning; whoever runs the projection goes on with it.</summary>
    public async Task BeginCopyAsync(string view, CancellationToken ct)
    {
        await using var command = Command("""
            WITH forgotten AS (DELETE FROM bsp.parked_events WHERE projection = $1), parts AS (DELETE FROM bsp.projection_parts WHERE name = $1)
            INSERT INTO bsp.projections (name, state, started_at) VALUES ($1, 'rebuilding', now())
                ON CONFLICT (name) DO UPDATE SET sequence = 0, state = 'rebuilding', error = NULL, events_per_second = 0, numbers_per_second = 0, swapping = false, started_at = now(), updated_at = now()
            """, CopyName.Of(view));
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>State of the view's copy; null: no rebuild is under way.</summary>
    public async Task<ProjectionState?> CopyAsync(string view, CancellationToken ct)
    {
        await using var command = Command("SELECT state FROM bsp.projections WHERE name = $1", CopyName.Of(view));
        return await command.ExecuteScalarAsync(ct) is string state ? Enum.Parse<ProjectionState>(state, ignoreCase: true) : null;
    }

    /// <summary>The rebuild is over and given up: nothing of it is left here.</summary>
    public async Task ForgetCopyAsync(string view, CancellationToken ct)
    {
        await using var command =
            Command("WITH parked AS (DELETE FROM bsp.parked_events WHERE projection = $1) DELETE FROM bsp.projections WHERE name = $1",
                CopyName.Of(view));
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>From here on the copy may be the view already, whatever its store answers.</summary>
    public async Task SwappingAsync(string view, CancellationToken ct)
    {
        await using var command = Command("UPDATE bsp.projections SET swapping = true WHERE name = $1", CopyName.Of(view));
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>A swap of this view was begun, and nobody has noted its end.</summary>
    public async Task<bool> IsSwappingAsync(string view, CancellationToken ct)
    {
        await using var command = Command("SELECT swapping FROM bsp.projections WHERE name = $1", CopyName.Of(view));
        return await command.ExecuteScalarAsync(ct) is true;
    }

    /// <summary>The copy of a view in another store is the view now: its parked events are the view's. Without a copy: nothing.</summary>
    /// <param name="sequence">Where the view stands, in that store.</param>
    public async Task SwappedAsync(string view, long sequence, CancellationToken ct)
    {
        await using var tx = await shard.BeginAsync(Array.Empty<Guid>(), ct);
        if (await tx.ExecuteAsync(
            "UPDATE bsp.projections SET sequence = $2, updated_at = now() WHERE name = $1 AND EXISTS (SELECT 1 FROM bsp.projections WHERE name = $3)", ct, view, sequence, CopyName.Of(view)) == 1)
        {
            await ForgetAsync(tx, view, ct);
            await tx.CommitAsync(ct);
        }
    }

    /// <summary>
    /// The copy's checkpoint and parked events become the view's, where both checkpoints are rows here, in the transaction that swaps the
    /// contents. False: there is no copy (any more), or
    /// the view is further on than it; then nothing must be swapped.
    /// </summary>
    public static async Task<bool> SwapAsync(TenantTransaction tx, string view, CancellationToken ct)
    {
        var swapped = await tx.ExecuteAsync("""
            UPDATE bsp.projections v SET sequence = c.sequence, updated_at = now()
              FROM (SELECT sequence FROM bsp.projections WHERE name = $2 FOR UPDATE) c WHERE v.name = $1 AND c.sequence >= v.sequence
            """, ct, view, CopyName.Of(view)) == 1;
        if (swapped)
        {
            await ForgetAsync(tx, view, ct);
        }

        return swapped;
    }

    private static async Task ForgetAsync(TenantTransaction tx, string view, CancellationToken ct)
    {
        var copy = CopyName.Of(view);
        await tx.ExecuteAsync("DELETE FROM bsp.projections WHERE name = $1", ct, copy);
        await tx.ExecuteAsync("DELETE FROM bsp.projection_parts WHERE name = $1", ct, copy);
        await tx.ExecuteAsync("DELETE FROM bsp.parked_events WHERE projection = $1", ct, view);
        await tx.ExecuteAsync("UPDATE bsp.parked_events SET projection = $1 WHERE projection = $2", ct, view, copy);
    }

    public async Task AskAsync(string name, ProjectionRequest request, CancellationToken ct)
    {
        await using var command = Command(
            "WITH asked AS (INSERT INTO bsp.projections (name, request) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET request = excluded.request) SELECT pg_notify($3, $1)",
            name, Text(request), Channel);
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>The request waits still: nobody has carried it out.</summary>
    public async Task<bool> IsAskedAsync(string name, ProjectionRequest request, CancellationToken ct)
    {
        await using var command = Command("SELECT request = $2 FROM bsp.projections WHERE name = $1", name, Text(request));
        return await command.ExecuteScalarAsync(ct) is true;
    }

    /// <summary>The request was carried out; one made meanwhile stays.</summary>
    public async Task DoneAsync(string name, ProjectionRequest request, CancellationToken ct)
    {
        await using var command =
            Command("UPDATE bsp.projections SET request = NULL WHERE name = $1 AND request = $2", name, Text(request));
        await command.ExecuteNonQueryAsync(ct);
    }

    public async Task ParkAsync(string name, Application.EventStore.StoredEvent bad, string error, CancellationToken ct)
    {
        await using var command = Command("""
            INSERT INTO bsp.parked_events (projection, sequence, event_id, type, error) VALUES ($1, $2, $3, $4, $5)
                ON CONFLICT (projection, sequence) DO UPDATE SET error = excluded.error, parked_at = now()
            """, name, bad.Sequence, bad.Id, bad.Type, error);
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>Organizations that have anything in the log.</summary>
    public async Task<int> OrganizationsAsync(CancellationToken ct)
    {
        await using var command = Command("SELECT count(*)::int FROM bsp.log_tenants()");
        return (int)(await command.ExecuteScalarAsync(ct))!;
    }

    /// <summary>Projections, and rebuilds, that wait or have stopped.</summary>
    public async Task<List<string>> TroubledAsync(CancellationToken ct)
    {
        await using var command = Command("SELECT name FROM bsp.projections WHERE state IN ('waiting', 'stopped')");
        await using var reader = await command.ExecuteReaderAsync(ct);
        var all = new List<string>();
        while (await reader.ReadAsync(ct))
        {
            all.Add(reader.GetString(0));
        }

        return all;
    }

    /// <summary>Sequences of the parked events, the oldest first, 1,000 at most.</summary>
    public async Task<List<long>> ParkedAsync(string name, CancellationToken ct)
    {
        await using var command =
            Command("SELECT sequence FROM bsp.parked_events WHERE projection = $1 ORDER BY sequence LIMIT 1000", name);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var all = new List<long>();
        while (await reader.ReadAsync(ct))
        {
            all.Add(reader.GetInt64(0));
        }

        return all;
    }

    /// <summary>The projections of this shard, each with its rebuild.</summary>
    public async Task<List<ProjectionStatus>> StatusAsync(long end, CancellationToken ct)
    {
        await using var command = Command($"""
            SELECT p.name, p.state, p.sequence, p.events_per_second, p.error, p.updated_at, (SELECT count(*) FROM bsp.parked_events e WHERE e.projection = p.name), p.request,
                   c.state, c.sequence, c.events_per_second, c.numbers_per_second, (SELECT count(*) FROM bsp.parked_events e WHERE e.projection = c.name), c.error, coalesce(c.started_at, c.updated_at)
              FROM bsp.projections p LEFT JOIN bsp.projections c ON c.name = p.name || '{CopyName.Of("")}' WHERE p.name NOT LIKE '%{CopyName.Of("")}' ORDER BY p.name
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var all = new List<ProjectionStatus>();
        while (await reader.ReadAsync(ct))
        {
            all.Add(new(reader.GetString(0), shard.Name, State(reader, 1), reader.GetInt64(2), end, reader.GetDouble(3),
                reader.GetInt64(6), reader.IsDBNull(4) ? null : reader.GetString(4),
                reader.IsDBNull(7) ? null
                : Enum.Parse<ProjectionRequest>(reader.GetString(7), ignoreCase: true), new(reader.GetDateTime(5)))
            {
                Rebuild = reader.IsDBNull(8) ? null
                    : new(State(reader, 8), reader.GetInt64(9), reader.GetDouble(10), reader.GetDouble(11), reader.GetInt64(12),
                    reader.IsDBNull(13) ? null : reader.GetString(13), new(reader.GetDateTime(14))),
            });
        }

        return all;
    }

    private static ProjectionState State(NpgsqlDataReader row, int column) =>
        Enum.Parse<ProjectionState>(row.GetString(column), ignoreCase: true);

    private static string Text<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();

    private NpgsqlCommand Command(string sql, params object[] arguments)
    {
        var command = shard.App.CreateCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        return command;
    }
}
