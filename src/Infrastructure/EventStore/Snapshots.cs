using System.Reflection;
using System.Text.Json;
using System.Threading.Channels;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Domain.Common;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.EventStore;

/// <summary>How states of one type are kept; see <see cref="SnapshotEveryAttribute"/>.</summary>
internal static class SnapshotOf<TState>
{
    /// <summary>Events after the last snapshot that are worth a new one; null: states of this type are not kept.</summary>
    public static readonly int? Every = typeof(TState).GetCustomAttribute<SnapshotEveryAttribute>()?.Events;

    /// <summary>
    /// Of the type and of the code that folds it: the build of its assembly, so that a changed Evolve, too, makes old snapshots worthless.
    /// </summary>
    public static readonly string Schema = $"{typeof(TState).FullName} {typeof(TState).Module.ModuleVersionId:N}";

    /// <summary>The state, or false when these bytes are none.</summary>
    public static bool TryRead(byte[] json, out TState state)
    {
        try
        {
            state = JsonSerializer.Deserialize<TState>(json, EventTypes.Json)!;
            return state is not null;
        }
        catch (Exception unreadable) when (unreadable is JsonException or NotSupportedException or ArgumentException)
        {
            state = default!;
            return false;
        }
    }
}

/// <summary>A state on its way into <c>bsp.snapshots</c>.</summary>
internal sealed record Snapshot(Guid OrganizationId, Guid StreamId, long Version, Guid EventId, string Schema, byte[] State);

/// <summary>
/// Writes snapshots after the answer, one at a time on one connection, so that nobody waits for them. What does not fit into the queue, or
/// fails, is not written: the next reader
/// that has to fold as much offers it again. Whoever comes last stands; any of them is right, or is not believed.
/// </summary>
internal sealed class SnapshotWriter : IAsyncDisposable
{
    private const int QueueMax = 256;
    private const string Upsert = """
        INSERT INTO bsp.snapshots (organization_id, stream_id, version, event_id, schema, state) VALUES ($1, $2, $3, $4, $5, $6)
        ON CONFLICT (organization_id, stream_id) DO UPDATE SET version = excluded.version, event_id = excluded.event_id, schema = excluded.schema, state = excluded.state, taken_at = now()
        """;

    [Bounded("256 snapshots; what comes beyond is dropped")]
    private readonly Channel<Snapshot> queue =
        Channel.CreateBounded<Snapshot>(new BoundedChannelOptions(QueueMax) { SingleReader = true,
            FullMode = BoundedChannelFullMode.DropWrite });
    private readonly Task writing;

    public SnapshotWriter(NpgsqlDataSource source)
    {
        using (ExecutionContext.IsFlowSuppressed() ? default(AsyncFlowControl?) : ExecutionContext.SuppressFlow())
        {
            writing = Task.Run(() => WriteAsync(source));
        }
    }

    public void Offer(Snapshot snapshot) => queue.Writer.TryWrite(snapshot);

    /// <summary>Writes what is queued.</summary>
    public async ValueTask DisposeAsync()
    {
        queue.Writer.TryComplete();
        await writing;
    }

    private async Task WriteAsync(NpgsqlDataSource source)
    {
        await foreach (var snapshot in queue.Reader.ReadAllAsync())
        {
            try
            {
                await WriteAsync(source, snapshot);
            }
            catch (Exception error) when (error is NpgsqlException or IOException or TimeoutException or InvalidOperationException)
            {
                // A cache that could not be filled: the stream is as readable as before.
            }
        }
    }

    private static async Task WriteAsync(NpgsqlDataSource source, Snapshot snapshot)
    {
        await using var connection = await source.OpenConnectionAsync();
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(
            new("SELECT set_config('bsp.tenants', $1, true)") { Parameters = { new() { Value = snapshot.OrganizationId.ToString() } } });
        batch.BatchCommands.Add(new(Upsert)
        {
            Parameters =
            {
                new() { Value = snapshot.OrganizationId }, new() { Value = snapshot.StreamId }, new() { Value = snapshot.Version },
                    new() { Value = snapshot.EventId },
                new() { Value = snapshot.Schema }, new() { NpgsqlDbType = NpgsqlDbType.Jsonb, Value = snapshot.State },
            },
        });
        await batch.ExecuteNonQueryAsync();
    }
}
