using System.Security.Cryptography;
using System.Threading.Channels;
using Bsp.Application.Common;
using Bsp.Application.Webhooks;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Hosting;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>
/// Promise 1, journal first: an entry is acknowledged after its raw bytes are committed. Entries of a moment share one transaction, written
/// by a few connections;
/// the queue before them is bounded in entries and in bytes, from before a body is read, so that a slow disk slows Meta down instead of
/// filling the memory. Small bodies have a room of
/// their own: nobody who announces large ones and sends them slowly keeps them out.
/// </summary>
public sealed class Journal(Shards shards, WebhookSignal signal, TimeProvider clock) : BackgroundService, IWebhookJournal
{
    private sealed record Waiting(JournalEntry Entry)
    {
        public TaskCompletionSource Committed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Room(ByteBudget budget, long bytes) : IDisposable
    {
        private ByteBudget? held = budget;

        public void Dispose() => Interlocked.Exchange(ref held, null)?.Return(bytes);
    }

    // Each kind of size has its own: a small body never waits until eight megabytes of others are on the disk.
    private const int SmallWriters = 2;
    private const int LargeWriters = 1;
    private const int EntriesMax = 256;
    private const int BatchBytesMax = 8 * 1024 * 1024;
    private const int WaitingMax = 4_096;

    /// <summary>Large bodies being read and not yet committed, together, at most: several times the largest one webhook may have.</summary>
    internal const long WaitingBytesMax = 64 * 1024 * 1024;

    // Of Meta's webhooks nearly all.
    private const long SmallBytesMax = 64 * 1024;
    private const long SmallWaitingBytesMax = 32 * 1024 * 1024;

    // So many came while the one before was being committed: the answers wait for the processor, not for the disk.
    private const int PressedEntries = 8;

    [Bounded("4,096 entries, whose bodies hold room in the budget of small ones")]
    private readonly Channel<Waiting> waitingSmall = Waits();

    [Bounded("4,096 entries, whose bodies hold room in the budget of large ones")]
    private readonly Channel<Waiting> waitingLarge = Waits();

    private readonly ByteBudget large = new(WaitingBytesMax);
    private readonly ByteBudget small = new(SmallWaitingBytesMax);

    public async Task<IDisposable> RoomAsync(long bytes, CancellationToken ct)
    {
        var budget = bytes <= SmallBytesMax ? small : large;
        await budget.TakeAsync(bytes, ct);
        return new Room(budget, bytes);
    }

    public async Task WriteAsync(JournalEntry entry, CancellationToken ct)
    {
        var item = new Waiting(entry);
        await (entry.Body.Length <= SmallBytesMax ? waitingSmall : waitingLarge).Writer.WriteAsync(item, ct);
        await item.Committed.Task;
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Task.WhenAll(
    [
        .. Enumerable.Range(0, SmallWriters).Select(_ => WriteLoopAsync(waitingSmall, stoppingToken)),
        .. Enumerable.Range(0, LargeWriters).Select(_ => WriteLoopAsync(waitingLarge, stoppingToken)),
    ]);

    private static Channel<Waiting> Waits() =>
        Channel.CreateBounded<Waiting>(new BoundedChannelOptions(WaitingMax) { FullMode = BoundedChannelFullMode.Wait });

    private async Task WriteLoopAsync(Channel<Waiting> waiting, CancellationToken stop)
    {
        Work.Is(WorkKind.Webhooks);
        var batch = new List<Waiting>(EntriesMax);
        try
        {
            while (await waiting.Reader.WaitToReadAsync(stop))
            {
                long bytes = 0;
                while (batch.Count < EntriesMax && bytes < BatchBytesMax && waiting.Reader.TryRead(out var entry))
                {
                    batch.Add(entry);
                    bytes += entry.Entry.Body.Length;
                }

                await CommitAsync(batch);
                batch.Clear();
            }
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            while (waiting.Reader.TryRead(out var entry))
            {
                entry.Committed.TrySetException(new StoreUnavailable("postgres"));
            }
        }
    }

    private async Task CommitAsync(List<Waiting> batch)
    {
        if (batch.Count == 0)
        {
            return;
        }

        try
        {
            if (batch.Count >= PressedEntries)
            {
                signal.Pressed();
            }

            await InsertAsync([.. batch.Select(w => w.Entry)]);
            batch.ForEach(e => e.Committed.TrySetResult());
            signal.Set();
            Loop.Worked();
        }
        catch (Exception e)
        {
            Loop.Failed(e);
            batch.ForEach(entry =>
                entry.Committed.TrySetException(e is NpgsqlException or IOException or TimeoutException
                    ? new StoreUnavailable("postgres", e) : e));
        }
    }

    private async Task InsertAsync(List<JournalEntry> batch)
    {
        var now = clock.GetUtcNow().UtcDateTime;
        await using var command = shards.Directory.CreateCommand("""
            WITH kept AS (
              INSERT INTO bsp.webhook_journal (received_at, organization_id, remote_address, user_agent, headers, signature, body_sha256, body, senders, lane)
              SELECT $1, u.organization, u.address, u.agent, u.headers, u.signature, u.sha, u.body, u.senders,
                     coalesce(u.organization, (SELECT d.organization_id FROM bsp.directory_numbers d WHERE d.phone_number_id = u.number LIMIT 1), '00000000-0000-0000-0000-000000000000')
                FROM unnest($2::uuid[], $3::text[], $4::text[], $5::jsonb[], $6::text[], $7::text[], $8::bytea[], $9::text[], $10::bigint[])
                  u (organization, address, agent, headers, signature, sha, body, number, senders)
              RETURNING id, received_at, lane, senders)
            INSERT INTO bsp.webhook_inbox (journal_id, received_at, lane, senders) SELECT id, received_at, lane, senders FROM kept
            """);
        var p = command.Parameters;
        p.Add(new() { Value = now });
        p.Add(new() { Value = batch.Select(e => e.OrganizationId).ToArray() });
        p.Add(new() { Value = batch.Select(e => e.RemoteAddress).ToArray() });
        p.Add(new() { Value = batch.Select(e => e.UserAgent).ToArray() });
        p.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb, Value = batch.Select(e => e.HeadersJson).ToArray() });
        p.Add(new() { Value = batch.Select(e => e.Signature).ToArray() });
        p.Add(new() { Value = batch.Select(e => Convert.ToHexStringLower(SHA256.HashData(e.Body.Span))).ToArray() });
        p.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Bytea, Value = batch.Select(e => e.Body).ToArray() });
        p.Add(new() { Value = batch.Select(e => WebhookLane.NumberOf(e.Body.Span)).ToArray() });
        p.Add(new() { Value = batch.Select(e => WebhookLane.SendersOf(e.Body.Span)).ToArray() });
        await command.ExecuteNonQueryAsync(CancellationToken.None);
    }
}
