using Bsp.Application.Common;
using System.Text.Json;
using Bsp.Application.EventStore;
using Bsp.Application.Messages;
using Bsp.Infrastructure.Common;
using Bsp.Infrastructure.EventStore;
using Bsp.Infrastructure.Sharding;
using MediatR;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using NpgsqlTypes;

namespace Bsp.Infrastructure.Webhooks;

/// <summary>
/// Statuses of messages that are not known (yet): early ones whose send is not recorded, and those of messages sent elsewhere. Kept, tried
/// again as soon as
/// their id appears, dropped when the journal drops their webhook.
/// </summary>
public sealed partial class ParkedStatuses(Shards shards, LogSignals signals, IMediator mediator, JournalOptions options,
    TimeProvider clock, ILogger<ParkedStatuses> log) : BackgroundService
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(1);

    // Longest pause while nothing is appended here: an id that appears is an event.
    private static readonly TimeSpan IdleMax = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan PurgeEvery = TimeSpan.FromMinutes(1);
    private const int PageMax = 500; // of each organization

    /// <summary>Parked ones of one organization, at most, about; the oldest give way.</summary>
    private const int KeptMax = 20_000;

    /// <summary>
    /// Keeps each (message id, status) of an organization once, the one with the earliest time: which of two came first does not matter.
    /// </summary>
    public async Task ParkAsync(Guid organizationId, IReadOnlyList<StatusItem> items, CancellationToken ct)
    {
        if (items.Count == 0)
        {
            return;
        }

        var shard = await shards.OfAsync(organizationId, ct);
        await using var transaction = await shard.BeginAsync(organizationId, ct);
        items = [.. items.GroupBy(i => (i.Said.Wamid, i.Said.Status)).Select(same => same.MinBy(i => i.Said.At)!)];
        await transaction.ExecuteAsync("""
            INSERT INTO bsp.parked_statuses AS p (organization_id, wamid, status, item)
            SELECT $1, u.* FROM unnest($2::text[], $3::text[], $4::jsonb[]) u ON CONFLICT (organization_id, wamid, status)
              DO UPDATE SET item = EXCLUDED.item
              WHERE (EXCLUDED.item #>> '{said,at}')::timestamptz < (p.item #>> '{said,at}')::timestamptz
            """, ct, organizationId, items.Select(i => i.Said.Wamid).ToArray(), items.Select(i => i.Said.Status).ToArray(),
            new Npgsql.NpgsqlParameter { NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Jsonb,
                Value = items.Select(i => JsonSerializer.Serialize(i, EventTypes.Json)).ToArray() });
        await transaction.CommitAsync(ct);
        signals.Of(shard).Wake(); // the id may have appeared between the look for it and this commit
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Work.Is(WorkKind.Webhooks);
        var purged = long.MinValue;
        while (!stoppingToken.IsCancellationRequested)
        {
            var appended = shards.All.Select(shard => signals.Of(shard).Next).ToList();
            var purge = purged == long.MinValue || clock.GetElapsedTime(purged) >= PurgeEvery;
            purged = purge ? clock.GetTimestamp() : purged;
            foreach (var shard in shards.All)
            {
                try
                {
                    await SettleAsync(shard, stoppingToken);
                    if (purge)
                    {
                        await PurgeAsync(shard, stoppingToken);
                    }

                    Loop.Worked(shard.Name);
                }
                catch (Exception e) when (e is not OperationCanceledException)
                {
                    LogFailed(e, shard.Name);
                    Loop.Failed(e, shard.Name);
                }
            }

            await Task.Delay(Every, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            await Task.WhenAny([.. appended, Task.Delay(IdleMax - Every, clock, stoppingToken)]);
        }
    }

    /// <summary>Records those whose message is known by now.</summary>
    public async Task SettleAsync(Shard shard, CancellationToken ct)
    {
        var known = new List<(long Id, Guid Organization, string Item)>();
        await using (var command = shard.App.CreateCommand("SELECT id, organization_id, item FROM bsp.parked_now_known($1)"))
        {
            command.Parameters.Add(new() { Value = PageMax });
            await using var reader = await command.ExecuteReaderAsync(ct);
            while (await reader.ReadAsync(ct))
            {
                known.Add((reader.GetInt64(0), reader.GetGuid(1), reader.GetString(2)));
            }
        }

        foreach (var group in known.GroupBy(k => k.Organization))
        {
            await SettleAsync(shard, group.Key, [.. group.Select(k => (k.Id, k.Item))], ct);
        }
    }

    // Halved until the one that cannot be recorded stands alone: it costs the others nothing, is tried a few times more, and kept as long
    // as the journal.
    private async Task SettleAsync(Shard shard, Guid organizationId, IReadOnlyList<(long Id, string Item)> items, CancellationToken ct)
    {
        var done = true;
        try
        {
            // The echoed id was not ours, or the status would not be parked: Meta's id decides.
            await mediator.Send(new RecordStatuses(organizationId,
                [.. items.Select(k => JsonSerializer.Deserialize<StatusItem>(k.Item, EventTypes.Json)! with { CallbackId = null })]), ct);
        }
        catch (Exception e) when (!ct.IsCancellationRequested && !WebhookPage.IsAway(e))
        {
            if (items.Count > 1)
            {
                await SettleAsync(shard, organizationId, [.. items.Take(items.Count / 2)], ct);
                await SettleAsync(shard, organizationId, [.. items.Skip(items.Count / 2)], ct);
                return;
            }

            LogFailed(e, shard.Name);
            done = false;
        }

        await using var transaction = await shard.BeginAsync(organizationId, ct);
        await transaction.ExecuteAsync(done ? "DELETE FROM bsp.parked_statuses WHERE id = ANY ($1)"
            : "UPDATE bsp.parked_statuses SET failures = failures + 1 WHERE id = ANY ($1)", ct,
            items.Select(k => k.Id).ToArray());
        await transaction.CommitAsync(ct);
    }

    private async Task PurgeAsync(Shard shard, CancellationToken ct)
    {
        await using var purge = shard.App.CreateCommand("SELECT bsp.parked_drop_before($1)");
        purge.Parameters.Add(new() { Value = clock.GetUtcNow().AddDays(-options.RetentionDays).UtcDateTime });
        await purge.ExecuteNonQueryAsync(ct);
        await using var trim = shard.App.CreateCommand("SELECT bsp.parked_trim($1)");
        trim.Parameters.Add(new() { Value = KeptMax });
        if (await trim.ExecuteScalarAsync(ct) is int and > 0 and var dropped)
        {
            LogTrimmed(shard.Name, dropped, KeptMax);
        }
    }

    [LoggerMessage(Level = LogLevel.Warning,
        Message = "parked statuses of shard {Shard}: {Count} were dropped, of organizations that have more than {Kept} of messages not known here")]
    private partial void LogTrimmed(string shard, int count, int kept);

    [LoggerMessage(Level = LogLevel.Error, Message = "parked statuses of shard {Shard} could not be tried again")]
    private partial void LogFailed(Exception e, string shard);
}
