using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.EventStore;

/// <summary>Reads streams of one shard in one round trip, on connections of its own whose plans always use the index.</summary>
internal sealed class StreamLoader : IAsyncDisposable
{
    /// <summary>Those of <see cref="EventRows"/> and, last, whether the event is archived.</summary>
    /// <param name="leftOut">As there.</param>
    public static string Columns(string leftOut) => $"{EventRows.Columns(leftOut)}, coalesce(e.is_archived, false)";

    public const int ArchivedColumn = 10;

    // Tombstones stand in streams of their own and never come up here.
    // One look-up per stream, whatever the planner knew when it planned: on a table without statistics "= ANY" became a filter over all of
    // the tenant's events (measured: 170 ms instead of 2).
    private static readonly string Many = $"""
        SELECT e.* FROM unnest($2) AS s (id)
         CROSS JOIN LATERAL (SELECT {Columns("$3")} FROM public.mt_events e WHERE e.tenant_id = $1 AND e.stream_id = s.id ORDER BY e.version OFFSET 0) e
        """;
    // Snapshot and what came after it, of one moment: in two statements a newer snapshot between them would hide events. It counts only
    // when its event is the stream's at that version.
    private static readonly string Tail = $"""
        WITH s AS MATERIALIZED (
          SELECT p.version, p.state FROM bsp.snapshots p
           WHERE p.organization_id = $3 AND p.stream_id = $2 AND p.schema = $4
             AND EXISTS (SELECT FROM public.mt_events e WHERE e.tenant_id = $1 AND e.stream_id = $2 AND e.version = p.version AND e.id = p.event_id AND e.is_archived IS NOT TRUE))
        SELECT 0::bigint, $2, $2, s.version, ''::varchar, s.state, now(), NULL::varchar, NULL::varchar, NULL::varchar, false FROM s
        UNION ALL
        SELECT {Columns("$5")} FROM public.mt_events e WHERE e.tenant_id = $1 AND e.stream_id = $2 AND e.version > coalesce((SELECT s.version FROM s), 0)
        ORDER BY 4
        """;

    private readonly NpgsqlDataSource source;
    private readonly SnapshotWriter snapshots;
    private readonly StreamLoads loads;
    private readonly UnreadableEvents unreadable;
    private readonly BadRows bad;

    public StreamLoader(Shard shard, EventStoreSettings settings)
    {
        source = Source(shard, settings);
        snapshots = new(source);
        unreadable = UnreadableEvents.Of(shard);
        bad = new(source, unreadable);
        loads = new(source, unreadable, settings.LoadConnectionsMax);
    }

    /// <exception cref="UnreadableStream">A body of it cannot be read.</exception>
    public Task<LoadedStream> LoadAsync(Guid organizationId, Guid streamId, CancellationToken ct) =>
        loads.LoadAsync(organizationId, streamId, ct);

    /// <param name="archivedToo">False: an archived stream has no events here, as in Marten, and says that it is archived.</param>
    public async Task<IReadOnlyList<LoadedStream>> LoadManyAsync(Guid organizationId, IReadOnlyList<Guid> streamIds, bool archivedToo,
        CancellationToken ct)
    {
        var byStream = new Dictionary<Guid, (List<StoredEvent> Events, bool Archived)>(streamIds.Count);
        await ReadableAsync(organizationId, streamIds, byStream.Clear, () => LoadManyAsync(organizationId, streamIds, byStream, ct), ct);
        return [.. streamIds.Select(id =>
            byStream.TryGetValue(id, out var own) ? Stream(id, own.Events, own.Archived, archivedToo) : new LoadedStream(id, 0, []))];
    }

