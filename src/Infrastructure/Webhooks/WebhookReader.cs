using Bsp.Application.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Messages;
using Bsp.Infrastructure.Projections;
using Bsp.Infrastructure.Redis;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>
/// Works the inbox off: a page is taken, carried out and its pointers deleted when all of it is done; a process killed in between leaves them for the next.
/// Several readers, here and in other processes, take different pages: order does not matter (promise 3).
/// </summary>
public sealed partial class WebhookReader(Shards shards, WebhookSignal signal, IMediator mediator, NumberDirectory numbers, WebhookMarks marks, ParkedStatuses parked,
    OtherFields others, Instance instance, ILogger<WebhookReader> log) : BackgroundService
{
    private const int Readers = 2;
    private const int PageMax = 200;

    /// <summary>Bodies of one page together, at most; a larger one comes alone.</summary>
    internal const int PageBytesMax = 8 * 1024 * 1024;

    private static readonly TimeSpan LookEvery = TimeSpan.FromSeconds(2); // for what other processes left
    private static readonly TimeSpan TroublePause = TimeSpan.FromSeconds(1);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await instance.Ready.WaitAsync(stoppingToken);
        await Task.WhenAll(Enumerable.Range(0, Readers).Select(_ => ReadLoopAsync(stoppingToken)));
    }

    private async Task ReadLoopAsync(CancellationToken stop)
    {
        var page = PageMax;
        var full = false;
        while (!stop.IsCancellationRequested)
        {
            try
            {
                if (!full)
                {
                    await signal.CalmAsync(stop);
                }

                (var count, full) = await PageAsync(page, stop);
                if (count == 0)
                {
                    await signal.WaitAsync(LookEvery, stop);
                }

                page = PageMax;
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e) when (IsAway(e))
            {
                LogStore(e.Message);
                await Task.Delay(TroublePause, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (Exception e)
            {
                // Something in the page is not digestible: one by one, so that it alone is noted.
                LogPage(e);
                await Task.Delay(TroublePause / 10, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                page = 1;
            }
        }
    }

    /// <summary>Takes and carries out one page; how many webhooks it had, and whether it was full: waiting would not make the next one fuller.</summary>
    private async Task<(int Count, bool Full)> PageAsync(int max, CancellationToken ct)
    {
        await using var connection = await shards.Directory.OpenConnectionAsync(ct);
        await using var transaction = await connection.BeginTransactionAsync(ct);
        var (webhooks, full, gone) = await TakeAsync(connection, max, ct);
        if (webhooks.Count + gone.Count == 0)
        {
            return (0, false);
        }

        if (full)
        {
            signal.Set(); // there may be more: the other reader helps
        }

        var page = new WebhookPage(mediator, numbers, marks, parked, others);
        try
        {
            await page.ProcessAsync(webhooks, ct);
        }
        catch (Exception e) when (max == 1 && e is not OperationCanceledException && !IsAway(e))
        {
            LogWebhook(e, webhooks[0].Id);
            page.Notes.Add(new(webhooks[0], null, "failed", $"{e.GetType().Name}: {e.Message}"));
        }

        foreach (var webhook in gone)
        {
            LogGone(webhook.Id);
            page.Notes.Add(new(webhook, null, "gone", "Its body was removed from the journal before it was carried out."));
        }

        await NoteAsync(connection, page.Notes, ct);
        await transaction.CommitAsync(ct);
        return (webhooks.Count + gone.Count, full);
    }

    // Says nothing about the webhook. A session that PostgreSQL ended (57P01 …) is not "transient" to Npgsql.
    private static bool IsAway(Exception e) => StoreTrouble.Is(e) || Unreachable.Is(e);

    /// <summary>
    /// Takes the oldest that nobody holds: as many as asked for and as <see cref="PageBytesMax"/> allows, at least one. Full: one of the two bounds was reached. Gone: the journal no longer
    /// has their bodies.
    /// </summary>
    internal static async Task<(List<Journaled> Webhooks, bool Full, List<Journaled> Gone)> TakeAsync(NpgsqlConnection connection, int max, CancellationToken ct)
    {
        await using var command = new NpgsqlCommand("""
            WITH head AS MATERIALIZED (SELECT journal_id, received_at FROM bsp.webhook_inbox ORDER BY journal_id LIMIT $1 FOR UPDATE SKIP LOCKED),
            sized AS (
              SELECT h.journal_id, row_number() OVER place AS nth, sum(octet_length(j.body)) OVER place AS bytes
                FROM head h LEFT JOIN bsp.webhook_journal j ON j.received_at = h.received_at AND j.id = h.journal_id WINDOW place AS (ORDER BY h.journal_id)),
            taken AS (
              DELETE FROM bsp.webhook_inbox WHERE journal_id IN (SELECT journal_id FROM sized WHERE nth = 1 OR coalesce(bytes, 0) <= $2)
              RETURNING journal_id, received_at)
            SELECT t.journal_id, t.received_at, j.organization_id, j.body_sha256, j.body, (SELECT count(*) FROM head) FROM taken t
              LEFT JOIN bsp.webhook_journal j ON j.received_at = t.received_at AND j.id = t.journal_id ORDER BY t.journal_id
            """, connection)
        { Parameters = { new() { Value = max }, new() { Value = (long)PageBytesMax } } };
        long there = 0;
        var (webhooks, gone) = (new List<Journaled>(), new List<Journaled>());
        await using var reader = await command.ExecuteReaderAsync(ct);
        while (await reader.ReadAsync(ct))
        {
            there = reader.GetInt64(5);
            if (reader.IsDBNull(4))
            {
                gone.Add(new(reader.GetInt64(0), reader.GetDateTime(1), null, "", default));
            }
            else
            {
                webhooks.Add(new(reader.GetInt64(0), reader.GetDateTime(1), reader.IsDBNull(2) ? null : reader.GetGuid(2), reader.GetString(3), ReadableJson.Parse(reader.GetFieldValue<byte[]>(4))));
            }
        }

        return (webhooks, there == max || there > webhooks.Count + gone.Count, gone);
    }

    private static async Task NoteAsync(NpgsqlConnection connection, List<WebhookNote> notes, CancellationToken ct)
    {
        if (notes.Count == 0)
        {
            return;
        }

        await using var command = new NpgsqlCommand("""
            INSERT INTO bsp.webhook_notes (journal_id, received_at, field, reason, detail, phone_number_id, waba_id, display_digits)
            SELECT * FROM unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[])
            """, connection)
        {
            Parameters =
            {
                new() { Value = notes.Select(n => n.Webhook.Id).ToArray() }, new() { Value = notes.Select(n => n.Webhook.ReceivedAt).ToArray() }, new() { Value = notes.Select(n => n.Field).ToArray() },
                new() { Value = notes.Select(n => n.Reason).ToArray() }, new() { Value = notes.Select(n => n.Detail).ToArray() },
                new() { Value = notes.Select(n => n.WaitsFor?.PhoneNumberId).ToArray() }, new() { Value = notes.Select(n => n.WaitsFor?.WabaId).ToArray() },
                new() { Value = notes.Select(n => n.WaitsFor?.DisplayDigits).ToArray() },
            },
        };
        await command.ExecuteNonQueryAsync(ct);
    }

    [LoggerMessage(Level = LogLevel.Warning, Message = "webhooks: a store is away ({Reason}); the page stays in the inbox")]
    private partial void LogStore(string reason);

    [LoggerMessage(Level = LogLevel.Warning, Message = "webhooks: a page failed and is taken apart")]
    private partial void LogPage(Exception e);

    [LoggerMessage(Level = LogLevel.Error, Message = "webhook {JournalId} was never carried out: the journal no longer has its body; noted")]
    private partial void LogGone(long journalId);

    [LoggerMessage(Level = LogLevel.Error, Message = "webhook {JournalId} could not be carried out; noted, its raw body stays in the journal")]
    private partial void LogWebhook(Exception e, long journalId);
}
