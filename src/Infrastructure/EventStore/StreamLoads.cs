using System.Diagnostics;
using Bsp.Application.Common;
using Bsp.Application.EventStore;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.EventStore;

/// <summary>
/// Loads of single streams, which callers ask for at the same moment and get in one round trip. A caller who finds at most one under way is
/// served at once, without a timer; a
/// further round trip begins beside the running ones when enough wait, or when they are slow. One broken stream fails its own caller only.
/// </summary>
internal sealed class StreamLoads(NpgsqlDataSource source, UnreadableEvents unreadable, int connectionsMax)
{
    // Streams of one round trip: enough to share its price, few enough that nobody waits for long.
    private const int StreamsMax = 64;

    // Calls that must wait per running round trip before a further one is worth its connection.
    private const int PressureCalls = 4;

    // A round trip older than this holds up those who wait for it.
    private static readonly TimeSpan Slow = TimeSpan.FromMilliseconds(2);

    private static readonly string Sql = $"""
        SELECT s.place::int, e.* FROM unnest($1, $2) WITH ORDINALITY AS s (tenant, id, place)
         CROSS JOIN LATERAL (SELECT {StreamLoader.Columns("$3")} FROM public.mt_events e WHERE e.tenant_id = s.tenant AND e.stream_id = s.id ORDER BY e.version OFFSET 0) e
        """;

    private readonly BadRows bad = new(source, unreadable);
    private readonly Lock gate = new();
    [Bounded("callers that wait for their load")]
    private readonly Queue<Call> waiting = new();
    private int running;
    private long lastBegan;

    /// <exception cref="NpgsqlException">The server could not be asked, or refused.</exception>
    /// <exception cref="UnreadableStream">A body of this stream cannot be read.</exception>
    public Task<LoadedStream> LoadAsync(Guid organizationId, Guid streamId, CancellationToken ct)
    {
        ct.ThrowIfCancellationRequested();
        var call = new Call(organizationId, streamId);
        bool begins;
        lock (gate)
        {
            waiting.Enqueue(call);
            begins = running == 0
                || (running < connectionsMax
                    && (running == 1 || waiting.Count >= PressureCalls * running || Stopwatch.GetElapsedTime(lastBegan) > Slow));
            running += begins ? 1 : 0;
            lastBegan = begins ? Stopwatch.GetTimestamp() : lastBegan;
        }

        if (begins)
        {
            // The round trips outlive the caller's request: they must not carry its context along.
            using (ExecutionContext.IsFlowSuppressed() ? default(AsyncFlowControl?) : ExecutionContext.SuppressFlow())
            {
                _ = RunAsync();
            }
        }

        return call.Loaded.WaitAsync(ct);
    }

    private async Task RunAsync()
    {
        for (var batch = Next(); batch is not null; batch = Next())
        {
            try
            {
                await ReadReadableAsync(batch);
            }
            catch (Exception error)
            {
                foreach (var call in batch)
                {
                    call.Fail(error);
                }
            }

            foreach (var call in batch)
            {
                call.Complete();
            }
        }
    }

    private List<Call>? Next()
    {
        lock (gate)
        {
            if (waiting.Count == 0)
            {
                running--;
                return null;
            }

            lastBegan = Stopwatch.GetTimestamp();
            var batch = new List<Call>(Math.Min(waiting.Count, StreamsMax));
            while (batch.Count < StreamsMax && waiting.TryDequeue(out var call))
            {
                batch.Add(call);
            }

            return batch;
        }
    }

    // A body that PostgreSQL cannot give fails the whole statement: found, and left out, it fails nobody but whoever asked for its stream.
    private async Task ReadReadableAsync(List<Call> calls)
    {
        try
        {
            await ReadAsync(calls);
        }
        catch (PostgresException refused) when (UnreadableEvents.MayBeOfARow(refused))
        {
            calls.ForEach(call => call.Reset());
            if (await bad.FindAsync(calls.ConvertAll(call => (call.Tenant, call.StreamId)), CancellationToken.None) == 0
                && unreadable.Numbers().Length == 0)
            {
                throw;
            }

            await ReadAsync(calls);
        }
    }

    private async Task ReadAsync(List<Call> calls)
    {
        await using var connection = await source.OpenConnectionAsync();
        await using var batch = new NpgsqlBatch(connection);
        var tenants = calls.ConvertAll(call => call.Tenant);
        batch.BatchCommands.Add(
            new("SELECT set_config('bsp.tenants', $1, true)") { Parameters =
                { new() { NpgsqlDbType = NpgsqlDbType.Text, Value = string.Join(',', tenants.Distinct()) } } });
        batch.BatchCommands.Add(new(Sql)
        {
            Parameters =
            {
                new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Text, Value = tenants },
                new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Uuid, Value = calls.ConvertAll(call => call.StreamId) },
                EventRows.LeftOut(unreadable),
            },
        });
        await using var reader = await batch.ExecuteReaderAsync();
        await reader.NextResultAsync();
        while (await reader.ReadAsync())
        {
            calls[reader.GetInt32(0) - 1].Take(reader, unreadable);
        }
    }

    [Application.Common.Bounded("the events of one stream, for as long as its caller waits")]
    private sealed class Call(Guid organizationId, Guid streamId)
    {
        private const int First = 1;
        private readonly TaskCompletionSource<LoadedStream> completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly List<StoredEvent> events = [];
        private bool archived;

        public Guid StreamId => streamId;

        public string Tenant { get; } = organizationId.ToString();

        public Task<LoadedStream> Loaded => completion.Task;

        public void Take(NpgsqlDataReader row, UnreadableEvents unreadable)
        {
            archived = row.GetBoolean(First + StreamLoader.ArchivedColumn);
            events.Add(EventRows.Read(row, organizationId, unreadable, First));
        }

        /// <summary>It is read again.</summary>
        public void Reset() => events.Clear();

        public void Fail(Exception error) => completion.TrySetException(error);

        public void Complete()
        {
            if (events.Find(e => e.Body is UnreadableBody) is { Body: UnreadableBody body } bad)
            {
                Fail(new UnreadableStream(bad, body.Error));
            }

            completion.TrySetResult(StreamLoader.Stream(streamId, events, archived, archivedToo: false));
        }
    }
}