    private async Task<bool> LoadManyAsync(Guid organizationId, IReadOnlyList<Guid> streamIds,
        Dictionary<Guid, (List<StoredEvent> Events, bool Archived)> byStream, CancellationToken ct)
    {
        var asked = new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid, Value = streamIds.Distinct().ToArray() };
        return await ReadAsync(organizationId, Many, row =>
        {
            var stored = EventRows.Read(row, organizationId, unreadable);
            if (!byStream.TryGetValue(stored.StreamId, out var own))
            {
                byStream[stored.StreamId] = own = ([], row.GetBoolean(ArchivedColumn));
            }

            own.Events.Add(stored);
        }, ct, asked, EventRows.LeftOut(unreadable));
    }

    // A body that PostgreSQL cannot give fails the whole statement: found, and left out, the rest is read. False: it took a second try.
    private async Task<bool> ReadableAsync(Guid organizationId, IReadOnlyList<Guid> streamIds, Action again, Func<Task> read,
        CancellationToken ct)
    {
        try
        {
            await read();
            return true;
        }
        catch (PostgresException refused) when (UnreadableEvents.MayBeOfARow(refused))
        {
            var tenant = organizationId.ToString();
            await bad.FindAsync([.. streamIds.Distinct().Select(id => (tenant, id))], ct);
            again();
            await read();
            return false;
        }
    }

    /// <summary>The state, from a snapshot and what came after it where states of this type are kept.</summary>
    public async Task<LoadedState<TState>> LoadStateAsync<TState, TEvent>(Guid organizationId, Guid streamId, TState initial,
        Func<TState, TEvent, TState> evolve, CancellationToken ct) where TEvent : class
    {
        if (SnapshotOf<TState>.Every is not { } every)
        {
            var stream = await LoadAsync(organizationId, streamId, ct);
            return new(stream.Fold(initial, evolve), stream.Version, stream.IsArchived);
        }

        Folding<TState> folding = null!;
        var withSnapshot = true;
        await ReadableAsync(organizationId, [streamId], () => withSnapshot = false, async () =>
            folding = await FoldAsync(organizationId, streamId, initial, evolve, withSnapshot, ct), ct);
        if (folding.BadSnapshot)
        {
            folding = await FoldAsync(organizationId, streamId, initial, evolve, useSnapshot: false, ct);
        }

        if (folding.Folded >= every && !folding.Archived)
        {
            snapshots.Offer(new(organizationId, streamId, folding.Version, folding.LastEvent, SnapshotOf<TState>.Schema,
                JsonSerializer.SerializeToUtf8Bytes(folding.State, EventTypes.Json)));
        }

        return folding.Archived ? new(initial, 0, true) : new(folding.State, folding.Version, false);
    }

    /// <summary>A function's number, about streams of one organization: the tenant is its first argument.</summary>
    /// <param name="versions">Null: the function takes none.</param>
    public async Task<int> CountAsync(Guid organizationId, string sql, CancellationToken ct, Guid[] streamIds, long[]? versions = null)
    {
        var count = 0;
        NpgsqlParameter[] arguments =
            [new() { Value = streamIds }, .. versions is null ? Array.Empty<NpgsqlParameter>() : [new() { Value = versions }]];
        await QueryAsync(organizationId, sql, row => count = row.GetInt32(0), ct, arguments);
        return count;
    }

    public async ValueTask DisposeAsync()
    {
        await snapshots.DisposeAsync();
        await source.DisposeAsync();
    }

    /// <param name="archivedToo">False: an archived stream has no events here, as in Marten, and says that it is archived.</param>
    public static LoadedStream Stream(Guid id, List<StoredEvent> events, bool archived, bool archivedToo) =>
        events.Count == 0 || (archived && !archivedToo) ? new(id, 0, [], archived) : new(id, events[^1].Version, events, archived);

    private async Task<Folding<TState>> FoldAsync<TState, TEvent>(Guid organizationId, Guid streamId, TState initial,
        Func<TState, TEvent, TState> evolve, bool useSnapshot, CancellationToken ct) where TEvent : class
    {
        var folding = new Folding<TState> { State = initial };
        var schema = new NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Text, Value = useSnapshot ? SnapshotOf<TState>.Schema : "" };
        folding.Archived = await ReadAsync(organizationId, Tail, row =>
        {
            if (row.GetInt64(0) == 0)
            {
                folding.BadSnapshot = !SnapshotOf<TState>.TryRead(row.GetFieldValue<byte[]>(5), out var kept);
                (folding.State, folding.Version) = (kept, row.GetInt64(3));
                return;
            }

            var stored = EventRows.Read(row, organizationId, unreadable);
            if (stored.Body is UnreadableBody unread)
            {
                throw new UnreadableStream(stored, unread.Error);
            }

            folding.Folded++;
            (folding.Version, folding.LastEvent) = (stored.Version, stored.Id);
            if (!folding.BadSnapshot && stored.Body is TEvent body)
            {
                folding.State = evolve(folding.State, body);
            }
        }, ct, Id(streamId), new() { NpgsqlDbType = NpgsqlDbType.Uuid, Value = organizationId }, schema, EventRows.LeftOut(unreadable));
        return folding;
    }

    private static NpgsqlParameter Id(Guid streamId) => new() { NpgsqlDbType = NpgsqlDbType.Uuid, Value = streamId };

    private const int AutoPreparedMax = 20; // none, where the connection string says so

    private static NpgsqlDataSource Source(Shard shard, EventStoreSettings settings)
    {
        var text = new NpgsqlConnectionStringBuilder(shard.ConnectionString)
        {
            ApplicationName = "bsp load",
            MaxPoolSize = settings.LoadConnectionsMax,
            MinPoolSize = 0,
            AutoPrepareMinUsages = 2,
            NoResetOnClose = true, // nothing but transaction-local settings is ever set here
        };
        text.MaxAutoPrepare = Math.Min(text.MaxAutoPrepare, AutoPreparedMax);
        text.Options = $"{text.Options} -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off".Trim();
        return NpgsqlDataSource.Create(text.ConnectionString);
    }

    // True when the last row says that its stream is archived.
    private async Task<bool> ReadAsync(Guid organizationId, string sql, Action<NpgsqlDataReader> take, CancellationToken ct,
        params NpgsqlParameter[] arguments)
    {
        var archived = false;
        await QueryAsync(organizationId, sql, row =>
        {
            take(row);
            archived = row.GetBoolean(ArchivedColumn);
        }, ct, arguments);
        return archived;
    }

    private async Task QueryAsync(Guid organizationId, string sql, Action<NpgsqlDataReader> take, CancellationToken ct,
        NpgsqlParameter[] arguments)
    {
        var tenant = organizationId.ToString();
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(
            new("SELECT set_config('bsp.tenants', $1, true)") { Parameters =
                { new() { NpgsqlDbType = NpgsqlDbType.Text, Value = tenant } } });
        var command = new NpgsqlBatchCommand(sql) { Parameters = { new() { NpgsqlDbType = NpgsqlDbType.Text, Value = tenant } } };
        command.Parameters.AddRange(arguments);
        batch.BatchCommands.Add(command);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        await reader.NextResultAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            take(reader);
        }
    }

    private sealed class Folding<TState>
    {
        public required TState State { get; set; }

        public long Version { get; set; }

        public Guid LastEvent { get; set; }

        public int Folded { get; set; }

        public bool BadSnapshot { get; set; }

        public bool Archived { get; set; }
    }
}
