using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Bsp.Infrastructure.Sharding;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.EventStore;

/// <inheritdoc cref="IEventLog"/>
public sealed class OrganizationLog(Shards shards, LogReaders readers, PostgresEventStore store) : IEventLog
{
    /// <summary>Events of one slice, at most.</summary>
    public const int SliceEventsMax = 1_000;

    // The fence is set by a statement before: the events need a snapshot taken after it.
    private static readonly string ByPlace = Place("$8");
    private static readonly string ByPlaceBare = Place(null);
    private static readonly string ByStream = Stream(EventRows.Columns("$9"));
    private static readonly string ByStreamBare =
        Stream("e.seq_id, e.id, e.stream_id, e.version, e.type, NULL::jsonb, e.timestamp, e.correlation_id, e.causation_id, e.user_name");

    private static string Place(string? leftOut) =>
        $"SELECT {EventRows.ColumnsOf(leftOut, "is_archived")} FROM bsp.read_organization($1, bsp.moved_number($1::uuid, $2), "
        + "current_setting('bsp.fence')::bigint, $3, $4, $5, $6, $7)";

    private static string Stream(string columns) => $"""
        SELECT {columns}, coalesce(e.is_archived, false) FROM public.mt_events e
         WHERE e.tenant_id = $1 AND e.stream_id = $8 AND e.seq_id > bsp.moved_number($1::uuid, $2)
           AND e.seq_id <= current_setting('bsp.fence')::bigint
           AND ($3::text[] IS NULL OR e.type = ANY ($3)) AND ($7::text[] IS NULL OR e.type <> ALL ($7)) AND ($4::text IS NULL OR e.correlation_id = $4) AND ($5::text IS NULL OR e.causation_id = $5)
         ORDER BY e.version LIMIT $6
        """;

    public async Task<LogSlice> ReadAsync(Guid organizationId, LogFilter filter, Position after, int max, CancellationToken ct)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(max, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(max, SliceEventsMax);
        try
        {
            var shard = await shards.OfAsync(organizationId, ct);
            var from = after.Epoch == shard.Epoch ? after.Sequence : 0; // a place of another shard says nothing about this one
            return await IsolatingAsync(shard, (bodies, most) => readers.Of(shard)
                .ReadFinalAsync(connection => ReadAsync(connection, shard, organizationId, filter, from, bodies, most, ct), ct), max);
        }
        catch (NpgsqlException error) when (Unreachable.Is(error))
        {
            throw new StoreUnavailable("postgres", error);
        }
    }

    public async Task<Position> EndAsync(Guid organizationId, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        return new(shard.Epoch, await readers.Of(shard).EndAsync(ct));
    }

    public async Task<LoadedStream> ReadStreamAsync(Guid organizationId, Guid streamId, AsOf asOf, CancellationToken ct)
    {
        var shard = await shards.OfAsync(organizationId, ct);
        if (asOf.Position is { } told)
        {
            // a position of a shard where it lived before is the place of the same event here
            var number = await shard.FirstAsync(organizationId, "SELECT bsp.moved_number($1, $2)", r => r.GetInt64(0), ct, organizationId,
                told.Sequence);
            asOf = asOf with { Position = new(told.Epoch, number) };
        }

        var stream = (await store.LoadManyAsync(organizationId, [streamId], ct, archivedToo: true))[0];
        List<StoredEvent> events = [.. asOf.Of(stream.Events, shard.Epoch)];
        return stream with { Version = events.Count == 0 ? 0 : events[^1].Version, Events = events };
    }

    public Task<IReadOnlyList<LoadedStream>> ReadStreamsAsync(Guid organizationId, IReadOnlyList<Guid> streamIds, CancellationToken ct) =>
        store.LoadManyAsync(organizationId, streamIds, ct, archivedToo: true);

