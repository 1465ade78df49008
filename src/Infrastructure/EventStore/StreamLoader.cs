using Bsp.Application.EventStore;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.EventStore;

/// <summary>Reads streams of one shard in one round trip, on connections of its own whose plans always use the index.</summary>
internal sealed class StreamLoader(Shard shard, EventStoreSettings settings) : IAsyncDisposable
{
    // Archived events are left out, as Marten does; tombstones stand in streams of their own and never come up here.
    private const string One = $"SELECT {EventRows.Columns} FROM public.mt_events e WHERE e.tenant_id = $1 AND e.stream_id = $2 AND NOT e.is_archived ORDER BY e.version";
    // One look-up per stream, whatever the planner knew when it planned: on a table without statistics "= ANY" became a filter over all of the tenant's events (measured: 170 ms instead of 2).
    private const string Many = $"""
        SELECT e.* FROM unnest($2) AS s (id)
         CROSS JOIN LATERAL (SELECT {EventRows.Columns} FROM public.mt_events e WHERE e.tenant_id = $1 AND e.stream_id = s.id AND NOT e.is_archived ORDER BY e.version OFFSET 0) e
        """;

    private readonly NpgsqlDataSource source = Source(shard, settings);

    public async Task<LoadedStream> LoadAsync(Guid organizationId, Guid streamId, CancellationToken ct)
    {
        var events = await ReadAsync(organizationId, One, new() { NpgsqlDbType = NpgsqlDbType.Uuid, Value = streamId }, ct);
        return new(streamId, events.Count == 0 ? 0 : events[^1].Version, events);
    }

    public async Task<IReadOnlyList<LoadedStream>> LoadManyAsync(Guid organizationId, IReadOnlyList<Guid> streamIds, CancellationToken ct)
    {
        var events = await ReadAsync(organizationId, Many, new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid, Value = streamIds.Distinct().ToArray() }, ct);
        var byStream = events.GroupBy(stored => stored.StreamId).ToDictionary(group => group.Key, group => group.ToList());
        return [.. streamIds.Select(id => byStream.TryGetValue(id, out var own) ? new LoadedStream(id, own[^1].Version, own) : new LoadedStream(id, 0, []))];
    }

    public ValueTask DisposeAsync() => source.DisposeAsync();

    private static NpgsqlDataSource Source(Shard shard, EventStoreSettings settings)
    {
        var text = new NpgsqlConnectionStringBuilder(shard.ConnectionString)
        {
            ApplicationName = "bsp load",
            MaxPoolSize = settings.LoadConnectionsMax,
            MinPoolSize = 0,
            MaxAutoPrepare = 20,
            AutoPrepareMinUsages = 2,
            NoResetOnClose = true, // nothing but transaction-local settings is ever set here
        };
        text.Options = $"{text.Options} -c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off".Trim();
        return NpgsqlDataSource.Create(text.ConnectionString);
    }

    private async Task<List<StoredEvent>> ReadAsync(Guid organizationId, string sql, NpgsqlParameter streams, CancellationToken ct)
    {
        var tenant = organizationId.ToString();
        await using var connection = await source.OpenConnectionAsync(ct);
        await using var batch = new NpgsqlBatch(connection);
        batch.BatchCommands.Add(new("SELECT set_config('bsp.tenants', $1, true)") { Parameters = { new() { NpgsqlDbType = NpgsqlDbType.Text, Value = tenant } } });
        batch.BatchCommands.Add(new(sql) { Parameters = { new() { NpgsqlDbType = NpgsqlDbType.Text, Value = tenant }, streams } });
        await using var reader = await batch.ExecuteReaderAsync(ct);
        await reader.NextResultAsync(ct);
        var events = new List<StoredEvent>();
        while (await reader.ReadAsync(ct))
        {
            events.Add(EventRows.Read(reader, organizationId, tolerant: false));
        }

        return events;
    }
}
