using Bsp.Application.Common;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.Sharding;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace Bsp.Infrastructure.CustomerWebhooks;

/// <summary>
/// Writes what all owners of one shard have done, together: cursors, what is held, attempts. An owner whose term is over writes nothing;
/// one whose rows are refused fails alone.
/// </summary>
internal sealed partial class DeliveryBook(Shard shard, TimeProvider clock, ILogger log)
{
    private static readonly TimeSpan Gather = TimeSpan.FromMilliseconds(15);
    private static readonly TimeSpan AgainAfter = TimeSpan.FromMilliseconds(500);

    private readonly Lock gate = new();
    private readonly SemaphoreSlim raised = new(0, 1);
    [Bounded("one a session of the process")]
    private HashSet<DeliveryNotes> waiting = [];
    private TaskCompletionSource written = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>There is something to write. The task ends when it is written, or refused.</summary>
    public Task Add(DeliveryNotes notes)
    {
        Task task;
        lock (gate)
        {
            waiting.Add(notes);
            task = written.Task;
        }

        if (raised.CurrentCount == 0)
        {
            try
            {
                raised.Release();
            }
            catch (SemaphoreFullException)
            {
                // Raised already.
            }
        }

        return task;
    }

    /// <summary>Goes on until stopped, and writes what is left then.</summary>
    public async Task RunAsync(CancellationToken ct)
    {
        while (!ct.IsCancellationRequested)
        {
            await raised.WaitAsync(ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.Delay(Gather, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await FlushAsync(ct);
        }
    }

    /// <summary>Writes what waits now. Where the database is away it is tried again until stopped, then once more.</summary>
    public async Task FlushAsync(CancellationToken ct)
    {
        HashSet<DeliveryNotes> taken;
        TaskCompletionSource done;
        lock (gate)
        {
            if (waiting.Count == 0)
            {
                return;
            }

            (taken, waiting) = (waiting, []);
            (done, written) = (written, new(TaskCreationOptions.RunContinuationsAsynchronously));
        }

        var parts = taken.Select(notes => (Notes: notes, Batch: notes.Take())).Where(p => p.Batch is not null && !p.Notes.Lost)
            .Select(p => (p.Notes, Batch: p.Batch!))
            .OrderBy(p => p.Notes.Claim.OrganizationId).ThenBy(p => p.Notes.Claim.Id).ToList();
        if (parts.Count > 0)
        {
            await WriteAsync(parts, ct);
        }

        done.TrySetResult();
    }

    // Of bsp.webhook_deliveries: no partition of the relation is for the row's day.
    private static bool IsNoPartition(PostgresException e) =>
        e.SqlState == PostgresErrorCodes.CheckViolation && e.TableName == "webhook_deliveries";

    private async Task WriteAsync(List<(DeliveryNotes Notes, DeliveryNotes.Batch Batch)> parts, CancellationToken ct)
    {
        for (var madeDays = false; ;)
        {
            try
            {
                await Deadlock.RepeatedAsync(() => InOneAsync(parts));
                Loop.Worked(shard.Name);
                return;
            }
            catch (PostgresException noDay) when (IsNoPartition(noDay) && !madeDays)
            {
                madeDays = true; // the sweep has not come to it: a process that was stopped for days, a clock that was set
                await WebhookSweep.MakeDaysAsync(shard, clock.GetUtcNow(), CancellationToken.None);
            }
            catch (PostgresException refused) when (!refused.IsTransient && !EventStore.Unreachable.Is(refused))
            {
                if (parts.Count == 1)
                {
                    LogRefused(parts[0].Notes.Claim.Id, refused);
                    parts[0].Notes.Lose();
                    return;
                }

                foreach (var part in parts)
                {
                    await WriteAsync([part], ct); // whose rows are refused is found by taking each alone
                }

                return;
            }
            catch (Exception away) when (away is NpgsqlException or IOException or TimeoutException or System.Net.Sockets.SocketException)
            {
                Loop.Failed(away, shard.Name);
                if (ct.IsCancellationRequested)
                {
                    LogLeft(parts.Count, away);
                    parts.ForEach(p => p.Notes.Lose());
                    return;
                }

                await Task.Delay(AgainAfter, clock, ct).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task<int> InOneAsync(List<(DeliveryNotes Notes, DeliveryNotes.Batch Batch)> parts)
    {
        await using var tx =
            await shard.BeginAsync(parts.Select(p => p.Notes.Claim.OrganizationId).Distinct().ToList(), CancellationToken.None);
        HashSet<Guid> valid =
            [.. await tx.QueryAsync("SELECT * FROM bsp.advance_webhooks($1, $2, $3, $4, $5, $6, $7, $8)", r =>
                r.GetGuid(0), CancellationToken.None,
            parts.Select(p => p.Notes.Claim.Id).ToArray(), parts.Select(p => p.Notes.Claim.Term).ToArray(),
            parts.Select(p => p.Batch.Sequence).ToArray(), parts.Select(p => p.Batch.Delivered).ToArray(),
            parts.Select(p => p.Batch.Failed).ToArray(), parts.Select(p => p.Batch.LatencyMs).ToArray(), parts.Select(p => p.Batch.Held)
            .ToArray(), clock.GetUtcNow())];
        await using var batch = new NpgsqlBatch(tx.Connection);
        foreach (var (notes, changes) in parts.Where(p => valid.Contains(p.Notes.Claim.Id)))
        {
            AddHeld(batch, notes.Claim, changes);
        }

        AddAttempts(batch, [.. parts.SelectMany(p => p.Batch.Attempts)]); // they were made, whoever's turn it is now
        if (batch.BatchCommands.Count > 0)
        {
            await batch.ExecuteNonQueryAsync();
        }

        await tx.CommitUnmarkedAsync(CancellationToken.None);
        foreach (var (notes, _) in parts.Where(p => !valid.Contains(p.Notes.Claim.Id)))
        {
            notes.Lose();
        }

        return parts.Count;
    }

    private static void AddHeld(NpgsqlBatch batch, ClaimedWebhook claim, DeliveryNotes.Batch changes)
    {
        if (changes.Let.Count > 0)
        {
            batch.BatchCommands.Add(Command("""
                DELETE FROM bsp.webhook_held_events h USING unnest($2::uuid[], $3::bigint[]) AS l (key, sequence) WHERE h.webhook_id = $1 AND h.key = l.key AND h.sequence = l.sequence
                """, claim.Id, changes.Let.ConvertAll(l => l.Key).ToArray(), changes.Let.ConvertAll(l => l.Sequence).ToArray()));
        }

        if (changes.Hold.Count > 0)
        {
            batch.BatchCommands.Add(Command("""
                INSERT INTO bsp.webhook_held_events (webhook_id, organization_id, key, sequence) SELECT $1, $2, h.key, h.sequence FROM unnest($3::uuid[], $4::bigint[]) AS h (key, sequence) ON CONFLICT DO NOTHING
                """, claim.Id, claim.OrganizationId, changes.Hold.ConvertAll(h => h.Key).ToArray(), changes.Hold.ConvertAll(h => h.Sequence).ToArray()));
        }

        foreach (var (key, row) in changes.Keys)
        {
            batch.BatchCommands.Add(row is null
                ? Command("DELETE FROM bsp.webhook_held_keys WHERE webhook_id = $1 AND key = $2", claim.Id, key) : Command("""
                INSERT INTO bsp.webhook_held_keys (webhook_id, organization_id, key, attempts, first_failed_at, next_at, last_error) VALUES ($1, $2, $3, $4, $5, $6, $7)
                ON CONFLICT (webhook_id, key) DO UPDATE SET attempts = excluded.attempts, first_failed_at = excluded.first_failed_at, next_at = excluded.next_at, last_error = excluded.last_error
                """, claim.Id, claim.OrganizationId, key, row.Attempts, row.FirstFailedAt, row.NextAt, (object?)row.LastError ?? DBNull.Value));
        }
    }

    /// <summary>Adds the rows of the log of deliveries.</summary>
    internal static void AddAttempts(NpgsqlBatch batch, IReadOnlyList<DeliveryRow> rows)
    {
        if (rows.Count == 0)
        {
            return;
        }

        var command = new NpgsqlBatchCommand("""
            INSERT INTO bsp.webhook_deliveries (webhook_id, id, organization_id, event_id, event_type, epoch, sequence, attempt, cause, outcome, status, latency_ms, answer, answer_sealed, next_at, at)
            SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::int[], $7::bigint[], $8::int[], $9::text[], $10::text[], $11::int[], $12::int[], $13::text[], $14::bool[], $15::timestamptz[], $16::timestamptz[])
            """);
        void Add<T>(NpgsqlDbType type, Func<DeliveryRow, T> value) =>
            command.Parameters.Add(new() { NpgsqlDbType = NpgsqlDbType.Array | type, Value = rows.Select(value).ToArray() });
        Add(NpgsqlDbType.Uuid, r => r.WebhookId);
        Add(NpgsqlDbType.Uuid, r => r.Id);
        Add(NpgsqlDbType.Uuid, r => r.OrganizationId);
        Add(NpgsqlDbType.Uuid, r => r.EventId);
        Add(NpgsqlDbType.Text, r => r.EventType);
        Add(NpgsqlDbType.Integer, r => r.Epoch);
        Add(NpgsqlDbType.Bigint, r => r.Sequence);
        Add(NpgsqlDbType.Integer, r => r.Attempt);
        Add(NpgsqlDbType.Text, r => r.Cause);
        Add(NpgsqlDbType.Text, r => r.Outcome);
        Add(NpgsqlDbType.Integer, r => r.Status);
        Add(NpgsqlDbType.Integer, r => r.LatencyMs);
        Add(NpgsqlDbType.Text, r => r.Answer);
        Add(NpgsqlDbType.Boolean, r => r.Sealed);
        Add(NpgsqlDbType.TimestampTz, r => r.NextAt);
        Add(NpgsqlDbType.TimestampTz, r => r.At);
        batch.BatchCommands.Add(command);
    }

    private static NpgsqlBatchCommand Command(string sql, params object[] arguments)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var argument in arguments)
        {
            command.Parameters.Add(new() { Value = argument });
        }

        return command;
    }

    [LoggerMessage(Level = LogLevel.Error,
        Message = "webhook {Webhook}: what came of its deliveries could not be written; it is begun afresh")]
    private partial void LogRefused(Guid webhook, Exception refused);

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "what came of deliveries to {Count} webhooks could not be written before the end; they are made again")]
    private partial void LogLeft(int count, Exception away);
}