    private static async Task<LogSlice> ReadAsync((NpgsqlConnection Connection, long? Final) at, Shard shard, Guid organizationId,
        LogFilter filter, long after, bool bodies, int max, CancellationToken ct)
    {
        var unreadable = UnreadableEvents.Of(shard);
        await using var batch = new NpgsqlBatch(at.Connection);
        batch.BatchCommands.Add(new("SELECT set_config('bsp.tenants', $1, true)") { Parameters = { Text(organizationId.ToString()) } });
        batch.BatchCommands.Add(
            new("SELECT set_config('bsp.fence', coalesce($1, bsp.fence())::text, true)::bigint") { Parameters =
                { new() { NpgsqlDbType = NpgsqlDbType.Bigint, Value = (object?)at.Final ?? DBNull.Value } } });
        var read = new NpgsqlBatchCommand(filter.StreamId is null ? bodies ? ByPlace : ByPlaceBare : bodies ? ByStream : ByStreamBare);
        Bind(read.Parameters, organizationId, filter, after, max);
        if (bodies)
        {
            read.Parameters.Add(EventRows.LeftOut(unreadable));
        }

        batch.BatchCommands.Add(read);
        await using var reader = await batch.ExecuteReaderAsync(ct);
        await reader.NextResultAsync(ct);
        await reader.ReadAsync(ct);
        var final = reader.GetInt64(0);
        await reader.NextResultAsync(ct);
        var events = new List<StoredEvent>();
        var looked = Math.Max(after, final);
        try
        {
            while (await reader.ReadAsync(ct))
            {
                if (reader.IsDBNull(0))
                {
                    looked = Math.Max(after, reader.GetInt64(3));
                }
                else
                {
                    events.Add(EventRows.Read(reader, organizationId, unreadable));
                }
            }
        }
        catch (PostgresException refused) when (events.Count > 0 && UnreadableEvents.MayBeOfARow(refused))
        {
            return new(events, new(shard.Epoch, events[^1].Sequence), More: true); // the next slice begins with the bad one
        }

        looked = events.Count == max ? events[^1].Sequence : looked;
        return new(events, new(shard.Epoch, looked), looked < final);
    }

    // A slice of which not even the first row came: that row is read without its body, and its body alone. Refused again: it is shown as it
    // is.
    private static async Task<LogSlice> IsolatingAsync(Shard shard, Func<bool, int, Task<LogSlice>> read, int max)
    {
        try
        {
            return await read(true, max);
        }
        catch (PostgresException refused) when (UnreadableEvents.MayBeOfARow(refused))
        {
            var slice = await read(false, 1);
            if (slice.Events is not [var suspect])
            {
                throw;
            }

            try
            {
                return await read(true, 1);
            }
            catch (PostgresException alone)
                when (UnreadableEvents.MayBeOfARow(alone) && UnreadableEvents.Of(shard).Judge(suspect.Sequence, alone))
            {
                return slice with { Events =
                    [suspect with { Body = new UnreadableBody(UnreadableEvents.Of(shard).Find(suspect.Sequence) ?? alone.MessageText) }] };
            }
        }
    }

    private static void Bind(NpgsqlParameterCollection parameters, Guid organizationId, LogFilter filter, long after, int max)
    {
        parameters.Add(Text(organizationId.ToString()));
        parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Bigint, Value = after });
        parameters.Add(Texts(filter.Types));
        parameters.Add(Text(filter.CorrelationId));
        parameters.Add(Text(filter.CausationId));
        parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Integer, Value = max });
        parameters.Add(Texts(filter.Without));
        if (filter.StreamId is { } stream)
        {
            parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Uuid, Value = stream });
        }
    }

    private static NpgsqlParameter Texts(IReadOnlyCollection<string>? values) =>
        new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text, Value = (object?)values?.ToArray() ?? DBNull.Value };

    private static NpgsqlParameter Text(string? value) =>
        new() { NpgsqlDbType = NpgsqlDbType.Text, Value = (object?)value ?? DBNull.Value };
}
