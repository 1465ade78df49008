using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Projections;

/// <summary>How a projection fares on one shard.</summary>
public enum ProjectionState
{
    /// <summary>Follows the log.</summary>
    Running,

    /// <summary>Replays from the beginning and has not reached the end yet.</summary>
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

    /// <summary>Empty the view and replay the log.</summary>
    Rebuild,
}

/// <summary>A projection on one shard, as its runner last reported.</summary>
/// <param name="Sequence">Complete up to here.</param>
/// <param name="End">Final end of the log when asked.</param>
/// <param name="EventsPerSecond">Of the last seconds, of its own types.</param>
/// <param name="Parked">Events left out.</param>
/// <param name="Error">Why it waits or stopped; null otherwise.</param>
/// <param name="Pending">Asked for and not carried out yet; null: nothing.</param>
public sealed record ProjectionStatus(string Name, string Shard, ProjectionState State, long Sequence, long End, double EventsPerSecond, long Parked, string? Error,
    ProjectionRequest? Pending, DateTimeOffset UpdatedAt)
{
    /// <summary>Numbers of the log still to go through, those of other types included.</summary>
    public long Lag => Math.Max(0, End - Sequence);
}

/// <summary><c>bsp.projections</c> and <c>bsp.parked_events</c> of one shard.</summary>
internal sealed class ProjectionBoard(Shard shard)
{
    public const string Channel = "bsp_projections";

    /// <summary>Makes the row; returns the state it was left in.</summary>
    public async Task<ProjectionState> EnterAsync(string name, CancellationToken ct)
    {
        await using var command = Command("INSERT INTO bsp.projections (name) VALUES ($1) ON CONFLICT (name) DO UPDATE SET name = excluded.name RETURNING state", name);
        return Enum.Parse<ProjectionState>((string)(await command.ExecuteScalarAsync(ct))!, ignoreCase: true);
    }

    /// <param name="sequence">Null: the projection moves the row's sequence itself.</param>
    public async Task ReportAsync(string name, ProjectionState state, string? error, double eventsPerSecond, long? sequence, CancellationToken ct)
    {
        await using var command = Command(
            "UPDATE bsp.projections SET state = $2, error = $3, events_per_second = $4, sequence = coalesce($5, sequence), updated_at = now() WHERE name = $1", name, Text(state));
        command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)error ?? DBNull.Value });
        command.Parameters.Add(new() { Value = eventsPerSecond });
        command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Bigint, Value = (object?)sequence ?? DBNull.Value });
        await command.ExecuteNonQueryAsync(ct);
    }

    public async Task AskAsync(string name, ProjectionRequest request, CancellationToken ct)
    {
        await using var command = Command(
            "WITH asked AS (INSERT INTO bsp.projections (name, request) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET request = excluded.request) SELECT pg_notify($3, $1)",
            name, Text(request), Channel);
        await command.ExecuteNonQueryAsync(ct);
    }

    /// <summary>The request was carried out; one made meanwhile stays.</summary>
    public async Task DoneAsync(string name, ProjectionRequest request, CancellationToken ct)
    {
        await using var command = Command("UPDATE bsp.projections SET request = NULL WHERE name = $1 AND request = $2", name, Text(request));
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

    public async Task UnparkAllAsync(string name, CancellationToken ct)
    {
        await using var command = Command("DELETE FROM bsp.parked_events WHERE projection = $1", name);
        await command.ExecuteNonQueryAsync(ct);
    }

    public async Task<List<ProjectionStatus>> StatusAsync(long end, CancellationToken ct)
    {
        await using var command = Command("""
            SELECT p.name, p.state, p.sequence, p.events_per_second, p.error, p.updated_at, (SELECT count(*) FROM bsp.parked_events e WHERE e.projection = p.name), p.request
              FROM bsp.projections p ORDER BY p.name
            """);
        await using var reader = await command.ExecuteReaderAsync(ct);
        var all = new List<ProjectionStatus>();
        while (await reader.ReadAsync(ct))
        {
            all.Add(new(reader.GetString(0), shard.Name, Enum.Parse<ProjectionState>(reader.GetString(1), ignoreCase: true), reader.GetInt64(2), end, reader.GetDouble(3),
                reader.GetInt64(6), reader.IsDBNull(4) ? null : reader.GetString(4),
                reader.IsDBNull(7) ? null : Enum.Parse<ProjectionRequest>(reader.GetString(7), ignoreCase: true), new(reader.GetDateTime(5))));
        }

        return all;
    }

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
